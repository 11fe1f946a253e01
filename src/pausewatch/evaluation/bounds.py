"""Bounds: of each untampered run that wasn't found, what forbade it, or that nothing did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from statistics import median
from typing import Any

from pausewatch.evaluation.outcomes import EventOutcome, event_outcomes
from pausewatch.evaluation.trial import SiteTrial

_ON_BEFORE = "on when the watch began: no edge in its time"
_BELOW = "below the stated line"
_SHORT = "over before Lorden's bound"
_SILENT = "the reports said cannot_conclude"
_NOTHING = "nothing: it should have been found"


def missed_runs(trials: Iterable[SiteTrial]) -> list[dict[str, Any]]:
    """Return each untampered, visible run that no report asked about, with what bounds it, largest first."""
    out = [
        _missed(trial, outcome)
        for trial in trials
        for outcome in event_outcomes(trial)
        if outcome.event.is_training
        and outcome.event.group == "violation"
        and outcome.event.is_visible
        and not outcome.is_found
    ]
    return sorted(out, key=lambda m: (-m["share"], m["fleet"], m["site_id"]))


def _missed(trial: SiteTrial, outcome: EventOutcome) -> dict[str, Any]:
    event = outcome.event
    end = min(event.end, trial.seen_until)
    line = median(d.said.detectable_mw_7d for d in trial.days if d.end > event.start and d.start < end)
    pue = trial.truth.marginal_pue
    delays = [noise.lorden_days(event.mw_it, pue) for noise in trial.noise]
    bound = min(delays, default=None)
    return {
        "fleet": trial.fleet,
        "site_id": trial.truth.site_id,
        "kind": trial.truth.kind,
        "event": event.name,
        "mw": round(event.mw_it, 3),
        "share": round(outcome.share, 4),
        "days": round(outcome.days, 1),
        "line_mw": round(line, 3),
        "over_line": round(event.mw_it / line, 3) if line > 0 else None,
        "lorden_days": None if bound is None else round(bound, 2),
        "because": _because(trial, outcome, line, bound),
    }


def _because(trial: SiteTrial, outcome: EventOutcome, line_mw: float, bound_days: float | None) -> str:
    event = outcome.event
    if event.began is not None and trial.pause_start - event.began > timedelta(days=1):
        return _ON_BEFORE
    if event.mw_it < line_mw:
        return _BELOW
    if bound_days is not None and outcome.days < bound_days:
        return _SHORT
    return _SILENT if outcome.is_honest else _NOTHING
