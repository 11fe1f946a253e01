"""Hand-made trials: a site, what really happened there, and what was said of it day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pausewatch.evaluation.tracking import FindingHistory
from pausewatch.evaluation.trial import InspectedDay, SiteTrial
from pausewatch.evaluation.truth import TrueEvent, TrueSite
from pausewatch.findings.model import Assessment, Bounds, DayStatus, Hypothesis, Kind, SiteDay, Verdict

FIRST = date(2026, 9, 1)


def moment(day: float) -> datetime:
    """Return so many days after the pause's start."""
    return datetime.combine(FIRST, time.min, tzinfo=UTC) + timedelta(days=day)


def event(**more: Any) -> TrueEvent:
    """Return a plain run of 10 MW from day 5 to day 20."""
    start, end = moment(more.pop("begin", 5)), moment(more.pop("stop", 20))
    ordinary: dict[str, Any] = {
        "name": "plain_run",
        "group": "violation",
        "mw_it": 10.0,
        "energy_mwh": 10.0 * (end - start) / timedelta(hours=1),
        "is_training": True,
        "is_visible": True,
    }
    return TrueEvent(**(ordinary | {"start": start, "end": end} | more))


def said(**more: Any) -> Assessment:
    """Return a training-like assessment of 10 MW from day 5 on."""
    probability = more.pop("probability", 0.9)
    energy = more.pop("energy_mwh", 3600.0)
    ordinary: dict[str, Any] = {
        "site_id": "sim-001",
        "kind": Kind.SUSTAINED_LOAD,
        "verdict": Verdict.TRAINING_LIKE,
        "start": moment(more.pop("begin", 5)),
        "end": None,
        "training_probability": probability,
        "hypotheses": (Hypothesis("training", probability), Hypothesis("chance", 1 - probability)),
        "excess_mw": Bounds(10.0, 9.0, 11.0),
        "energy_mwh": Bounds(energy, 0.9 * energy, 1.1 * energy),
        "flop": Bounds(1e24, 5e23, 2e24),
    }
    return Assessment(**(ordinary | more))


def history(*days: tuple[int, Assessment | None], name: str = "sim-001-20260906-sl") -> FindingHistory:
    """Return a finding as it was told on some days of the pause."""
    return FindingHistory(name, "sim-001", [(FIRST + timedelta(days=day), a) for day, a in days])


def trial(
    events: Sequence[TrueEvent] = (),
    histories: Sequence[FindingHistory] = (),
    *,
    days: int = 30,
    silent: Sequence[int] = (),
    line_mw: float = 1.0,
    kind: str = "cloud",
) -> SiteTrial:
    """Return a site of 100 MW watched for 30 days."""
    told = []
    for i in range(days):
        status = DayStatus.CANNOT_CONCLUDE if i in silent else DayStatus.CONSISTENT
        day = SiteDay("sim-001", FIRST + timedelta(days=i), status, 1.0, 1.0, 1.0, 0.0, 1.0, line_mw, 1e22)
        told.append(InspectedDay(day, moment(i), moment(i + 1), moment(i + 1.25)))
    truth = TrueSite("sim-001", kind, 100.0, any(e.is_training for e in events), tuple(events))
    return SiteTrial("mixed", truth, moment(0), tuple(told), tuple(histories))
