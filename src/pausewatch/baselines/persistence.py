"""The baseline any other must beat: the last weeks go on.

The mean of three plain forecasts: the last value of the same hour of the week, the mean of its last four, and the level
of the last 28 days. It knows no weather and no holidays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.features import by_hour_of_week, zone_groups
from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid

_WEEKS = 4
_LEVEL_HOURS = 28 * 24
# Five weeks, so that an hour missing here and there doesn't matter.
_LATELY_HOURS = 35 * 24


@dataclass(frozen=True)
class FittedPersistence:
    """What goes on, series by series.

    Args:
        cells_kw: the forecast of each hour of the week, (S, 168).
        level_kw: mean of the last 28 days that were seen, (S,).
        hour_sd_kw: standard deviation of the change from one week to the next, (S,).
    """

    cells_kw: Floats
    level_kw: Floats
    hour_sd_kw: Floats

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Repeat the last weeks; `temperature_c` is not used."""
        del temperature_c
        mean = by_hour_of_week(grid, self.cells_kw)
        level = np.broadcast_to(self.level_kw[:, None], mean.shape).copy()
        sd = np.broadcast_to(self.hour_sd_kw[:, None], mean.shape).copy()
        return Expected(mean, sd, np.full_like(mean, np.nan), {"level": level, "hour of week": mean - level})

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fit as plain arrays."""
        return {"cells_kw": self.cells_kw, "level_kw": self.level_kw, "hour_sd_kw": self.hour_sd_kw}


@dataclass(frozen=True)
class PersistenceBaseline:
    """Configuration of the persistence ensemble: it has none."""

    name: ClassVar[str] = "persistence"

    def fit(self, reference: Series) -> FittedPersistence:
        """Take the last weeks of every series."""
        load = reference.load_kw
        cells, level = np.empty((len(load), HOURS_PER_WEEK)), np.empty(len(load))
        # The last weeks tell all of a series that was seen throughout them.
        late = max(load.shape[1] - _LATELY_HOURS, 0)
        week = _week_cells(reference.grid, late)
        is_enough = _holds_enough(load[:, late:], week)
        mine, others = np.flatnonzero(is_enough), np.flatnonzero(~is_enough)
        cells[mine], level[mine] = _last_weeks(load[mine, late:], week[mine])
        if len(others):
            cells[others], level[others] = _last_weeks(load[others], _week_cells(reference.grid, 0)[others])
        change = load[:, HOURS_PER_WEEK:] - load[:, :-HOURS_PER_WEEK]
        known = np.isfinite(change)
        change[~known] = 0.0
        sd = np.sqrt(np.vecdot(change, change) / np.maximum(np.count_nonzero(known, axis=1), 1))
        return FittedPersistence(cells, level, sd)

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedPersistence:
        """Rebuild a fitted batch."""
        return FittedPersistence(state["cells_kw"], state["level_kw"], state["hour_sd_kw"])


def _week_cells(grid: HourGrid, first: int) -> npt.NDArray[np.int64]:
    """Return the hour of the week of each hour from `first` on, shape (S, H - first)."""
    out = np.empty((len(grid.zones), grid.hours - first), dtype=np.int64)
    for mine in zone_groups(grid):
        out[mine] = grid.week_hours(int(mine[0]), first)
    return out


def _holds_enough(load_kw: Floats, week: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the series whose every hour of the week was seen often enough in these hours, and 28 days in all, (S,)."""
    seen = np.isfinite(load_kw)
    count = _by_cell(week, seen.astype(np.float64))
    return np.asarray((count >= _WEEKS).all(axis=1) & (seen.sum(axis=1) >= _LEVEL_HOURS))


def _last_weeks(load_kw: Floats, week: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the forecast of each hour of the week, (S, 168), and the level of the last 28 days seen, (S,)."""
    seen = np.isfinite(load_kw)
    # How many seen hours follow each one: the last 28 days that were seen, whenever that was.
    later = seen[:, ::-1].cumsum(axis=1)[:, ::-1]
    lately = seen & (later <= _LEVEL_HOURS)
    level = np.where(lately, load_kw, 0.0).sum(axis=1) / np.maximum(lately.sum(axis=1), 1)
    # Newest first, grouped by cell: the place of each seen hour among those of its cell.
    row, back = np.nonzero(seen[:, ::-1])
    hour = load_kw.shape[1] - 1 - back
    cell = row * HOURS_PER_WEEK + week[row, hour]
    order = np.argsort(cell, kind="stable")
    cell, value = cell[order], load_kw[row[order], hour[order]]
    place = np.arange(len(cell)) - np.searchsorted(cell, cell)
    last = _cell_means(cell[place == 0], value[place == 0], level)
    of_weeks = _cell_means(cell[place < _WEEKS], value[place < _WEEKS], level)
    return (last + of_weeks + level[:, None]) / 3.0, level


def _by_cell(week: npt.NDArray[np.int64], values: Floats) -> Floats:
    """Return sums by hour of the week, shape (S, 168)."""
    flat = (week + HOURS_PER_WEEK * np.arange(len(week))[:, None]).ravel()
    return np.asarray(np.bincount(flat, values.ravel(), len(week) * HOURS_PER_WEEK).reshape(-1, HOURS_PER_WEEK))


def _cell_means(cell: npt.NDArray[np.int64], value: Floats, level_kw: Floats) -> Floats:
    """Return the mean of each hour of the week, the level where there is none, shape (S, 168)."""
    size = len(level_kw) * HOURS_PER_WEEK
    count = np.bincount(cell, minlength=size).reshape(-1, HOURS_PER_WEEK)
    total = np.bincount(cell, value, size).reshape(-1, HOURS_PER_WEEK)
    return np.where(count > 0, total / np.maximum(count, 1), level_kw[:, None])
