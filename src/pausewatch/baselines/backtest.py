"""Rolling-origin backtest: fit on what came before, predict what came after, again and again.

Held-out residuals of the first four weeks after each origin calibrate the tests; the errors of whole weeks further
ahead tell how the level's uncertainty grows with the horizon, and a sample of hours how wide an interval must be.
Candidates that share a shape are backtested together: the shape is fitted once an origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import BaselineModel, Floats, Series
from pausewatch.baselines.levels import seasons
from pausewatch.baselines.ridge import RidgeBaseline, Shape, trend_curve
from pausewatch.telemetry.grid import HourGrid

FOLD_DAYS = 28
_FIRST_DAYS = 42
_WEEK_H = 168
# Valid days a series needs before an origin: with fewer, what is "predicted" says nothing of the model.
_PAST_DAYS = 14
_SHARES = (0.0, 0.5, 1.0)
# A trend is carried on only where it has clearly helped: wrong, it grows for months.
_MUST_GAIN = 0.85
_MIN_ORIGINS = 3
# Hours sampled for the intervals: every fifth, which meets every hour of the day, as far as a quarter ahead.
_SAMPLE_H = 5
_SAMPLE_DAYS = 91


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
        sample_error_kw: errors of single hours up to 91 days ahead, shape (S, M), NaN where unseen, with
        sample_ahead_days: how far ahead of its origin each lay, (M,), and
        sample_fold: number of its origin, (M,).
    """

    grid: HourGrid
    residual_kw: Floats
    expected_kw: Floats
    restart: npt.NDArray[np.bool_]
    trend_share: Floats
    week_error_kw: Floats
    week_ahead_days: Floats
    sample_error_kw: Floats
    sample_ahead_days: Floats
    sample_fold: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Errors:
    """One variant of a model after one origin: what it predicted until the next, what it missed by week and sample."""

    near: Floats
    weeks: Floats
    sample: Floats


@dataclass(frozen=True)
class _Ahead:
    """What really came after one origin.

    Args:
        grid: hours from the origin on.
        observed: load of them, shape (S, H), NaN where it can't be scored.
        temperature: shape (S, H).
        near: hours until the next origin.
        week_count: hours seen of each week, shape (S, W).
    """

    grid: HourGrid
    observed: Floats
    temperature: Floats
    near: int
    week_count: Floats

    @staticmethod
    def of(grid: HourGrid, observed: Floats, temperature: Floats, near: int) -> _Ahead:
        return _Ahead(grid, observed, temperature, near, _by_week(np.isfinite(observed)).sum(axis=2, dtype=np.float64))

    @property
    def sampled(self) -> npt.NDArray[np.int64]:
        return np.arange(0, min(self.grid.hours, _SAMPLE_DAYS * 24), _SAMPLE_H)

    def week_mean(self, error: Floats) -> Floats:
        """Return the mean error of each week of which half was seen, shape (S, W)."""
        total = np.nansum(_by_week(error), axis=2)
        return np.where(self.week_count >= _WEEK_H // 2, total / np.maximum(self.week_count, 1), np.nan)

    def errors(self, mean: Floats) -> _Errors:
        """Return what a prediction of all these hours missed."""
        error = self.observed - mean
        return _Errors(mean[:, : self.near], self.week_mean(error), error[:, self.sampled])


def backtest(model: BaselineModel, series: Series, fold_days: int = FOLD_DAYS) -> Backtest:
    """Backtest one candidate on every series of a batch; see `backtests`."""
    return backtests({model.name: model}, series, fold_days)[model.name]


def backtests(models: Mapping[str, BaselineModel], series: Series, fold_days: int = FOLD_DAYS) -> dict[str, Backtest]:
    """Backtest candidates on every series of a batch, each on its reference.

    Args:
        models: any candidates by name; the share of the trend is chosen where one has it.
        series: the reference.
        fold_days: days from one origin to the next.

    Returns:
        A backtest a candidate, all over the same hours and weeks; NaN where a candidate had nothing to say yet.
    """
    grid = series.grid
    days = grid.hours // 24
    if days <= _PAST_DAYS:
        return {name: _nothing_seen(series) for name in models}
    first = min(max(_FIRST_DAYS, days // 3), max(days - FOLD_DAYS, _PAST_DAYS))
    origins = [d * 24 for d in range(first, max(days - 6, first + 1), fold_days)]
    told: dict[str, list[list[_Errors]]] = {name: [] for name in models}
    for f, origin in enumerate(origins):
        past = Series(series.keys, grid.sliced(0, origin), series.load_kw[:, :origin], series.temperature_c[:, :origin])
        begun = (np.isfinite(past.load_kw).sum(axis=1) >= 12 * _PAST_DAYS)[:, None]
        until = origins[f + 1] if f + 1 < len(origins) else grid.hours
        observed = np.where(begun, series.load_kw[:, origin:], np.nan)
        ahead = _Ahead.of(grid.sliced(origin, grid.hours), observed, series.temperature_c[:, origin:], until - origin)
        for name, errors in _told(models, past, ahead):
            told[name].append([replace(e, near=np.where(begun, e.near, np.nan)) for e in errors])
    return {name: _assembled(series, origins, folds) for name, folds in told.items()}


def _told(models: Mapping[str, BaselineModel], past: Series, ahead: _Ahead) -> Iterator[tuple[str, list[_Errors]]]:
    """Fit each model to the past and give what it missed, one _Errors for each share of a trend it may have."""
    shapes: dict[tuple[float, bool], _ShapeAhead] = {}
    for name, model in models.items():
        if isinstance(model, RidgeBaseline):
            if model.shape_key not in shapes:
                shapes[model.shape_key] = _ShapeAhead.of(model.shape(past), ahead)
            yield name, shapes[model.shape_key].errors(model)
        else:
            yield name, [ahead.errors(model.fit(past).predict(ahead.grid, ahead.temperature).mean_kw)]


@dataclass(frozen=True)
class _ShapeAhead:
    """A shape's effects after an origin taken off the load: what is left is the level's to tell.

    A level, its season and its trend are smooth: the mean of a week follows from the means of their few curves.

    Args:
        shape: fitted to the past.
        ahead: what came.
        effects: the effects until the next origin, and the load less effects by week and sample.
        curves: the trend's and the seasons' curves, (H, 1 + SEASONS).
        week_curves: their means over the hours seen of each week, (S, W, 1 + SEASONS).
    """

    shape: Shape
    ahead: _Ahead
    effects: _Errors
    curves: Floats
    week_curves: Floats

    @staticmethod
    def of(shape: Shape, ahead: _Ahead) -> _ShapeAhead:
        hours = np.arange(ahead.grid.hours) / 24.0
        curves = np.column_stack([trend_curve(hours), seasons(ahead.grid.start_s / 86_400.0 + hours)])
        seen = _by_week(np.isfinite(ahead.observed).astype(np.float64))
        by_week = curves[: seen.shape[1] * _WEEK_H].reshape(-1, _WEEK_H, curves.shape[1])
        sums = np.matmul(seen.transpose(1, 0, 2), by_week).transpose(1, 0, 2)
        effects = ahead.errors(shape.effects_kw(ahead.grid, ahead.temperature))
        return _ShapeAhead(shape, ahead, effects, curves, sums / np.maximum(ahead.week_count, 1)[..., None])

    def errors(self, model: RidgeBaseline) -> list[_Errors]:
        """Return what a model of this shape missed with each share of its trend."""
        fitted = model.levelled(self.shape)
        unknown = np.where(fitted.knows_year | (not model.has_season), 0.0, np.nan)[:, None]
        level = fitted.level_kw[:, None] + unknown
        age, slope = fitted.level_age_days[:, None], fitted.trend_kw_day[:, None]

        def told(curve: Floats, season: Floats, share: float) -> Floats:
            return (level + season) + share * (slope * (curve + age))

        near, sampled = self.curves[: self.ahead.near], self.curves[self.ahead.sampled]
        of_near, of_sample = (fitted.seasons_kw @ c[:, 1:].T for c in (near, sampled))
        of_weeks = np.einsum("swk,sk->sw", self.week_curves[..., 1:], fitted.seasons_kw)
        return [
            _Errors(
                self.effects.near + told(near[:, 0], of_near, share),
                self.effects.weeks - told(self.week_curves[..., 0], of_weeks, share),
                self.effects.sample - told(sampled[:, 0], of_sample, share),
            )
            for share in _SHARES
        ]


def _assembled(series: Series, origins: list[int], folds: list[list[_Errors]]) -> Backtest:
    """Return the backtest of one model from what its variants missed after each origin."""
    count = len(series.keys)
    best = _best_shares(folds, count)
    rows = np.arange(count)

    def chosen(part: str) -> list[Floats]:
        return [np.stack([getattr(v, part) for v in variants])[best % len(variants), rows] for variants in folds]

    expected = np.concatenate(chosen("near"), axis=1)
    weeks, sample = chosen("weeks"), chosen("sample")
    residual = series.load_kw[:, origins[0] :] - expected
    restart = np.zeros(residual.shape[1], dtype=np.bool_)
    restart[np.asarray(origins) - origins[0]] = True
    return Backtest(
        grid=series.grid.sliced(origins[0], series.grid.hours),
        residual_kw=residual,
        expected_kw=expected,
        restart=restart,
        trend_share=np.asarray(_SHARES)[best],
        week_error_kw=np.concatenate(weeks, axis=1),
        week_ahead_days=np.concatenate([7.0 * np.arange(w.shape[1]) + 3.5 for w in weeks]),
        sample_error_kw=np.concatenate(sample, axis=1),
        sample_ahead_days=np.concatenate([_SAMPLE_H * np.arange(e.shape[1]) / 24.0 for e in sample]),
        sample_fold=np.concatenate([np.full(e.shape[1], f, dtype=np.int64) for f, e in enumerate(sample)]),
    )


def _nothing_seen(series: Series) -> Backtest:
    """Return the backtest of a reference too short for one: one origin, nothing predicted."""
    unseen = np.full(series.load_kw.shape, np.nan)
    restart = np.zeros(series.grid.hours, dtype=np.bool_)
    restart[:1] = True
    count = len(series.keys)
    none = np.full((count, 0), np.nan)
    nowhere = np.empty(0)
    return Backtest(
        series.grid,
        unseen,
        unseen,
        restart,
        np.zeros(count),
        none,
        nowhere,
        none,
        nowhere,
        np.empty(0, dtype=np.int64),
    )


def _best_shares(folds: list[list[_Errors]], count: int) -> npt.NDArray[np.intp]:
    """Return the index of the trend share with the least weekly error; none unless another clearly wins."""
    cost = np.zeros((len(folds[0]), count))
    for i in range(len(cost)):
        squares = np.concatenate([variants[i].weeks for variants in folds], axis=1) ** 2
        seen = np.isfinite(squares)
        cost[i] = np.where(seen, squares, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    best = cost.argmin(axis=0)
    gained = cost[best, np.arange(count)] < _MUST_GAIN**2 * cost[0]
    # Two origins can't tell a trend from a wander.
    told = sum(np.isfinite(variants[0].near).any(axis=1).astype(np.int64) for variants in folds)
    return np.where(gained & (told >= _MIN_ORIGINS), best, 0)


def _by_week(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole weeks of hours, shape (S, H) -> (S, W, 168)."""
    weeks = values.shape[1] // _WEEK_H
    return values[:, : weeks * _WEEK_H].reshape(len(values), weeks, _WEEK_H)
