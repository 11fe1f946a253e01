"""The shape of a ridge's fit: effects of week, weather, holidays and time of year, and what they leave to the level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Floats
from pausewatch.baselines.features import COLUMNS, TemperatureScale, by_hour_of_week, weather_kw
from pausewatch.baselines.levels import ByDay
from pausewatch.baselines.within_cells import WeekCells, WithinCells, by_day_of_week, shrunk_cells
from pausewatch.baselines.year_effects import YearEffects
from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid

_ROWS = ("cells_kw", "slopes", "base_kw", "rest_kw", "weight", "spread_kw", "hour_sd_kw")
_DAY_HOURS = 12


@dataclass(frozen=True)
class Shape:
    """What a batch's fit says beyond its level, the costly part of it; all arrays begin with the series axis.

    Args:
        cells_kw: effect of each hour of the week, (S, 168).
        slopes: coefficients of `features.columns`, (S, COLUMNS).
        scale: of temperatures.
        base_kw: level of the whole reference, (S,).
        rest_kw: load beyond the effects, whose recent mean is the level, (S, H); with the time of year of the last
            months alone.
        weight: robust weights, 0 where unseen, likewise.
        spread_kw: robust standard deviation that the weights were told by, (S,).
        hour_sd_kw: standard deviation of what the fit left of the reference itself, (S,).
        freeze_s: the freeze, seconds since the epoch.
        year: effects of the time of year, where they were asked for and some are known.
        by_day: load beyond the effects by day, with them.
    """

    cells_kw: Floats
    slopes: Floats
    scale: TemperatureScale
    base_kw: Floats
    rest_kw: Floats
    weight: Floats
    spread_kw: Floats
    hour_sd_kw: Floats
    freeze_s: int
    year: YearEffects | None = None
    by_day: ByDay | None = None

    def with_rows(self, index: npt.NDArray[np.int64], other: Shape) -> Shape:
        """Return the shape with some series' rows of another that was fitted to them alone."""
        out = {}
        for name in _ROWS:
            out[name] = getattr(self, name).copy()
            out[name][index] = getattr(other, name)
        return replace(self, **out)

    def effects_kw(self, grid: HourGrid, temperature_c: Floats) -> Floats:
        """Return what week, weather, holidays and time of year add to the level, shape (S, H)."""
        out = weather_kw(grid, temperature_c, self.scale, self.slopes)
        if self.year is not None:
            out += self.year.season_kw(grid)
            out += self.year.felt_kw(grid, temperature_c, self.scale, self.freeze_s)
        out += by_hour_of_week(grid, self.cells_kw)
        out += grid.is_holiday * self.slopes[:, -1, None]
        return out


class EmptyShape:
    """The arrays of a `Shape`, filled a block of series at a time, while the block is in a processor's cache."""

    def __init__(self, series: int, hours: int) -> None:
        self.cells_kw = np.zeros((series, HOURS_PER_WEEK))
        self.slopes = np.zeros((series, COLUMNS))
        self.base_kw, self.hour_sd_kw, self.spread_kw = np.zeros(series), np.zeros(series), np.zeros(series)
        self.rest_kw, self.weight = np.empty((series, hours)), np.empty((series, hours))

    def put(
        self,
        mine: npt.NDArray[np.int64],
        fit: WithinCells,
        seen: npt.NDArray[np.bool_],
        is_holiday: npt.NDArray[np.bool_],
        cells: WeekCells,
    ) -> None:
        """Take over a block's fit: its holidays credited, its hour-of-week effects shrunk."""
        holiday, by_trend = fit.slopes[:, -2], fit.slopes[:, -1]
        kept = holiday * _holiday_credit(holiday, fit.residual, seen, is_holiday)
        # The trend is fitted along so that it isn't mistaken for weather; it is estimated afresh with the level.
        self.slopes[mine, COLUMNS - fit.slopes.shape[1] + 1 :] = fit.slopes[:, :-1]
        self.slopes[mine, -1] = kept
        not_credited = (holiday - kept)[:, None]
        total = fit.mean_kw * fit.weight_sums + fit.residual_sums
        beyond = np.take(fit.mean_kw, cells.cell, axis=1) + fit.residual
        if not_credited.any():
            on_holidays = np.where(is_holiday, not_credited, 0.0)
            beyond += on_holidays
            total += cells.sums(np.where(cells.is_laid, cells.laid(fit.weight * on_holidays), 0.0))
        base, effects = shrunk_cells(total, fit.weight_sums)
        days = np.arange(beyond.shape[1]) / 24.0
        beyond += by_trend[:, None] * ((days - days.mean()) / max(days[-1], 1.0))
        beyond -= np.take(effects, cells.cell, axis=1)
        self.rest_kw[mine], self.weight[mine] = beyond, fit.weight
        self.cells_kw[mine] = by_day_of_week(effects)
        self.base_kw[mine], self.spread_kw[mine] = base, fit.spread_kw
        square = np.einsum("sh,sh,sh->s", fit.weight, fit.residual, fit.residual)
        self.hour_sd_kw[mine] = np.sqrt(square / np.maximum(fit.weight_sums.sum(axis=1), 1e-9))


def _holiday_credit(
    effect_kw: Floats, residual_kw: Floats, seen: npt.NDArray[np.bool_], is_holiday: npt.NDArray[np.bool_]
) -> Floats:
    """Return how much of each series' holiday effect is kept, 0 to 1: none within two standard errors of nothing.

    A few holidays' mean is as uncertain as a few days' means are; an effect of chance would put an edge at midnight
    into every later holiday, which a test for steps takes for load.
    """
    whole = residual_kw.shape[1] // 24 * 24
    day = np.ones(24)
    days = np.where(seen, residual_kw, 0.0)[:, :whole].reshape(len(residual_kw), -1, 24) @ day
    hours = seen[:, :whole].reshape(len(residual_kw), -1, 24) @ day
    enough = hours >= _DAY_HOURS
    means = np.where(enough, days / np.maximum(hours, 1), 0.0)
    variance = (means**2).sum(axis=1) / np.maximum(enough.sum(axis=1), 1)
    held = (seen & is_holiday).sum(axis=1) / 24.0
    error = np.sqrt(variance / np.maximum(held, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(effect_kw != 0, np.clip(1.0 - (2.0 * error / effect_kw) ** 2, 0.0, 1.0), 0.0)
