"""A small report with every kind of trouble in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from pausewatch.findings.model import (
    Assessment,
    Bounds,
    DayStatus,
    Finding,
    Hypothesis,
    Kind,
    Review,
    SiteDay,
    Verdict,
)
from pausewatch.reports.daily import (
    BaselineSummary,
    DailyReport,
    FindingView,
    LoadCurve,
    MeterHealth,
    PauseView,
    ReportInputs,
    SiteView,
)
from pausewatch.reports.seal import Signer

NAN = float("nan")
START = datetime(2026, 9, 10, 4, tzinfo=UTC)


def curve(hours: int = 480, lane: str = "utility") -> LoadCurve:
    hour_start = np.datetime64("2026-09-01T00:00:00", "s") + np.arange(hours) * np.timedelta64(3600, "s")
    expected = 40_000 + 3_000 * np.sin(np.arange(hours) / 24 * 2 * np.pi)
    observed = expected + np.where(np.arange(hours) >= 220, 9_000.0, 0.0)
    observed[50:60] = np.nan
    return LoadCurve(lane, hour_start, observed, expected, expected - 1_500, expected + 1_500)


def finding_view(
    finding_id: str,
    site_id: str,
    verdict: Verdict,
    *,
    flop: float = 1.2e24,
    change: str = "updated",
    is_open: bool = True,
    curves: tuple[LoadCurve, ...] = (),
) -> FindingView:
    assessment = Assessment(
        site_id=site_id,
        kind=Kind.SUSTAINED_LOAD,
        verdict=verdict,
        start=START,
        end=None,
        training_probability=0.9,
        hypotheses=(Hypothesis("training", 0.9), Hypothesis("inference_growth", 0.1)),
        excess_mw=Bounds(9.0, 7.0, 11.0),
        energy_mwh=Bounds(2_340.0, 1_800.0, 2_900.0),
        flop=Bounds(flop, 0.7 * flop, 1.5 * flop),
        declaration_ids=("d-1",),
        evidence={"cv": np.float64(0.012), "gone": NAN, "nested": {"meters": ["utility", "it"]}},
        facts=(f"{finding_id} rose by 9 MW",),
    )
    review = Review("needs_information", "asked for logs", "A. Inspector", datetime(2026, 9, 19, tzinfo=UTC))
    return FindingView(
        Finding(finding_id, assessment, date(2026, 9, 12), date(2026, 9, 20), is_open, (review,)), change, curves
    )


def site_view(
    site_id: str,
    status: DayStatus = DayStatus.CONSISTENT,
    *,
    name: str = "",
    detectable_flop_90d: float = 3e23,
    day: date = date(2026, 9, 20),
) -> SiteView:
    is_seen = status is not DayStatus.CANNOT_CONCLUDE
    site_day = SiteDay(
        site_id=site_id,
        date=day,
        status=status,
        coverage=1.0 if is_seen else 0.31,
        observed_mwh=960.123456789 if is_seen else NAN,
        expected_mwh=950.0,
        unaccounted_mwh=10.123456789 if is_seen else NAN,
        unaccounted_sd_mwh=4.0 if is_seen else NAN,
        detectable_mw_7d=1.5,
        detectable_flop_90d=detectable_flop_90d,
    )
    return SiteView(
        name=name or site_id.title(),
        owner="Example Cloud",
        jurisdiction="GB",
        timezone="Europe/London",
        site_day=site_day,
        meters=(MeterHealth("utility", "utility_import", "utility", 90, 96, {"out_of_range": 6}, START),),
        baselines=(
            BaselineSummary("utility", "ridge", START, START, 200, 4.0, 0.2, 300.0, 90.0),
            BaselineSummary(
                "it_load", "", None, None, 3, NAN, NAN, NAN, NAN, refusals=("3 valid days, 56 are needed",)
            ),
        ),
        running_flop=Bounds(1e23, 5e22, 2e23),
        days_to_significant=None,
        unseen=() if is_seen else ("the utility meter was silent for 17 hours",),
        missable=("an IT meter would halve it",),
        daily_observed_mwh=(950.0, NAN, 960.0),
        daily_expected_mwh=(950.0, 950.0, 950.0),
    )


def daily_report(
    *,
    day: date = date(2026, 9, 20),
    findings: tuple[FindingView, ...] | None = None,
    sites: tuple[SiteView, ...] | None = None,
    fleet: str = "demo",
) -> DailyReport:
    ingests = tuple(
        {"ingest_id": f"i-{n}", "source": "csv:a.csv", "sha256": f"{n:064x}", "readings": n} for n in range(30)
    )
    return DailyReport(
        fleet=fleet,
        date=day,
        pauses=(PauseView("accord", ("GB",), None, datetime(2026, 9, 5, tzinfo=UTC), None),),
        significant_quantity_flop=1e24,
        false_alarms_per_site_year=0.05,
        cutoff_hours=6,
        expected_chance_findings=0.4,
        findings=findings
        if findings is not None
        else (
            finding_view("F-2", "reading-1", Verdict.EXPLAINED),
            finding_view("F-1", "slough-1", Verdict.TRAINING_LIKE, curves=(curve(), curve(lane="it_load"))),
        ),
        sites=sites
        if sites is not None
        else (
            site_view("slough-1", DayStatus.ANOMALOUS, day=day),
            site_view("reading-1", day=day),
            site_view("dark-1", DayStatus.CANNOT_CONCLUDE, detectable_flop_90d=2.5e24, day=day),
        ),
        inputs=ReportInputs("ab" * 32, ingests, {"baselines": "cd" * 32}, {"seed": 1, "limit": NAN}),
        method=("learned only from before the pause",),
    )


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.load_or_create(tmp_path / "keys")
