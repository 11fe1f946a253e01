"""Ablation: what each lane and test is worth, as the same fleets judged without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pausewatch.detection.detector import Detector
from pausewatch.detection.evidence import Evidence
from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.scoring import score_trials
from pausewatch.evaluation.trial import SiteTrial, inspected
from pausewatch.evaluation.world import World
from pausewatch.signatures.rule import Explainer

WHOLE = "everything"
# What is told of each, as headline and as column.
COLUMNS: Mapping[str, str] = {
    "untampered runs of 5 % and 5 days: found": "runs of 5 % and 5 days found",
    "untampered runs of 5 % and 5 days: days from start until the report can be read, median": "delay, days",
    "all visible training: found": "all visible training found",
    "evasions that a meter can show: found": "evasions found",
    "evasions and tampering: found, cannot_conclude, or below the stated line": "tampered told honestly",
    "false training_like per site-year, at sites without training": "false training_like a site-year",
    "false open findings (nothing behind them) per site-year, at sites without training": "false open a site-year",
    "benign events called training": "benign called training",
    "cannot_conclude days, at sites where nothing was hidden": "cannot_conclude days",
}


def variants() -> dict[str, Evidence]:
    """Return everything, and everything but one thing, by what is left out."""
    whole = Evidence()
    return {WHOLE: whole} | {name: whole.without(name) for name in Evidence.names()}


def inspected_without(world: World, name: str) -> list[SiteTrial]:
    """Return a fleet's trials without one thing."""
    return inspected(world, Detector(uses=variants()[name]))


def ablation_rows(told: Mapping[str, Sequence[SiteTrial]], judge: Explainer) -> list[dict[str, Any]]:
    """Return a row for everything and one for each thing that is left out."""
    out = []
    for name in variants():
        if name not in told:
            continue
        scores = score_trials([rejudged(trial, judge) for trial in told[name]])
        measures = {column: scores.headline(headline).measure.document() for headline, column in COLUMNS.items()}
        out.append({"without": name if name != WHOLE else "", "sites": scores.sites, "measures": measures})
    return out
