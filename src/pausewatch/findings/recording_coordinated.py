"""Record a day's coordinated loads beside the site days they touch, once all of the day's sites are inspected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, select

from pausewatch.errors import RegisterError
from pausewatch.findings.documents import dump
from pausewatch.findings.model import Assessment, Kind
from pausewatch.findings.reading import chunks
from pausewatch.findings.tables import SiteDayRow, VersionRow
from pausewatch.findings.versions import record_versions


def record_coordinated(
    connection: Connection, day: date, site_ids: Sequence[str], assessments: Sequence[Assessment]
) -> bool:
    """Record the coordinated loads of a day beside its site days; return whether they say something else than before.

    The same again changes nothing. Other content replaces the day's, and later days' follow from it and are dropped.

    Raises:
        RegisterError: one is filed under a site that was not inspected.
    """
    inspected: set[str] = set()
    for some in chunks(site_ids):
        query = select(SiteDayRow.site_id).where(SiteDayRow.day == day, SiteDayRow.site_id.in_(some))
        inspected |= set(connection.execute(query).scalars())
    of_site: dict[str, list[Assessment]] = {site_id: [] for site_id in sorted(inspected)}
    for assessment in assessments:
        if assessment.site_id not in of_site:
            raise RegisterError(
                "a coordinated load is filed under a site that was not inspected",
                where=f"{assessment.site_id} on {day}",
                remedy="inspect the day's sites first",
            )
        of_site[assessment.site_id].append(assessment)
    is_shared = VersionRow.kind == str(Kind.COORDINATED_LOAD)
    kept = _shared_versions(connection, day)
    connection.execute(delete(VersionRow).where(is_shared, VersionRow.report_day == day))
    record_versions(connection, day, of_site, is_shared=True)
    is_other = _shared_versions(connection, day) != kept
    if is_other:
        connection.execute(delete(VersionRow).where(is_shared, VersionRow.report_day > day))
    return is_other


def _shared_versions(connection: Connection, day: date) -> list[tuple[Any, ...]]:
    query = select(VersionRow.finding_id, VersionRow.is_withdrawn, VersionRow.assessment).where(
        VersionRow.kind == str(Kind.COORDINATED_LOAD), VersionRow.report_day == day
    )
    return [(row[0], row[1], dump(row[2])) for row in connection.execute(query.order_by(VersionRow.finding_id))]
