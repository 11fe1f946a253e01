"""Meter hours: exact hourly sums of interval data, as they were known on each report day.

A reading becomes visible on the first report day whose cut-off is not before its `available_at`, and stops being
visible on the day a correction of the same interval does. Both are signed *contributions*; the hours known on
day D are the sum of all contributions up to D. Sums are integers (milliwatt-seconds), so that their order
doesn't matter: carrying them from day to day and computing them afresh agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pausewatch.telemetry.grid import HOUR_S, HourGrid

_US = 1_000_000
_MILLIWATT_PER_KW = 1_000_000
_TOGETHER = 1 << 16


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

    @staticmethod
    def joined(parts: Sequence[Contributions]) -> Contributions:
        """Return several as one, by day."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return Contributions(*(np.concatenate(of) for of in columns)).by_day()

    def by_day(self) -> Contributions:
        """Return them sorted by day."""
        if (self.day[1:] >= self.day[:-1]).all():
            return self
        return self._only(np.argsort(self.day, kind="stable"))

    def _only(self, part: slice | npt.NDArray[Any]) -> Contributions:
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
    rows = _Rows.of(readings, meters)
    base_s = (grid.start_s + grid.offset_s)[series_of_meter]

    def parts(of: npt.NDArray[Any], known_us: npt.NDArray[np.int64], sign: int) -> Contributions:
        """Return what some rows contribute from the first report day whose cut-off is not before `known_us`."""
        out = []
        # A part at a time stays in a processor's cache.
        for begin in range(0, max(len(of), 1), _TOGETHER):
            part = slice(begin, begin + _TOGETHER)
            # Of all rows no copies are needed.
            some, known = part if len(of) == len(rows.row) else of[part], known_us[part]
            row = rows.row[some]
            first_day = _first_day_at(known, series_of_meter[row], cutoffs_us)
            start_s = rows.start_us[some] // _US - base_s[row]
            out.append(_in_hours(row, start_s, rows.interval_s[some], rows.value[some], first_day, grid.hours, sign))
        return Contributions.joined(out)

    usable = np.isfinite(rows.value)
    known_us = rows.available_us if usable.all() else rows.available_us[usable]
    added = parts(np.flatnonzero(usable), known_us, 1)
    again = usable[rows.superseded]
    gone = rows.superseded[again]
    return Contributions.joined([added, parts(gone, rows.superseded_us[again], -1)])


@dataclass(frozen=True)
class _Rows:
    """Readings as arrays, in any order; `superseded` are positions of those that a later version took the place of."""

    row: npt.NDArray[np.int32]
    start_us: npt.NDArray[np.int64]
    interval_s: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    available_us: npt.NDArray[np.int64]
    superseded: npt.NDArray[np.intp]
    superseded_us: npt.NDArray[np.int64]

    @staticmethod
    def of(readings: pl.DataFrame, meters: Sequence[tuple[str, str]]) -> _Rows:
        """Find each reading's meter, and what supersedes it. Meters are told by runs: a lake is sorted by meter."""
        changed = readings.select(
            (pl.col("site_id") != pl.col("site_id").shift()) | (pl.col("meter_id") != pl.col("meter_id").shift())
        )
        begin = np.flatnonzero(changed.to_series().fill_null(True).to_numpy())
        index = pl.DataFrame(
            {
                "site_id": [m[0] for m in meters],
                "meter_id": [m[1] for m in meters],
                "row": np.arange(len(meters), dtype=np.int32),
            },
            schema_overrides={"site_id": pl.Utf8, "meter_id": pl.Utf8},
        )
        heads = readings[begin].select(pl.col("site_id").cast(pl.Utf8), pl.col("meter_id").cast(pl.Utf8))
        found = heads.join(index, on=["site_id", "meter_id"], how="left", maintain_order="left")["row"]
        length = np.diff(np.append(begin, len(readings)))
        row = np.repeat(found.fill_null(-1).to_numpy(), length)
        arrays = (
            row,
            readings["interval_start"].dt.epoch("us").to_numpy(),
            readings["interval_s"].cast(pl.Int64).to_numpy(),
            readings["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
            readings["available_at"].dt.epoch("us").to_numpy(),
        )
        if len(row) and row.min() < 0:
            arrays = tuple(values[row >= 0] for values in arrays)  # type: ignore[assignment]
        row, start_us, _, value, available_us = arrays
        doubtful = np.flatnonzero(_may_repeat(row, start_us, len(meters))[row])
        at = doubtful[
            np.lexsort(
                (
                    # Of versions that arrived at once the larger stands, and any value over none.
                    np.where(np.isnan(value[doubtful]), -np.inf, value[doubtful]),
                    available_us[doubtful],
                    start_us[doubtful],
                    row[doubtful],
                )
            )
        ]
        same = (row[at[1:]] == row[at[:-1]]) & (start_us[at[1:]] == start_us[at[:-1]])
        return _Rows(*arrays, superseded=at[:-1][same], superseded_us=available_us[at[1:][same]])


def _may_repeat(row: npt.NDArray[np.int32], start_us: npt.NDArray[np.int64], meters: int) -> npt.NDArray[np.bool_]:
    """Return which meters may hold an interval more than once: those not in rising order over all their runs."""
    out = np.zeros(meters, dtype=np.bool_)
    if not len(row):
        return out
    rising = (row[1:] == row[:-1]) & (start_us[1:] > start_us[:-1])
    begin = np.append(0, np.flatnonzero(~rising) + 1)
    end = np.append(begin[1:], len(row)) - 1
    order = np.lexsort((start_us[begin], row[begin]))
    of, first, last = row[begin][order], start_us[begin][order], start_us[end][order]
    overlaps = (of[1:] == of[:-1]) & (first[1:] <= last[:-1])
    out[of[1:][overlaps]] = True
    return out


def _first_day_at(
    instants_us: npt.NDArray[np.int64],
    series: npt.NDArray[np.intp],
    cutoffs_us: npt.NDArray[np.int64],
) -> npt.NDArray[np.int32]:
    """Return the index of the first report day whose cut-off is not before each instant."""
    days = cutoffs_us.shape[1]
    if days == 1:
        return (instants_us > cutoffs_us[:, 0][series]).astype(np.int32)
    out = np.empty(len(instants_us), dtype=np.int32)
    # Sites of one zone share their cut-offs: one search a distinct row.
    distinct, of_series = np.unique(cutoffs_us, axis=0, return_inverse=True)
    group = of_series.reshape(-1)[series]
    for g in range(len(distinct)):
        mine = group == g
        out[mine] = np.searchsorted(distinct[g], instants_us[mine], side="left")
    return np.minimum(out, days)


def _in_hours(
    row: npt.NDArray[np.int32],
    start_s: npt.NDArray[np.int64],
    length_s: npt.NDArray[np.int64],
    value_kw: npt.NDArray[np.float64],
    day: npt.NDArray[np.int32],
    hours: int,
    sign: int,
) -> Contributions:
    """Cut intervals at hour boundaries and add up neighbours that count for the same hour; outside hours are left."""
    milliwatt = np.rint(value_kw * _MILLIWATT_PER_KW).astype(np.int64)
    first = start_s // HOUR_S
    pieces = np.maximum((start_s + length_s - 1) // HOUR_S - first + 1, 0)
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
    if not inside.all():
        row, hour, day = row[inside], hour[inside], day[inside]
        seconds, milliwatt = seconds[inside], milliwatt[inside]
    if not len(row):
        begin = np.empty(0, dtype=np.intp)
    else:
        begin = np.flatnonzero((hour[1:] != hour[:-1]) | (row[1:] != row[:-1]) | (day[1:] != day[:-1])) + 1
        begin = np.append(0, begin)
    return Contributions(
        row[begin].astype(np.int32),
        hour[begin].astype(np.int32),
        day[begin].astype(np.int32),
        (sign * _sums(seconds, begin)).astype(np.int32),
        sign * _sums(milliwatt * seconds, begin),
    )


def _sums(values: npt.NDArray[np.int64], begin: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    return np.add.reduceat(values, begin) if len(begin) else values


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
