"""CSV and Parquet: rows of interval data, each row a reading or a reject with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Meter
from pausewatch.fleet.sources import CsvSpec
from pausewatch.sources.files import list_files, read_bytes
from pausewatch.sources.protocol import Batch, Reason
from pausewatch.sources.quality import Quality
from pausewatch.sources.schema import UTC_US
from pausewatch.sources.stamps import parse_stamps
from pausewatch.sources.units import to_canonical

_MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "-")
_SEPARATORS = (";", "\t", "|")
_LINE = "__line"


@dataclass(frozen=True)
class CsvSource:
    """Rows of one meter in CSV, gzipped CSV or Parquet files."""

    site_id: str
    meter: Meter
    spec: CsvSpec

    @property
    def _where(self) -> str:
        return f"site {self.site_id}, meter {self.meter.id}"

    def read(self, since: datetime | None, until: datetime | None) -> Iterator[Batch]:
        """Yield one batch a file; see `Source.read`."""
        for url in list_files(self.spec.path, self._where):
            content, digest = read_bytes(url, self._where)
            table = _load(content, url, self._where)
            readings, rejects = self._readings(table, url)
            inside = _between(since, until)
            touched = pl.col("interval_start").is_null() | inside
            yield Batch(readings.filter(inside), rejects.filter(touched), url, digest)

    def _readings(self, table: pl.DataFrame, url: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        spec, meter = self.spec, self.meter
        assert meter.interval_s is not None  # noqa: S101  # the fleet file demands it of csv
        assert meter.unit is not None  # noqa: S101
        columns = {c for c in (spec.time_column, spec.value_column, spec.available_column, *spec.where) if c}
        self._demand_columns(columns, table, url)
        for column, wanted in spec.where.items():
            table = table.filter(_equals(column, wanted))
        name = url.rsplit("/", 1)[-1]
        rows = table.select(
            (pl.lit(f"{name}:") + pl.col(_LINE).cast(pl.Utf8)).alias("where"),
            pl.concat_str(
                [pl.col(spec.time_column).cast(pl.Utf8), pl.col(spec.value_column).cast(pl.Utf8)],
                separator=",",
                ignore_nulls=True,
            ).alias("raw"),
            pl.col(spec.time_column).alias("stamp"),
            pl.col(spec.value_column).alias("given"),
            (pl.col(spec.available_column) if spec.available_column else pl.lit(None)).alias("arrived"),
            pl.col(_FLAW) if _FLAW in table.columns else pl.lit(None, pl.Utf8).alias(_FLAW),
        )
        start, stamp_flaw = parse_stamps(rows["stamp"], spec.timezone, f"{self._where}, {url}", "timezone")
        interval = pl.duration(seconds=meter.interval_s)
        rows = rows.with_columns(
            start.alias("interval_start"), stamp_flaw.alias("stamp_flaw"), *_numbers(rows["given"])
        )
        if spec.stamps == "end":
            rows = rows.with_columns(pl.col("interval_start") - interval)
        rows = _snapped(rows, meter.interval_s)
        if spec.available_column:
            arrived, _ = parse_stamps(rows["arrived"], spec.timezone, f"{self._where}, {url}", "timezone")
            # Nothing can be known before its interval is over, whatever the source says.
            over = pl.col("interval_start") + interval
            rows = rows.with_columns(
                pl.when(arrived.is_not_null()).then(pl.max_horizontal(arrived, over)).alias("available_at")
            )
        else:
            rows = rows.with_columns((pl.col("interval_start") + interval).alias("available_at"))
        rows = rows.with_columns(
            pl.coalesce(
                _FLAW,
                "stamp_flaw",
                "value_flaw",
                pl.when(pl.col("off_interval")).then(pl.lit(Reason.OFF_INTERVAL.value)),
                pl.when(pl.col("available_at").is_null()).then(pl.lit(Reason.UNPARSEABLE_TIME.value)),
            ).alias("reason")
        )
        good = rows.filter(pl.col("reason").is_null()).with_columns(
            to_canonical(pl.col("value"), meter.unit, pl.lit(meter.interval_s)).alias("value")
        )
        good, repeated = _without_duplicates(good)
        rejects = pl.concat([rows.filter(pl.col("reason").is_not_null()).select(_REJECT), repeated.select(_REJECT)])
        readings = good.select(
            pl.col("interval_start").cast(UTC_US),
            pl.lit(meter.interval_s, pl.Int32).alias("interval_s"),
            "value",
            "quality",
            pl.col("available_at").cast(UTC_US),
        )
        return readings, rejects

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


_FLAW = "__flaw"
_REJECT = ["where", "raw", "reason", pl.col("interval_start").cast(UTC_US)]


def _between(since: datetime | None, until: datetime | None) -> pl.Expr:
    inside = pl.lit(True)
    if since is not None:
        inside = inside & (pl.col("interval_start") >= since)
    if until is not None:
        inside = inside & (pl.col("interval_start") < until)
    return inside


def _equals(column: str, wanted: str | float | bool) -> pl.Expr:
    """Return whether a column has the wanted value: 7 is also `7.0`, true also `True`."""
    text = pl.col(column).cast(pl.Utf8).str.strip_chars()
    if isinstance(wanted, bool):
        return text.str.to_lowercase() == str(wanted).lower()
    if isinstance(wanted, str):
        return text == wanted
    return text.cast(pl.Float64, strict=False) == float(wanted)


def _load(content: bytes, url: str, where: str) -> pl.DataFrame:
    """Return the table of a file with each row's line; rows that break the table carry a flaw."""
    at = f"{where}, {url}"
    if not content.strip():
        raise SourceError("the file is empty", where=at, remedy="check the export that writes it")
    is_parquet = url.lower().endswith((".parquet", ".pq")) or content.startswith(b"PAR1")
    try:
        return _parquet_table(content) if is_parquet else _csv_table(content)
    except _TableError as error:
        raise SourceError(error.what, where=at, why=error.why, remedy=error.remedy) from error


class _TableError(Exception):
    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = what, why, remedy
        super().__init__(what)


@lru_cache(maxsize=2)
def _parquet_table(content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content)).with_row_index(_LINE, offset=1)
    except (pl.exceptions.PolarsError, OSError) as error:
        remedy = "fetch it again, or wait until it is written"
        raise _TableError("not a readable Parquet file", str(error).splitlines()[0], remedy) from error


@lru_cache(maxsize=2)
def _csv_table(content: bytes) -> pl.DataFrame:
    """Read every field as text: what a field means is decided row by row."""
    if b"\x00" in content[:4096]:
        raise _TableError("not a text file", remedy="export it as CSV")
    body = content.removeprefix(b"\xef\xbb\xbf")
    above = len(body) - len(body.lstrip(b"\r\n"))
    header = body[above:].split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    if "," not in header:
        found = next((s for s in _SEPARATORS if s in header), None)
        if found:
            raise _TableError(
                f"fields are separated by {found!r}", f"the header is {header[:80]!r}", "export it with commas"
            )
    broken: list[int] = []
    try:
        table = pl.read_csv(body[above:], infer_schema=False)
    except pl.exceptions.PolarsError:
        table, broken = _line_by_line(body[above:])
    taken = set(table.columns)
    table = table.rename({c: c.strip() for c in table.columns if c.strip() not in taken})
    table = table.with_row_index(_LINE, offset=2 + body[:above].count(b"\n"))
    is_blank = pl.all_horizontal(pl.col(c).is_null() for c in table.columns if c != _LINE)
    is_broken = pl.int_range(pl.len()).is_in(broken)
    flaw = pl.when(is_blank | is_broken).then(pl.lit(Reason.MALFORMED_ROW.value))
    table = table.with_columns(flaw.alias(_FLAW))
    if not content.endswith((b"\n", b"\r")) and len(table):
        # Still being written: the last value may lack digits. It is read whole at the next collect.
        last = table[_LINE].max()
        table = table.with_columns(
            pl.when(pl.col(_LINE) == last)
            .then(pl.lit(Reason.TRUNCATED_ROW.value))
            .otherwise(pl.col(_FLAW))
            .alias(_FLAW)
        )
    return table


def _line_by_line(body: bytes) -> tuple[pl.DataFrame, list[int]]:
    """Read a damaged file slowly: return its rows and the index of each that doesn't fit the header.

    A stray quote, a byte that is no UTF-8 or a comma too many spoils its own line only.
    """
    lines = body.splitlines()
    header = next(csv.reader([lines[0].decode("utf-8", "replace")])) if lines else []
    columns = list(dict.fromkeys(header))
    rows: list[list[str | None]] = []
    broken: list[int] = []
    for i, line in enumerate(lines[1:]):
        text = line.decode("utf-8", "replace")
        is_sound = text.count('"') % 2 == 0 and "\ufffd" not in text
        fields: list[str] = next(csv.reader([text]), []) if is_sound else text.replace('"', "").split(",")
        if not is_sound or len(fields) > len(header):
            broken.append(i)
        by_name = dict(zip(header, fields, strict=False))
        rows.append([by_name.get(c) or None for c in columns])
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.Utf8), orient="row"), broken


def _numbers(given: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return values as floats and the flaw of each that isn't one."""
    if given.dtype == pl.Utf8:
        text = given.str.strip_chars()
        missing = text.is_null() | text.is_in(list(_MISSING))
        value = text.cast(pl.Float64, strict=False)
    else:
        value = given.cast(pl.Float64, strict=False)
        missing = given.is_null() | value.is_nan().fill_null(False)
    frame = pl.DataFrame({"value": value, "missing": missing})
    flaw = frame.select(
        pl.when("missing")
        .then(pl.lit(Reason.MISSING_VALUE.value))
        .when(pl.col("value").is_null() | pl.col("value").is_nan())
        .then(pl.lit(Reason.UNPARSEABLE_VALUE.value))
        .when(pl.col("value").is_infinite())
        .then(pl.lit(Reason.INFINITE_VALUE.value))
        .alias("value_flaw")
    )["value_flaw"]
    return value.alias("value"), flaw


def _snapped(rows: pl.DataFrame, interval_s: int) -> pl.DataFrame:
    """Snap stamps a few seconds off to the interval's grid; mark those further off.

    Loggers stamp 00:15:03 for 00:15:00; up to a fiftieth of the interval is taken as that.
    """
    tolerance_us = interval_s * 1_000_000 // 50
    every_us = interval_s * 1_000_000
    epoch = pl.col("interval_start").dt.epoch("us")
    # Longer intervals begin at local midnight, which is no multiple of theirs in UTC: hours are grid enough.
    grid_us = min(every_us, 3_600_000_000)
    late = epoch % grid_us
    snapped = (
        pl.when(late <= tolerance_us)
        .then(epoch - late)
        .when(grid_us - late <= tolerance_us)
        .then(epoch + grid_us - late)
    )
    return rows.with_columns(
        (snapped.is_null() & epoch.is_not_null() & (epoch % 60_000_000 != 0)).alias("off_interval"),
        pl.coalesce(snapped, epoch)
        .cast(pl.Int64)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .alias("interval_start"),
    )


def _without_duplicates(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep one reading an interval and arrival; of two that disagree the larger, marked suspect.

    Missing data never favours the operator, and neither does contradictory data.
    """
    key = ["interval_start", "available_at"]
    ordered = good.sort([*key, "value", "where"], descending=[False, False, True, False], maintain_order=True)
    first = pl.int_range(pl.len()).over(key) == 0
    close = (pl.col("value") - pl.col("value").first().over(key)).abs() <= 1e-6 * pl.col("value").abs() + 1e-9
    ordered = ordered.with_columns(first.alias("is_first"), close.alias("is_same"))
    disputed = (~pl.col("is_same")).any().over(key)
    kept = ordered.with_columns(
        pl.when(disputed).then(pl.lit(Quality.SUSPECT.value)).otherwise(pl.lit(Quality.MEASURED.value)).alias("quality")
    ).filter("is_first")
    reason = (
        pl.when("is_same").then(pl.lit(Reason.DUPLICATE.value)).otherwise(pl.lit(Reason.CONFLICTING_DUPLICATE.value))
    )
    return kept, ordered.filter(~pl.col("is_first")).with_columns(reason.alias("reason"))
