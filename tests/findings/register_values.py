"""Assessments and site days for register tests: what a test doesn't mention has an ordinary value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pausewatch.findings.model import Assessment, Bounds, DayStatus, Finding, Hypothesis, Kind, SiteDay, Verdict

D1 = date(2026, 9, 1)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def day(number: int) -> date:
    return D1 + timedelta(days=number - 1)


def at(number: int, hour: int = 0) -> datetime:
    return datetime.combine(day(number), datetime.min.time(), tzinfo=UTC) + timedelta(hours=hour)


def bounds(estimate: float) -> Bounds:
    return Bounds(estimate, estimate * 0.9, estimate * 1.1)


def assessment(
    site_id: str = "a",
    start: datetime = NOON,
    end: datetime | None = None,
    *,
    kind: Kind = Kind.SUSTAINED_LOAD,
    verdict: Verdict = Verdict.UNEXPLAINED,
    excess: float = 4.0,
    energy: float = 100.0,
    probability: float = 0.5,
    evidence: dict[str, Any] | None = None,
    facts: tuple[str, ...] = ("It drew more.",),
) -> Assessment:
    return Assessment(
        site_id=site_id,
        kind=kind,
        verdict=verdict,
        start=start,
        end=end,
        training_probability=probability,
        hypotheses=(Hypothesis("training", probability), Hypothesis("new_load", 1 - probability)),
        excess_mw=bounds(excess),
        energy_mwh=bounds(energy),
        flop=bounds(energy * 1e21),
        evidence=evidence or {},
        facts=facts,
    )


def site_day(site_id: str = "a", on: date = D1, **values: Any) -> SiteDay:
    numbers = {
        "coverage": 1.0,
        "observed_mwh": 480.0,
        "expected_mwh": 470.5,
        "unaccounted_mwh": 9.5,
        "unaccounted_sd_mwh": 3.25,
        "detectable_mw_7d": 1.5,
        "detectable_flop_90d": 3e23,
    }
    status = values.pop("status", DayStatus.CONSISTENT)
    return SiteDay(site_id=site_id, date=on, status=status, **{**numbers, **values})


def record(register: Any, number: int, *assessments: Assessment, sites: Iterable[str] = ("a",), **values: Any) -> Any:
    """Record the day with that number for the sites."""
    on = day(number)
    return register.record_day(on, [site_day(s, on, **values) for s in sites], assessments)


def known(finding_id: str, of: Assessment, on: date = D1, *, is_open: bool = True) -> Finding:
    return Finding(finding_id, of, on, on, is_open)
