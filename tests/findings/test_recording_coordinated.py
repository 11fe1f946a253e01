"""Coordinated loads in the register: a layer of their own beside what was found at the sites."""

from __future__ import annotations

from typing import Any

import pytest
from tests.findings.register_values import assessment, at, day, record

from pausewatch.errors import RegisterError
from pausewatch.findings.model import Assessment, DayStatus, Kind, Verdict
from pausewatch.findings.register import Register

SITES = ("a", "b", "c")


def shared(site_id: str = "a", members: tuple[str, ...] = ("a", "b"), **more: Any) -> Assessment:
    given: dict[str, Any] = {
        "kind": Kind.COORDINATED_LOAD,
        "evidence": {"members": [{"site_id": m, "share": 1 / len(members)} for m in members]},
        **more,
    }
    return assessment(site_id, **given)


def told(register: Register, number: int) -> list[tuple[str, str]]:
    return [
        (f.id, "withdrawn" if f.is_withdrawn else f.assessment.verdict.value) for f in register.findings(day(number))
    ]


def statuses(register: Register, number: int) -> dict[str, str]:
    return {s.site_id: s.status.value for s in register.site_days(day(number), day(number))}


def test_recording_again_changes_nothing(register: Register) -> None:
    record(register, 1, sites=SITES)
    assert register.record_coordinated(day(1), SITES, [shared()]) is True
    before = register.findings()
    assert register.record_coordinated(day(1), SITES, [shared()]) is False
    assert register.findings() == before
    assert before[0].id == "a-20260901-cl"


def test_a_batch_inspected_again_leaves_it_alone(register: Register) -> None:
    own = assessment("a", excess=2.0)
    record(register, 1, own, sites=SITES)
    register.record_coordinated(day(1), SITES, [shared()])
    before = register.findings()
    assert record(register, 1, own, sites=("a", "b")).changed == frozenset()
    assert register.findings() == before
    assert len(before) == 2


def test_inspecting_a_later_day_does_not_withdraw_it(register: Register) -> None:
    record(register, 1, sites=SITES)
    register.record_coordinated(day(1), SITES, [shared()])
    record(register, 2, sites=SITES)
    assert told(register, 2) == [("a-20260901-cl", "unexplained")]
    register.record_coordinated(day(2), SITES, [])
    assert told(register, 2) == [("a-20260901-cl", "withdrawn")]


def test_nor_does_it_withdraw_what_was_found_at_a_site(register: Register) -> None:
    record(register, 1, assessment("a"), sites=SITES)
    register.record_coordinated(day(1), SITES, [])
    assert told(register, 1) == [("a-20260901-sl", "unexplained")]


def test_it_keeps_its_id_from_day_to_day_and_when_a_day_is_concluded_again(register: Register) -> None:
    for number in (1, 2, 3):
        record(register, number, sites=SITES)
        register.record_coordinated(day(number), SITES, [shared(energy=100.0 * number)])
    assert [f.id for f in register.findings()] == ["a-20260901-cl"]
    assert register.findings()[0].first_reported_on == day(1)
    assert register.record_coordinated(day(2), SITES, [shared(energy=777.0)]) is True
    assert [(f.id, f.last_updated_on) for f in register.findings()] == [
        ("a-20260901-cl", day(2))
    ]  # day 3 followed from it


def test_a_site_day_that_says_something_else_takes_it_along_until_it_is_concluded_again(register: Register) -> None:
    record(register, 1, sites=SITES)
    register.record_coordinated(day(1), SITES, [shared()])
    record(register, 1, assessment("a", excess=9.0), sites=("a",))
    assert [i for i, _ in told(register, 1)] == ["a-20260901-sl"]
    register.record_coordinated(day(1), SITES, [shared()])
    assert [i for i, _ in told(register, 1)] == ["a-20260901-cl", "a-20260901-sl"]


def test_a_member_is_not_called_consistent_while_it_stands(register: Register) -> None:
    record(register, 1, sites=SITES)
    register.record_coordinated(day(1), SITES, [shared()])
    assert statuses(register, 1) == {"a": "anomalous", "b": "anomalous", "c": "consistent"}
    (said,) = register.site_days(site_ids=["b"])
    assert said.reasons == ("part of coordinated load a-20260901-cl",)
    record(register, 2, sites=SITES)
    register.record_coordinated(day(2), SITES, [shared(verdict=Verdict.CANNOT_CONCLUDE)])
    assert statuses(register, 2) == {"a": "cannot_conclude", "b": "cannot_conclude", "c": "consistent"}
    record(register, 3, sites=SITES)
    register.record_coordinated(day(3), SITES, [shared(verdict=Verdict.EXPLAINED)])
    assert set(statuses(register, 3).values()) == {"consistent"}
    assert statuses(register, 1)["b"] == "anomalous"  # what was said of the first day stands


def test_a_days_own_status_is_not_softened(register: Register) -> None:
    record(register, 1, sites=SITES, status=DayStatus.ANOMALOUS)
    register.record_coordinated(day(1), SITES, [shared(verdict=Verdict.CANNOT_CONCLUDE)])
    assert set(statuses(register, 1).values()) == {"anomalous"}


def test_days_after_its_end_are_free_again(register: Register) -> None:
    record(register, 1, sites=SITES)
    record(register, 5, sites=SITES)
    register.record_coordinated(day(5), SITES, [shared(end=at(3))])
    assert set(statuses(register, 5).values()) == {"consistent"}


def test_a_review_does_not_change_what_was_said_of_a_day(register: Register) -> None:
    record(register, 1, sites=SITES)
    register.record_coordinated(day(1), SITES, [shared()])
    register.review("a-20260901-cl", "dismiss", "a service was launched", "A. Inspector", at(2))
    assert register.finding("a-20260901-cl").is_open is False
    assert statuses(register, 1)["b"] == "anomalous"


def test_it_can_only_be_filed_under_an_inspected_site(register: Register) -> None:
    record(register, 1, sites=("a",))
    with pytest.raises(RegisterError, match="not inspected"):
        register.record_coordinated(day(1), SITES, [shared("b")])
    assert register.findings() == []
