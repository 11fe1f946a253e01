"""A site's own question about its part of a coordinated load takes that load's verdict, and no other finding does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.findings.register_values import assessment, at, day, known, record

from pausewatch.findings.model import Assessment, Finding, Kind, Verdict
from pausewatch.findings.part_of import with_group_verdicts
from pausewatch.findings.register import Register
from pausewatch.findings.verdicts import not_yet

SITES = ("a", "b", "c")
BEGAN = at(1, 12)


def whole(*, verdict: Verdict = Verdict.TRAINING_LIKE, mw: float = 4.0, by: str = "owner", **more: Any) -> Assessment:
    """Return a coordinated load over the sites a and b."""
    declared = more.pop("declared", {})
    members = [{"site_id": s, "start": BEGAN.isoformat(), "excess_mw": mw, "share": 0.5} for s in ("a", "b")]
    evidence = {
        "group": {"by": by, "name": "Example Cloud", "sites": 3},
        "members": members,
        "declared_members": declared,
    }
    return assessment("a", BEGAN, kind=Kind.COORDINATED_LOAD, verdict=verdict, evidence=evidence, **more)


def load(said: Assessment | None = None, *, is_open: bool = True) -> Finding:
    return known("a-20260901-cl", said or whole(probability=0.8), day(9), is_open=is_open)


def told(own: Assessment, shared: Finding, *, is_open: bool = True) -> Assessment:
    (out,) = with_group_verdicts([known("b-20260901-sl", own, day(9), is_open=is_open)], [shared])
    return out.assessment


def own(site_id: str = "b", **more: Any) -> Assessment:
    return assessment(site_id, **{"start": BEGAN + timedelta(hours=3), **more})


def test_a_members_question_says_what_it_is_part_of_and_keeps_its_own_look() -> None:
    alone = own(probability=0.75, facts=("It drew more.", *not_yet(0.75, Verdict.UNEXPLAINED)))
    said = told(alone, load())

    assert said.verdict is Verdict.TRAINING_LIKE
    assert said.evidence["part_of"] == {
        "finding": "a-20260901-cl",
        "group": {"by": "owner", "name": "Example Cloud", "sites": 3},
        "sites": 2,
        "training_probability": 0.8,
        "own_verdict": "unexplained",
    }
    assert said.facts[0].startswith("It is part of the coordinated load a-20260901-cl over 2 sites of Example Cloud")
    assert said.facts[1:] == ("It drew more.",)
    assert (said.training_probability, said.hypotheses) == (alone.training_probability, alone.hypotheses)


def test_neighbours_are_named_as_such() -> None:
    assert "neighbours within 100 km of Example Cloud" in told(own(), load(whole(by="reach"))).facts[0]


@pytest.mark.parametrize(
    "alone",
    [
        own(start=BEGAN - timedelta(hours=13)),
        own(start=BEGAN + timedelta(hours=19)),
        own(excess=4.0 * 3.1),
        own(excess=4.0 / 3.1),
        own(end=BEGAN + timedelta(days=2)),
        own(verdict=Verdict.EXPLAINED),
        own(verdict=Verdict.CANNOT_CONCLUDE),
        own(kind=Kind.TELEMETRY_GAP),
        own(kind=Kind.UNACCOUNTED_ENERGY),
        own(kind=Kind.MISSING_STEP_DOWN),
        replace(own(), declaration_ids=("d1",)),
        own("c"),
    ],
    ids=lambda a: f"{a.kind}-{a.verdict}-{a.start:%d%H}-{a.excess_mw.estimate:.1f}-{a.site_id}",
)
def test_what_is_another_load_or_is_explained_stays_as_it_is(alone: Assessment) -> None:
    (out,) = with_group_verdicts([known("x", alone, day(9))], [load()])
    assert out.assessment == alone


def test_onset_size_and_time_may_differ_as_far_as_one_load_is_measured_twice() -> None:
    for alone in (
        own(start=BEGAN - timedelta(hours=12)),
        own(start=BEGAN + timedelta(hours=18)),
        own(excess=11.9),
        own(excess=1.4),
        own(end=BEGAN + timedelta(days=6)),
        own(kind=Kind.SLOW_DRIFT),
    ):
        assert told(alone, load()).verdict is Verdict.TRAINING_LIKE


def test_only_an_open_alarm_is_taken_over_and_only_by_an_open_finding() -> None:
    for shared in (
        load(whole(verdict=Verdict.UNEXPLAINED)),
        load(whole(verdict=Verdict.EXPLAINED)),
        load(is_open=False),
        load(whole(declared={"b": "d1"})),
    ):
        assert told(own(), shared) == own()
    assert told(own(), load(), is_open=False) == own()


def test_a_load_of_the_group_that_is_over_holds_for_what_went_with_it() -> None:
    over = load(whole(end=BEGAN + timedelta(days=2)))
    assert told(own(end=BEGAN + timedelta(days=2, hours=5)), over).verdict is Verdict.TRAINING_LIKE
    assert told(own(), over) == own()  # it has gone on for a week since


def test_the_register_tells_it_when_asked_and_records_what_the_site_showed_alone(register: Register) -> None:
    mine = own()
    for number in (1, 2):
        record(register, number, replace(mine, energy_mwh=whole(energy=90.0 * number).energy_mwh), sites=SITES)
        verdict = Verdict.UNEXPLAINED if number == 1 else Verdict.TRAINING_LIKE
        register.record_coordinated(day(number), SITES, [whole(verdict=verdict, energy=100.0 * number)])

    def verdicts(number: int) -> dict[str, str]:
        return {f.id: f.assessment.verdict.value for f in register.findings(day(number))}

    assert verdicts(1) == {"a-20260901-cl": "unexplained", "b-20260901-sl": "unexplained"}
    assert verdicts(2) == {"a-20260901-cl": "training_like", "b-20260901-sl": "training_like"}
    assert {f.id for f in register.findings(site_ids=["b"])} == {"b-20260901-sl"}
    assert register.finding("b-20260901-sl").assessment.verdict is Verdict.TRAINING_LIKE
    assert [v.assessment.verdict.value for v in register.history("b-20260901-sl")] == ["unexplained", "training_like"]

    before = register.findings()
    again = replace(mine, energy_mwh=whole(energy=180.0).energy_mwh)
    assert record(register, 2, again, sites=SITES).changed == frozenset()
    assert register.findings() == before
    register.record_coordinated(day(2), SITES, [])
    assert register.finding("b-20260901-sl").assessment.verdict is Verdict.UNEXPLAINED


def test_a_reviewer_who_closes_the_coordinated_load_takes_it_from_its_parts(register: Register) -> None:
    record(register, 1, own(), sites=SITES)
    register.record_coordinated(day(1), SITES, [whole()])
    register.review("a-20260901-cl", "dismiss", "one service was launched everywhere", "A. Inspector", at(2))

    now = {f.id: f.assessment.verdict for f in register.findings()}
    assert now["b-20260901-sl"] is Verdict.UNEXPLAINED
    then = register.findings(day(1), reviewed_until=datetime(2026, 9, 1, 23, tzinfo=UTC))
    assert {f.assessment.verdict for f in then} == {Verdict.TRAINING_LIKE}


def test_what_a_reviewer_closed_stays_closed(register: Register) -> None:
    record(register, 1, own(), sites=SITES)
    register.review("b-20260901-sl", "dismiss", "seen on site: a cooling test", "A. Inspector", at(2))
    register.record_coordinated(day(1), SITES, [whole()])

    mine = register.finding("b-20260901-sl")
    assert not mine.is_open
    assert mine.assessment.verdict is Verdict.UNEXPLAINED
