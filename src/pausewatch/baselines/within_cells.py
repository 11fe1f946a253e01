"""Regression within cells of the week: slopes of weather, holidays and trend beside free hour-of-week effects.

Hours are laid out cell by cell, so that taking every column relative to its cell's mean needs no such column to be
built: moments are summed by hour of the day, and what the cells' means explain is taken away (Frisch and Waugh 1933).
Within an hour of the day the weight of the daytime columns is a constant, so theirs follow from the others' moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.features import PIECES, TemperatureScale, day_weight, temperature_pieces
from pausewatch.telemetry.grid import HOURS_PER_WEEK, HourGrid
from pausewatch.telemetry.order_statistics import row_medians

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Columns as laid out: one, the load, the temperature's pieces (if any), holidays, and the trend.
_LOAD, _FIRST = 1, 2
_TUKEY = 4.685
_MAD_TO_SD = 1.4826
_CELL_PRIOR_WEEKS = 3.0


@dataclass(frozen=True)
class WeekCells:
    """Hours of one zone, laid out by hour of the day, then day of the week, then time.

    Args:
        place: where each hour is laid, shape (H,), or each of the hours that were picked.
        source: the hour laid at each place, any one where there is none, shape (168 * width,).
        is_laid: whether there is one, shape (168 * width,).
        cell: of each of them, 7 * hour of the day + day of the week, shape (H,).
        width: places of a cell; a cell with fewer hours leaves the last ones empty.
    """

    place: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    is_laid: Bools
    cell: npt.NDArray[np.int64]
    width: int

    @staticmethod
    def of(grid: HourGrid, series: int, every: int = 1) -> WeekCells:
        """Lay out the hours of a grid as they are on one of its series; or every so many of them, the last included."""
        picked = np.arange((grid.hours - 1) % every, grid.hours, every)
        week = grid.week_hours(series)[picked]
        cell = (week % 24) * 7 + week // 24
        order = np.argsort(cell, kind="stable")
        count = np.bincount(cell, minlength=HOURS_PER_WEEK)
        rank = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        width = int(count.max(initial=1))
        place = np.empty(len(cell), dtype=np.int64)
        place[order] = cell[order] * width + rank
        source, is_laid = np.zeros(HOURS_PER_WEEK * width, dtype=np.int64), np.zeros(HOURS_PER_WEEK * width, np.bool_)
        source[place] = picked
        is_laid[place] = True
        return WeekCells(place, source, is_laid, cell, width)

    def laid(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay out values by hour, shape (S, H) -> (S, 168 * width); any value in empty places."""
        return np.take(values, self.source, axis=1)

    def in_time(self, laid: Floats) -> Floats:
        """Return laid out values by time again, shape (S, 168 * width) -> (S, H)."""
        return np.take(laid, self.place, axis=1)

    def sums(self, laid: Floats) -> Floats:
        """Return sums over each cell, shape (S, 168 * width) -> (S, 168)."""
        return np.asarray(laid.reshape(len(laid), HOURS_PER_WEEK, self.width).sum(axis=2))


@dataclass(frozen=True)
class WithinCells:
    """Slopes of S series beside free effects of the hour of the week; cells in the layout's order.

    Args:
        slopes: (S, 2 * PIECES + 2), without the temperature's where there was none: (S, 2).
        mean_kw: of the load beyond the slopes, by cell, (S, 168).
        residual: what is left of each hour, (S, H).
        weight: robust weights, 0 where unseen, (S, H).
        weight_sums: by cell, (S, 168).
        residual_sums: of weight times residual, by cell, (S, 168).
        spread_kw: robust standard deviation of the residuals, (S,).
    """

    slopes: Floats
    mean_kw: Floats
    residual: Floats
    weight: Floats
    weight_sums: Floats
    residual_sums: Floats
    spread_kw: Floats


def regress(
    load: Floats,
    seen: Bools,
    temperature_c: Floats | None,
    scale: TemperatureScale,
    is_holiday: Bools,
    cells: WeekCells,
    *,
    ridge: float,
    holiday_prior_hours: float,
    rounds: int,
    first_weight: Floats | None = None,
) -> WithinCells:
    """Fit series of one zone, with Tukey's weights in some rounds.

    Args:
        load: kW, shape (S, H), 0 where unseen.
        seen: shape (S, H).
        temperature_c: shape (S, H), none missing; None where it isn't known.
        scale: of the temperatures.
        is_holiday: shape (S, H).
        cells: the zone's layout.
        ridge: penalty as a share of the data's own information.
        holiday_prior_hours: hours of no effect that a holiday's is drawn to.
        rounds: of reweighting.
        first_weight: weights to begin with, shape (S, H), 0 where unseen; 1 of every hour that was seen by default.
    """
    series, hours = load.shape
    days = np.arange(hours) / 24.0
    trend = (days - days.mean()) / max(days[-1], 1.0)
    pieces = 0 if temperature_c is None else PIECES
    count_laid = _FIRST + pieces + 2
    span = 7 * cells.width
    # By hour of the day, then column: the hours of each are neighbours.
    design = np.empty((series, 24, count_laid, span))

    def lay(column: int, values: Floats) -> None:
        design[:, :, column] = values.reshape(len(values), 24, span)

    design[:, :, 0] = 1.0
    lay(_LOAD, cells.laid(load))
    if temperature_c is not None:
        for k, piece in enumerate(temperature_pieces(cells.laid(temperature_c), scale)):
            lay(_FIRST + k, piece)
    lay(count_laid - 2, cells.laid(is_holiday))
    lay(count_laid - 1, cells.laid(trend[None]))
    is_seen = cells.laid(seen) & cells.is_laid
    weight = is_seen.astype(np.float64) if first_weight is None else np.where(is_seen, cells.laid(first_weight), 0.0)
    expand = _expansion(pieces)
    in_cell = np.kron(np.eye(7), np.ones((cells.width, 1)))
    slopes, spread = np.zeros((series, expand.shape[1])), np.ones(series)
    residual, means = np.zeros_like(weight), np.zeros((series, 24, 7))
    weighted = np.empty_like(design)
    for _ in range(rounds):
        np.multiply(design, weight.reshape(series, 24, 1, span), out=weighted)
        moments = np.matmul(weighted, design.transpose(0, 1, 3, 2))
        sums = (weighted.reshape(-1, span) @ in_cell).reshape(series, 24, count_laid, 7)
        count = sums[:, :, :1]
        of_cells = sums / np.maximum(count, 1e-9)
        within = moments - np.matmul(sums, of_cells.transpose(0, 1, 3, 2))
        gram = np.matmul(np.matmul(expand, within[..., _FIRST:, _FIRST:]), expand.transpose(0, 2, 1)).sum(axis=1)
        moment = np.matmul(expand, within[..., _FIRST:, _LOAD, None]).sum(axis=1)
        total = count.sum(axis=(1, 2, 3))
        penalty = ridge * np.diagonal(gram, axis1=1, axis2=2) + 1e-6 * np.maximum(total, 1.0)[:, None]
        # A reference holds few holidays, and they differ: their effect is drawn to none.
        penalty[:, -2] += holiday_prior_hours
        gram = gram + penalty[:, :, None] * np.eye(gram.shape[1])
        slopes = np.linalg.solve(gram, moment)[..., 0]
        # What is left of the load: 1 of it, less the slopes of the rest.
        left = np.zeros((series, 24, 1, count_laid))
        left[..., 0, _LOAD] = 1.0
        left[..., 0, _FIRST:] = -np.einsum("sk,hkj->shj", slopes, expand)
        overall = np.matmul(left, sums).sum(axis=(1, 2, 3)) / np.maximum(total, 1e-9)
        means = np.where(count > 1e-9, np.matmul(left, of_cells), overall[:, None, None, None])[:, :, 0]
        effect = np.matmul(left, design).reshape(series, 24, 7, cells.width)
        residual = np.subtract(effect, means[..., None], out=effect).reshape(series, -1)
        size = np.abs(residual)
        median = row_medians(size, is_seen)
        spread = np.where(np.isfinite(median), _MAD_TO_SD * median, 1.0)
        weight = np.where(is_seen, biweight(size, spread), 0.0)
    return WithinCells(
        slopes,
        means.reshape(series, -1),
        cells.in_time(residual),
        cells.in_time(weight),
        cells.sums(weight),
        cells.sums(weight * residual),
        spread,
    )


def biweight(size: Floats, spread: Floats) -> Floats:
    """Return Tukey's biweights of residuals' sizes (S, N), given each series' standard deviation (S,)."""
    share = np.minimum(size / (_TUKEY * np.maximum(spread, 1e-9))[:, None], 1.0)
    np.multiply(share, share, out=share)
    np.subtract(1.0, share, out=share)
    return np.multiply(share, share, out=share)


def robust_sd(residual: Floats, seen: Bools) -> Floats:
    """Return the standard deviation of residuals about nothing by their median size, shape (S,); NaN where unseen."""
    return np.asarray(_MAD_TO_SD * row_medians(np.abs(residual), seen))


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


def shrunk_cells(total: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Return each series' mean, and its hour-of-week effects about it drawn towards their kind of day.

    Args:
        total: weighted sums of each cell, 7 * hour of the day + day of the week, (S, 168).
        count: sums of the weights, (S, 168).
    """
    overall = total.sum(axis=1) / np.maximum(count.sum(axis=1), 1e-9)
    means = np.where(count > 1e-9, total / np.maximum(count, 1e-9), overall[:, None]).reshape(-1, 24, 7)
    by_day = count.reshape(-1, 24, 7)
    kind = means.copy()
    of_weekdays = np.maximum(by_day[..., :5].sum(axis=2, keepdims=True), 1e-9)
    kind[..., :5] = (means[..., :5] * by_day[..., :5]).sum(axis=2, keepdims=True) / of_weekdays
    effects = (by_day * means + _CELL_PRIOR_WEEKS * kind) / (by_day + _CELL_PRIOR_WEEKS)
    flat = effects.reshape(-1, HOURS_PER_WEEK)
    base = flat.mean(axis=1)
    return base, flat - base[:, None]


def by_day_of_week(effects: Floats) -> Floats:
    """Return effects of cells in the layout's order by day of the week, then hour, as everywhere else, (S, 168)."""
    return np.asarray(effects.reshape(-1, 24, 7).transpose(0, 2, 1).reshape(-1, HOURS_PER_WEEK))
