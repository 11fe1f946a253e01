"""Read findings back from the register: as they stood on a day, with their reviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection, func, select

from pausewatch.findings.documents import assessment_from
from pausewatch.findings.history import CONFIRM, DISMISS, REOPEN, SeenReview, Version, is_open
from pausewatch.findings.model import Finding, Kind, Review
from pausewatch.findings.tables import ReviewRow, VersionRow

CHUNK = 1000  # values an IN may hold: well below what any database allows
T = TypeVar("T")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in portions that fit into one query."""
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]


def portions(values: Sequence[str] | None) -> Iterator[Sequence[str] | None]:
    """Yield the values in portions, or None once where there is no restriction."""
    if values is None:
        yield None
    else:
        yield from chunks(sorted(set(values)))


def last_versions(
    connection: Connection, *, before: date, site_ids: Sequence[str]
) -> Iterator[tuple[str, str, Version]]:
    """Yield site id, finding id and last version before a day, of every finding of the sites."""
    for some in chunks(site_ids):
        last = (
            select(VersionRow.finding_id, func.max(VersionRow.report_day).label("day"))
            .where(VersionRow.site_id.in_(some), VersionRow.report_day < before)
            .group_by(VersionRow.finding_id)
            .subquery()
        )
        query = (
            select(VersionRow.__table__)
            .join(last, (last.c.finding_id == VersionRow.finding_id) & (last.c.day == VersionRow.report_day))
            .order_by(VersionRow.finding_id)
        )
        for row in connection.execute(query):
            version = Version(row.report_day, assessment_from(row.assessment), row.is_withdrawn)
            yield row.site_id, row.finding_id, version


def versions_of(
    connection: Connection, finding_ids: Sequence[str], as_of: date | None = None
) -> dict[str, list[Version]]:
    """Return all versions of the findings by report day."""
    found: dict[str, list[Version]] = defaultdict(list)
    for some in chunks(finding_ids):
        query = select(VersionRow.__table__).where(VersionRow.finding_id.in_(some)).order_by(VersionRow.report_day)
        if as_of is not None:
            query = query.where(VersionRow.report_day <= as_of)
        for row in connection.execute(query):
            version = Version(row.report_day, assessment_from(row.assessment), row.is_withdrawn)
            found[row.finding_id].append(version)
    return dict(found)


def reviews_of(
    connection: Connection, finding_ids: Sequence[str], until: datetime | None = None
) -> dict[str, list[SeenReview]]:
    """Return the reviews of the findings in the order they were made."""
    found: dict[str, list[SeenReview]] = defaultdict(list)
    for some in chunks(finding_ids):
        query = select(ReviewRow.__table__).where(ReviewRow.finding_id.in_(some)).order_by(ReviewRow.sequence)
        if until is not None:
            query = query.where(ReviewRow.reviewed_at <= until)
        for row in connection.execute(query):
            review = Review(row.decision, row.reason, row.reviewer, row.reviewed_at, row.cause)
            found[row.finding_id].append(SeenReview(review, row.seen_day, assessment_from(row.seen_assessment)))
    return dict(found)


def reviewed_findings(connection: Connection, until: datetime) -> dict[str, SeenReview]:
    """Return the last review by then that decides, of each finding that has one, by finding id."""
    query = (
        select(ReviewRow.__table__)
        .where(ReviewRow.reviewed_at < until, ReviewRow.decision.in_((CONFIRM, DISMISS, REOPEN)))
        .order_by(ReviewRow.sequence)
    )
    found = {}
    for row in connection.execute(query):
        review = Review(row.decision, row.reason, row.reviewer, row.reviewed_at, row.cause)
        found[row.finding_id] = SeenReview(review, row.seen_day, assessment_from(row.seen_assessment))
    return dict(sorted(found.items()))


def read_findings(
    connection: Connection,
    as_of: date | None,
    site_ids: Sequence[str] | None,
    reviewed_until: datetime | None,
    kind: Kind | None = None,
) -> list[Finding]:
    """Return each finding (of a kind) as it stood at the end of a report day, by site, start and id."""
    found: list[Finding] = []
    for some in portions(site_ids):
        span = select(
            VersionRow.finding_id,
            func.min(VersionRow.report_day).label("first_day"),
            func.max(VersionRow.report_day).label("last_day"),
        ).group_by(VersionRow.finding_id)
        if some is not None:
            span = span.where(VersionRow.site_id.in_(some))
        if as_of is not None:
            span = span.where(VersionRow.report_day <= as_of)
        if kind is not None:
            span = span.where(VersionRow.kind == str(kind))
        days = span.subquery()
        query = select(VersionRow.__table__, days.c.first_day).join(
            days, (days.c.finding_id == VersionRow.finding_id) & (days.c.last_day == VersionRow.report_day)
        )
        rows = connection.execute(query).all()
        reviews = reviews_of(connection, [row.finding_id for row in rows], reviewed_until)
        versions = versions_of(connection, list(reviews), as_of)
        for row in rows:
            last = Version(row.report_day, assessment_from(row.assessment), row.is_withdrawn)
            of_finding = reviews.get(row.finding_id, [])
            found.append(
                Finding(
                    id=row.finding_id,
                    assessment=last.assessment,
                    first_reported_on=row.first_day,
                    last_updated_on=row.report_day,
                    is_open=is_open(versions.get(row.finding_id, [last]), of_finding),
                    reviews=tuple(seen.review for seen in of_finding),
                    is_withdrawn=last.is_withdrawn,
                )
            )
    return sorted(found, key=lambda finding: (finding.site_id, finding.assessment.start, finding.id))
