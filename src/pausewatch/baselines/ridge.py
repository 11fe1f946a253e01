"""The default baseline: ridge on time of week and temperature, for a whole batch of series at once.

Hour-of-week effects are absorbed (every column is taken relative to its cell), which leaves a small regression on
temperature and holidays; the effects follow, shrunk towards those of their kind of day. Weights are robust (Tukey), so
that load-bank tests and spikes don't bend the shape. The level is that of the last weeks before the freeze; a trend
goes on for as long as held-out data say it does, and fades. Where a year was seen, one kind knows the time of year too,
and how much of what the last days drew beyond it passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.features import (
    TemperatureScale,
    by_hour_of_week,
    filled_temperature,
    fit_temperature,
    weather_kw,
    zone_groups,
)
from pausewatch.baselines.levels import (
    MIN_YEAR_DAYS,
    ByDay,
    fit_seasons,
    hours_remembered,
    knows_year,
    level_and_trend,
    returned,
    seasons,
    way_back,
)
from pausewatch.baselines.ridge_shape import EmptyShape, Shape
from pausewatch.baselines.within_cells import WeekCells, regress
from pausewatch.baselines.year_effects import ToldTogether, YearEffects, cells_kw
from pausewatch.telemetry.grid import HourGrid

_ROUNDS = 3
# Series fitted together: few enough for a processor's cache.
_BLOCK, _BLOCK_WITHOUT_WEATHER = 5, 10
_FADE_DAYS = 60.0
_HOLIDAY_PRIOR_HOURS = 48.0
_ROWS = (
    "cells_kw",
    "slopes",
    "level_kw",
    "level_age_days",
    "trend_kw_day",
    "trend_share",
    "hour_sd_kw",
    "gap_kw",
    "return_share",
)
ShapeKey = tuple[float, bool, bool]


@dataclass(frozen=True)
class FittedRidge:
    """A fitted batch; all arrays begin with the series axis.

    Args:
        cells_kw: effect of each hour of the week, (S, 168).
        slopes: coefficients of `features.columns`, (S, COLUMNS).
        scale: of temperatures.
        level_kw: load of the last weeks beyond the effects, (S,).
        level_age_days: how long before the freeze that level held on average, (S,).
        trend_kw_day: slope of the level, (S,).
        trend_share: how much of the slope is carried on, 0 to 1, (S,).
        hour_sd_kw: standard deviation of what the fit left of the reference itself, (S,).
        gap_kw: from the level to that of the last months, (S,); 0 without the time of year.
        return_share: how much of that way the level will go, 0 to 1, (S,).
        year: effects of the time of year; none where it isn't known or not looked at.
        freeze_s: the freeze, seconds since the epoch.
    """

    cells_kw: Floats
    slopes: Floats
    scale: TemperatureScale
    level_kw: Floats
    level_age_days: Floats
    trend_kw_day: Floats
    trend_share: Floats
    hour_sd_kw: Floats
    gap_kw: Floats
    return_share: Floats
    year: YearEffects
    freeze_s: int

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict the mean with the reference's own spread; `freeze` puts the measured uncertainty in its place."""
        weather = weather_kw(grid, temperature_c, self.scale, self.slopes)
        weather += self.year.felt_kw(grid, temperature_c, self.scale, self.freeze_s)
        holiday = grid.is_holiday * self.slopes[:, -1, None]
        week = by_hour_of_week(grid, self.cells_kw)
        level = self.level_kw[:, None] + self.trend_share[:, None] * self.trend_kw(grid)
        level += (self.return_share * self.gap_kw)[:, None] * returned(self._days_ahead(grid))
        season = self.year.season_kw(grid)
        mean = level + season + week + weather + holiday
        sd = np.broadcast_to(self.hour_sd_kw[:, None], mean.shape).copy()
        parts = {
            "level and trend": level,
            "time of year": season,
            "hour of week": week,
            "temperature": weather,
            "holiday": holiday,
        }
        return Expected(mean, sd, np.full_like(mean, np.nan), parts)

    def trend_kw(self, grid: HourGrid) -> Floats:
        """Return what the whole trend adds to the level at each hour, shape (S, H)."""
        ahead = trend_curve(self._days_ahead(grid))
        return np.asarray(self.trend_kw_day[:, None] * (ahead[None, :] + self.level_age_days[:, None]))

    def _days_ahead(self, grid: HourGrid) -> Floats:
        return np.asarray((grid.start_s + 3600.0 * np.arange(grid.hours) - self.freeze_s) / 86_400.0)

    def subset(self, index: npt.NDArray[np.int64]) -> FittedRidge:
        """Return the fit of some of the series."""
        rows = {k: getattr(self, k)[index] for k in _ROWS}
        return replace(self, **rows, scale=self.scale.subset(index), year=self.year.subset(index))

    def with_trend_share(self, share: Floats) -> FittedRidge:
        """Return the same fit carrying on another share of its trend."""
        return replace(self, trend_share=share)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fit as plain arrays."""
        return {
            "cells_kw": self.cells_kw,
            "slopes": self.slopes,
            "knots_c": self.scale.knots_c,
            "climatology": self.scale.climatology,
            "temperature_is_known": self.scale.is_known,
            "level_kw": self.level_kw,
            "level_age_days": self.level_age_days,
            "trend_kw_day": self.trend_kw_day,
            "trend_share": self.trend_share,
            "hour_sd_kw": self.hour_sd_kw,
            "gap_kw": self.gap_kw,
            "return_share": self.return_share,
            **self.year.state(),
            "freeze_s": np.full(len(self.level_kw), self.freeze_s, dtype=np.int64),
        }


@dataclass(frozen=True)
class RidgeBaseline:
    """Configuration of the ridge baseline.

    Args:
        ridge: penalty on temperature and holiday columns, as a share of the data's own information.
        level_days: how far back the level remembers: the time constant of an exponential weight.
        has_weather: whether temperature is looked at.
        has_season: whether the time of year is, where a whole year was seen.
    """

    name: ClassVar[str] = "ridge"
    ridge: float = 1e-3
    level_days: float = 14.0
    has_weather: bool = True
    has_season: bool = False

    @property
    def shape_key(self) -> ShapeKey:
        """What the shape depends on: configurations with the same key share it."""
        return self.ridge, self.has_weather, self.has_season

    @property
    def plain_key(self) -> ShapeKey:
        """What the shape depends on that `of_year` begins with."""
        return self.ridge, self.has_weather, False

    def fit(self, reference: Series) -> FittedRidge:
        """Fit every series of the batch on the hours it may learn from."""
        return self.levelled(self.of_year(reference, self.shape(reference)))

    def shape(self, reference: Series, begin: Floats | None = None) -> Shape:
        """Fit what doesn't depend on how far back the level remembers.

        Args:
            reference: the series.
            begin: robust weights to begin with, shape (S, H), where an earlier fit told them: one round suffices then;
                a row of NaN where none did.
        """
        grid, load = reference.grid, reference.load_kw
        series = len(load)
        seen = np.isfinite(load)
        temperature = reference.temperature_c
        scale = fit_temperature(grid, temperature) if self.has_weather else TemperatureScale.unknown(series)
        filled = filled_temperature(grid, temperature, scale) if self.has_weather else temperature
        is_begun = np.zeros(series, np.bool_) if begin is None else np.asarray(np.isfinite(begin).all(axis=1))
        out = EmptyShape(series, grid.hours)
        for zone in zone_groups(grid):
            cells = WeekCells.of(grid, int(zone[0]))
            for is_known in (True, False):
                for is_later in (True, False):
                    group = zone[(scale.is_known[zone] == is_known) & (is_begun[zone] == is_later)]
                    block = _BLOCK if is_known else _BLOCK_WITHOUT_WEATHER
                    for first in range(0, len(group), block):
                        mine = group[first : first + block]
                        fit = regress(
                            np.where(seen[mine], load[mine], 0.0),
                            seen[mine],
                            filled[mine] if is_known else None,
                            scale.subset(mine),
                            grid.is_holiday[mine],
                            cells,
                            ridge=self.ridge,
                            holiday_prior_hours=_HOLIDAY_PRIOR_HOURS,
                            rounds=_ROUNDS if begin is None or not is_later else 1,
                            first_weight=None if begin is None or not is_later else begin[mine],
                        )
                        out.put(mine, fit, seen[mine], grid.is_holiday[mine], cells)
        return Shape(
            cells_kw=out.cells_kw,
            slopes=out.slopes,
            scale=scale,
            base_kw=out.base_kw,
            rest_kw=out.rest_kw,
            weight=out.weight,
            spread_kw=out.spread_kw,
            hour_sd_kw=out.hour_sd_kw,
            freeze_s=grid.start_s + grid.hours * 3600,
        )

    def of_year(self, reference: Series, shape: Shape) -> Shape:
        """Return a shape of the reference with the effects of the time of year, where they are looked at and known.

        Where there are temperatures they are told afresh along with them, with the robust weights that are known.
        """
        if not self.has_season or shape.rest_kw.shape[1] < 24 * MIN_YEAR_DAYS:
            return shape
        freeze_day = shape.freeze_s / 86_400.0
        by_day = ByDay.of(None, shape.weight)
        known = knows_year(by_day, freeze_day)
        if not known.any():
            return shape
        hours = shape.rest_kw.shape[1]
        late = slice(max(hours - hours_remembered(self.level_days), 0), hours)
        recent = reference.grid.sliced(late.start, late.stop)
        year = YearEffects.none(len(known))
        cells, slopes, rest = shape.cells_kw.copy(), shape.slopes.copy(), shape.rest_kw[:, late].copy()
        blind = np.flatnonzero(known & ~shape.scale.is_known)
        if len(blind):
            by_day.put(blind, ByDay.of(shape.rest_kw[blind], shape.weight[blind]))
            year.seasons_kw[blind] = fit_seasons(by_day.subset(blind), freeze_day)
            rest[blind] -= year.subset(blind).season_kw(recent.subset(blind.tolist()))
            by_day.load[blind] -= by_day.weight[blind] * (
                year.seasons_kw[blind] @ seasons(by_day.middles(freeze_day)).T
            )
        warm = np.flatnonzero(known & shape.scale.is_known)
        if len(warm):
            on_holidays = reference.grid.is_holiday[warm] * shape.slopes[warm, -1, None]
            mine = reference.subset(warm.tolist())
            mine = replace(mine, load_kw=mine.load_kw - on_holidays)
            scale = shape.scale.subset(warm)
            told = ToldTogether.of(mine, shape.weight[warm], scale, self.ridge)
            slopes[warm, : told.slopes.shape[1]] = told.slopes
            year.put(warm, told.effects)
            left = np.nan_to_num(mine.load_kw) - told.explained_kw(mine, scale)
            cells[warm] = cells_kw(mine.grid, left, shape.weight[warm])
            left -= by_hour_of_week(mine.grid, cells[warm])
            by_day.put(warm, ByDay.of(left, shape.weight[warm]))
            rest[warm] = left[:, late]
        return replace(
            shape,
            cells_kw=cells,
            slopes=slopes,
            rest_kw=rest,
            weight=shape.weight[:, late],
            year=year,
            by_day=by_day,
        )

    def levelled(self, shape: Shape) -> FittedRidge:
        """Return the fit of a shape with the level of its last weeks."""
        series, hours = shape.rest_kw.shape
        late = slice(max(hours - hours_remembered(self.level_days), 0), hours)
        days = np.arange(late.start, hours) / 24.0
        rest = shape.rest_kw[:, late]
        year, gap, share = YearEffects.none(series), np.zeros(series), np.zeros(series)
        if shape.year is not None and shape.by_day is not None:
            year = shape.year
            gap, share = (np.where(year.knows_year, of, 0.0) for of in way_back(shape.by_day, self.level_days))
        level, age, slope = level_and_trend(rest, shape.weight[:, late], days, self.level_days)
        return FittedRidge(
            cells_kw=shape.cells_kw,
            slopes=shape.slopes,
            scale=shape.scale,
            level_kw=np.where(np.isfinite(level), level, shape.base_kw),
            level_age_days=age,
            trend_kw_day=slope,
            trend_share=np.zeros(len(level)),
            hour_sd_kw=shape.hour_sd_kw,
            gap_kw=gap,
            return_share=share,
            year=year,
            freeze_s=shape.freeze_s,
        )

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedRidge:
        """Rebuild a fitted batch."""
        scale = TemperatureScale(state["knots_c"], state["climatology"], state["temperature_is_known"])
        return FittedRidge(
            state["cells_kw"],
            state["slopes"],
            scale,
            state["level_kw"],
            state["level_age_days"],
            state["trend_kw_day"],
            state["trend_share"],
            state["hour_sd_kw"],
            state["gap_kw"],
            state["return_share"],
            YearEffects(*(state[name] for name in ("seasons_kw", "day_seasons_kw", "felt_slopes", "felt_c"))),
            int(state["freeze_s"][0]) if len(state["freeze_s"]) else 0,
        )


@dataclass(frozen=True)
class RecentRidgeBaseline(RidgeBaseline):
    """The ridge with a level of the last week or so, for loads whose level wanders faster than it is noisy."""

    name: ClassVar[str] = "ridge_recent"
    level_days: float = 7.0


@dataclass(frozen=True)
class WeatherlessRidgeBaseline(RidgeBaseline):
    """The ridge blind to temperature, for meters of one that misleads: far away, in the sun, or of another place."""

    name: ClassVar[str] = "ridge_no_weather"
    level_days: float = 7.0
    has_weather: bool = False


@dataclass(frozen=True)
class YearRidgeBaseline(RidgeBaseline):
    """The ridge with the time of year, learned from a whole one; without one it is `ridge_recent`."""

    name: ClassVar[str] = "ridge_year"
    level_days: float = 7.0
    has_season: bool = True


@dataclass(frozen=True)
class WeatherlessYearRidgeBaseline(RidgeBaseline):
    """The ridge with the time of year and blind to temperature."""

    name: ClassVar[str] = "ridge_year_no_weather"
    level_days: float = 7.0
    has_weather: bool = False
    has_season: bool = True


def trend_curve(days_ahead: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return the days that a trend goes on for: fewer and fewer of those ahead, all of those behind."""
    ahead = np.maximum(days_ahead, 0.0)
    return np.asarray(np.where(days_ahead > 0, _FADE_DAYS * (1 - np.exp(-ahead / _FADE_DAYS)), days_ahead))
