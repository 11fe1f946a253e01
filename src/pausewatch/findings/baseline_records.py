"""Keep and find frozen baselines: of two freezes, the one recorded later is in force, whatever the clocks said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from pausewatch.findings.reading import chunks
from pausewatch.findings.records import BaselineRecord
from pausewatch.findings.tables import BaselineRow, BaselineSiteRow


def record_baselines(
    connection: Connection,
    sha256: str,
    *,
    pause_id: str,
    path: str,
    site_ids: Sequence[str],
    frozen_at: datetime,
    scores: Mapping[str, Any],
    config_sha256: str,
) -> None:
    """Keep one freeze, unless it is already the latest of all its sites.

    A freeze that another one has replaced since, and that is recorded again, is the latest again.
    """
    sites = sorted(set(site_ids))
    if _are_latest(connection, sha256, pause_id, sites):
        return
    sequence = (connection.execute(select(func.max(BaselineRow.sequence))).scalar() or 0) + 1
    row = {
        "sequence": sequence,
        "sha256": sha256,
        "pause_id": pause_id,
        "path": path,
        "site_ids": list(site_ids),
        "scores": dict(scores),
        "config_sha256": config_sha256,
        "frozen_at": frozen_at,
    }
    connection.execute(insert(BaselineRow), row)
    if sites:
        of_sites = [{"sequence": sequence, "site_id": site_id, "pause_id": pause_id} for site_id in sites]
        connection.execute(insert(BaselineSiteRow), of_sites)


def latest_baseline(connection: Connection, pause_id: str, site_id: str) -> BaselineRecord | None:
    """Return the freeze that was recorded last for a site in a pause, or None."""
    query = (
        select(BaselineRow.__table__)
        .join(BaselineSiteRow, BaselineSiteRow.sequence == BaselineRow.sequence)
        .where(BaselineSiteRow.pause_id == pause_id, BaselineSiteRow.site_id == site_id)
        .order_by(BaselineRow.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _record(row)


def latest_baselines(connection: Connection, pause_id: str, site_ids: Sequence[str]) -> dict[str, BaselineRecord]:
    """Return the freeze that was recorded last for each of some sites in a pause; sites without one are left out."""
    latest = _latest(connection, pause_id, site_ids)
    records: dict[int, BaselineRecord] = {}
    for some in chunks(sorted(set(latest.values()))):
        query = select(BaselineRow.__table__).where(BaselineRow.sequence.in_(some))
        records.update((row.sequence, _record(row)) for row in connection.execute(query))
    return {site_id: records[sequence] for site_id, sequence in latest.items()}


def read_baselines(connection: Connection) -> list[BaselineRecord]:
    """Return every freeze, in the order they were recorded."""
    return [_record(row) for row in connection.execute(select(BaselineRow.__table__).order_by(BaselineRow.sequence))]


def _are_latest(connection: Connection, sha256: str, pause_id: str, sites: Sequence[str]) -> bool:
    same = (BaselineRow.sha256 == sha256) & (BaselineRow.pause_id == pause_id)
    known = set(connection.execute(select(BaselineRow.sequence).where(same)).scalars())
    if not known:
        return False
    latest = _latest(connection, pause_id, sites)
    return all(latest.get(site_id) in known for site_id in sites)


def _latest(connection: Connection, pause_id: str, sites: Sequence[str]) -> dict[str, int]:
    """Return the number of each site's last freeze in a pause."""
    latest: dict[str, int] = {}
    for some in chunks(sites):
        query = (
            select(BaselineSiteRow.site_id, func.max(BaselineSiteRow.sequence))
            .where(BaselineSiteRow.pause_id == pause_id, BaselineSiteRow.site_id.in_(some))
            .group_by(BaselineSiteRow.site_id)
        )
        latest.update((site_id, sequence) for site_id, sequence in connection.execute(query))
    return latest


def _record(row: Any) -> BaselineRecord:
    return BaselineRecord(
        sequence=row.sequence,
        sha256=row.sha256,
        pause_id=row.pause_id,
        path=row.path,
        site_ids=tuple(row.site_ids),
        scores=row.scores,
        config_sha256=row.config_sha256,
        frozen_at=row.frozen_at,
    )
