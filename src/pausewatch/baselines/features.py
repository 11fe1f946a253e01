"""Features of an hour: cell of the week, and outdoor temperature as straight pieces.

Time of week and temperature (TOWT): Mathieu, Price, Kiliccote and Piette, "Quantifying changes in building electricity
use", IEEE Trans. Smart Grid 2 (2011). Temperature has its own slopes by day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.order_statistics import row_quantiles

Floats = npt.NDArray[np.float64]

KNOT_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
PIECES = len(KNOT_QUANTILES) + 1
COLUMNS = 2 * PIECES + 1
"""Temperature pieces at all hours, the same weighted to the day, and holidays."""

_DAY_WEIGHT = 0.5 * (1 - np.cos(2 * np.pi * (np.arange(24) - 2.0) / 24.0))
_YEAR_H = 8766.0
_GUESS_MARGIN = 0.25
_SEASONS = 7
# What is felt follows the temperature behind a first-order lag of a day.
_FELT_H = 24.0
_BLOCK_H = 24


@dataclass(frozen=True)
class TemperatureScale:
    """How a series' temperatures become pieces, and what stands in where one is missing; shapes (S, ...).

    Args:
        knots_c: temperature knots, (S, len(KNOT_QUANTILES)).
        climatology: coefficients of the season and hour of day, (S, 7); for hours without a temperature.
        is_known: whether the series has temperatures at all, (S,).
    """

    knots_c: Floats
    climatology: Floats
    is_known: npt.NDArray[np.bool_]

    @staticmethod
    def unknown(series: int) -> TemperatureScale:
        """Return the scale of series whose temperature isn't known, or not looked at."""
        knots = np.zeros((series, len(KNOT_QUANTILES)))
        return TemperatureScale(knots, np.zeros((series, _SEASONS)), np.zeros(series, np.bool_))

    def subset(self, series: npt.NDArray[np.int64]) -> TemperatureScale:
        """Return the scale of some of the series."""
        return TemperatureScale(self.knots_c[series], self.climatology[series], self.is_known[series])


def by_hour_of_week(grid: HourGrid, cells_kw: Floats) -> Floats:
    """Return at each hour what stands for its hour of the week, shape (S, 168) -> (S, H)."""
    out = np.empty((len(cells_kw), grid.hours))
    for mine in zone_groups(grid):
        out[mine] = np.take(cells_kw[mine], grid.week_hours(int(mine[0])), axis=1)
    return out


def fit_temperature(grid: HourGrid, temperature_c: Floats) -> TemperatureScale:
    """Learn knots and a climatology of each series."""
    count = len(temperature_c)
    temperature_c = thermometers(grid, temperature_c)
    seen = np.isfinite(temperature_c)
    if not seen.any():
        return TemperatureScale.unknown(count)
    is_known = np.asarray(np.count_nonzero(seen, axis=1) >= 24 * 14)
    knots = np.zeros((len(temperature_c), len(KNOT_QUANTILES)))
    knots[is_known] = row_quantiles(temperature_c[is_known], KNOT_QUANTILES)
    gram = np.empty((len(temperature_c), _SEASONS, _SEASONS))
    target = np.empty((len(temperature_c), _SEASONS))
    weight = seen.astype(np.float64)
    filled = np.where(seen, temperature_c, 0.0)
    for of_zone in zone_groups(grid):
        mine = of_zone[of_zone < len(temperature_c)]
        design = _seasons(grid, int(mine[0]))
        products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
        gram[mine] = (weight[mine] @ products).reshape(-1, _SEASONS, _SEASONS)
        target[mine] = filled[mine] @ design
    ridge = 1e-3 * np.maximum(seen.sum(axis=1), 1)[:, None, None] * np.eye(_SEASONS)
    climatology = np.linalg.solve(gram + ridge, target[..., None])[..., 0]
    return TemperatureScale(knots, climatology, is_known).subset(np.arange(count) % len(temperature_c))


def thermometers(grid: HourGrid, temperature_c: Floats) -> Floats:
    """Return the first half of the temperatures where the second is the same: two lanes of the same sites."""
    half = len(temperature_c) // 2
    if not half or len(temperature_c) % 2 or grid.zones[:half] != grid.zones[half:]:
        return temperature_c
    # One hour tells most batches apart.
    for hours in (slice(0, 1), slice(None)):
        if not np.array_equal(temperature_c[:half, hours], temperature_c[half:, hours], equal_nan=True):
            return temperature_c
    return temperature_c[:half]


def zone_groups(grid: HourGrid) -> list[npt.NDArray[np.int64]]:
    """Return the series of each zone: they share one calendar."""
    groups: dict[str, list[int]] = {}
    for s, zone in enumerate(grid.zones):
        groups.setdefault(zone, []).append(s)
    return [np.asarray(of, dtype=np.int64) for of in groups.values()]


def filled_temperature(grid: HourGrid, temperature_c: Floats, scale: TemperatureScale) -> Floats:
    """Return temperatures with what is usual of the season and hour where one is missing, shape (S, H)."""
    seen = np.isfinite(temperature_c)
    if seen.all():
        return temperature_c
    if not scale.is_known.any():
        return np.where(seen, temperature_c, 0.0)
    usual = np.empty(temperature_c.shape)
    for mine in zone_groups(grid):
        usual[mine] = scale.climatology[mine] @ _seasons(grid, int(mine[0])).T
    # A season that was never seen can only be guessed at: never far beyond what was.
    low, high = scale.knots_c[:, :1], scale.knots_c[:, -1:]
    usual = np.clip(usual, low - _GUESS_MARGIN * (high - low), high + _GUESS_MARGIN * (high - low))
    return np.where(seen, temperature_c, usual)


def temperature_pieces(filled_c: Floats, scale: TemperatureScale) -> Iterator[Floats]:
    """Give the part of the way from the middle knot that lies in each piece, each (S, H), so that they add up."""
    middle = scale.knots_c[:, len(KNOT_QUANTILES) // 2]
    bounds = np.full((len(filled_c), 1), np.inf)
    edges = np.concatenate([-bounds, scale.knots_c, bounds], axis=1)
    for piece in range(PIECES):
        low, high = edges[:, piece, None], edges[:, piece + 1, None]
        yield np.clip(filled_c, low, high) - np.clip(middle[:, None], low, high)


def felt_temperature(filled_c: Floats, before_c: Floats) -> Floats:
    """Return temperatures behind a first-order lag of a day, shape (S, H), given what was felt before, (S,).

    Blocks of a day at once: within one it is a product, from one to the next a single number is handed on.
    """
    series, hours = filled_c.shape
    blocks = -(-hours // _BLOCK_H)
    padded = np.zeros((series, blocks * _BLOCK_H))
    padded[:, :hours] = filled_c
    kept = np.exp(-1.0 / _FELT_H)
    age = np.arange(_BLOCK_H)[:, None] - np.arange(_BLOCK_H)
    within = np.where(age >= 0, (1 - kept) * kept ** np.maximum(age, 0), 0.0)
    out = padded.reshape(series, blocks, _BLOCK_H) @ within.T
    handed = np.empty((blocks, series))
    felt = np.asarray(before_c, dtype=np.float64)
    by_block = np.ascontiguousarray(out[..., -1].T)
    for block in range(blocks):
        handed[block] = felt
        felt = by_block[block] + kept**_BLOCK_H * felt
    out += handed.T[..., None] * kept ** np.arange(1, _BLOCK_H + 1)
    return out.reshape(series, -1)[:, :hours]


def day_weight(local_hour: npt.NDArray[Any]) -> Floats:
    """Return how much an hour is day, 0 to 1.

    By day weather counts differently than by night; a smooth weight leaves no edge for a test to trip over.
    """
    return np.take(_DAY_WEIGHT, local_hour)


def weather_kw(grid: HourGrid, temperature_c: Floats, scale: TemperatureScale, slopes: Floats) -> Floats:
    """Return what the temperature columns say with their slopes (S, 2 * PIECES or more), shape (S, H)."""
    if not scale.is_known.any():
        return np.zeros(temperature_c.shape)
    by_day = day_weight(grid.local_hour)
    slopes = np.where(scale.is_known[:, None], slopes, 0.0)
    always, daily = np.zeros(temperature_c.shape), np.zeros(temperature_c.shape)
    own = len(thermometers(grid, temperature_c))
    lanes = [slice(first, first + own) for first in range(0, len(temperature_c), own)]
    if any(not np.array_equal(scale.knots_c[lanes[0]], scale.knots_c[lane]) for lane in lanes):
        lanes = [slice(0, len(temperature_c))]
    first = np.arange(lanes[0].stop)
    filled = filled_temperature(grid.subset(first.tolist()), temperature_c[first], scale.subset(first))
    for k, inside in enumerate(temperature_pieces(filled, scale.subset(first))):
        for lane in lanes:
            always[lane] += inside * slopes[lane, k, None]
            daily[lane] += inside * slopes[lane, PIECES + k, None]
    daily *= by_day
    always += daily
    return always


def columns(grid: HourGrid, temperature_c: Floats, scale: TemperatureScale) -> Floats:
    """Return the regression columns of each hour, shape (S, H, COLUMNS)."""
    out = np.zeros((*temperature_c.shape, COLUMNS))
    by_day = day_weight(grid.local_hour)
    filled = filled_temperature(grid, temperature_c, scale)
    for piece, inside in enumerate(temperature_pieces(filled, scale)):
        out[..., piece] = inside
        out[..., PIECES + piece] = inside * by_day
    out[~scale.is_known] = 0.0
    out[..., -1] = grid.is_holiday
    return out


def _seasons(grid: HourGrid, series: int) -> Floats:
    """Return annual and daily harmonics of one series' hours, shape (H, _SEASONS)."""
    hour = grid.start_s / 3600.0 + np.arange(grid.hours) + grid.offset_s[series] / 3600.0
    year = 2 * np.pi * hour / _YEAR_H
    day = 2 * np.pi * grid.local_hour[series] / 24.0
    parts = [np.ones_like(year), np.sin(year), np.cos(year), np.sin(day), np.cos(day)]
    parts += [np.sin(day) * np.cos(year), np.cos(day) * np.cos(year)]
    return np.stack(parts, axis=-1)
