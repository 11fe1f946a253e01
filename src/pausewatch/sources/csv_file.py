"""CSV and Parquet: rows of interval data, each row a reading or a reject with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Meter
from pausewatch.fleet.sources import CsvSpec
from pausewatch.sources.csv_rows import judged
from pausewatch.sources.csv_table import FLAW, LINE, Table, load_table
from pausewatch.sources.files import Files, read_bytes
from pausewatch.sources.protocol import Batch, Known, unknown
from pausewatch.sources.schema import empty_rejects


@dataclass(frozen=True)
class CsvSource:
    """Rows of one meter in CSV, gzipped CSV or Parquet files."""

    site_id: str
    meter: Meter
    spec: CsvSpec
    files: Files = field(default_factory=Files)

    @property
    def _where(self) -> str:
        return f"site {self.site_id}, meter {self.meter.id}"

    def read(self, since: datetime | None, until: datetime | None, is_known: Known = unknown) -> Iterator[Batch]:
        """Yield one batch a file; see `Source.read`."""
        for url in self.files.listed(self.spec.path, self._where):
            content, digest = read_bytes(url, self._where)
            if is_known(url, digest):
                continue
            table = load_table(content, url, self._where)
            readings, rejects = self._readings(table, url)
            if since is None and until is None:
                yield Batch(readings, rejects, url, digest)
                continue
            inside = _between(since, until)
            touched = pl.col("interval_start").is_null() | inside
            yield Batch(readings.filter(inside), rejects.filter(touched), url, digest)

    def _readings(self, table: Table, url: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        spec, meter = self.spec, self.meter
        assert meter.interval_s is not None  # noqa: S101  # the fleet file demands it of csv
        assert meter.unit is not None  # noqa: S101
        at = f"{self._where}, {url}"
        columns = {c for c in (spec.time_column, spec.value_column, spec.available_column, *spec.where) if c}
        self._demand_columns(columns, table.frame, url)
        table = table.matching(spec.where)
        frame = table.frame
        start, stamp_flaw = table.stamps(spec.time_column, spec.timezone, at)
        given = [start.alias("stamp"), stamp_flaw.alias("stamp_flaw"), frame[spec.value_column].alias("given")]
        if spec.available_column:
            given.append(table.stamps(spec.available_column, spec.timezone, at)[0].alias("arrived"))
        rows = pl.DataFrame([frame[LINE].alias("line"), frame[FLAW].alias("flaw"), *given])
        readings, rejects = judged(rows, meter.interval_s, meter.unit, spec.stamps == "end")
        return readings, self._quoted(rejects, frame, url.rsplit("/", 1)[-1]) if len(rejects) else empty_rejects()

    def _quoted(self, rejects: pl.DataFrame, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        """Return rejects with where they stand and what they said."""
        said = frame.select(
            pl.col(LINE).alias("line"),
            pl.concat_str(
                [pl.col(self.spec.time_column).cast(pl.Utf8), pl.col(self.spec.value_column).cast(pl.Utf8)],
                separator=",",
                ignore_nulls=True,
            ).alias("raw"),
        )
        return rejects.join(said, on="line", how="left", maintain_order="left").select(
            pl.format("{}:{}", pl.lit(name), "line").alias("where"), "raw", "reason", "interval_start"
        )

    def _demand_columns(self, wanted: set[str], table: pl.DataFrame, url: str) -> None:
        present = [c for c in table.columns if not c.startswith("__")]
        for column in sorted(wanted - set(present)):
            from rapidfuzz import process

            near = process.extractOne(column, present, score_cutoff=50) if present else None
            hint = f"did you mean {near[0]!r}?" if near else "correct the fleet file"
            raise SourceError(
                f"no column {column!r}",
                where=f"{self._where}, {url}",
                why=f"its columns are {', '.join(present) or 'none'}",
                remedy=hint,
            )


def _between(since: datetime | None, until: datetime | None) -> pl.Expr:
    inside = pl.lit(True)
    if since is not None:
        inside = inside & (pl.col("interval_start") >= since)
    if until is not None:
        inside = inside & (pl.col("interval_start") < until)
    return inside
