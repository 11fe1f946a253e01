"""Rejudging: another judge changes what judges decide, and nothing else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tests.evaluation.told import history, said, trial
from tests.signatures.episodes import features

from pausewatch.evaluation.rejudging import rejudged
from pausewatch.findings.load import LOOKS
from pausewatch.findings.looks import packed
from pausewatch.findings.model import Assessment, Kind, Verdict
from pausewatch.findings.verdicts import AlarmLines
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause, Circumstances


def _certain(*_: Any) -> tuple[Hypothesis, ...]:
    return tuple(Hypothesis(cause, float(cause is Cause.TRAINING)) for cause in Cause)


def _evidence(**more: Any) -> dict[str, Any]:
    shown = {"lanes": {"utility": {}}, "features": features().document(), "circumstances": asdict(Circumstances())}
    return shown | {LOOKS: packed([features()] * 9)} | more


def _rejudged(one: Assessment) -> Assessment:
    (told,) = rejudged(trial(histories=[history((7, one))]), _certain).histories
    again = told.said[0][1]
    assert again is not None
    return again


def test_a_load_is_weighed_anew_and_keeps_its_size_and_dates() -> None:
    one = said(verdict=Verdict.UNEXPLAINED, probability=0.2, evidence=_evidence(suspect_lanes=[]))
    again = _rejudged(one)
    assert (again.verdict, again.training_probability) == (Verdict.TRAINING_LIKE, 1.0)
    assert (again.start, again.end, again.excess_mw) == (one.start, one.end, one.excess_mw)


def test_a_stop_stays_a_question_whatever_a_judge_says() -> None:
    stop = said(verdict=Verdict.UNEXPLAINED, probability=0.4, evidence=_evidence(stopped="2026-09-20T00:00:00+00:00"))
    assert _rejudged(stop) == stop


def test_a_silence_and_a_group_are_no_judges_matter() -> None:
    for kind in (Kind.TELEMETRY_GAP, Kind.COORDINATED_LOAD):
        one = said(kind=kind, verdict=Verdict.UNEXPLAINED, probability=0.3, evidence={"members": []})
        assert _rejudged(one) == one


def _fairly_sure(*_: Any) -> tuple[Hypothesis, ...]:
    return tuple(Hypothesis(c, {Cause.TRAINING: 0.85, Cause.TENANT: 0.15}.get(c, 0.0)) for c in Cause)


def test_other_lines_change_the_verdict_and_no_probability() -> None:
    one = said(verdict=Verdict.UNEXPLAINED, probability=0.2, evidence=_evidence(suspect_lanes=[]))
    told = trial(histories=[history((7, one))])
    again = [rejudged(told, _fairly_sure, AlarmLines(((line, 2),))).histories[0].last for line in (0.84, 0.86)]
    assert [a.verdict for a in again] == [Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED]
    assert {a.training_probability for a in again} == {0.85}


def test_a_load_that_has_not_looked_so_for_long_is_no_alarm() -> None:
    young = said(verdict=Verdict.UNEXPLAINED, evidence=_evidence(suspect_lanes=[], looks=packed([features()] * 3)))
    old = said(verdict=Verdict.UNEXPLAINED, evidence=_evidence(suspect_lanes=[], looks=packed([features()] * 4)))
    told = rejudged(trial(histories=[history((7, young)), history((8, old))]), _fairly_sure)
    assert [h.last.verdict for h in told.histories] == [Verdict.UNEXPLAINED, Verdict.TRAINING_LIKE]
