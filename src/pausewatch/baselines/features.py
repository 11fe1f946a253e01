"""Features of an hour: cell of the week, and outdoor temperature as straight pieces.

Time of week and temperature (TOWT): Mathieu, Price, Kiliccote and Piette, "Quantifying changes in building electricity
use", IEEE Trans. Smart Grid 2 (2011). Temperature has its own slopes by day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid

Floats = npt.NDArray[np.float64]

KNOT_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
PIECES = len(KNOT_QUANTILES) + 1
COLUMNS = 2 * PIECES + 1
"""Temperature pieces at all hours, the same weighted to the day, and holidays."""

_YEAR_H = 8766.0
_GUESS_MARGIN = 0.25


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


def week_cells(grid: HourGrid) -> npt.NDArray[np.int64]:
    """Return the hour of week of each hour, shape (S, H)."""
    return grid.hour_of_week.astype(np.int64) % HOURS_PER_WEEK


def fit_temperature(grid: HourGrid, temperature_c: Floats) -> TemperatureScale:
    """Learn knots and a climatology of each series."""
    seen = np.isfinite(temperature_c)
    is_known = seen.sum(axis=1) >= 24 * 14
    knots = np.zeros((len(temperature_c), len(KNOT_QUANTILES)))
    for s in np.flatnonzero(is_known):
        knots[s] = np.quantile(temperature_c[s, seen[s]], KNOT_QUANTILES)
    design = _seasons(grid)
    gram = np.einsum("shi,shj,sh->sij", design, design, seen.astype(np.float64), optimize=True)
    target = np.einsum("shi,sh->si", design, np.where(seen, temperature_c, 0.0), optimize=True)
    ridge = 1e-3 * np.maximum(seen.sum(axis=1), 1)[:, None, None] * np.eye(design.shape[2])
    climatology = np.linalg.solve(gram + ridge, target[..., None])[..., 0]
    return TemperatureScale(knots, climatology, is_known)


def columns(grid: HourGrid, temperature_c: Floats, scale: TemperatureScale) -> Floats:
    """Return the regression columns of each hour, shape (S, H, COLUMNS)."""
    usual = np.einsum("shi,si->sh", _seasons(grid), scale.climatology, optimize=True)
    # A season that was never seen can only be guessed at: never far beyond what was.
    low, high = scale.knots_c[:, :1], scale.knots_c[:, -1:]
    usual = np.clip(usual, low - _GUESS_MARGIN * (high - low), high + _GUESS_MARGIN * (high - low))
    temperature = np.where(np.isfinite(temperature_c), temperature_c, usual)
    out = np.zeros((*temperature.shape, COLUMNS))
    edges = np.concatenate(
        [np.full((len(temperature), 1), -np.inf), scale.knots_c, np.full((len(temperature), 1), np.inf)], axis=1
    )
    # By day weather counts differently than by night; a smooth weight leaves no edge for a test to trip over.
    by_day = 0.5 * (1 - np.cos(2 * np.pi * (grid.local_hour - 2.0) / 24.0))
    middle = scale.knots_c[:, len(KNOT_QUANTILES) // 2][:, None]
    for piece in range(PIECES):
        low, high = edges[:, piece, None], edges[:, piece + 1, None]
        # Each piece is the part of the way from the middle knot that lies inside it, so the pieces add up.
        inside = np.clip(temperature, low, high) - np.clip(np.broadcast_to(middle, temperature.shape), low, high)
        out[..., piece] = inside
        out[..., PIECES + piece] = inside * by_day
    out[~scale.is_known] = 0.0
    out[..., -1] = grid.is_holiday
    return out


def _seasons(grid: HourGrid) -> Floats:
    """Return annual and daily harmonics, shape (S, H, 7)."""
    hour = grid.start_s / 3600.0 + np.arange(grid.hours) + grid.offset_s[:, None] / 3600.0
    year = 2 * np.pi * hour / _YEAR_H
    day = 2 * np.pi * grid.local_hour / 24.0
    parts = [np.ones_like(year), np.sin(year), np.cos(year), np.sin(day), np.cos(day)]
    parts += [np.sin(day) * np.cos(year), np.cos(day) * np.cos(year)]
    return np.stack(parts, axis=-1)
