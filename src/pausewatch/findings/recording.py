"""Record one report day's inspection: the sites' days, what was found at them, and their payloads.

Everything here runs inside one write transaction. A day that is recorded again with the same content changes nothing;
with other content it replaces the day for those sites, and their later days are dropped: they followed from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, select

from pausewatch.errors import RegisterError
from pausewatch.findings.documents import (
    JsonText,
    content_sha256,
    dump,
    text_sha256,
)
from pausewatch.findings.model import Assessment, SiteDay
from pausewatch.findings.reading import chunks
from pausewatch.findings.records import DayRecorded
from pausewatch.findings.tables import PayloadRow, SiteDayRow
from pausewatch.findings.versions import insert_rows, record_versions


def record_day(
    connection: Connection,
    day: date,
    site_days: Sequence[SiteDay],
    assessments: Sequence[Assessment],
    payloads: Mapping[str, Any],
) -> DayRecorded:
    """Record the inspection of the sites in `site_days` and say what that changed.

    Raises:
        RegisterError: a site is there twice, or an assessment or payload is of a site that was not inspected.
    """
    of_site = _by_site(day, site_days, assessments, payloads)
    hashes = {s.site_id: _content_sha256(s, of_site[s.site_id]) for s in site_days}
    kept = _kept_days(connection, day, list(of_site))
    changed = {site_id for site_id in of_site if kept[site_id].get(day) != hashes[site_id]}
    dropped: dict[date, list[str]] = defaultdict(list)
    for site_id in sorted(changed):
        for later in kept[site_id]:
            if later > day:
                dropped[later].append(site_id)
    _drop(connection, day, [site_id for site_id in sorted(changed) if kept[site_id]])
    new_days = sorted((s for s in site_days if s.site_id in changed), key=lambda s: s.site_id)
    insert_rows(connection, SiteDayRow, [_site_day_row(s, hashes[s.site_id]) for s in new_days])
    record_versions(connection, day, {site_id: of_site[site_id] for site_id in sorted(changed)})
    _record_payloads(connection, day, payloads)
    return DayRecorded(frozenset(changed), {later: tuple(dropped[later]) for later in sorted(dropped)})


def _by_site(
    day: date, site_days: Sequence[SiteDay], assessments: Sequence[Assessment], payloads: Mapping[str, Any]
) -> dict[str, list[Assessment]]:
    of_site: dict[str, list[Assessment]] = {}
    for site_day in site_days:
        where = f"{site_day.site_id} on {day}"
        if site_day.site_id in of_site:
            raise RegisterError("a site is there twice", where=where, remedy="record each site's day once")
        if site_day.date != day:
            raise RegisterError(f"a site day of {site_day.date} can't be recorded", where=where)
        of_site[site_day.site_id] = []
    for assessment in assessments:
        if assessment.site_id not in of_site:
            raise RegisterError(
                "an assessment is of a site that was not inspected",
                where=f"{assessment.site_id} on {day}",
                remedy="record it together with the site's day",
            )
        of_site[assessment.site_id].append(assessment)
    for site_id in payloads:
        if site_id not in of_site:
            raise RegisterError("a payload is of a site that was not inspected", where=f"{site_id} on {day}")
    return of_site


def _content_sha256(site_day: SiteDay, assessments: Sequence[Assessment]) -> str:
    try:
        return content_sha256(site_day, assessments)
    except (TypeError, ValueError) as error:
        where = f"{site_day.site_id} on {site_day.date}"
        raise RegisterError("an inspection can't be recorded", where=where, why=str(error)) from error


def _kept_days(connection: Connection, day: date, site_ids: Sequence[str]) -> dict[str, dict[date, str]]:
    """Return what is recorded of the sites from the day on: the content hash of each day."""
    kept: dict[str, dict[date, str]] = {site_id: {} for site_id in site_ids}
    columns = (SiteDayRow.site_id, SiteDayRow.day, SiteDayRow.content_sha256)
    for some in chunks(site_ids):
        query = select(*columns).where(SiteDayRow.site_id.in_(some), SiteDayRow.day >= day)
        for site_id, kept_day, sha256 in connection.execute(query):
            kept[site_id][kept_day] = sha256
    return kept


def _drop(connection: Connection, day: date, site_ids: Sequence[str]) -> None:
    """Delete the sites' days from the day on, with their versions and payloads."""
    for some in chunks(site_ids):
        connection.execute(delete(SiteDayRow).where(SiteDayRow.site_id.in_(some), SiteDayRow.day >= day))


def _record_payloads(connection: Connection, day: date, payloads: Mapping[str, Any]) -> None:
    """Keep the payloads that are new or differ; another payload alone drops no later day."""
    texts: dict[str, JsonText] = {}
    for site_id, payload in payloads.items():
        try:
            texts[site_id] = dump(payload)
        except (TypeError, ValueError) as error:
            where = f"{site_id} on {day}"
            raise RegisterError("a payload can't be recorded", where=where, why=str(error)) from error
    hashes = {site_id: text_sha256(text) for site_id, text in texts.items()}
    kept: dict[str, str] = {}
    for some in chunks(sorted(payloads)):
        query = select(PayloadRow.site_id, PayloadRow.sha256).where(PayloadRow.site_id.in_(some), PayloadRow.day == day)
        kept.update((site_id, sha256) for site_id, sha256 in connection.execute(query))
    other = [site_id for site_id in sorted(payloads) if kept.get(site_id) != hashes[site_id]]
    for some in chunks([site_id for site_id in other if site_id in kept]):
        connection.execute(delete(PayloadRow).where(PayloadRow.site_id.in_(some), PayloadRow.day == day))
    insert_rows(
        connection,
        PayloadRow,
        [{"site_id": s, "day": day, "sha256": hashes[s], "document": texts[s]} for s in other],
    )


def _site_day_row(site_day: SiteDay, sha256: str) -> dict[str, Any]:
    return {
        "site_id": site_day.site_id,
        "day": site_day.date,
        "status": str(site_day.status),
        "coverage": site_day.coverage,
        "observed_mwh": site_day.observed_mwh,
        "expected_mwh": site_day.expected_mwh,
        "unaccounted_mwh": site_day.unaccounted_mwh,
        "unaccounted_sd_mwh": site_day.unaccounted_sd_mwh,
        "detectable_mw_7d": site_day.detectable_mw_7d,
        "detectable_flop_90d": site_day.detectable_flop_90d,
        "reasons": list(site_day.reasons),
        "content_sha256": sha256,
    }
