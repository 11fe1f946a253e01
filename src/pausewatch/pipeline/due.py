"""Which report days are due, in which parts: what an orchestrator asks before it inspects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

from pausewatch.errors import SealError, UsageError
from pausewatch.findings.export import json_value
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet
from pausewatch.pipeline.concluding import day_inputs, last_cutoff
from pausewatch.pipeline.days import batches, latest_complete_day, report_days, watched_sites
from pausewatch.pipeline.workplace import Workplace
from pausewatch.reports.document import ingests_sha256, inputs_document
from pausewatch.reports.manifest import MANIFEST_NAME, parse_manifest


class InspectionPart(TypedDict):
    """One task's share of an inspection, as JSON: ISO days in order, site ids, and a name to show."""

    days: list[str]
    site_ids: list[str]
    name: str


def due_days(place: Workplace, now: datetime) -> list[date]:
    """Return the report days to inspect at a moment, in order; none where every report stands.

    From the first report on, each complete day is due that has no report, whose sites are not all on record (an
    earlier day that says something else now takes later ones with it), or that is not chained to the report before it.
    The latest complete day is due again when its inputs have changed since. Before the first report only the latest is
    due. A report once issued for an earlier day is otherwise written again only when it is asked for.
    """
    latest = latest_complete_day(place.fleet, now)
    if latest is None:
        return []
    with place.register() as register:
        reported = [report.day for report in register.reports() if report.day <= latest]
        if not reported:
            return [latest]
        days = [day for day in report_days(reported[0], latest) if watched_sites(place.fleet, day)]
        due: list[date] = []
        for day in days:
            is_chained_to_due = bool(due) and due[-1] == day - timedelta(days=1)
            if is_chained_to_due or not _stands(place, register, day, with_inputs=day == latest):
                due.append(day)
    return due


def complete_day(fleet: Fleet, day: date, now: datetime) -> date:
    """Return the day if it can be inspected at a moment.

    Raises:
        InspectionError: no pause is in force on it.
        UsageError: a site's cut-off has not passed: what is seen now is not what the day's report must say.
    """
    cutoff = last_cutoff(fleet, day)
    if cutoff > now:
        raise UsageError(
            f"{day} can't be inspected at {now:%Y-%m-%d %H:%M} UTC",
            why=f"its last site is cut off at {cutoff:%Y-%m-%d %H:%M} UTC",
            remedy="inspect it after that",
        )
    return day


def inspection_parts(fleet: Fleet, days: Sequence[date], size: int) -> list[InspectionPart]:
    """Return the sites watched on any of the days in parts of at most `size`, every part with all days in order.

    Raises:
        UsageError: the size isn't positive.
    """
    watched = {site.id for day in days for site in watched_sites(fleet, day)}
    when = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [
        {
            "days": [day.isoformat() for day in days],
            "site_ids": ids,
            "name": f"{when}: {ids[0]}" + (f" .. {ids[-1]}" if len(ids) > 1 else ""),
        }
        for ids in batches([site for site in fleet.sites if site.id in watched], size)
    ]


def _stands(place: Workplace, register: Register, day: date, *, with_inputs: bool) -> bool:
    """Return whether a day's report is there, whole, and says what it would say again."""
    issued = register.report(day)
    if issued is None or not {site.id for site in watched_sites(place.fleet, day)} <= register.inspected(day):
        return False
    path = place.reports / day.isoformat() / MANIFEST_NAME
    before = place.reports / (day - timedelta(days=1)).isoformat() / MANIFEST_NAME
    try:
        content = path.read_bytes()
        manifest = parse_manifest(content, str(path))
    except (OSError, SealError):
        return False
    link = hashlib.sha256(before.read_bytes()).hexdigest() if before.exists() else None
    linked = None if manifest["previous"] is None else manifest["previous"]["manifest_sha256"]
    if hashlib.sha256(content).hexdigest() != issued.manifest_sha256 or link != linked:
        return False
    if not with_inputs:
        return True
    inputs = day_inputs(place, register, day)
    ingests = inputs_document(inputs)["ingests"]
    said = manifest["inputs"]
    return bool(
        said["fleet_sha256"] == inputs.fleet_sha256
        and said["models"] == json_value(inputs.models)
        and said["ingests"]["sha256"] == ingests_sha256(ingests)
    )
