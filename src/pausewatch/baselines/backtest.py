"""Rolling-origin backtest: fit on what came before, predict what came after, again and again.

Held-out residuals of the first four weeks after each origin calibrate the tests; the errors of whole weeks further
ahead tell how the level's uncertainty grows with the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import BaselineModel, FittedBaseline, Floats, Series
from pausewatch.baselines.ridge import FittedRidge
from pausewatch.telemetry.grid import HourGrid

FOLD_DAYS = 28
_FIRST_DAYS = 42
_WEEK_H = 168
# Valid days a series needs before an origin: with fewer, what is "predicted" says nothing of the model.
_PAST_DAYS = 14
_SHARES = (0.0, 0.5, 1.0)
# A trend is carried on only where it has clearly helped: wrong, it grows for months.
_MUST_GAIN = 0.85


@dataclass(frozen=True)
class Backtest:
    """What the backtest of a batch of series saw.

    Args:
        grid: hours from the first origin to the end of the reference.
        residual_kw: held-out residual of each hour, four weeks ahead at most, shape (S, H'), NaN where unseen.
        expected_kw: what was predicted for them.
        restart: hours at which a new origin begins, shape (H',).
        trend_share: share of the trend that held-out data support, (S,).
        week_error_kw: mean error of whole weeks, shape (S, N), NaN where unseen, with
        week_ahead_days: how far ahead of its origin the middle of each lay, (N,).
    """

    grid: HourGrid
    residual_kw: Floats
    expected_kw: Floats
    restart: npt.NDArray[np.bool_]
    trend_share: Floats
    week_error_kw: Floats
    week_ahead_days: Floats


def backtest(model: BaselineModel, series: Series, fold_days: int = FOLD_DAYS) -> Backtest:
    """Backtest every series of a batch on its reference.

    Args:
        model: any candidate; the share of the trend is chosen where it has one.
        series: the reference.
        fold_days: days from one origin to the next.
    """
    grid = series.grid
    days = grid.hours // 24
    if days <= _PAST_DAYS:
        return _nothing_seen(series)
    first = min(max(_FIRST_DAYS, days // 3), max(days - FOLD_DAYS, _PAST_DAYS))
    origins = [d * 24 for d in range(first, max(days - 6, first + 1), fold_days)]
    count = len(series.keys)
    trials: list[list[Floats]] = []
    for origin in origins:
        past = Series(series.keys, grid.sliced(0, origin), series.load_kw[:, :origin], series.temperature_c[:, :origin])
        fitted = model.fit(past)
        ahead = grid.sliced(origin, grid.hours)
        begun = (np.isfinite(past.load_kw).sum(axis=1) >= 12 * _PAST_DAYS)[:, None]
        told = _variants(fitted, ahead, series.temperature_c[:, origin:], count)
        trials.append([np.where(begun, mean, np.nan) for mean in told])
    share_index = _best_shares(trials, origins, series.load_kw)
    begin = origins[0]
    expected = np.full((count, grid.hours - begin), np.nan)
    restart = np.zeros(grid.hours - begin, dtype=np.bool_)
    errors: list[Floats] = []
    ahead_days: list[float] = []
    for f, origin in enumerate(origins):
        chosen = np.stack(trials[f])[share_index, np.arange(count)]
        until = origins[f + 1] if f + 1 < len(origins) else grid.hours
        expected[:, origin - begin : until - begin] = chosen[:, : until - origin]
        restart[origin - begin] = True
        error = series.load_kw[:, origin:] - chosen
        for week in range((grid.hours - origin) // _WEEK_H):
            errors.append(_mean_error(error[:, week * _WEEK_H : (week + 1) * _WEEK_H]))
            ahead_days.append(7.0 * week + 3.5)
    return Backtest(
        grid=grid.sliced(begin, grid.hours),
        residual_kw=series.load_kw[:, begin:] - expected,
        expected_kw=expected,
        restart=restart,
        trend_share=np.asarray(_SHARES)[share_index],
        week_error_kw=np.stack(errors, axis=1) if errors else np.full((count, 0), np.nan),
        week_ahead_days=np.asarray(ahead_days),
    )


def _variants(fitted: FittedBaseline, grid: HourGrid, temperature_c: Floats, count: int) -> list[Floats]:
    """Return what a fit predicts with each share of its trend; alone where it has no trend to share."""
    if not isinstance(fitted, FittedRidge):
        return [fitted.predict(grid, temperature_c).mean_kw]
    level = fitted.with_trend_share(np.zeros(count)).predict(grid, temperature_c).mean_kw
    trend = fitted.trend_kw(grid)
    return [level + share * trend for share in _SHARES]


def _nothing_seen(series: Series) -> Backtest:
    """Return the backtest of a reference too short for one: one origin, nothing predicted."""
    unseen = np.full(series.load_kw.shape, np.nan)
    restart = np.zeros(series.grid.hours, dtype=np.bool_)
    restart[:1] = True
    count = len(series.keys)
    return Backtest(series.grid, unseen, unseen, restart, np.zeros(count), np.full((count, 0), np.nan), np.empty(0))


def _best_shares(trials: list[list[Floats]], origins: list[int], load_kw: Floats) -> npt.NDArray[np.intp]:
    """Return the index of the trend share with the least weekly error; none unless another clearly wins."""
    cost = np.zeros((len(trials[0]), load_kw.shape[0]))
    for i in range(len(cost)):
        squares = []
        for origin, told in zip(origins, trials, strict=True):
            error = load_kw[:, origin:] - told[i]
            squares += [
                _mean_error(error[:, w * _WEEK_H : (w + 1) * _WEEK_H]) ** 2 for w in range(error.shape[1] // _WEEK_H)
            ]
        if squares:
            stacked = np.stack(squares)
            seen = np.isfinite(stacked)
            cost[i] = np.where(seen, stacked, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    best = cost.argmin(axis=0)
    gained = cost[best, np.arange(cost.shape[1])] < _MUST_GAIN**2 * cost[0]
    # Two origins can't tell a trend from a wander.
    return np.where(gained & (len(origins) >= 3), best, 0)


def _mean_error(error_kw: Floats) -> Floats:
    seen = np.isfinite(error_kw)
    count = seen.sum(axis=1)
    total = np.where(seen, error_kw, 0.0).sum(axis=1)
    return np.where(count >= error_kw.shape[1] // 2, total / np.maximum(count, 1), np.nan)
