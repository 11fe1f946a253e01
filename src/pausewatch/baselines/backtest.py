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
from pausewatch.baselines.levels import returned
from pausewatch.baselines.ridge import RidgeBaseline, ShapeKey, trend_curve
from pausewatch.baselines.ridge_shape import Shape
from pausewatch.baselines.within_cells import biweight, robust_sd
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.order_statistics import row_medians

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
class _Trend:
    """A whole trend's part of a prediction: slope (S,) times age and curve, by hour, week (S, W) and sample."""

    slope: Floats
    age_days: Floats
    near: Floats
    weeks: Floats
    sample: Floats

    def of(self, curve: Floats, share: Floats) -> Floats:
        """Return what shares (S,) of the trend add, shape (S, N)."""
        return (share * self.slope)[:, None] * (curve + self.age_days[:, None])


@dataclass(frozen=True)
class _Errors:
    """A model without its trend after one origin: what it predicted until the next, and missed by week and sample."""

    near: Floats
    weeks: Floats
    sample: Floats
    trend: _Trend | None = None

    def weeks_with(self, share: Floats) -> Floats:
        """Return what it missed by week, carrying on shares (S,) of its trend."""
        return self.weeks if self.trend is None else self.weeks - self.trend.of(self.trend.weeks, share)

    def carrying(self, share: Floats) -> _Errors:
        """Return the same with shares (S,) of its trend carried on."""
        if self.trend is None or not share.any():
            return self
        trend = self.trend
        return _Errors(
            self.near + trend.of(trend.near, share), self.weeks_with(share), self.sample - trend.of(trend.sample, share)
        )


@dataclass(frozen=True)
class _Ahead:
    """What really came after one origin.

    Args:
        grid: hours from the origin on.
        observed: load of them, shape (S, H), NaN where it can't be scored.
        temperature: shape (S, H).
        begun: whether enough came before the origin to learn from, shape (S,).
        near: hours until the next origin.
        week_count: hours seen of each week, shape (S, W).
    """

    grid: HourGrid
    observed: Floats
    temperature: Floats
    begun: npt.NDArray[np.bool_]
    near: int
    week_count: Floats

    @staticmethod
    def of(grid: HourGrid, load_kw: Floats, temperature: Floats, begun: npt.NDArray[np.bool_], near: int) -> _Ahead:
        observed = np.where(begun[:, None], load_kw, np.nan)
        count = _by_week(np.isfinite(observed)).sum(axis=2, dtype=np.float64)
        return _Ahead(grid, observed, temperature, begun, near, count)

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
    told: dict[str, list[_Errors]] = {name: [] for name in models}
    shapes: dict[ShapeKey, _ShapeAhead] = {}
    for f, origin in enumerate(origins):
        past = Series(series.keys, grid.sliced(0, origin), series.load_kw[:, :origin], series.temperature_c[:, :origin])
        begun = np.isfinite(past.load_kw).sum(axis=1) >= 12 * _PAST_DAYS
        until = origins[f + 1] if f + 1 < len(origins) else grid.hours
        ahead = _Ahead.of(
            grid.sliced(origin, grid.hours),
            series.load_kw[:, origin:],
            series.temperature_c[:, origin:],
            begun,
            until - origin,
        )
        shapes = _shapes(models, past, ahead, shapes)
        for name, errors in _told(models, past, ahead, shapes):
            is_all = begun.all()
            told[name].append(errors if is_all else replace(errors, near=np.where(begun[:, None], errors.near, np.nan)))
    return {name: _assembled(series, origins, folds) for name, folds in told.items()}


def _shapes(
    models: Mapping[str, BaselineModel],
    past: Series,
    ahead: _Ahead,
    earlier: Mapping[ShapeKey, _ShapeAhead],
) -> dict[ShapeKey, _ShapeAhead]:
    """Fit every shape that the models have to the past, going on from the robust weights of the origin before."""
    wanted = {model.shape_key: model for model in models.values() if isinstance(model, RidgeBaseline)}
    out: dict[ShapeKey, _ShapeAhead] = {}
    for key, model in sorted(wanted.items(), key=lambda of: of[1].has_season):
        plain = model.plain_key
        if plain not in out:
            begin = earlier[plain].weights_to_go_on() if plain in earlier else None
            out[plain] = _ShapeAhead.of(model.shape(past, begin), ahead)
        if key != plain:
            of_year = model.of_year(past, out[plain].shape)
            out[key] = out[plain] if of_year is out[plain].shape else _ShapeAhead.of(of_year, ahead)
    return out


def _told(
    models: Mapping[str, BaselineModel],
    past: Series,
    ahead: _Ahead,
    shapes: Mapping[ShapeKey, _ShapeAhead],
) -> Iterator[tuple[str, _Errors]]:
    """Give what each model missed; fit those that have no shape."""
    for name, model in models.items():
        if isinstance(model, RidgeBaseline):
            yield name, shapes[model.shape_key].errors(model)
        else:
            yield name, ahead.errors(model.fit(past).predict(ahead.grid, ahead.temperature).mean_kw)


@dataclass(frozen=True)
class _ShapeAhead:
    """A shape's effects after an origin taken off the load: what is left is the level's to tell.

    A level, its way back and its trend are smooth: the mean of a week follows from the means of their few curves.

    Args:
        shape: fitted to the past.
        ahead: what came.
        effects: the effects until the next origin, and the load less effects by week and sample.
        curves: the trend's and the way back's, (H, 2).
        week_curves: their means over the hours seen of each week, (S, W, 2).
    """

    shape: Shape
    ahead: _Ahead
    effects: _Errors
    curves: Floats
    week_curves: Floats

    @staticmethod
    def of(shape: Shape, ahead: _Ahead) -> _ShapeAhead:
        hours = np.arange(ahead.grid.hours) / 24.0
        curves = np.column_stack([trend_curve(hours), returned(hours)])
        seen = _by_week(np.isfinite(ahead.observed).astype(np.float64))
        by_week = curves[: seen.shape[1] * _WEEK_H].reshape(-1, _WEEK_H, curves.shape[1])
        sums = np.matmul(seen.transpose(1, 0, 2), by_week).transpose(1, 0, 2)
        effects = ahead.errors(shape.effects_kw(ahead.grid, ahead.temperature))
        return _ShapeAhead(shape, ahead, effects, curves, sums / np.maximum(ahead.week_count, 1)[..., None])

    def weights_to_go_on(self) -> Floats:
        """Return robust weights of all hours until the next origin, (S, H); a row of NaN where nothing was known yet.

        The hours that came are weighed about their own level, which may have moved, by the larger spread of the two.
        """
        came = self.ahead.observed[:, : self.ahead.near]
        seen = np.isfinite(came)
        rest = np.where(seen, came - self.effects.near, 0.0)
        rest -= np.nan_to_num(row_medians(rest, seen))[:, None]
        spread = np.fmax(robust_sd(rest, seen), self.shape.spread_kw)
        weight = np.where(seen, biweight(np.abs(rest), spread), 0.0)
        known = np.concatenate([self.shape.weight, weight], axis=1)
        return np.where(self.ahead.begun[:, None], known, np.nan)

    def errors(self, model: RidgeBaseline) -> _Errors:
        """Return what a model of this shape missed."""
        fitted = model.levelled(self.shape)
        near, sampled = self.curves[: self.ahead.near], self.curves[self.ahead.sampled]
        weeks = self.week_curves
        level = fitted.level_kw[:, None]
        told = [level, level, level]
        if model.has_season:
            level = np.where(fitted.year.knows_year[:, None], level, np.nan)
            back = (fitted.return_share * fitted.gap_kw)[:, None]
            told = [level + back * near[:, 1], level + back * weeks[..., 1], level + back * sampled[:, 1]]
        return _Errors(
            self.effects.near + told[0],
            self.effects.weeks - told[1],
            self.effects.sample - told[2],
            _Trend(fitted.trend_kw_day, fitted.level_age_days, near[:, 0], weeks[..., 0], sampled[:, 0]),
        )


def _assembled(series: Series, origins: list[int], folds: list[_Errors]) -> Backtest:
    """Return the backtest of one model from what it missed after each origin."""
    best = _best_shares(folds, len(series.keys))
    chosen = [of.carrying(best) for of in folds]
    expected = np.concatenate([of.near for of in chosen], axis=1)
    weeks, sample = [of.weeks for of in chosen], [of.sample for of in chosen]
    residual = series.load_kw[:, origins[0] :] - expected
    restart = np.zeros(residual.shape[1], dtype=np.bool_)
    restart[np.asarray(origins) - origins[0]] = True
    return Backtest(
        grid=series.grid.sliced(origins[0], series.grid.hours),
        residual_kw=residual,
        expected_kw=expected,
        restart=restart,
        trend_share=best,
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


def _best_shares(folds: list[_Errors], count: int) -> Floats:
    """Return the trend share with the least weekly error, shape (S,); none unless another clearly wins."""
    if folds[0].trend is None:
        return np.zeros(count)
    cost = np.zeros((len(_SHARES), count))
    for i, share in enumerate(_SHARES):
        squares = np.concatenate([of.weeks_with(np.full(count, share)) for of in folds], axis=1) ** 2
        seen = np.isfinite(squares)
        cost[i] = np.where(seen, squares, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    best = cost.argmin(axis=0)
    gained = cost[best, np.arange(count)] < _MUST_GAIN**2 * cost[0]
    # Two origins can't tell a trend from a wander.
    told = sum(np.isfinite(of.near).any(axis=1).astype(np.int64) for of in folds)
    return np.asarray(_SHARES)[np.where(gained & (told >= _MIN_ORIGINS), best, 0)]


def _by_week(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole weeks of hours, shape (S, H) -> (S, W, 168)."""
    weeks = values.shape[1] // _WEEK_H
    return values[:, : weeks * _WEEK_H].reshape(len(values), weeks, _WEEK_H)
