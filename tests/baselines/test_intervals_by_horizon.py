"""Intervals calibrated by horizon: they hold 90 % where errors grow, on few origins, and know only the past."""

import numpy as np
import pytest

from pausewatch.baselines.backtest import Backtest
from pausewatch.baselines.intervals import HORIZON_DAYS, Z90, HorizonScale, fit_horizon_scale
from pausewatch.telemetry.grid import HourGrid


def backtest_of(error, ahead, fold):
    series = len(error)
    nothing = np.full((series, 24), np.nan)
    grid = HourGrid(np.datetime64("2024-01-01", "s"), 24, ("UTC",) * series, (None,) * series)
    none = np.full((series, 0), np.nan)
    restart = np.zeros(24, dtype=np.bool_)
    return Backtest(grid, nothing, nothing, restart, np.zeros(series), none, np.empty(0), error, ahead, fold)


def errors(rng, series, folds, growth):
    """Errors whose size is `growth(days)`, with a common part in each origin's span, as levels have."""
    days = np.tile(np.arange(0, 91, 5 / 24), folds)
    fold = np.repeat(np.arange(folds), len(days) // folds)
    common = rng.standard_normal((series, folds))[:, fold] * 0.7
    own = rng.standard_normal((series, len(days))) * np.sqrt(1 - 0.7**2)
    return (common + own) * growth(days), days, fold


def first_of(error, days, fold, count):
    some = fold < count
    return backtest_of(error[:, some], days[some], fold[some])


@pytest.mark.parametrize("growth", [lambda d: 1.0 + 0.0 * d, lambda d: 1.0 + d / 60.0, lambda d: 1.0 / (1.0 + d / 90)])
def test_new_origins_are_held_at_every_horizon(growth):
    rng = np.random.default_rng(5)
    error, days, fold = errors(rng, 40, 8, growth)
    scale, coverage = fit_horizon_scale(backtest_of(error, days, fold), np.ones_like(error))
    new, ahead, _ = errors(np.random.default_rng(6), 40, 8, growth)
    inside = np.abs(new) <= Z90 * scale.at(ahead)
    begin = 0
    for span, end in enumerate(HORIZON_DAYS):
        here = (ahead >= begin) & (ahead < end)
        assert 85 <= 100 * inside[:, here].mean() <= 95
        assert 85 <= coverage[:, span].mean() <= 95
        begin = end


def test_one_series_keeps_its_own_width_the_more_origins_it_has():
    rng = np.random.default_rng(2)
    error, days, fold = errors(rng, 20, 10, lambda d: 1.0 + 0.0 * d)
    error[0] *= 2.0
    scale, _ = fit_horizon_scale(backtest_of(error, days, fold), np.ones_like(error))
    assert np.all(scale.factor[0] > 1.2 * np.median(scale.factor, axis=0))
    few, _ = fit_horizon_scale(first_of(error, days, fold, 2), np.ones((20, int((fold < 2).sum()))))
    assert few.factor[0].mean() / np.median(few.factor) < scale.factor[0].mean() / np.median(scale.factor)


def test_an_origins_interval_knows_only_the_origins_before_it():
    rng = np.random.default_rng(3)
    error, days, fold = errors(rng, 10, 6, lambda d: 1.0 + 0.0 * d)
    wild = error.copy()
    wild[:, fold == 5] *= 30.0
    _, calm_cover = fit_horizon_scale(first_of(error, days, fold, 5), np.ones((10, int((fold < 5).sum()))))
    _, wild_cover = fit_horizon_scale(backtest_of(wild, days, fold), np.ones_like(wild))
    # The last origin's errors can't make its own interval: what it held falls.
    assert np.nanmean(wild_cover[:, 3]) <= np.nanmean(calm_cover[:, 3]) + 5


def test_with_nothing_held_out_the_rough_interval_stays():
    scale, coverage = fit_horizon_scale(
        backtest_of(np.full((2, 0), np.nan), np.empty(0), np.empty(0, dtype=np.int64)), np.full((2, 0), np.nan)
    )
    assert np.all(scale.factor == 1.0)
    assert np.isnan(coverage).all()


def test_there_is_no_edge_between_spans():
    scale = HorizonScale(np.array([[1.0, 2.0, 4.0, 3.0]]))
    at = scale.at(np.arange(-5, 200, 1 / 24))
    assert np.abs(np.diff(at)).max() < 0.05
    assert at[0, 0] == 1.0
    assert at[0, -1] == 3.0
