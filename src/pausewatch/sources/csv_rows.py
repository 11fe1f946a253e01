"""Rows of interval data: each judged a reading or a reject, in one pass over the file."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from pausewatch.fleet import Unit
from pausewatch.sources.protocol import Reason
from pausewatch.sources.quality import Quality
from pausewatch.sources.schema import UTC_US
from pausewatch.sources.units import to_canonical

_MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "-")
_REJECT = [pl.col("line"), pl.col("reason"), pl.col("interval_start").cast(UTC_US)]


def judged(rows: pl.DataFrame, interval_s: int, unit: Unit, is_end: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return readings, in the shape of `schema.READINGS`, and rejects by line.

    Args:
        rows: `line`, `flaw` of the row, `stamp` (instants, null where it is none) with `stamp_flaw`, the value as
            `given`, and `arrived`, if the source says when a reading did, null where that is no time.
        interval_s: the meter's interval.
        unit: of the values.
        is_end: stamps are the intervals' ends.
    """
    steps = _steps(interval_s, unit, is_end, "arrived" in rows.columns, rows.schema["given"] == pl.Utf8)
    lazy = rows.lazy()
    for step in steps[:-1]:
        lazy = lazy.with_columns(step)
    told = lazy.collect()
    rejects = empty_rejects_by_line()
    good = told
    if told["reason"].null_count() < len(told):
        rejects = told.filter(pl.col("reason").is_not_null()).select(_REJECT)
        good = told.filter(pl.col("reason").is_null())
    times = good["interval_start"]
    if times.is_sorted() and times.n_unique() == len(times):
        good = good.with_columns(pl.lit(Quality.MEASURED.value).alias("quality"))
    else:
        good, repeated = _without_duplicates(good)
        rejects = pl.concat([rejects, repeated.select(_REJECT)])
    return good.select(steps[-1]), rejects


def empty_rejects_by_line() -> pl.DataFrame:
    """Return no rejects."""
    return pl.DataFrame(schema={"line": pl.UInt32, "reason": pl.Utf8, "interval_start": UTC_US})


@lru_cache(maxsize=256)
def _steps(interval_s: int, unit: Unit, is_end: bool, has_arrival: bool, is_text: bool) -> list[list[pl.Expr]]:
    """Return the expressions of each step; they are the same for thousands of files."""
    interval = pl.duration(seconds=interval_s)
    start = pl.col("stamp") - interval if is_end else pl.col("stamp")
    over = pl.col("interval_start") + interval
    # Nothing can be known before its interval is over, whatever the source says.
    arrived = pl.when(pl.col("arrived").is_not_null()).then(pl.max_horizontal("arrived", over)) if has_arrival else over
    reason = pl.coalesce(
        "flaw",
        "stamp_flaw",
        _value_flaw(),
        pl.when("off_interval").then(pl.lit(Reason.OFF_INTERVAL.value)),
        pl.when(pl.col("available_at").is_null()).then(pl.lit(Reason.UNPARSEABLE_TIME.value)),
    )
    return [
        [*_number(is_text), start.dt.epoch("us").alias("epoch")],
        _snapped(interval_s),
        [arrived.alias("available_at")],
        [reason.alias("reason"), to_canonical(pl.col("value"), unit, pl.lit(interval_s)).alias("value")],
        [
            pl.col("interval_start").cast(UTC_US),
            pl.lit(interval_s, pl.Int32).alias("interval_s"),
            pl.col("value"),
            pl.col("quality"),
            pl.col("available_at").cast(UTC_US),
        ],
    ]


def _number(is_text: bool) -> list[pl.Expr]:
    """Return a row's value as a float, and whether none was given."""
    given = pl.col("given")
    if is_text:
        text = given.str.strip_chars()
        missing = text.is_null() | text.is_in(list(_MISSING))
        return [text.cast(pl.Float64, strict=False).alias("value"), missing.alias("is_missing")]
    value = given.cast(pl.Float64, strict=False)
    return [value.alias("value"), (given.is_null() | value.is_nan().fill_null(False)).alias("is_missing")]


def _value_flaw() -> pl.Expr:
    value = pl.col("value")
    return (
        pl.when("is_missing")
        .then(pl.lit(Reason.MISSING_VALUE.value))
        .when(value.is_null() | value.is_nan())
        .then(pl.lit(Reason.UNPARSEABLE_VALUE.value))
        .when(value.is_infinite())
        .then(pl.lit(Reason.INFINITE_VALUE.value))
    )


def _snapped(interval_s: int) -> list[pl.Expr]:
    """Snap stamps a few seconds off to the interval's grid; mark those further off.

    Loggers stamp 00:15:03 for 00:15:00; up to a fiftieth of the interval is taken as that.
    """
    tolerance_us = interval_s * 1_000_000 // 50
    # Longer intervals begin at local midnight, which is no multiple of theirs in UTC: hours are grid enough.
    grid_us = min(interval_s * 1_000_000, 3_600_000_000)
    epoch = pl.col("epoch")
    late = epoch % grid_us
    snapped = (
        pl.when(late <= tolerance_us)
        .then(epoch - late)
        .when(grid_us - late <= tolerance_us)
        .then(epoch + grid_us - late)
    )
    whole = pl.coalesce(snapped, epoch).cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return [
        (snapped.is_null() & epoch.is_not_null() & (epoch % 60_000_000 != 0)).alias("off_interval"),
        whole.alias("interval_start"),
    ]


def _without_duplicates(good: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep one reading an interval and arrival; of two that disagree the larger, marked suspect.

    Missing data never favours the operator, and neither does contradictory data.
    """
    key = ["interval_start", "available_at"]
    ordered = good.sort([*key, "value", "line"], descending=[False, False, True, False], maintain_order=True)
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
