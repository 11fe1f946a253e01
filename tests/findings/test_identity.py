"""Matching assessments to known findings, and readable ids."""

from __future__ import annotations

import random
from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.findings.register_values import assessment, at, day, known

from pausewatch.findings.identity import CODES, MAX_GAP, family, match, new_ids
from pausewatch.findings.model import Assessment, Finding, Kind


@st.composite
def assessments(draw: st.DrawFn) -> Assessment:
    start = at(1) + timedelta(hours=draw(st.integers(0, 600)))
    hours = draw(st.none() | st.integers(1, 400))
    return assessment(
        draw(st.sampled_from(["a", "b"])),
        start,
        None if hours is None else start + timedelta(hours=hours),
        kind=draw(st.sampled_from([Kind.SUSTAINED_LOAD, Kind.SLOW_DRIFT, Kind.TELEMETRY_GAP, Kind.UNACCOUNTED_ENERGY])),
        energy=draw(st.sampled_from([100.0, 200.0])),
        evidence=draw(st.sampled_from([{}, {"lane": "utility"}, {"lane": "it_load"}])),
    )


@st.composite
def known_findings(draw: st.DrawFn) -> list[Finding]:
    drawn = draw(st.lists(assessments(), max_size=6))
    return [
        known(f"f{index}", of, of.start.date() + timedelta(days=draw(st.integers(0, 20))), is_open=draw(st.booleans()))
        for index, of in enumerate(drawn)
    ]


def may_be_one(finding: Finding, of: Assessment) -> bool:
    """The plain rule, without now: used one way only (a match must satisfy it)."""
    before = finding.assessment
    if finding.site_id != of.site_id or family(before.kind) != family(of.kind):
        return False
    lanes = {before.evidence.get("lane"), of.evidence.get("lane")} - {None}
    if of.kind is Kind.TELEMETRY_GAP and len(lanes) > 1:
        return False
    starts_too_late = before.end is not None and of.start - before.end > MAX_GAP
    ended_too_early = of.end is not None and before.start - of.end > MAX_GAP
    return not starts_too_late and not ended_too_early


@given(known_findings(), st.lists(assessments(), max_size=6))
def test_a_match_is_one_to_one_and_allowed(of_old: list[Finding], of_new: list[Assessment]) -> None:
    found = match(of_old, of_new)
    assert len(found) == len(of_new)
    ids = [finding_id for finding_id in found if finding_id is not None]
    assert len(ids) == len(set(ids))
    by_id = {finding.id: finding for finding in of_old}
    for finding_id, of in zip(found, of_new, strict=True):
        assert finding_id is None or may_be_one(by_id[finding_id], of)


@given(known_findings(), st.lists(assessments(), max_size=6), st.integers(0, 1000))
def test_the_order_of_the_input_does_not_matter(of_old: list[Finding], of_new: list[Assessment], seed: int) -> None:
    shuffled_old, order = list(of_old), list(range(len(of_new)))
    random.Random(seed).shuffle(shuffled_old)
    random.Random(seed + 1).shuffle(order)
    straight = sorted(zip(map(repr, of_new), match(of_old, of_new), strict=True), key=str)
    mixed_new = [of_new[index] for index in order]
    assert sorted(zip(map(repr, mixed_new), match(shuffled_old, mixed_new), strict=True), key=str) == straight


@given(known_findings(), st.lists(assessments(), max_size=6))
def test_other_sites_do_not_matter(of_old: list[Finding], of_new: list[Assessment]) -> None:
    together = dict(zip(range(len(of_new)), match(of_old, of_new), strict=True))
    for site_id in ("a", "b"):
        mine = [index for index, of in enumerate(of_new) if of.site_id == site_id]
        alone = match([f for f in of_old if f.site_id == site_id], [of_new[index] for index in mine])
        assert alone == [together[index] for index in mine]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=8, unique=True))
def test_findings_that_did_not_move_keep_their_ids(places: list[tuple[str, int]]) -> None:
    of_new = [assessment(site_id, at(1 + 4 * slot), at(2 + 4 * slot)) for site_id, slot in places]
    of_old = [known(f"f{index}", of, of.start.date()) for index, of in enumerate(of_new)]
    assert match(of_old, of_new) == [f"f{index}" for index in range(len(of_new))]


def test_nothing_known_nothing_matched() -> None:
    assert match([], [assessment()]) == [None]
    assert match([known("f", assessment())], []) == []


def test_a_finding_may_change_its_kind_within_its_family() -> None:
    of_old = [known("f", assessment(kind=Kind.MISSING_STEP_DOWN))]
    of_load = {Kind.SUSTAINED_LOAD, Kind.SLOW_DRIFT, Kind.UNACCOUNTED_ENERGY, Kind.DECLARATION_EXCEEDED}
    for kind in sorted(of_load):
        assert match(of_old, [assessment(kind=kind)]) == ["f"]
    for kind in set(Kind) - of_load - {Kind.MISSING_STEP_DOWN}:
        assert match(of_old, [assessment(kind=kind)]) == [None]


def test_spans_within_48_hours_are_one_thing() -> None:
    of_old = [known("f", assessment(start=at(1), end=at(3)), day(3))]
    assert match(of_old, [assessment(start=at(5))]) == ["f"]
    assert match(of_old, [assessment(start=at(5, 1))]) == [None]
    later = [known("f", assessment(start=at(10)), day(10))]
    assert match(later, [assessment(start=at(1), end=at(8))]) == ["f"]
    assert match(later, [assessment(start=at(1), end=at(7, 23))]) == [None]


def test_the_best_overlap_wins_then_the_nearest_start() -> None:
    of_old = [known("long", assessment(start=at(1), end=at(9))), known("short", assessment(start=at(9), end=at(11)))]
    assert match(of_old, [assessment(start=at(2), end=at(11))]) == ["long"]
    both = [known("early", assessment(start=at(1))), known("late", assessment(start=at(20)))]
    assert match(both, [assessment(start=at(20))]) == ["late"]
    assert match(both, [assessment(start=at(20)), assessment(start=at(1))]) == ["late", "early"]


def test_an_episode_that_ended_keeps_its_id_when_another_one_begins() -> None:
    of_old = [known("f", assessment(start=at(1)), day(9))]
    assert match(of_old, [assessment(start=at(10, 6)), assessment(start=at(1), end=at(10))]) == [None, "f"]


def test_what_was_withdrawn_does_not_swallow_what_begins_long_after() -> None:
    withdrawn = [known("f", assessment(start=at(1)), day(5), is_open=False)]
    assert match(withdrawn, [assessment(start=at(30))]) == [None]
    assert match(withdrawn, [assessment(start=at(1))]) == ["f"]
    still_open = [known("f", assessment(start=at(1)), day(5))]
    assert match(still_open, [assessment(start=at(30))]) == ["f"]


def test_telemetry_findings_are_about_the_same_meters() -> None:
    for kind in (Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY):
        of_old = [known("f", assessment(kind=kind, evidence={"lane": "utility", "meters": ["m1", "m2"]}))]
        assert match(of_old, [assessment(kind=kind, evidence={"lane": "utility", "meters": ["m2", "m1"]})]) == ["f"]
        assert match(of_old, [assessment(kind=kind, evidence={"lane": "it_load"})]) == [None]
        assert match(of_old, [assessment(kind=kind, evidence={"meters": ["m1"]})]) == [None]
        assert match(of_old, [assessment(kind=kind)]) == ["f"]
    extra = [known("f", assessment(evidence={"lane": "utility"}))]
    assert match(extra, [assessment(evidence={"lane": "it_load"})]) == ["f"]


def test_ids_are_readable_and_collisions_are_numbered() -> None:
    assert new_ids([assessment("slough-1", at(14, 3))], ()) == ["slough-1-20260914-sl"]
    assert new_ids([assessment(energy=1.0), assessment(energy=2.0)], {"a-20260901-sl"}) == [
        "a-20260901-sl-2",
        "a-20260901-sl-3",
    ]
    eastern = at(14).astimezone(UTC) - timedelta(hours=1)
    assert new_ids([assessment(start=eastern)], ()) == ["a-20260913-sl"]


@given(st.lists(assessments(), max_size=8), st.integers(0, 1000))
def test_ids_do_not_depend_on_order(of_new: list[Assessment], seed: int) -> None:
    order = list(range(len(of_new)))
    random.Random(seed).shuffle(order)
    straight = sorted(zip(map(repr, of_new), new_ids(of_new, ()), strict=True))
    mixed = [of_new[index] for index in order]
    assert sorted(zip(map(repr, mixed), new_ids(mixed, ()), strict=True)) == straight
    assert len({finding_id for _, finding_id in straight}) == len(of_new)


def test_every_kind_has_a_code() -> None:
    assert set(CODES) == set(Kind)
    assert len(set(CODES.values())) == len(Kind)
