"""Misses: each case in which the reports were wrong, with what the evidence said, so that a person can look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pausewatch.evaluation.outcomes import EventOutcome, FindingOutcome, event_outcomes, finding_outcomes
from pausewatch.evaluation.site_scores import DISHONEST
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.findings.model import Assessment


def misses(trials: Iterable[SiteTrial]) -> list[dict[str, Any]]:
    """Return everything that went wrong as JSON values, by sort and site."""
    out = []
    for trial in trials:
        for outcome in event_outcomes(trial):
            sort = _event_sort(outcome)
            if sort:
                out.append({"sort": sort, **_about_site(trial), **_about_event(trial, outcome)})
        for found in finding_outcomes(trial):
            sort = _finding_sort(found)
            if sort:
                out.append({"sort": sort, **_about_site(trial), **_about_finding(found)})
    return sorted(out, key=lambda m: (m["sort"], m["preset"], m["site_id"]))


def _event_sort(outcome: EventOutcome) -> str:
    event = outcome.event
    if event.group in DISHONEST and not outcome.is_honest:
        return "left as consistent"
    if event.is_training and event.is_visible and not outcome.is_found:
        return "training not found"
    if event.is_training and outcome.is_found and not outcome.is_typed:
        return "training not typed"
    if event.is_training and outcome.is_energy_held is False:
        return "energy outside its interval"
    return ""


def _finding_sort(found: FindingOutcome) -> str:
    if found.was_called_training and (found.behind is None or not found.behind.is_training):
        return "called training"
    return "false open" if found.was_open and found.behind is None else ""


def _about_site(trial: SiteTrial) -> dict[str, Any]:
    return {
        "preset": trial.preset,
        "site_id": trial.truth.site_id,
        "kind": trial.truth.kind,
        "it_capacity_mw": trial.truth.it_capacity_mw,
        "detectable_mw_7d": round(trial.days[-1].said.detectable_mw_7d, 3),
    }


def _about_event(trial: SiteTrial, outcome: EventOutcome) -> dict[str, Any]:
    event = outcome.event
    return {
        "event": event.name,
        "start": event.start.isoformat(),
        "end": event.end.isoformat(),
        "mw_it": round(event.mw_it, 3),
        "energy_mwh": event.energy_mwh,
        "share_of_it_capacity": round(outcome.share, 4),
        "days": round(outcome.days, 1),
        "silent_share": round(outcome.silent_share, 2),
        "said": [_said(h.id, h.last, h.is_withdrawn) for h in trial.told],
    }


def _about_finding(found: FindingOutcome) -> dict[str, Any]:
    return {
        "event": None if found.behind is None else found.behind.name,
        "days_reported": len(found.history.stated),
        "said": [_said(found.history.id, found.history.last, found.history.is_withdrawn)],
    }


def _said(finding_id: str, said: Assessment, is_withdrawn: bool) -> dict[str, Any]:
    best = [f"{h.name} {h.probability:.2f}" for h in said.hypotheses[:3]]
    return {
        "finding": finding_id,
        "verdict": said.verdict.value,
        "is_withdrawn": is_withdrawn,
        "start": said.start.isoformat(),
        "end": None if said.end is None else said.end.isoformat(),
        "hypotheses": best,
        "excess_mw": round(said.excess_mw.estimate, 3),
        "energy_mwh": [round(v, 1) for v in (said.energy_mwh.low, said.energy_mwh.estimate, said.energy_mwh.high)],
        "features": dict(said.evidence.get("features", {})),
    }
