"""Concluding: from what was recorded of a day to its sealed report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pausewatch.detection.groups import groups_of
from pausewatch.detection.reference import SHARED_BUDGET
from pausewatch.errors import InspectionError
from pausewatch.findings.false_discovery import FalseDiscovery, with_false_discovery
from pausewatch.findings.model import Finding
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, Site
from pausewatch.pipeline.coordinating import coordinate, views_of
from pausewatch.pipeline.days import require_watched
from pausewatch.pipeline.viewing import finding_view, site_view
from pausewatch.pipeline.workplace import Workplace
from pausewatch.reports.daily import (
    DailyReport,
    PauseView,
    ReportInputs,
)
from pausewatch.reports.keys import Signer
from pausewatch.reports.manifest import MANIFEST_NAME
from pausewatch.reports.writing import report_files, seal_report

# A finding that is over stays in the report this long.
_SHOWN_DAYS = 14

METHOD = (
    "Expected load: for each meter the model that told held-out weeks best, of several (a regression on hour of week "
    "and outdoor temperature with holidays and a slow trend, its relatives, and persistence), learned only from before "
    "the pause was announced, without declared training and without load that rose there and stayed, and frozen for "
    "the pause. Which model, and why, stands with each site. Hours in which a site that is used to it had switched off "
    "much of its load are neither learned from nor tested; its day says how many.",
    "Sustained load: two Page tests on whitened residuals side by side, one for steps and one for drift, on the "
    "utility meter, on the IT meter and on the balance between them (what the utility delivered beyond what this IT "
    "load and this weather should draw); their thresholds hold the alarm budget on each site's own held-out errors.",
    "Telemetry: meters are held against themselves and each other for values that repeat, are played back, rescaled, "
    "too smooth or off their clock; levels that can't be trusted conclude nothing, and a wrong clock is asked about.",
    "Verdicts: a transparent rule weighs how the load looks (onset, flatness, answer to hour, weekend and weather, "
    "length) against what was declared.",
    "Alarms: a load looks like training once that has been probable enough for enough days of it, the fewer the surer; "
    "until then it is unexplained.",
    "Sites together: steps that come within half a day at several sites of one owner, or within 100 km of each other, "
    "are tested by a mixture likelihood ratio, calibrated on the same sites' held-out errors at the same hours; a "
    "tenth of the alarm budget is theirs.",
    "Compute: energy above expectation, at 20, 35 and 45 % model FLOP utilisation of the declared accelerators.",
    "Detectable load: what the tests for steps and for drift would find with 90 % probability in a week, and in 90 "
    "days, given what was seen.",
    "False discovery: the chance of each open finding on load is set against all sites and groups tested (Benjamini "
    "and Hochberg 1995); none is hidden for it.",
    "Gaps are bounded by the substitution ladder of 40 CFR 75.33 and by what the site could have drawn.",
)


def conclude_day(place: Workplace, day: date) -> str:
    """Test the sites of a day together, and write its report from what was recorded of it; return its folder.

    Raises:
        InspectionError: a watched site has not been inspected for the day.
    """
    with place.register() as register:
        _require_inspected(place, register, day)
        coordinate(place, register, day)
        return issue(place, register, draft(place, day))


@dataclass(frozen=True)
class Draft:
    """A day's report as files, before it is sealed; `report` is kept without its figures."""

    report: DailyReport
    files: Mapping[str, bytes]


def draft(place: Workplace, day: date) -> Draft:
    """Draw a day's report from the register; depends on no other report, so days can be drawn side by side.

    Raises:
        InspectionError: a watched site has not been inspected for the day.
    """
    with place.register() as register:
        report = daily_report(place, register, day)
    return Draft(replace(report, findings=(), sites=()), report_files(report))


def issue(place: Workplace, register: Register, drawn: Draft) -> str:
    """Seal a drawn report, chained to the day before, put it in place and record it; return its folder."""
    day = drawn.report.date
    folder = place.reports / day.isoformat()
    previous = place.reports / (day - timedelta(days=1)).isoformat()
    seal_report(
        drawn.report,
        drawn.files,
        folder,
        previous=previous if (previous / MANIFEST_NAME).exists() else None,
        signer=Signer.load_or_create(place.home.keys),
    )
    manifest = hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).hexdigest()
    register.record_report(day, str(folder), manifest)
    return str(folder)


def daily_report(place: Workplace, register: Register, day: date) -> DailyReport:
    """Return everything a day's report says, from the register alone.

    Raises:
        InspectionError: a watched site has not been inspected for the day.
    """
    fleet = place.fleet
    sites = require_watched(fleet, day)
    ids = [site.id for site in sites]
    _require_inspected(place, register, day)
    site_days = {said.site_id: said for said in register.site_days(day, day, ids)}
    cutoff = last_cutoff(fleet, day)
    pauses = {p.id: p for site in sites if (p := fleet.pause_for(site, day)) is not None}
    now = register.findings(day, ids, reviewed_until=cutoff)
    before = {f.id: f for f in register.findings(day - timedelta(days=1), ids, reviewed_until=cutoff)}
    payloads = {i: {} for i in ids} | register.payloads(day, ids)
    views = views_of(payloads)
    now, discovery = false_discovery(fleet, day, now)
    shown = [f for f in now if f.is_open or (day - f.last_updated_on).days <= _SHOWN_DAYS]
    return DailyReport(
        fleet=fleet.name,
        date=day,
        pauses=tuple(PauseView(p.id, p.jurisdictions, p.announced, p.start, p.end) for _, p in sorted(pauses.items())),
        significant_quantity_flop=fleet.significant_quantity_flop,
        false_alarms_per_site_year=fleet.false_alarms_per_site_year,
        cutoff_hours=fleet.cutoff_hours,
        expected_chance_findings=_by_chance(fleet, sites, day),
        findings=tuple(finding_view(f, before.get(f.id), day, payloads[f.site_id], views) for f in shown),
        sites=tuple(site_view(site, site_days[site.id], payloads[site.id], now) for site in sites),
        inputs=day_inputs(place, register, day),
        false_discovery=discovery,
        method=_method(judges_of(payloads.values())),
    )


def false_discovery(fleet: Fleet, day: date, findings: Sequence[Finding]) -> tuple[list[Finding], FalseDiscovery]:
    """Return a day's findings with how well chance alone explains each, among all sites and groups tested."""
    sites = require_watched(fleet, day)
    began = {site.id: pause.start for site in sites if (pause := fleet.pause_for(site, day)) is not None}
    until = {site.id: site.day_bounds(day)[1] for site in sites}
    return with_false_discovery(
        findings,
        fleet.false_alarms_per_site_year * (1.0 - SHARED_BUDGET),
        lambda site_id: (until[site_id] - began[site_id]).total_seconds() / (365.25 * 86_400),
        len(sites) + len(groups_of(sites)),
        _by_chance(fleet, sites, day),
    )


def judges_of(payloads: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the signature models that judged a day's findings, hash by name; none where the rule did."""
    told = [payload["judge"] for payload in payloads if "judge" in payload]
    return {f"signature model {one['model']}": one["sha256"] for one in sorted(told, key=lambda one: str(one["model"]))}


def _method(judges: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the day was inspected; a learned judge is named."""
    if not judges:
        return METHOD
    learned = (
        f"Verdicts: a learned model ({', '.join(judges)}) weighs how the load looks; what was declared stays with the "
        "rule. It was trained on simulated fleets, and its card says how well it did beside the rule."
    )
    return tuple(learned if line.startswith("Verdicts:") else line for line in METHOD)


def _by_chance(fleet: Fleet, sites: Sequence[Site], day: date) -> float:
    """Return the false findings to expect of the alarm budget since each site's pause began."""
    days = 0.0
    for site in sites:
        pause = fleet.pause_for(site, day)
        assert pause is not None  # noqa: S101  # the sites are those under a pause
        days += (site.day_bounds(day)[1] - pause.start).total_seconds() / 86_400
    return fleet.false_alarms_per_site_year * days / 365.25


def _require_inspected(place: Workplace, register: Register, day: date) -> None:
    ids = [site.id for site in require_watched(place.fleet, day)]
    inspected = register.inspected(day)
    missing = [i for i in ids if i not in inspected]
    if missing:
        raise InspectionError(
            f"{len(missing)} of {len(ids)} sites have not been inspected for {day}",
            where=f"sites {', '.join(missing[:8])}{' and more' if len(missing) > 8 else ''}",
            remedy=f"run `pausewatch inspect --date {day}`",
        )


def last_cutoff(fleet: Fleet, day: date) -> datetime:
    """Return when the last of the sites watched on a report day is cut off."""
    return max(site.cutoff(day, fleet.cutoff_hours) for site in require_watched(fleet, day))


def day_inputs(place: Workplace, register: Register, day: date) -> ReportInputs:
    """Return what a day rests on: every file whose readings had arrived by the last cut-off, and the models."""
    sites = require_watched(place.fleet, day)
    cutoff = last_cutoff(place.fleet, day)
    pauses = {p.id: p for site in sites if (p := place.fleet.pause_for(site, day)) is not None}
    rows = (
        place.lake()
        .ingests([site.id for site in sites])
        .select("site_id", "meter_id", "source", "sha256", "readings", "first_available_at")
        .collect()
    )
    known = [r for r in rows.to_dicts() if r["first_available_at"] is None or r["first_available_at"] <= cutoff]
    ingests = tuple(
        {
            "site_id": r["site_id"],
            "meter_id": r["meter_id"],
            "source": _relative(r["source"], place.fleet.path.parent),
            "sha256": r["sha256"],
            "readings": r["readings"],
        }
        for r in known
    )
    models: dict[str, str] = {}
    firsts: set[str] = set()
    for pause in pauses.values():
        for site in sites:
            freeze = register.baselines_for(pause.id, site.id)
            if freeze is not None:
                models[f"baselines of pause {pause.id}, from {freeze.site_ids[0]}"] = freeze.sha256
                firsts.add(freeze.site_ids[0])
    models |= judges_of(register.payload(day, site_id) or {} for site_id in sorted(firsts & {s.id for s in sites}))
    return ReportInputs(
        fleet_sha256=place.fleet.sha256,
        ingests=ingests,
        models=models,
        parameters={
            "false_alarms_per_site_year": place.fleet.false_alarms_per_site_year,
            "significant_quantity_flop": place.fleet.significant_quantity_flop,
            "cutoff_hours": place.fleet.cutoff_hours,
        },
    )


def _relative(source: str, folder: Path) -> str:
    """Return a file's path as the fleet file would name it: where a fleet stands on a disk is nobody's business."""
    try:
        return str(Path(source).resolve().relative_to(folder.resolve()))
    except ValueError:
        return source
