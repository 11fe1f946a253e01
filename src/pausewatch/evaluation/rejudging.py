"""Rejudging: the same findings weighed by another judge, without inspecting again.

A judge decides on hypotheses and verdicts alone: what was found, when, and how much stays as it was, for findings keep
their identity whatever their verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from pausewatch.evaluation.outcomes import LOAD_KINDS
from pausewatch.evaluation.tracking import FindingHistory
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.findings.held import still_alarmed
from pausewatch.findings.load import LOOKS
from pausewatch.findings.looks import trainings, unpacked
from pausewatch.findings.model import Assessment
from pausewatch.findings.verdicts import LINES, AlarmLines, verdict_of, weighed
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer


def rejudged(trial: SiteTrial, judge: Explainer, lines: AlarmLines = LINES) -> SiteTrial:
    """Return a site's trial as another judge would have told it, or the same one at other lines."""
    histories = []
    for history in trial.histories:
        said: list[tuple[date, Assessment | None]] = []
        before: Assessment | None = None
        for day, a in history.said:
            before = None if a is None else still_alarmed(_again(a, judge, lines), before)
            said.append((day, before))
        histories.append(FindingHistory(history.id, history.site_id, said))
    return replace(trial, histories=tuple(histories))


def evidence_of(said: Mapping[str, Any]) -> tuple[Features, Circumstances] | None:
    """Return the features and circumstances that a judge weighed; None where a finding's verdict is no judge's.

    Whether a run stopped or a tenant left can't be told by a judge: a stop is a question whatever it looks like.
    """
    if "features" not in said or "circumstances" not in said or "stopped" in said:
        return None
    return Features.from_document(said["features"]), Circumstances(**said["circumstances"])


def _again(said: Assessment, judge: Explainer, lines: AlarmLines) -> Assessment:
    known = evidence_of(said.evidence) if said.kind in LOAD_KINDS else None
    if known is None:
        return said
    hypotheses = weighed(judge, *known)
    is_blind = len(said.evidence["suspect_lanes"]) == len(said.evidence["lanes"])
    before = trainings(judge, known[1], unpacked(said.evidence[LOOKS]))
    return replace(
        said,
        hypotheses=hypotheses,
        verdict=verdict_of(hypotheses, known[1], is_blind, before, lines),
        training_probability=probability(hypotheses, Cause.TRAINING),
    )
