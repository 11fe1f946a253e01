"""The lake: readings, rejects and ingests as append-only Delta tables, on a folder or an object store.

A correction is a new row with a later `available_at`. Reading as of a cut-off is a filter, so a replay can't look
ahead.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from pausewatch.errors import LakeError
from pausewatch.sources.schema import UTC_US

READINGS_SCHEMA: Mapping[str, Any] = {
    "site_id": pl.Utf8,
    "meter_id": pl.Utf8,
    "interval_start": UTC_US,
    "interval_s": pl.Int32,
    "value": pl.Float64,
    "unit": pl.Utf8,
    "quality": pl.Utf8,
    "source": pl.Utf8,
    "ingest_id": pl.Utf8,
    "available_at": UTC_US,
    "month": pl.Utf8,
}
REJECTS_SCHEMA: Mapping[str, Any] = {
    "site_id": pl.Utf8,
    "meter_id": pl.Utf8,
    "where": pl.Utf8,
    "raw": pl.Utf8,
    "reason": pl.Utf8,
    "interval_start": UTC_US,
    "source": pl.Utf8,
    "ingest_id": pl.Utf8,
}
INGESTS_SCHEMA: Mapping[str, Any] = {
    "ingest_id": pl.Utf8,
    "site_id": pl.Utf8,
    "meter_id": pl.Utf8,
    "source": pl.Utf8,
    "sha256": pl.Utf8,
    "readings": pl.Int64,
    "rejects": pl.Int64,
    "first_interval": UTC_US,
    "last_interval": UTC_US,
    "first_available_at": UTC_US,
    "collected_at": UTC_US,
}
_SCHEMAS = {"readings": READINGS_SCHEMA, "rejects": REJECTS_SCHEMA, "ingests": INGESTS_SCHEMA}
_COMPACT_ABOVE_FILES = 256
# Rows are sorted by site within what is written at once: a batch of sites reads the row groups it lies in.
_ROW_GROUP = 1 << 17
_COMMIT_ATTEMPTS = 6
_AWS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
    "AWS_SESSION_TOKEN",
)

T = TypeVar("T")


@dataclass(frozen=True)
class Lake:
    """Delta tables under one root.

    Args:
        root: folder or URL.
        storage_options: for an object store; read from the environment by `open`.
    """

    root: str
    storage_options: Mapping[str, str]
    _opened: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    def as_it_is(self) -> Lake:
        """Return the lake as it is when each table is first read: later commits aren't seen, nor the log read again."""
        return replace(self, _opened={})

    @staticmethod
    def open(root: str, storage_options: Mapping[str, str] | None = None) -> Lake:
        """Return the lake at a folder (made if absent) or URL.

        Raises:
            LakeError: the folder can't be made.
        """
        if storage_options is None:
            storage_options = {k: os.environ[k] for k in _AWS if k in os.environ} if "://" in root else {}
            if root.startswith("s3://"):
                # Two collects at once must not overwrite each other's commit: object stores check by etag.
                storage_options = {"conditional_put": "etag", **storage_options}
        lake = Lake(root.rstrip("/"), dict(storage_options))
        if "://" not in root:
            lake._guarded("can't be made", lambda: Path(root).mkdir(parents=True, exist_ok=True))
        return lake

    def append(self, table: str, rows: pl.DataFrame) -> None:
        """Append rows to a table in one atomic commit; nothing is visible unless all is.

        Raises:
            LakeError: the rows can't be written.
        """
        if rows.is_empty():
            return
        from deltalake import WriterProperties, write_deltalake
        from deltalake.exceptions import CommitFailedError
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        self._demand_space(int(rows.estimated_size()))
        schema = _SCHEMAS[table]
        data = rows.select([pl.col(name).cast(kind) for name, kind in schema.items()]).to_arrow()
        partition = ["month"] if table == "readings" else None
        # Who makes a table while another does loses the commit, and nothing else: what failed to commit isn't there.
        again = Retrying(
            retry=retry_if_exception_type(CommitFailedError),
            stop=stop_after_attempt(_COMMIT_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            reraise=True,
        )
        self._guarded(
            f"can't append {len(rows)} rows to {table}",
            lambda: again(
                write_deltalake,
                self._uri(table),
                data,
                mode="append",
                partition_by=partition,
                writer_properties=WriterProperties(compression="SNAPPY", max_row_group_size=_ROW_GROUP),
                storage_options=dict(self.storage_options),
            ),
        )

    def readings(
        self,
        *,
        site_ids: Sequence[str] | None = None,
        meter_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        available_until: datetime | None = None,
    ) -> pl.LazyFrame:
        """Return every version of the readings whose intervals start in [since, until), known by `available_until`."""
        frame = self._scan("readings")
        # Months are UTC's, whatever offset the bounds are given with.
        since, until = (None if t is None else t.astimezone(UTC) for t in (since, until))
        if since is not None:
            frame = frame.filter((pl.col("month") >= since.strftime("%Y-%m")) & (pl.col("interval_start") >= since))
        if until is not None:
            frame = frame.filter((pl.col("month") <= until.strftime("%Y-%m")) & (pl.col("interval_start") < until))
        if site_ids is not None and not site_ids:
            frame = frame.clear()
        elif site_ids is not None:
            frame = _of_sites(frame, site_ids)
        if meter_id is not None:
            frame = frame.filter(pl.col("meter_id") == meter_id)
        if available_until is not None:
            frame = frame.filter(pl.col("available_at") <= available_until)
        return frame

    def first_reading(self, site_ids: Sequence[str], until: datetime) -> datetime | None:
        """Return the start of the first interval of some sites that starts before `until`; None where there is none."""
        for month in self._months():
            readings = self.readings(site_ids=site_ids, until=until).filter(pl.col("month") == month)
            first: datetime | None = readings.select(pl.col("interval_start").min()).collect().item()
            if first is not None:
                return first
        return None

    def as_of(self, cutoff: datetime, **selection: Any) -> pl.LazyFrame:
        """Return one row an interval: the version known last at `cutoff`."""
        return (
            self.readings(available_until=cutoff, **selection)
            .sort(["site_id", "meter_id", "interval_start", "available_at", "value"])
            .unique(["site_id", "meter_id", "interval_start"], keep="last", maintain_order=True)
        )

    def rejects(self, site_ids: Sequence[str] | None = None) -> pl.LazyFrame:
        """Return the rejected rows."""
        frame = self._scan("rejects").unique(maintain_order=True)
        return frame if site_ids is None else frame.filter(pl.col("site_id").is_in(list(site_ids)))

    def ingests(self, site_ids: Sequence[str] | None = None) -> pl.LazyFrame:
        """Return the record of what was read, with the hash of each file or response."""
        frame = self._scan("ingests").unique("ingest_id", keep="first", maintain_order=True)
        return frame if site_ids is None else frame.filter(pl.col("site_id").is_in(list(site_ids)))

    def tidy(self) -> None:
        """Compact tables that have gathered many small files; readings stay as they are, and old files too.

        Raises:
            LakeError: a table can't be compacted.
        """
        for table in _SCHEMAS:
            if self._exists(table):
                self._guarded(f"can't compact {table}", partial(self._compact, table))

    def _compact(self, table: str) -> None:
        from deltalake import DeltaTable, WriterProperties
        from deltalake.exceptions import CommitFailedError

        delta = DeltaTable(self._uri(table), storage_options=dict(self.storage_options))
        if len(delta.file_uris()) > _COMPACT_ABOVE_FILES:
            # Another process may be compacting too; one of them is enough.
            with contextlib.suppress(CommitFailedError):
                delta.optimize.compact(
                    writer_properties=WriterProperties(compression="SNAPPY", max_row_group_size=_ROW_GROUP)
                )

    def _scan(self, table: str) -> pl.LazyFrame:
        delta = self._table(table)
        if delta is None:
            return pl.LazyFrame(schema=dict(_SCHEMAS[table]))
        return self._guarded(f"can't read {table}", lambda: pl.scan_delta(delta))

    def _months(self) -> list[str]:
        """Return the months that hold readings, earliest first."""
        delta = self._table("readings")
        parts = [] if delta is None else self._guarded("can't read readings", delta.partitions)
        return sorted(part["month"] for part in parts)

    def _table(self, table: str) -> Any:
        """Open a table, or return the one that was opened; None where nothing was written yet.

        Opened here and now: a damaged log is found where it can be told as a LakeError.
        """
        from deltalake import DeltaTable

        if self._opened is not None and table in self._opened:
            return self._opened[table]
        found = None
        if self._exists(table):
            options = dict(self.storage_options)
            found = self._guarded(f"can't read {table}", lambda: DeltaTable(self._uri(table), storage_options=options))
        if self._opened is not None:
            self._opened[table] = found
        return found

    def _exists(self, table: str) -> bool:
        from deltalake import DeltaTable

        return self._guarded(
            f"can't read {table}",
            lambda: DeltaTable.is_deltatable(self._uri(table), storage_options=dict(self.storage_options)),
        )

    def _uri(self, table: str) -> str:
        return f"{self.root}/{table}"

    def _demand_space(self, needed: int) -> None:
        """Refuse to begin what a folder's disk can't hold: a disk that fills half-way leaves debris and noise.

        Args:
            needed: bytes of the rows in memory, which is more than they take on disk.
        """
        if "://" in self.root:
            return
        free = self._guarded("can't be reached", lambda: shutil.disk_usage(self.root).free)
        if free < needed:
            raise LakeError(
                "the disk is full",
                where=self.root,
                why=f"{free / 1e6:.1f} MB are free, up to {needed / 1e6:.1f} MB are needed",
                remedy="nothing was lost; free space and run again",
            )

    def _guarded(self, what: str, action: Callable[[], T]) -> T:
        from deltalake.exceptions import DeltaError

        try:
            return action()
        except PermissionError as error:
            raise LakeError(
                what, where=self.root, why="not allowed", remedy="check the permissions of the folder"
            ) from error
        except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
            why = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
            raise LakeError(
                what, where=self.root, why=why, remedy="nothing was lost; run again once that is mended"
            ) from error


def _of_sites(frame: pl.LazyFrame, site_ids: Sequence[str]) -> pl.LazyFrame:
    """Keep the rows of some sites, and leave row groups that hold none of them unread.

    A range is told from a row group's statistics; a set beside it in one filter would keep that from being used, so it
    is asked as a column of its own.
    """
    nearby = frame.filter((pl.col("site_id") >= min(site_ids)) & (pl.col("site_id") <= max(site_ids)))
    columns = frame.collect_schema().names()
    is_one = pl.col("site_id").is_in(list(site_ids)).alias("is_one")
    return nearby.with_columns(is_one).filter(pl.col("is_one")).select(columns)
