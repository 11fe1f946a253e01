"""The shape of what a source yields, checked at the door."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from pausewatch.sources.quality import Quality

UTC_US = pl.Datetime("us", "UTC")

READINGS = pa.DataFrameSchema(
    {
        "interval_start": pa.Column(UTC_US, nullable=False),
        "interval_s": pa.Column(pl.Int32, pa.Check.gt(0)),
        "value": pa.Column(pl.Float64, nullable=False),
        "quality": pa.Column(pl.Utf8, pa.Check.isin([q.value for q in Quality])),
        "available_at": pa.Column(UTC_US, nullable=False),
    },
    strict=True,
    ordered=True,
)
"""Accepted readings: mean kW or degC over [interval_start, + interval_s)."""

REJECTS = pa.DataFrameSchema(
    {
        "where": pa.Column(pl.Utf8),
        "raw": pa.Column(pl.Utf8, nullable=True),
        "reason": pa.Column(pl.Utf8),
        "interval_start": pa.Column(UTC_US, nullable=True),
    },
    strict=True,
    ordered=True,
)
"""Rows that could not be taken: where they stand, what they said, and why not."""


def empty_readings() -> pl.DataFrame:
    """Return no readings, in the right shape."""
    return pl.DataFrame(
        schema={
            "interval_start": UTC_US,
            "interval_s": pl.Int32,
            "value": pl.Float64,
            "quality": pl.Utf8,
            "available_at": UTC_US,
        }
    )


def empty_rejects() -> pl.DataFrame:
    """Return no rejects, in the right shape."""
    return pl.DataFrame(schema={"where": pl.Utf8, "raw": pl.Utf8, "reason": pl.Utf8, "interval_start": UTC_US})
