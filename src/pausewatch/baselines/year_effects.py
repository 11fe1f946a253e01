"""What a load owes to the time of year and to the weather of the last day, told together where a whole year was seen.

Told one after the other, temperature takes what belongs to the season. Here the slopes of the temperature now, those of
the temperature felt (behind a lag of a day: buildings and people follow it late), the annual harmonics, the day's shape
that moves with the season, and a straight trend are one regression beside free hours of the week. Every fifth hour is
enough for these few slopes: five has no common divisor with day or week, and an hour says little that its neighbours
don't. The hours of the week themselves are told by every hour (`cells_kw`): a fifth of them would leave an unevenness
in what is expected that comes back each week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Floats, Series
from pausewatch.baselines.features import (
    PIECES,
    TemperatureScale,
    day_weight,
    felt_temperature,
    filled_temperature,
    temperature_pieces,
    thermometers,
    weather_kw,
    zone_groups,
)
from pausewatch.baselines.levels import SEASONS, seasons
from pausewatch.baselines.within_cells import WeekCells, by_day_of_week, shrunk_cells
from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid

DAY_SEASONS = 4
"""Columns of the day's shape by season: one cycle a day (sine, cosine) times one cycle a year (sine, cosine)."""

_EVERY_H = 5
_BLOCK = 5
_ANGLE = 2 * np.pi * np.arange(24) / 24.0
_DAY_CURVES = np.stack([np.sin(_ANGLE), np.cos(_ANGLE)])
# Where in the design: temperature, the same by day, temperature felt, seasons, the day's shape by season, trend.
_FELT = 2 * PIECES
_OF_YEAR = 3 * PIECES
_TREND = _OF_YEAR + SEASONS + DAY_SEASONS


@dataclass(frozen=True)
class YearEffects:
    """Effects of the time of year of a batch; all arrays begin with the series axis.

    Args:
        seasons_kw: coefficients of `levels.seasons`, (S, SEASONS); 0 where the time of year isn't known.
        day_seasons_kw: coefficients of the day's shape by season, (S, DAY_SEASONS).
        felt_slopes: of the pieces of the temperature felt, (S, PIECES).
        felt_c: temperature felt at the freeze, (S,).
    """

    seasons_kw: Floats
    day_seasons_kw: Floats
    felt_slopes: Floats
    felt_c: Floats

    @staticmethod
    def none(series: int) -> YearEffects:
        """Return the effects of series whose year isn't known."""
        sizes = ((series, SEASONS), (series, DAY_SEASONS), (series, PIECES), (series,))
        return YearEffects(*(np.zeros(size) for size in sizes))

    @property
    def knows_year(self) -> npt.NDArray[np.bool_]:
        """Whether the time of year was learned, shape (S,)."""
        return np.asarray(self.seasons_kw.any(axis=1))

    def subset(self, index: npt.NDArray[np.int64]) -> YearEffects:
        """Return the effects of some of the series."""
        return YearEffects(**{name: rows[index] for name, rows in self.state().items()})

    def put(self, index: npt.NDArray[np.int64], some: YearEffects) -> None:
        """Take over the effects of some of the series."""
        for name, rows in some.state().items():
            getattr(self, name)[index] = rows

    def state(self) -> dict[str, Floats]:
        """Return the effects as plain arrays."""
        return vars(self).copy()

    def season_kw(self, grid: HourGrid) -> Floats:
        """Return what the time of year adds at each hour, shape (S, H)."""
        of_year = seasons(grid.start_s / 86_400.0 + np.arange(grid.hours) / 24.0)
        out = np.asarray(self.seasons_kw @ of_year.T)
        if self.day_seasons_kw.any():
            for curve, by_season in zip(_DAY_CURVES, np.split(self.day_seasons_kw, 2, axis=1), strict=True):
                out += np.take(curve, grid.local_hour) * (by_season @ of_year[:, :2].T)
        return out

    def felt_kw(self, grid: HourGrid, temperature_c: Floats, scale: TemperatureScale, freeze_s: int) -> Floats:
        """Return what the temperature felt adds at each hour, shape (S, H).

        What was felt before the grid is known if it begins at the freeze; else its first day stands in, which some
        days later makes no difference.
        """
        if not self.felt_slopes.any():
            return np.zeros(temperature_c.shape)
        before = self.felt_c if grid.start_s == freeze_s else None
        return self.of_felt_kw(_felt(grid, temperature_c, scale, before)[1], scale)

    def of_felt_kw(self, felt_c: Floats, scale: TemperatureScale) -> Floats:
        """Return what temperatures felt add, shape (S, H)."""
        out = np.zeros(felt_c.shape)
        for k, piece in enumerate(temperature_pieces(felt_c, scale)):
            out += piece * self.felt_slopes[:, k, None]
        return out


@dataclass(frozen=True)
class ToldTogether:
    """What the regression says of some series.

    Args:
        slopes: of the temperature's pieces, the same weighted to the day, (S, 2 * PIECES).
        effects: of the year.
        felt_c: temperature felt, (S, H).
    """

    slopes: Floats
    effects: YearEffects
    felt_c: Floats

    @staticmethod
    def of(reference: Series, weight: Floats, scale: TemperatureScale, ridge: float) -> ToldTogether:
        """Fit series that have temperatures, each on a whole year.

        Args:
            reference: the series, holidays' effect taken off.
            weight: robust weights, 0 where unseen, shape (S, H).
            scale: of temperatures.
            ridge: penalty as a share of the data's own information.
        """
        grid = reference.grid
        series = len(reference.keys)
        filled, felt = _felt(grid, reference.temperature_c, scale)
        load = np.nan_to_num(reference.load_kw)
        slopes = np.zeros((series, _TREND))
        for zone in zone_groups(grid):
            cells = WeekCells.of(grid, int(zone[0]), _EVERY_H)
            shared = _shared_columns(grid, cells)
            for first in range(0, len(zone), _BLOCK):
                mine = zone[first : first + _BLOCK]
                now, lately, drawn, weighs = (cells.laid(of[mine]) for of in (filled, felt, load, weight))
                slopes[mine] = _regress(now, lately, drawn, weighs, scale.subset(mine), shared, cells, ridge)
        parts = np.split(slopes, [_FELT, _OF_YEAR, _OF_YEAR + SEASONS], axis=1)
        effects = YearEffects(parts[2], parts[3], parts[1], felt[:, -1])
        return ToldTogether(parts[0], effects, felt)

    def explained_kw(self, reference: Series, scale: TemperatureScale) -> Floats:
        """Return what weather and time of year explain of the reference, shape (S, H)."""
        out = weather_kw(reference.grid, reference.temperature_c, scale, self.slopes)
        out += self.effects.of_felt_kw(self.felt_c, scale)
        out += self.effects.season_kw(reference.grid)
        return out


def _felt(
    grid: HourGrid, temperature_c: Floats, scale: TemperatureScale, before_c: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return temperatures, none missing, and those felt, given what was felt before or with the first day for it."""
    own = np.arange(len(thermometers(grid, temperature_c)))
    filled = filled_temperature(grid.subset(own.tolist()), temperature_c[own], scale.subset(own))
    felt = felt_temperature(filled, filled[:, :24].mean(axis=1) if before_c is None else before_c[own])
    of_lanes = np.arange(len(temperature_c)) % len(own)
    return filled[of_lanes], felt[of_lanes]


def _shared_columns(grid: HourGrid, cells: WeekCells) -> Floats:
    """Return the columns that series of a zone share as laid out: by day, seasons, day by season, trend, (., N)."""
    hours = np.arange(grid.hours)
    of_year = seasons(grid.start_s / 86_400.0 + hours / 24.0)
    hour_of_day = np.repeat(np.arange(24), 7 * cells.width)
    laid = np.take(of_year, cells.source, axis=0).T
    trend = np.take((hours - hours.mean()) / max(hours[-1], 1), cells.source)
    day = [curve[hour_of_day] * laid[k] for curve in _DAY_CURVES for k in range(2)]
    return np.vstack([day_weight(hour_of_day), laid, *day, trend])


def _regress(
    filled_c: Floats,
    felt_c: Floats,
    load: Floats,
    weight: Floats,
    scale: TemperatureScale,
    shared: Floats,
    cells: WeekCells,
    ridge: float,
) -> Floats:
    """Return the slopes without the trend's, (S, _TREND), given rows as laid out.

    What cells' means explain is taken away (Frisch and Waugh 1933).
    """
    series = len(load)
    weight = np.where(cells.is_laid, weight, 0.0)
    design = np.empty((series, _TREND + 2, load.shape[1]))
    for k, piece in enumerate(temperature_pieces(filled_c, scale)):
        design[:, k] = piece
        np.multiply(piece, shared[0], out=design[:, PIECES + k])
    for k, piece in enumerate(temperature_pieces(felt_c, scale)):
        design[:, _FELT + k] = piece
    design[:, _OF_YEAR : _TREND + 1] = shared[1:]
    design[:, -1] = load
    weighted = design * weight[:, None]
    in_cell = np.kron(np.eye(7), np.ones((cells.width, 1)))
    sums = (weighted.reshape(-1, 7 * cells.width) @ in_cell).reshape(series, _TREND + 2, HOURS_PER_WEEK)
    count = cells.sums(weight)
    within = weighted @ design.transpose(0, 2, 1)
    within -= (sums / np.maximum(count, 1e-9)[:, None]) @ sums.transpose(0, 2, 1)
    gram = within[:, :-1, :-1]
    penalty = ridge * np.diagonal(gram, axis1=1, axis2=2) + 1e-6 * np.maximum(count.sum(axis=1), 1.0)[:, None]
    return np.linalg.solve(gram + penalty[:, :, None] * np.eye(_TREND + 1), within[:, :-1, -1:])[:, :-1, 0]


def cells_kw(grid: HourGrid, left_kw: Floats, weight: Floats) -> Floats:
    """Return the effects of the hours of the week in a load beyond weather and time of year, shape (S, 168).

    Args:
        grid: of the S series.
        left_kw: the load, any number where the weight is 0, shape (S, H).
        weight: robust weights, 0 where unseen, shape (S, H).
    """
    out = np.empty((len(left_kw), HOURS_PER_WEEK))
    for zone in zone_groups(grid):
        cells = WeekCells.of(grid, int(zone[0]))
        laid = np.where(cells.is_laid, cells.laid(weight[zone]), 0.0)
        _, effects = shrunk_cells(cells.sums(laid * cells.laid(left_kw[zone])), cells.sums(laid))
        out[zone] = by_day_of_week(effects)
    return out
