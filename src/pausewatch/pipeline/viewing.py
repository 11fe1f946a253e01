"""Viewing: what was recorded of a finding and of a site, as the report shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from pausewatch.detection.shared_view import BLOCK_S, SharedView, block_of, block_start
from pausewatch.findings.coordinated import members_of
from pausewatch.findings.group_signs import pooled_residual_mw
from pausewatch.findings.model import Bounds, Finding, Kind, SiteDay, Verdict
from pausewatch.fleet import Site
from pausewatch.pipeline.payloads import unpacked
from pausewatch.reports.daily import BaselineSummary, FindingView, LoadCurve, MeterHealth, SiteView

_Z90 = 1.6448536
_COUNTED = (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)
_LOAD_KINDS = (Kind.SUSTAINED_LOAD, Kind.MISSING_STEP_DOWN, Kind.SLOW_DRIFT, Kind.DECLARATION_EXCEEDED)


def finding_view(
    finding: Finding,
    before: Finding | None,
    day: date,
    payload: Mapping[str, Any],
    views: Mapping[str, SharedView],
) -> FindingView:
    """Return a finding as the report shows it.

    Args:
        finding: as it stands on the report day.
        before: as it stood the day before; None where it was unknown then.
        day: the report day.
        payload: what the inspection of its site left.
        views: what each site said of the day, by id.
    """
    if finding.assessment.kind is Kind.COORDINATED_LOAD:
        members = [views[i] for i in members_of(finding.assessment) if i in views]
        return FindingView(finding, change_of(finding, before, day), (_pooled(finding, members),) if members else ())
    curves = tuple(_curve(c) for c in payload.get("curves", ()))
    return FindingView(finding, change_of(finding, before, day), curves)


def change_of(finding: Finding, before: Finding | None, day: date) -> str:
    """Return what became of a finding since the day before, in a word."""
    if finding.first_reported_on == day or before is None:
        return "new"
    if finding.is_withdrawn and finding.last_updated_on == day:
        return "withdrawn"
    if finding.assessment.end is not None and before.assessment.end is None:
        return "ended"
    is_other = finding.last_updated_on == day or finding.assessment.verdict is not before.assessment.verdict
    return "updated" if is_other else "unchanged"


def _pooled(finding: Finding, members: Sequence[SharedView]) -> LoadCurve:
    """Return what the members drew together above expectation, with what was usual before the load."""
    first, above_mw = pooled_residual_mw(members)
    begin = min(max(block_of(finding.assessment.start) - first, 0), len(above_mw))
    before = above_mw[:begin][np.isfinite(above_mw[:begin])]
    level, sd = (float(before.mean()), float(before.std())) if len(before) else (0.0, float("nan"))
    start = np.datetime64(block_start(first).replace(tzinfo=None), "s")
    usual = np.full(len(above_mw), level * 1e3)
    return LoadCurve(
        lane="pooled",
        hour_start=start + np.arange(len(above_mw)) * np.timedelta64(BLOCK_S, "s"),
        observed_kw=above_mw * 1e3,
        expected_kw=usual,
        low_kw=usual - _Z90 * sd * 1e3,
        high_kw=usual + _Z90 * sd * 1e3,
    )


def _curve(said: Mapping[str, Any]) -> LoadCurve:
    observed, expected, sd = (unpacked(said[name]) for name in ("observed", "expected", "sd"))
    start = np.datetime64(datetime.fromisoformat(said["start"]).astimezone(UTC).replace(tzinfo=None), "s")
    return LoadCurve(
        lane=said["lane"],
        hour_start=start + np.arange(len(observed)) * np.timedelta64(3600, "s"),
        observed_kw=observed,
        expected_kw=expected,
        low_kw=expected - _Z90 * sd,
        high_kw=expected + _Z90 * sd,
    )


def site_view(site: Site, said: SiteDay, payload: Mapping[str, Any], findings: Sequence[Finding]) -> SiteView:
    """Return a site as the report shows it: its day, its meters and baselines, and what stands of it."""
    counted = [
        f.assessment.flop
        for f in findings
        if f.site_id == site.id and f.assessment.kind in _LOAD_KINDS and f.assessment.verdict in _COUNTED
    ]
    return SiteView(
        name=site.name,
        owner=site.owner,
        jurisdiction=site.jurisdiction,
        timezone=site.timezone,
        site_day=said,
        meters=tuple(
            MeterHealth(**{**m, "last_reading": _instant(m["last_reading"])}) for m in payload.get("meters", ())
        ),
        baselines=tuple(_baseline(b) for b in payload.get("baselines", ())),
        running_flop=Bounds(
            sum(f.estimate for f in counted), sum(f.low for f in counted), sum(f.high for f in counted)
        ),
        days_to_significant=payload.get("days_to_significant"),
        unseen=tuple(payload.get("unseen", ())),
        missable=tuple(payload.get("missable", ())),
        would_help=tuple(payload.get("would_help", ())),
        daily_observed_mwh=tuple(payload.get("daily_observed_mwh", ())),
        daily_expected_mwh=tuple(payload.get("daily_expected_mwh", ())),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _baseline(said: Mapping[str, Any]) -> BaselineSummary:
    fields = {k: v for k, v in said.items() if k not in ("reference_start_s", "reference_end_s")}
    return BaselineSummary(
        **{
            **fields,
            "refusals": tuple(said["refusals"]),
            "coverage_by_horizon_pct": tuple(said.get("coverage_by_horizon_pct", ())),
            "warnings": tuple(said["warnings"]),
            "reference_start": datetime.fromtimestamp(said["reference_start_s"], UTC),
            "reference_end": datetime.fromtimestamp(said["reference_end_s"], UTC),
        }
    )
