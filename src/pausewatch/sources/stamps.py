"""Time stamps as files hold them: ISO 8601 with an offset, or naive in a named zone, through clock changes."""

from __future__ import annotations

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.sources.protocol import Reason
from pausewatch.sources.schema import UTC_US

_NAIVE_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_OFFSET_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
# What most loggers write; a file that holds nothing else needs no closer look.
_USUAL = "%Y-%m-%dT%H:%M:%SZ"
_NAIVE = pl.Datetime("us")


def parse_stamps(given: pl.Series, timezone: str | None, where: str, key: str) -> tuple[pl.Series, pl.Series]:
    """Return UTC instants and the flaw of each stamp that has none, both of the given length.

    Stamps with an offset (or Z) say what they mean. Naive ones need `timezone`: the hour that occurs twice when clocks
    go back is told apart by the order of rows (the first pass is summer time), the hour that is skipped doesn't exist.
    Without a zone, a few naive stamps among many with an offset are flawed.

    Raises:
        SourceError: most stamps carry no offset and no zone is named.
    """
    if isinstance(given.dtype, pl.Datetime):
        if given.dtype.time_zone is not None:
            instants = given.dt.convert_time_zone("UTC").cast(UTC_US)
            return instants, _flaws(instants)
        naive = given.cast(_NAIVE)
        aware = pl.Series([None] * len(given), dtype=UTC_US)
    elif given.dtype.is_integer():
        # Epoch seconds, or milli-, micro- or nanoseconds where the number is too large for them.
        whole = given.cast(pl.Int64)
        size = int(whole.abs().max() or 0)  # type: ignore[arg-type]
        micro = whole * 1_000_000 if size < 10**11 else whole * 1_000 if size < 10**14 else whole
        instants = (micro if size < 10**17 else whole // 1_000).cast(_NAIVE).dt.replace_time_zone("UTC").cast(UTC_US)
        return instants, _flaws(instants)
    else:
        written = given.cast(pl.Utf8)
        usual = written.str.to_datetime(_USUAL, strict=False, time_unit="us")
        if len(usual) and not usual.null_count():
            instants = usual.dt.replace_time_zone("UTC").cast(UTC_US)
            return instants, pl.Series("stamp_flaw", [None], dtype=pl.Utf8).new_from_index(0, len(instants))
        text = written.str.strip_chars().str.replace(r"(?i)\s*(?:Z|UTC|GMT)$", "+00:00")
        text = text.str.replace(r"\s+([+-]\d)", "$1").str.replace(" ", "T", literal=True)
        aware = pl.Series([None] * len(given), dtype=UTC_US)
        has_offset = text.str.contains(r"T\d{2}:\d{2}.*[+-]\d{2}(?::?\d{2})?$").fill_null(False)
        if has_offset.any():
            candidates = text.set(~has_offset, None)
            for pattern in _OFFSET_FORMATS:
                parsed = candidates.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC")
                aware = _first_known(aware, parsed)
        naive = pl.Series([None] * len(given), dtype=_NAIVE)
        if not has_offset.all():
            candidates = text.set(has_offset, None)
            for pattern in _NAIVE_FORMATS:
                naive = _first_known(naive, candidates.str.to_datetime(pattern, strict=False, time_unit="us"))
    if naive.is_not_null().any():
        if timezone is None:
            if naive.count() < aware.count():
                return aware, _flaws(aware)
            example = naive.drop_nulls()[0]
            raise SourceError(
                f"the stamp {example} has no offset",
                where=where,
                remedy=f"name its zone in the fleet file: `{key}: Europe/London`, or `{key}: UTC`",
            )
        localised, skipped = _localise(naive, timezone)
        instants = _first_known(aware, localised)
        flaws = pl.DataFrame({"instant": instants, "skipped": skipped}).select(
            pl.when("skipped")
            .then(pl.lit(Reason.NONEXISTENT_LOCAL_TIME.value))
            .when(pl.col("instant").is_null())
            .then(pl.lit(Reason.UNPARSEABLE_TIME.value))
            .alias("stamp_flaw")
        )["stamp_flaw"]
        return instants, flaws
    return aware, _flaws(aware)


def _first_known(first: pl.Series, second: pl.Series) -> pl.Series:
    return pl.DataFrame({"a": first, "b": second.cast(first.dtype)}).select(pl.coalesce("a", "b").alias("a"))["a"]


def _flaws(instants: pl.Series) -> pl.Series:
    return pl.DataFrame({"t": instants}).select(
        pl.when(pl.col("t").is_null()).then(pl.lit(Reason.UNPARSEABLE_TIME.value)).alias("stamp_flaw")
    )["stamp_flaw"]


def _localise(naive: pl.Series, timezone: str) -> tuple[pl.Series, pl.Series]:
    """Return UTC instants of local stamps in row order, and which stamps the clocks skipped."""
    frame = pl.DataFrame({"naive": naive}).with_columns(
        pl.col("naive")
        .dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .alias("early"),
        pl.col("naive")
        .dt.replace_time_zone(timezone, ambiguous="latest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .alias("late"),
    )
    # Within the repeated hour a stamp that was already passed, or that steps back, is of the second pass.
    # Files that run backwards are told by their ends, and read from the bottom.
    known = naive.drop_nulls()
    backwards = len(known) > 1 and known[0] > known[-1]
    position = pl.int_range(pl.len())
    again = (pl.len() - 1 - position if backwards else position).over("naive") > 0
    frame = frame.with_columns(
        (pl.col("early") != pl.col("late")).fill_null(False).alias("is_twofold"), again.alias("again")
    )
    local = frame.select(
        pl.when(pl.col("is_twofold") & pl.col("again")).then("late").otherwise("early").cast(UTC_US).alias("t"),
        (pl.col("naive").is_not_null() & pl.col("early").is_null()).alias("skipped"),
    )
    return local["t"], local["skipped"]
