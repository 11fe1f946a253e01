"""Recording days: idempotence, identity over days, re-recording, and interruption."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from tests.findings.register_values import assessment, at, bounds, day, record, site_day

from pausewatch.errors import RegisterError
from pausewatch.findings import recording
from pausewatch.findings.model import DayStatus, Kind, SiteDay, Verdict
from pausewatch.findings.records import DayRecorded
from pausewatch.findings.register import Register

NOTHING = DayRecorded()


def ids(register: Register, **options: Any) -> list[str]:
    return [finding.id for finding in register.findings(**options)]


def test_values_come_back_exactly(register: Register) -> None:
    whole = SiteDay(
        "a",
        day(1),
        DayStatus.CANNOT_CONCLUDE,
        0.1 + 0.2,
        math.nan,
        math.inf,
        -math.inf,
        5e-324,
        1e300,
        1 / 3,
        ("x", "y"),
    )
    of = assessment(end=at(3, 7), evidence={"p": [0.1, {"q": None}], "é": True})
    payload = {"z": [1.5, math.inf], "a": {"b": "ü\u0000"}}
    register.record_day(day(1), [whole], [of], payloads={"a": payload})
    (back,) = register.site_days()
    assert math.isnan(back.observed_mwh)
    assert replace(back, observed_mwh=0.0) == replace(whole, observed_mwh=0.0)
    assert register.findings()[0].assessment == of
    assert register.payload(day(1), "a") == payload
    assert list(register.payload(day(1), "a")) == ["z", "a"]  # type: ignore[call-overload]
    assert register.payload(day(2), "a") is None


def test_site_days_are_sorted_and_selected(register: Register) -> None:
    record(register, 2, sites=["b", "a"])
    record(register, 1, sites=["c"])
    assert [(s.date, s.site_id) for s in register.site_days()] == [(day(1), "c"), (day(2), "a"), (day(2), "b")]
    assert [s.site_id for s in register.site_days(day(2), day(2), ["b", "c"])] == ["b"]
    assert register.site_days(last=day(1), site_ids=["a"]) == []
    assert register.site_days(site_ids=[]) == []
    assert register.inspected(day(2)) == {"a", "b"}


def test_recording_again_changes_nothing(register: Register) -> None:
    assert record(register, 1, assessment(), assessment(energy=3.0)).changed == {"a"}
    record(register, 2, assessment(energy=200.0), assessment(energy=3.0))
    before = register.findings(), register.history("a-20260901-sl"), register.history("a-20260901-sl-2")
    assert record(register, 1, assessment(energy=3.0), assessment()) == NOTHING
    assert record(register, 2, assessment(energy=3.0), assessment(energy=200.0)) == NOTHING
    assert (register.findings(), register.history("a-20260901-sl"), register.history("a-20260901-sl-2")) == before


def test_a_finding_keeps_its_id_while_it_grows_and_changes_its_kind(register: Register) -> None:
    record(register, 1, assessment(kind=Kind.SLOW_DRIFT))
    record(register, 2, assessment(kind=Kind.SUSTAINED_LOAD, energy=200.0))
    record(register, 3, assessment(kind=Kind.SUSTAINED_LOAD, energy=200.1))
    record(register, 4, assessment(kind=Kind.SUSTAINED_LOAD, energy=300.0, verdict=Verdict.TRAINING_LIKE))
    (finding,) = register.findings()
    assert finding.id == "a-20260901-sd"
    assert (finding.first_reported_on, finding.last_updated_on) == (day(1), day(4))
    assert finding.is_open
    assert [version.report_day for version in register.history(finding.id)] == [day(1), day(2), day(4)]


def test_findings_as_they_stood(register: Register) -> None:
    for number in (1, 2, 3):
        record(register, number, assessment(energy=100.0 * number))
    (then,) = register.findings(day(2))
    assert then.assessment.energy_mwh == bounds(200.0)
    assert then.last_updated_on == day(2)
    assert register.findings(day(1).replace(day=1, month=8)) == []
    assert register.findings()[0].assessment.energy_mwh == bounds(300.0)


def test_findings_are_sorted_by_site_start_and_id_and_selected(register: Register) -> None:
    of = [assessment("b"), assessment("a", at(9)), assessment("a", at(2), kind=Kind.TELEMETRY_GAP)]
    record(register, 9, *of, sites=["a", "b"])
    assert ids(register) == ["a-20260902-tg", "a-20260909-sl", "b-20260901-sl"]
    assert ids(register, site_ids=["b", "zz"]) == ["b-20260901-sl"]
    assert ids(register, site_ids=[]) == []


def test_merging_spans_keep_the_longer_one_and_withdraw_the_other(register: Register) -> None:
    record(register, 12, assessment(start=at(1), end=at(8)), assessment(start=at(11)))
    record(register, 13, assessment(start=at(1)))
    longer, other = register.findings()
    assert longer.id == "a-20260901-sl"
    assert longer.is_open
    assert not other.is_open
    assert register.history(other.id)[-1].is_withdrawn


def test_an_absent_finding_is_withdrawn_and_reopens_when_it_comes_back(register: Register) -> None:
    record(register, 1, assessment())
    record(register, 2)
    record(register, 3)
    (finding,) = register.findings()
    assert not finding.is_open
    assert finding.last_updated_on == day(2)
    assert finding.assessment == assessment()
    record(register, 4, assessment())
    (finding,) = register.findings()
    assert finding.is_open
    history = register.history(finding.id)
    assert [(v.report_day, v.is_withdrawn) for v in history] == [(day(1), False), (day(2), True), (day(4), False)]
    assert "withdrawn" in history[1].notes[0]
    assert "again" in history[2].notes[0]
    assert register.findings(day(3))[0].is_open is False


def test_ended_and_explained_is_closed(register: Register) -> None:
    record(register, 5, assessment(end=at(4), verdict=Verdict.EXPLAINED), assessment("b", end=at(4)), sites=["a", "b"])
    assert [finding.is_open for finding in register.findings()] == [False, True]


def test_same_days_in_the_same_order_give_the_same_ids(register: Register, tmp_path: Any) -> None:
    days = [
        [assessment(), assessment(energy=7.0), assessment(start=at(1), kind=Kind.TELEMETRY_GAP)],
        [assessment(energy=7.0), assessment(start=at(1), kind=Kind.TELEMETRY_GAP)],
        [assessment(energy=7.0), assessment(), assessment(start=at(1, 1), energy=9.0)],
    ]
    with Register.open(f"sqlite:///{tmp_path / 'other.db'}") as other:
        for number, of_day in enumerate(days, 1):
            record(register, number, *of_day)
            record(other, number, *reversed(of_day))
        assert other.findings() == register.findings()


def test_another_middle_day_replaces_it_and_drops_the_later_ones(register: Register) -> None:
    for number in (1, 2, 3, 4):
        record(register, number, assessment(energy=100.0 * number), assessment("b", energy=number), sites=["a", "b"])
    of_b = register.findings(site_ids=["b"])
    done = record(register, 2, assessment(energy=150.0), assessment("b", energy=2), sites=["a", "b"])
    assert done.changed == {"a"}
    assert done.dropped == {day(3): ("a",), day(4): ("a",)}
    assert register.inspected(day(3)) == {"b"}
    assert register.findings(site_ids=["b"]) == of_b
    (finding,) = register.findings(site_ids=["a"])
    assert finding.id == "a-20260901-sl"
    assert finding.last_updated_on == day(2)
    assert [v.assessment.energy_mwh.estimate for v in register.history(finding.id)] == [100.0, 150.0]


def test_a_day_that_was_left_out_and_comes_late_drops_the_later_ones(register: Register) -> None:
    record(register, 1, assessment())
    record(register, 3, assessment())
    assert record(register, 2, assessment()).dropped == {day(3): ("a",)}


def test_a_day_that_is_inspected_again_reuses_its_ids(register: Register) -> None:
    record(register, 14, assessment(start=at(14, 2)))
    record(register, 15, assessment(start=at(14, 2)), assessment(start=at(15), kind=Kind.TELEMETRY_GAP))
    register.review("a-20260914-sl", "confirm", "seen on site", "ann", at(15))
    record(register, 14, assessment(start=at(13, 22), energy=300.0))
    (finding,) = register.findings()
    assert finding.id == "a-20260914-sl"
    assert [review.reason for review in finding.reviews] == ["seen on site"]
    record(register, 15, assessment(start=at(13, 22)), assessment(start=at(14, 20), kind=Kind.TELEMETRY_GAP))
    assert ids(register) == ["a-20260914-sl", "a-20260915-tg"]


def test_a_finding_that_vanishes_keeps_its_reviews(register: Register) -> None:
    record(register, 1, assessment())
    register.review("a-20260901-sl", "needs_information", "which hall?", "ann", at(2))
    record(register, 1)
    assert register.findings() == []
    with pytest.raises(RegisterError, match="no finding"):
        register.finding("a-20260901-sl")
    assert [review.reason for review in register.reviews("a-20260901-sl")] == ["which hall?"]
    record(register, 1, assessment())
    assert [review.reason for review in register.finding("a-20260901-sl").reviews] == ["which hall?"]


def test_another_payload_is_replaced_and_drops_nothing(register: Register) -> None:
    register.record_day(day(1), [site_day()], [], payloads={"a": 1})
    record(register, 2)
    assert register.record_day(day(1), [site_day()], [], payloads={"a": {"b": 2}}) == NOTHING
    assert register.payload(day(1), "a") == {"b": 2}
    assert register.inspected(day(2)) == {"a"}
    register.record_day(day(1), [site_day(coverage=0.5)], [])
    assert register.payload(day(1), "a") is None


def test_an_interruption_leaves_nothing(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    record(register, 1, assessment())
    record(register, 2, assessment(energy=200.0))
    before = register.findings(), register.site_days()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recording, "_record_payloads", interrupted)
        with pytest.raises(KeyboardInterrupt):
            record(register, 1, assessment(energy=900.0), assessment(kind=Kind.TELEMETRY_GAP))
    assert (register.findings(), register.site_days()) == before
    assert record(register, 3, assessment(energy=900.0)).changed == {"a"}


def test_what_can_not_be_recorded_is_refused_whole(register: Register) -> None:
    with pytest.raises(RegisterError, match="there twice"):
        record(register, 1, sites=["a", "a"])
    with pytest.raises(RegisterError, match="b on 2026-09-01: an assessment is of a site that was not inspected"):
        record(register, 1, assessment("b"))
    with pytest.raises(RegisterError, match="a payload is of a site"):
        register.record_day(day(1), [site_day()], [], payloads={"b": 1})
    with pytest.raises(RegisterError, match="2026-09-01"):
        register.record_day(day(2), [site_day()], [])
    with pytest.raises(RegisterError, match="a object can't be kept"):
        register.record_day(day(1), [site_day()], [assessment(evidence={"x": object()})])
    with pytest.raises(RegisterError, match="payload"):
        register.record_day(day(1), [site_day()], [], payloads={"a": object()})
    with pytest.raises(RegisterError, match="without an offset"):
        record(register, 1, assessment(start=at(1).replace(tzinfo=None)))
    assert register.site_days() == []


def test_many_sites_need_several_queries(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pausewatch.findings.reading.CHUNK", 7)
    sites = [f"s{number:02}" for number in range(30)]
    for number in (1, 2):
        of = [assessment(site_id, energy=100.0 * number) for site_id in sites]
        record(register, number, *of, sites=sites)
    assert len(register.findings(site_ids=sites)) == len(register.findings()) == 30
    assert {finding.last_updated_on for finding in register.findings()} == {day(2)}
    assert len(register.site_days(site_ids=sites)) == 60
    assert record(register, 1, sites=sites).dropped == {day(2): tuple(sites)}
