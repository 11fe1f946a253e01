"""One finding as the page shows it: who and when, why, how much, its figure, and how to review it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from markupsafe import Markup

from pausewatch.findings.export import json_value
from pausewatch.findings.false_discovery import could_be_chance
from pausewatch.findings.model import Finding, Hypothesis
from pausewatch.reports.daily import DailyReport, FindingView, LoadCurve, PauseView, SiteView
from pausewatch.reports.figures import Figure, figure_svg
from pausewatch.reports.numbers import fixed, local_time
from pausewatch.reports.words import CHANGES, KINDS, LANES, VERDICTS, Word


@dataclass(frozen=True)
class FindingCard:
    """A finding with everything the template needs; times are on the site's own clock."""

    finding: Finding
    anchor: str
    site_name: str
    owner: str
    timezone: str
    verdict: Word
    kind: str
    change: str
    since: str
    until: str
    days: float | None
    hypotheses: tuple[Hypothesis, ...]
    evidence: tuple[tuple[str, Any], ...]
    svg: Markup
    figure_hours: int
    review_command: str
    could_be_chance: bool


def finding_card(view: FindingView, report: DailyReport, sites: Mapping[str, SiteView]) -> FindingCard:
    """Return a finding ready for the page. A finding of no one site in the report is shown in UTC."""
    finding, said = view.finding, view.finding.assessment
    site = sites.get(finding.site_id)
    timezone = site.timezone if site else "UTC"
    name = _name(finding, site)
    lasting = "no longer reported" if finding.is_withdrawn else "still lasting"
    until = f"until {local_time(said.end, timezone)}" if said.end else lasting
    anchor = anchor_of("finding", finding.id)
    is_drawn = finding.is_open or view.change != "unchanged"  # a closed matter was drawn on the day it closed
    figure = Figure(
        key=anchor,
        title=f"Observed and expected load at {name}",
        description=_description(view.curves, said.start, said.end),
        timezone=timezone,
        curves=view.curves,
        start=said.start,
        end=said.end,
        pause_start=_pause_start(report.pauses, site),
    )
    return FindingCard(
        finding=finding,
        anchor=anchor,
        site_name=name,
        owner=site.owner if site else "",
        timezone=timezone,
        verdict=VERDICTS[said.verdict],
        kind=KINDS[said.kind],
        change=CHANGES.get(view.change, view.change),
        since=local_time(said.start, timezone),
        until=until,
        days=_days(said.start, said.end, view.curves),
        hypotheses=tuple(sorted(said.hypotheses, key=lambda h: (-_known(h.probability), h.name))),
        evidence=tuple(flattened(json_value(said.evidence))),
        svg=Markup(figure_svg(figure) if is_drawn else ""),  # noqa: S704  # made by figures.py, which escapes what it is given
        figure_hours=max((curve.hour_start.size for curve in view.curves), default=0),
        review_command=review_command(finding.id),
        could_be_chance=could_be_chance(finding),
    )


def _name(finding: Finding, site: SiteView | None) -> str:
    """Return what a finding is headed by: its site, or the group it was found in."""
    group = finding.assessment.evidence.get("group")
    members = finding.assessment.evidence.get("members")
    if group and members:
        count = f"{len(members)} of {group['sites']} sites"
        return f"{group['name']}, {count}" if group["by"] == "owner" else f"{count} within 100 km of {group['name']}"
    return site.name if site else finding.site_id


def review_command(finding_id: str) -> str:
    """Return the command that records a reviewer's decision on a finding."""
    quoted = shlex.quote(finding_id)
    return f'pausewatch findings review {quoted} --decision confirm|dismiss|needs_information --reason "..."'


def anchor_of(kind: str, name: str) -> str:
    """Return the id of a finding's or site's place on the page: letters, digits and hyphens."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9-]', '-', name)}"


def flattened(value: Any, prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Return nested evidence as rows of a dotted name and a plain value."""
    if isinstance(value, Mapping) and value:
        return [row for key, item in value.items() for row in flattened(item, f"{prefix}.{key}" if prefix else key)]
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return [row for n, item in enumerate(value, 1) for row in flattened(item, f"{prefix}.{n}")]
    return [(prefix, value)] if prefix else []


def _pause_start(pauses: Sequence[PauseView], site: SiteView | None) -> datetime | None:
    here = [p.start for p in pauses if site is None or {"*", site.jurisdiction} & set(p.jurisdictions)]
    return min(here, default=None)


def _days(start: datetime, end: datetime | None, curves: Sequence[LoadCurve]) -> float | None:
    """Return the episode's length; one that lasts is counted up to the last hour at hand."""
    if end is not None:
        return (end - start).total_seconds() / 86_400
    last = max((curve.hour_start[-1] for curve in curves if curve.hour_start.size), default=None)
    if last is None:
        return None
    days = (float(last.astype("datetime64[s]").astype(np.int64)) + 3600 - start.timestamp()) / 86_400
    return days if days > 0 else None


def _description(curves: Sequence[LoadCurve], start: datetime, end: datetime | None) -> str:
    parts = []
    for curve in curves:
        seconds = curve.hour_start.astype("datetime64[s]").astype(np.int64)
        during = seconds >= start.timestamp()
        if end is not None:
            during &= seconds < end.timestamp()
        both = during & np.isfinite(curve.observed_kw) & np.isfinite(curve.expected_kw)
        if both.any():
            seen, due = curve.observed_kw[both].mean() / 1000, curve.expected_kw[both].mean() / 1000
            lane = LANES.get(curve.lane, curve.lane)
            parts.append(
                f"{lane}: {fixed(seen, 1)} MW observed on average in the episode, {fixed(due, 1)} MW expected."
            )
    return " ".join(parts) or "No hour of the episode has both an observed and an expected load."


def _known(value: float) -> float:
    return value if np.isfinite(value) else -1.0
