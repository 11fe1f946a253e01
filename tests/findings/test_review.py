"""Reviews: what a reviewer decides, what is refused, and when a dismissed finding comes back."""

from __future__ import annotations

import pytest
from tests.findings.register_values import assessment, at, day, record

from pausewatch.errors import RegisterError, UsageError
from pausewatch.findings.model import Verdict
from pausewatch.findings.register import Register

ID = "a-20260901-sl"


@pytest.fixture
def reviewed(register: Register) -> Register:
    record(register, 1, assessment())
    return register


def decide(register: Register, decision: str, number: int = 1) -> bool:
    return register.review(ID, decision, "because", "ann", at(number, 20)).is_open


def test_decisions_close_and_open(reviewed: Register) -> None:
    assert decide(reviewed, "needs_information")
    assert decide(reviewed, "confirm")
    assert not decide(reviewed, "dismiss")
    assert not decide(reviewed, "needs_information")
    assert decide(reviewed, "reopen")
    finding = reviewed.finding(ID)
    assert [review.decision for review in finding.reviews] == [
        "needs_information", "confirm", "dismiss", "needs_information", "reopen",
    ]  # fmt: skip
    assert finding.reviews[0].reviewed_at == at(1, 20)
    assert (finding.reviews[0].reason, finding.reviews[0].reviewer) == ("because", "ann")


def test_reviews_of_nothing_are_refused(reviewed: Register) -> None:
    with pytest.raises(UsageError, match="choose one of confirm, dismiss, needs_information, reopen"):
        reviewed.review(ID, "approve", "because", "ann", at(2))
    with pytest.raises(UsageError, match="needs a reason"):
        reviewed.review(ID, "dismiss", "  ", "ann", at(2))
    with pytest.raises(UsageError, match="needs a reviewer"):
        reviewed.review(ID, "dismiss", "because", "", at(2))
    with pytest.raises(RegisterError, match=f"did you mean {ID}"):
        reviewed.review("a-20260901-s1", "dismiss", "because", "ann", at(2))
    with pytest.raises(RegisterError, match=f"did you mean {ID}"):
        reviewed.finding("a-2026901-sl")
    with pytest.raises(RegisterError, match=f"did you mean {ID}"):
        reviewed.history("b")
    assert reviewed.reviews(ID) == []


def test_an_empty_register_says_so(register: Register) -> None:
    with pytest.raises(RegisterError, match="no finding has been reported yet"):
        register.finding(ID)


def test_reviews_count_only_until_asked(reviewed: Register) -> None:
    decide(reviewed, "dismiss", 3)
    assert reviewed.findings(reviewed_until=at(3))[0].is_open
    assert reviewed.findings(reviewed_until=at(3))[0].reviews == ()
    assert not reviewed.findings(reviewed_until=at(3, 20))[0].is_open


def test_a_dismissed_finding_stays_closed_while_its_evidence_is_the_same(reviewed: Register) -> None:
    decide(reviewed, "dismiss")
    record(reviewed, 2, assessment(energy=120.0))
    record(reviewed, 3)
    record(reviewed, 4, assessment(energy=124.0))
    assert not reviewed.finding(ID).is_open


@pytest.mark.parametrize(
    ("grown", "why"),
    [
        (assessment(energy=126.0), "energy is up by more than 25 %"),
        (assessment(excess=5.2), "excess is up by more than 25 %"),
        (assessment(verdict=Verdict.TRAINING_LIKE), "raised to training_like"),
    ],
)
def test_a_dismissed_finding_reopens_on_the_day_its_evidence_grows(reviewed: Register, grown: object, why: str) -> None:
    decide(reviewed, "dismiss")
    record(reviewed, 2, assessment(energy=110.0))
    record(reviewed, 3, grown)  # type: ignore[arg-type]
    assert not reviewed.findings(day(2))[0].is_open
    finding = reviewed.finding(ID)
    assert finding.is_open
    assert finding.last_updated_on == day(3)
    notes = [note for version in reviewed.history(ID) for note in version.notes if version.report_day == day(3)]
    assert len(notes) == 1
    assert why in notes[0]
    assert "dismissed on 2026-09-01" in notes[0]
    assert not decide(reviewed, "dismiss", 4)
    record(reviewed, 4, grown)  # type: ignore[arg-type]
    assert not reviewed.finding(ID).is_open
    assert [len(version.notes) for version in reviewed.history(ID)] == [0, 0, 1]


def test_a_dismissed_finding_reopens_when_its_own_day_is_corrected_upwards(reviewed: Register) -> None:
    decide(reviewed, "dismiss")
    record(reviewed, 1, assessment(energy=500.0))
    assert reviewed.finding(ID).is_open
    assert "reopened" in reviewed.history(ID)[0].notes[0]


def test_a_finding_that_had_been_larger_before_it_was_dismissed_stays_closed(register: Register) -> None:
    record(register, 1, assessment(energy=500.0))
    record(register, 2, assessment(energy=100.0))
    assert not register.review(ID, "dismiss", "because", "ann", at(2, 20)).is_open


def test_a_dismissed_finding_that_grew_and_was_withdrawn_is_closed(reviewed: Register) -> None:
    decide(reviewed, "dismiss")
    record(reviewed, 2, assessment(energy=500.0))
    record(reviewed, 3)
    assert not reviewed.finding(ID).is_open


def test_confirmed_stays_open_and_reopened_until_later_evidence_ends_it(reviewed: Register) -> None:
    over = assessment(end=at(3), verdict=Verdict.EXPLAINED)
    decide(reviewed, "confirm")
    record(reviewed, 3, over)
    assert reviewed.finding(ID).is_open
    decide(reviewed, "dismiss", 3)
    assert decide(reviewed, "reopen", 3)
    record(reviewed, 4, assessment(end=at(3), verdict=Verdict.EXPLAINED, energy=105.0))
    assert reviewed.finding(ID).is_open
    record(reviewed, 5, assessment(energy=110.0))
    record(reviewed, 6, over)
    assert not reviewed.finding(ID).is_open
