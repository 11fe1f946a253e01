"""A day's versions: match assessments to findings, and keep what changed.

A site's own findings and the coordinated loads filed under it are two layers: the one is recorded when the site is
inspected, the other when the whole day is, and neither withdraws what is the other's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from pausewatch.findings.change import is_changed
from pausewatch.findings.documents import JsonText, assessment_document, assessment_from, dump
from pausewatch.findings.history import Version
from pausewatch.findings.identity import match, new_ids
from pausewatch.findings.model import Assessment, Finding, Kind
from pausewatch.findings.reading import chunks, last_versions
from pausewatch.findings.tables import FindingRow, VersionRow


def record_versions(
    connection: Connection, day: date, of_site: Mapping[str, Sequence[Assessment]], *, is_shared: bool = False
) -> None:
    """Keep what changed of the sites' own findings, or of the coordinated loads filed under them."""
    known = _known(connection, day, list(of_site), is_shared=is_shared)
    # Findings without a version before this day: reported before this day was inspected again, so their ids are reused.
    retired: dict[str, dict[str, FindingRow]] = defaultdict(dict)
    for row in _finding_rows(connection, list(of_site), is_shared=is_shared):
        if row.id not in known[row.site_id]:
            retired[row.site_id][row.id] = row
    new_findings: list[dict[str, Any]] = []
    renewed: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    for site_id, assessments in of_site.items():
        ids = _identify(known[site_id], retired[site_id], assessments)
        for finding_id, assessment in zip(ids, assessments, strict=True):
            before = known[site_id].get(finding_id)
            if before is not None and not before.is_withdrawn and not is_changed(before.assessment, assessment):
                continue
            document = dump(assessment_document(assessment))
            if before is None:
                first = {"first_reported_on": day, "first_assessment": document}
                if finding_id in retired[site_id]:
                    renewed.append({"finding_id": finding_id, **first})
                else:
                    new_findings.append({"id": finding_id, "site_id": site_id, **first})
            versions.append(_version_row(finding_id, day, assessment, document))
        for finding_id, before in known[site_id].items():
            if finding_id not in ids and not before.is_withdrawn:
                document = dump(assessment_document(before.assessment))
                versions.append(_version_row(finding_id, day, before.assessment, document, is_withdrawn=True))
    insert_rows(connection, FindingRow, new_findings)
    if renewed:
        table = FindingRow.__table__
        connection.execute(update(table).where(table.c.id == bindparam("finding_id")), renewed)  # type: ignore[arg-type]
    insert_rows(connection, VersionRow, versions)


def known_findings(connection: Connection, day: date, site_ids: Sequence[str]) -> list[Finding]:
    """Return the sites' own findings as the days before left them: what a day's assessments are matched to."""
    known = _known(connection, day, site_ids, is_shared=False)
    return [_as_known(finding_id, version) for of in known.values() for finding_id, version in of.items()]


def _known(
    connection: Connection, day: date, site_ids: Sequence[str], *, is_shared: bool
) -> dict[str, dict[str, Version]]:
    known: dict[str, dict[str, Version]] = defaultdict(dict)
    for site_id, finding_id, version in last_versions(connection, before=day, site_ids=site_ids):
        if _is_shared(version.assessment) is is_shared:
            known[site_id][finding_id] = version
    return known


def _identify(
    known: Mapping[str, Version], retired: Mapping[str, FindingRow], assessments: Sequence[Assessment]
) -> list[str]:
    """Return the finding id of each assessment: a known one, one it had before, or a new one."""
    # Only evidence counts here, never a review: ids must not depend on what reviewers decide.
    ids: list[str | None] = match([_as_known(finding_id, v) for finding_id, v in known.items()], assessments)
    unknown = [index for index, found in enumerate(ids) if found is None]
    if unknown and retired:
        again = match([_as_retired(row) for row in retired.values()], [assessments[index] for index in unknown])
        for index, found in zip(unknown, again, strict=True):
            ids[index] = found
        unknown = [index for index in unknown if ids[index] is None]
    fresh = dict(zip(unknown, new_ids([assessments[i] for i in unknown], {*known, *retired}), strict=True))
    return [fresh[index] if found is None else found for index, found in enumerate(ids)]


def _as_known(finding_id: str, version: Version) -> Finding:
    return Finding(
        finding_id,
        version.assessment,
        version.report_day,
        version.report_day,
        is_open=not version.is_withdrawn,
        is_withdrawn=version.is_withdrawn,
    )


def _as_retired(row: FindingRow) -> Finding:
    assessment = assessment_from(row.first_assessment)
    return Finding(row.id, assessment, row.first_reported_on, row.first_reported_on, is_open=False)


def _finding_rows(connection: Connection, site_ids: Sequence[str], *, is_shared: bool) -> Iterator[Any]:
    for some in chunks(site_ids):
        for row in connection.execute(select(FindingRow.__table__).where(FindingRow.site_id.in_(some))):
            if _is_shared(assessment_from(row.first_assessment)) is is_shared:
                yield row


def _is_shared(assessment: Assessment) -> bool:
    return assessment.kind is Kind.COORDINATED_LOAD


def _version_row(
    finding_id: str, day: date, assessment: Assessment, document: JsonText, *, is_withdrawn: bool = False
) -> dict[str, Any]:
    return {
        "finding_id": finding_id,
        "report_day": day,
        "site_id": assessment.site_id,
        "is_withdrawn": is_withdrawn,
        "kind": str(assessment.kind),
        "verdict": str(assessment.verdict),
        "started_at": assessment.start,
        "ended_at": assessment.end,
        "assessment": document,
    }


def insert_rows(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, if there are any."""
    listed = list(rows)
    if listed:
        connection.execute(insert(table), listed)
