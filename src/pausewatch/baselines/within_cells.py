"""Regression within cells of the week: slopes of weather, holidays and trend beside free hour-of-week effects.

Hours are laid out cell by cell, so that taking every column relative to its cell's mean needs no such column to be
built: moments are summed by hour of the day, and what the cells' means explain is taken away (Frisch and Waugh 1933).
Within an hour of the day the weight of the daytime columns is a constant, so theirs follow from the others' moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.features import day_weight
from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Columns as laid out: one, the load, the temperature's pieces (if any), holidays, and the trend.
_LOAD, _FIRST = 1, 2
_TUKEY = 4.685


@dataclass(frozen=True)
class WeekCells:
    """Hours of one zone, laid out by hour of the day, then day of the week, then time.

    Args:
        place: where each hour is laid, shape (H,).
        width: places of a cell; a cell with fewer hours leaves the last ones empty.
    """

    place: npt.NDArray[np.int64]
    width: int

    @staticmethod
    def of(grid: HourGrid, series: int) -> WeekCells:
        """Lay out the hours of a grid as they are on one of its series."""
        week = grid.hour_of_week[series].astype(np.int64)
        cell = (week % 24) * 7 + week // 24
        order = np.argsort(cell, kind="stable")
        count = np.bincount(cell, minlength=HOURS_PER_WEEK)
        rank = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        width = int(count.max(initial=1))
        place = np.empty(len(cell), dtype=np.int64)
        place[order] = cell[order] * width + rank
        return WeekCells(place, width)

    def laid(self, values: npt.NDArray[np.float64] | Bools) -> Floats:
        """Lay out values by hour, shape (S, H) -> (S, 168 * width); 0 in empty places."""
        out = np.zeros((len(values), HOURS_PER_WEEK * self.width))
        out[:, self.place] = values
        return out


@dataclass(frozen=True)
class WithinCells:
    """Slopes of S series, (S, 2 * P + 2), and their residuals and robust weights by hour, both (S, H)."""

    slopes: Floats
    residual: Floats
    weight: Floats


def regress(
    load: Floats,
    seen: Bools,
    pieces: Floats,
    is_holiday: Bools,
    cells: WeekCells,
    *,
    ridge: float,
    holiday_prior_hours: float,
    rounds: int,
) -> WithinCells:
    """Fit series of one zone, with Tukey's weights in some rounds.

    Args:
        load: kW, shape (S, H), 0 where unseen.
        seen: shape (S, H).
        pieces: of the temperature, shape (S, P, H); none where it isn't known.
        is_holiday: shape (S, H).
        cells: the zone's layout.
        ridge: penalty as a share of the data's own information.
        holiday_prior_hours: hours of no effect that a holiday's is drawn to.
        rounds: of reweighting.
    """
    series, hours = load.shape
    days = np.arange(hours) / 24.0
    trend = (days - days.mean()) / max(days[-1], 1.0)
    count_pieces = pieces.shape[1]
    laid_out = _FIRST + count_pieces + 2
    design = np.empty((series, HOURS_PER_WEEK * cells.width, laid_out))
    design[..., 0] = 1.0
    design[..., _LOAD] = cells.laid(load)
    for k in range(count_pieces):
        design[..., _FIRST + k] = cells.laid(pieces[:, k])
    design[..., -2] = cells.laid(is_holiday)
    design[..., -1] = cells.laid(trend[None])
    laid_seen = cells.laid(seen)
    is_seen = laid_seen > 0
    hourly = design.reshape(series, 24, 7 * cells.width, laid_out)
    expand = _expansion(count_pieces)
    weight = laid_seen
    slopes = np.zeros((series, expand.shape[1]))
    residual = np.zeros_like(weight)
    weighted = np.empty_like(design)
    by_cell = (series, HOURS_PER_WEEK, cells.width)
    for _ in range(rounds):
        np.multiply(design, weight[..., None], out=weighted)
        moments = np.matmul(weighted.reshape(hourly.shape).transpose(0, 1, 3, 2), hourly)
        sums = np.matmul(weight.reshape(by_cell)[:, :, None, :], design.reshape(*by_cell, laid_out))[:, :, 0]
        count = sums[..., :1]
        means = sums / np.maximum(count, 1e-9)
        by_hour = (series, 24, 7, laid_out)
        within = moments - np.matmul(sums.reshape(by_hour).transpose(0, 1, 3, 2), means.reshape(by_hour))
        gram = np.matmul(np.matmul(expand, within[..., _FIRST:, _FIRST:]), expand.transpose(0, 2, 1)).sum(axis=1)
        moment = np.matmul(expand, within[..., _FIRST:, _LOAD, None]).sum(axis=1)
        penalty = ridge * np.diagonal(gram, axis1=1, axis2=2) + 1e-6 * np.maximum(count.sum(axis=1), 1.0)
        # A reference holds few holidays, and they differ: their effect is drawn to none.
        penalty[:, -2] += holiday_prior_hours
        gram = gram + penalty[:, :, None] * np.eye(gram.shape[1])
        slopes = np.linalg.solve(gram, moment)[..., 0]
        # What is left of the load: 1 of it, less the slopes of the rest.
        left = np.zeros((series, 24, laid_out, 1))
        left[..., _LOAD, 0] = 1.0
        left[..., _FIRST:, 0] = -np.einsum("sk,hkj->shj", slopes, expand)
        effect = np.matmul(hourly, left).reshape(by_cell)
        of_cells = np.repeat(left[..., 0], 7, axis=1)
        overall = (sums * of_cells).sum(axis=(1, 2)) / np.maximum(count.sum(axis=(1, 2)), 1e-9)
        mean = np.where(count[..., 0] > 1e-9, (means * of_cells).sum(axis=2), overall[:, None])
        residual = (effect - mean[..., None]).reshape(series, -1)
        weight = laid_seen * _tukey(residual, is_seen)
    return WithinCells(slopes, residual[:, cells.place], weight[:, cells.place])


def _expansion(pieces: int) -> Floats:
    """Return what each laid-out column says of the regression's, by hour of the day, (24, columns, laid out)."""
    by_day = day_weight(np.arange(24))
    out = np.zeros((24, 2 * pieces + 2, pieces + 2))
    for k in range(pieces):
        out[:, k, k] = 1.0
        out[:, pieces + k, k] = by_day
    out[:, 2 * pieces, pieces] = 1.0
    out[:, 2 * pieces + 1, pieces + 1] = 1.0
    return out


def _tukey(residual: Floats, seen: Bools) -> Floats:
    """Return Tukey's biweights."""
    size = np.abs(residual)
    spread = np.array([1.4826 * _median(r, m) if m.any() else 1.0 for r, m in zip(size, seen, strict=True)])
    np.divide(size, (_TUKEY * np.maximum(spread, 1e-9))[:, None], out=size)
    np.minimum(size, 1.0, out=size)
    return np.asarray((1.0 - size * size) ** 2)


def _median(values: Floats, seen: Bools) -> float:
    """Return the median of what was seen: what wasn't is put last."""
    half, odd = divmod(int(seen.sum()), 2)
    parted = np.partition(np.where(seen, values, np.inf), [half] if odd else [half - 1, half])
    return float(parted[half]) if odd else float(parted[half - 1 : half + 1].mean())
