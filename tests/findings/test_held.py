"""Alarms that stand: it takes more to raise one than to keep it, and what ends it is told by the evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.findings.register_values import assessment, at, day, site_day
from tests.pipeline.fleets import place_of, small_fleet

from pausewatch.evaluation.tracking import Tracker
from pausewatch.findings.held import STANDS, held
from pausewatch.findings.model import Assessment, Finding, Kind, Verdict
from pausewatch.findings.register import Register
from pausewatch.findings.verdicts import not_yet
from pausewatch.pipeline import Workplace, fit_baselines, inspect_day, watching
from pausewatch.pipeline.judging import Judge
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause, Circumstances, Explainer
from pausewatch.telemetry.collect import collect

ALARM, QUESTION = Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED


def the_day_after(now: Assessment, before: Assessment, *, is_withdrawn: bool = False) -> Assessment:
    known = Finding("f", before, day(2), day(2), is_withdrawn=is_withdrawn)
    (said,) = held([now], [known])
    return said


def alarm(**values: object) -> Assessment:
    return assessment(verdict=ALARM, probability=0.95, **values)  # type: ignore[arg-type]


def test_an_alarm_stands_while_training_is_likelier_than_all_else_and_says_why() -> None:
    lacks = not_yet(0.72, QUESTION)
    now = assessment(probability=0.72, facts=("It drew more.", *lacks))
    said = the_day_after(now, alarm())

    assert said.verdict is ALARM
    assert said.training_probability == now.training_probability
    assert said.facts[0] == "It drew more."
    assert "called training-like on the report day before" in said.facts[-1]
    assert not set(lacks) & set(said.facts)


def test_the_day_a_run_ends_is_no_reason_to_drop_the_alarm() -> None:
    assert the_day_after(assessment(end=at(5), probability=0.85), alarm()).verdict is ALARM


@pytest.mark.parametrize("probability", [0.0, 0.3, STANDS])
def test_it_goes_once_training_is_no_likelier_than_the_rest(probability: float) -> None:
    now = assessment(probability=probability)
    assert the_day_after(now, alarm()) == now


@pytest.mark.parametrize("verdict", [Verdict.EXPLAINED, Verdict.CANNOT_CONCLUDE])
def test_a_declaration_that_accounts_for_it_or_a_meter_that_cannot_be_trusted_ends_it(verdict: Verdict) -> None:
    now = assessment(verdict=verdict, probability=0.9)
    assert the_day_after(now, alarm()) == now


def test_a_question_raises_no_alarm_by_standing() -> None:
    now = assessment(probability=0.89)
    assert the_day_after(now, assessment(probability=0.89)) == now


def test_what_was_withdrawn_lends_nothing_to_what_comes_back() -> None:
    now = assessment(probability=0.8)
    assert the_day_after(now, alarm(), is_withdrawn=True) == now


@pytest.mark.parametrize("kind", [Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY])
def test_a_finding_on_meters_is_no_alarm(kind: Kind) -> None:
    now = assessment(kind=kind, probability=0.9)
    assert the_day_after(now, assessment(kind=kind, verdict=ALARM)) == now


def test_what_fell_stays_a_question_and_an_alarm_keeps_its_kind() -> None:
    fell = assessment(probability=0.6, evidence={"stopped": {}})
    assert the_day_after(fell, alarm()) == fell
    more = the_day_after(assessment(kind=Kind.DECLARATION_EXCEEDED, probability=0.6), alarm())
    assert (more.kind, more.verdict) == (Kind.SUSTAINED_LOAD, ALARM)


def test_another_load_of_the_site_gains_nothing_by_it() -> None:
    known = Finding("f", alarm(end=at(3)), day(2), day(3))
    earlier, other = held([assessment(end=at(3), probability=0.6), assessment(start=at(9), probability=0.6)], [known])
    assert (earlier.verdict, other.verdict) == (ALARM, QUESTION)


def test_it_stands_from_day_to_day_and_no_longer_than_that() -> None:
    tracker, said = Tracker("a"), []
    for number, (probability, verdict) in enumerate(
        [(0.96, ALARM), (0.7, QUESTION), (0.55, QUESTION), (0.45, QUESTION), (0.7, QUESTION)], start=2
    ):
        found = held([assessment(verdict=verdict, probability=probability)], tracker.standing())
        tracker.take(day(number), found)
        said.append(found[0].verdict)
    assert said == [ALARM, ALARM, ALARM, QUESTION, QUESTION]


def test_a_review_changes_no_verdict(register: Register) -> None:
    """Two loads at once: the alarm is dismissed, and the question beside it must not become the alarm by that."""
    run, other = alarm(start=at(2)), assessment(start=at(4), excess=2.0, probability=0.6)
    register.record_day(day(5), [site_day(on=day(5))], [run, other])
    (called,) = [f for f in register.findings(day(5)) if f.assessment.verdict is ALARM]
    register.review(called.id, "dismiss", "a chiller test", "inspector", at(7))
    # What begins on day 18 tells how long the alarm has been open by now, and the question ends.
    now = [assessment(start=at(2), probability=0.7), replace(other, end=at(8)), assessment(start=at(18), excess=1.0)]
    said = held(now, register.standing(day(19), ["a"]))
    assert [one.verdict for one in said] == [ALARM, QUESTION, QUESTION]
    register.record_day(day(19), [site_day(on=day(19))], said)
    assert {f.id: f.assessment.verdict for f in register.findings(day(19))}[called.id] is ALARM


def as_sure_as(training: float) -> Explainer:
    def explain(features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
        others = [cause for cause in Cause if cause is not Cause.TRAINING]
        return (
            Hypothesis(Cause.TRAINING, training),
            *(Hypothesis(cause, (1 - training) / len(others)) for cause in others),
        )

    return explain


def test_the_register_keeps_an_alarm_from_one_inspection_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_fleet(tmp_path / "sim")
    place = place_of(tmp_path / "sim")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    sure = {date(2026, 9, 4): 0.97, date(2026, 9, 5): 0.6, date(2026, 9, 6): 0.6, date(2026, 9, 7): 0.4}

    for on, training in sure.items():
        monkeypatch.setattr(watching, "judge_of", lambda _, p=training: Judge(as_sure_as(p)))
        inspect_day(place, on)
    assert {on: verdict_on(place, on) for on in sure} == {
        date(2026, 9, 4): ALARM,
        date(2026, 9, 5): ALARM,
        date(2026, 9, 6): ALARM,
        date(2026, 9, 7): QUESTION,
    }
    # Inspected again, a past day has what stood the day before it, and nothing that came later.
    monkeypatch.setattr(watching, "judge_of", lambda _: Judge(as_sure_as(0.6)))
    inspect_day(place, date(2026, 9, 5))
    assert verdict_on(place, date(2026, 9, 5)) is ALARM
    inspect_day(place, date(2026, 9, 4))
    assert verdict_on(place, date(2026, 9, 4)) is QUESTION


def verdict_on(place: Workplace, on: date) -> Verdict:
    with place.register() as register:
        (run,) = [f for f in register.findings(on, ["sim-001"]) if f.assessment.kind is Kind.SUSTAINED_LOAD]
    return run.assessment.verdict
