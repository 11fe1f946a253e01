"""Everything one day's report says, as values: what is rendered, written and sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.findings.false_discovery import FalseDiscovery
from pausewatch.findings.model import Bounds, Finding, SiteDay


@dataclass(frozen=True)
class LoadCurve:
    """Observed against expected load of one lane over some hours, for a figure.

    Args:
        lane: `utility` or `it_load`.
        hour_start: UTC hour starts, datetime64[s], shape (H,).
        observed_kw: shape (H,), NaN where not seen.
        expected_kw: shape (H,), NaN where there is no baseline.
        low_kw: lower end of the 90 % interval of what was expected.
        high_kw: upper end of the 90 % interval of what was expected.
    """

    lane: str
    hour_start: npt.NDArray[np.datetime64]
    observed_kw: npt.NDArray[np.float64]
    expected_kw: npt.NDArray[np.float64]
    low_kw: npt.NDArray[np.float64]
    high_kw: npt.NDArray[np.float64]


@dataclass(frozen=True)
class FindingView:
    """A finding as an inspector sees it: with its plots, and what changed since yesterday.

    `change` is `new`, `updated` (verdict, dates or numbers moved), `unchanged`, `ended` or `withdrawn` (the inspection
    reported it before and no longer does).
    """

    finding: Finding
    change: str
    curves: tuple[LoadCurve, ...]


@dataclass(frozen=True)
class MeterHealth:
    """What one meter delivered for the day."""

    meter_id: str
    measures: str
    owner: str
    readings: int
    expected_readings: int
    rejected: Mapping[str, int]
    last_reading: datetime | None


@dataclass(frozen=True)
class BaselineSummary:
    """How good the baseline of one lane is, on data it was not fitted on; or why there is none.

    `model` is what was chosen for the lane, in words, and `chosen_because` why. `coverage_by_horizon_pct` is what its
    90 % interval held on the first day after an origin, then up to 7, 30 and 90 days after it.
    """

    lane: str
    model: str
    reference_start: datetime | None
    reference_end: datetime | None
    valid_days: int
    cv_rmse_pct: float
    nmbe_pct: float
    daily_mean_sd_kw: float
    coverage_90_pct: float
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    chosen_because: str = ""
    coverage_by_horizon_pct: tuple[float, ...] = ()


@dataclass(frozen=True)
class SiteView:
    """One site's day as an inspector sees it.

    Args:
        site_day: status, energies and what could have been missed.
        meters: what each meter delivered.
        baselines: one for each lane.
        running_flop: compute that unexplained load since the pause's start could have bought.
        days_to_significant: days in which the declared inventory could reach the significant quantity, if idle
            load were put to training from now; None without a declared inventory.
        unseen: sentences on what could not be seen that day.
        missable: sentences on what could have been missed, and what would change that.
        would_help: what would change it, in a few words each, where a significant quantity could be missed.
        daily_observed_mwh: the last days' observed energy, oldest first, NaN where unseen.
        daily_expected_mwh: the same days' expected energy.
    """

    name: str
    owner: str
    jurisdiction: str
    timezone: str
    site_day: SiteDay
    meters: tuple[MeterHealth, ...]
    baselines: tuple[BaselineSummary, ...]
    running_flop: Bounds
    days_to_significant: float | None
    unseen: tuple[str, ...] = ()
    missable: tuple[str, ...] = ()
    would_help: tuple[str, ...] = ()
    daily_observed_mwh: tuple[float, ...] = ()
    daily_expected_mwh: tuple[float, ...] = ()


@dataclass(frozen=True)
class PauseView:
    """A pause in force on the day."""

    id: str
    jurisdictions: tuple[str, ...]
    announced: datetime | None
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class ReportInputs:
    """The exact inputs a report rests on.

    Args:
        fleet_sha256: hash of the fleet file.
        ingests: one row for each ingest whose readings the day could see: `ingest_id`, `source`, `sha256`, `readings`.
        models: hash by name of every baseline set and signature model used.
        parameters: settings that shape the result, by name.
    """

    fleet_sha256: str
    ingests: tuple[Mapping[str, Any], ...]
    models: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DailyReport:
    """One day's report on a fleet."""

    fleet: str
    date: date
    pauses: tuple[PauseView, ...]
    significant_quantity_flop: float
    false_alarms_per_site_year: float
    cutoff_hours: float
    expected_chance_findings: float
    findings: tuple[FindingView, ...]
    sites: tuple[SiteView, ...]
    inputs: ReportInputs
    method: tuple[str, ...] = ()
    false_discovery: FalseDiscovery | None = None
