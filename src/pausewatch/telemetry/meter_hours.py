"""Meter hours: exact hourly sums of interval data, as they were known on each report day.

A reading becomes visible on the first report day whose cut-off is not before its `available_at`, and stops being
visible on the day a correction of the same interval does. Both are signed *contributions*; the hours known on
day D are the sum of all contributions up to D. Sums are integers (milliwatt-seconds), so that their order
doesn't matter: carrying them from day to day and computing them afresh agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from pausewatch.telemetry.grid import HOUR_S, HourGrid

_US = 1_000_000
_MILLIWATT_PER_KW = 1_000_000


@dataclass(frozen=True)
class Contributions:
    """Signed parts of readings in hours, sorted by the report day they count from.

    All arrays have shape (N,): `row` of the meter, `hour` of the grid, `day` index of the report day, `seconds`
    of the hour covered (negative for a superseded reading), `milliwatt_s` the energy-like integral over them.
    """

    row: npt.NDArray[np.int32]
    hour: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    seconds: npt.NDArray[np.int32]
    milliwatt_s: npt.NDArray[np.int64]

    def on(self, first_day: int, last_day: int) -> Contributions:
        """Return those that count from days [first_day, last_day]."""
        left = int(np.searchsorted(self.day, first_day, side="left"))
        right = int(np.searchsorted(self.day, last_day, side="right"))
        return self._only(slice(left, right))

    def beyond(self, day: int, hours: int) -> Contributions:
        """Return those that hours [0, hours), as known on a report day, don't hold yet."""
        return self._only((self.day > day) | (self.hour >= hours))

    def _only(self, part: slice | npt.NDArray[np.bool_]) -> Contributions:
        return Contributions(
            self.row[part],
            self.hour[part],
            self.day[part],
            self.seconds[part],
            self.milliwatt_s[part],
        )


def contributions(
    readings: pl.DataFrame,
    *,
    meters: Sequence[tuple[str, str]],
    series_of_meter: npt.NDArray[np.intp],
    grid: HourGrid,
    cutoffs_us: npt.NDArray[np.int64],
) -> Contributions:
    """Turn readings (every version of each interval) into signed contributions to meter hours.

    Args:
        readings: site_id, meter_id, interval_start, interval_s, value, available_at; usable qualities only have a
            value, others must be null (they count as unseen but still supersede what came before).
        meters: (site_id, meter_id) of each row.
        series_of_meter: grid series (site) of each row, shape (M,).
        grid: the hours; readings outside are ignored.
        cutoffs_us: cut-off of each site's report days, microseconds since the epoch, shape (S, D), rising.
    """
    index = pl.DataFrame(
        {
            "site_id": [m[0] for m in meters],
            "meter_id": [m[1] for m in meters],
            "row": np.arange(len(meters), dtype=np.int32),
        },
        schema_overrides={"site_id": pl.Utf8, "meter_id": pl.Utf8},
    )
    frame = (
        readings.lazy()
        .select(
            pl.col("site_id").cast(pl.Utf8),
            pl.col("meter_id").cast(pl.Utf8),
            pl.col("interval_start").dt.epoch("us").alias("start_us"),
            pl.col("interval_s").cast(pl.Int64),
            pl.col("value"),
            pl.col("available_at").dt.epoch("us").alias("available_us"),
        )
        .join(index.lazy(), on=["site_id", "meter_id"], how="inner")
        .sort(["row", "start_us", "available_us", "value"])
        .with_columns(
            pl.when((pl.col("row").shift(-1) == pl.col("row")) & (pl.col("start_us").shift(-1) == pl.col("start_us")))
            .then(pl.col("available_us").shift(-1))
            .alias("superseded_us")
        )
        .select("row", "start_us", "interval_s", "value", "available_us", "superseded_us")
        .collect()
    )
    row = frame["row"].to_numpy()
    series = series_of_meter[row]
    first_day = _first_day_at(frame["available_us"].to_numpy(), series, cutoffs_us)
    value = frame["value"].to_numpy()
    usable = np.isfinite(value)
    base_us = (grid.start_s + grid.offset_s[series]) * _US
    relative_s = (frame["start_us"].to_numpy() - base_us) // _US
    added = _split_into_hours(
        row[usable],
        relative_s[usable],
        frame["interval_s"].to_numpy()[usable],
        value[usable],
        first_day[usable],
        grid.hours,
    )
    superseded = frame["superseded_us"]
    gone = usable & superseded.is_not_null().to_numpy()
    removed = _split_into_hours(
        row[gone],
        relative_s[gone],
        frame["interval_s"].to_numpy()[gone],
        value[gone],
        _first_day_at(superseded.fill_null(0).to_numpy()[gone], series[gone], cutoffs_us),
        grid.hours,
    )
    both = [np.concatenate(pair) for pair in zip(added, removed, strict=True)]
    sign = np.ones(len(both[0]), dtype=np.int64)
    sign[len(added[0]) :] = -1
    order = np.lexsort((both[1], both[0], both[2]))
    return Contributions(
        row=both[0][order].astype(np.int32),
        hour=both[1][order].astype(np.int32),
        day=both[2][order].astype(np.int32),
        seconds=(both[3] * sign)[order].astype(np.int32),
        milliwatt_s=(both[4] * sign)[order],
    )


def _first_day_at(
    instants_us: npt.NDArray[np.int64],
    series: npt.NDArray[np.intp],
    cutoffs_us: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    """Return the index of the first report day whose cut-off is not before each instant."""
    days = cutoffs_us.shape[1]
    out = np.empty(len(instants_us), dtype=np.int32)
    # Sites of one zone share their cut-offs: one search a distinct row.
    distinct, of_series = np.unique(cutoffs_us, axis=0, return_inverse=True)
    group = of_series.reshape(-1)[series]
    for g in range(len(distinct)):
        mine = group == g
        out[mine] = np.searchsorted(distinct[g], instants_us[mine], side="left")
    return np.minimum(out, days)


def _split_into_hours(
    row: npt.NDArray[np.int32],
    start_s: npt.NDArray[np.int64],
    length_s: npt.NDArray[np.int64],
    value_kw: npt.NDArray[np.float64],
    day: npt.NDArray[np.int32],
    hours: int,
) -> tuple[npt.NDArray[np.int64], ...]:
    """Cut intervals at hour boundaries; return row, hour, day, seconds, milliwatt-seconds inside the grid."""
    milliwatt = np.rint(value_kw * _MILLIWATT_PER_KW).astype(np.int64)
    first = start_s // HOUR_S
    last = (start_s + length_s - 1) // HOUR_S
    pieces = np.maximum(last - first + 1, 0)
    if len(pieces) and pieces.max() > 1:
        at = np.repeat(np.arange(len(row)), pieces)
        step = np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        row, day = row[at], day[at]
        start_s, length_s, milliwatt = start_s[at], length_s[at], milliwatt[at]
        hour = first[at] + step
        left = np.maximum(start_s, hour * HOUR_S)
        right = np.minimum(start_s + length_s, (hour + 1) * HOUR_S)
        seconds = right - left
    else:
        hour, seconds = first, length_s
    inside = (hour >= 0) & (hour < hours) & (seconds > 0)
    return (
        row[inside].astype(np.int64),
        hour[inside],
        day[inside].astype(np.int64),
        seconds[inside],
        milliwatt[inside] * seconds[inside],
    )


@dataclass
class MeterHours:
    """Hourly sums of M meters, carried forward from report day to report day.

    `seconds` and `milliwatt_s` have shape (M, H).
    """

    seconds: npt.NDArray[np.int32]
    milliwatt_s: npt.NDArray[np.int64]

    @staticmethod
    def empty(meters: int, hours: int) -> MeterHours:
        """Return hours of which nothing was seen yet."""
        return MeterHours(np.zeros((meters, hours), np.int32), np.zeros((meters, hours), np.int64))

    def until(self, hours: int) -> MeterHours:
        """Return the first hours, as a view."""
        return MeterHours(self.seconds[:, :hours], self.milliwatt_s[:, :hours])

    def add(self, part: Contributions) -> None:
        """Add contributions in place."""
        np.add.at(self.seconds, (part.row, part.hour), part.seconds)
        np.add.at(self.milliwatt_s, (part.row, part.hour), part.milliwatt_s)

    def mean_kw(self) -> npt.NDArray[np.float64]:
        """Return the mean over what was seen of each hour, kW or degC, shape (M, H); NaN where nothing was."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.seconds > 0, self.milliwatt_s / self.seconds / _MILLIWATT_PER_KW, np.nan)

    def coverage(self) -> npt.NDArray[np.float64]:
        """Return the share of each hour that was seen, 0 to 1, shape (M, H)."""
        return np.clip(self.seconds / HOUR_S, 0.0, 1.0)
