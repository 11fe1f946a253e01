import itertools

import numpy as np
import pytest

from pausewatch.baselines.backtest import FOLD_DAYS, backtest
from pausewatch.baselines.contract import Series
from pausewatch.baselines.ridge import RidgeBaseline


def altered(series: Series, load) -> Series:
    return Series(series.keys, series.grid, load, series.temperature_c)


def test_folds_never_look_ahead(make_series):
    series = make_series(2, 200)
    before = backtest(RidgeBaseline(), series)
    shift = before.restart.nonzero()[0]
    begin = series.grid.hours - before.grid.hours
    for origin in shift[1:]:
        load = series.load_kw.copy()
        load[:, begin + origin :] *= 3.0
        after = backtest(RidgeBaseline(), altered(series, load))
        # The share of the trend is chosen over all folds, so compare where neither carries one.
        same = (before.trend_share == 0) & (after.trend_share == 0)
        assert same.any()
        until = origin + 1
        np.testing.assert_array_equal(before.expected_kw[same, :until], after.expected_kw[same, :until])


def test_every_fold_is_at_most_four_weeks(make_series):
    tested = backtest(RidgeBaseline(), make_series(1, 200))
    starts = np.flatnonzero(tested.restart)
    assert np.diff([*starts, tested.grid.hours]).max() <= (FOLD_DAYS + 6) * 24
    assert np.isfinite(tested.residual_kw).all()


@pytest.mark.parametrize("days", [1, 3, 10, 13, 14, 15, 20, 27, 28, 43])
def test_a_short_reference_does_not_break_it(make_series, days):
    tested = backtest(RidgeBaseline(), make_series(2, days))
    assert tested.residual_kw.shape == tested.expected_kw.shape
    assert tested.residual_kw.shape[1] == tested.grid.hours == len(tested.restart)
    assert tested.grid.hours > 0


def test_an_origin_before_a_series_begins_says_nothing_of_it(make_series):
    series = make_series(2, 200)
    load = series.load_kw.copy()
    load[1, : 120 * 24] = np.nan  # the meter was installed on day 120
    tested = backtest(RidgeBaseline(), altered(series, load))
    seen = tested.residual_kw[1][np.isfinite(tested.residual_kw[1])]
    assert len(seen) > 28 * 24
    assert np.abs(seen).max() < 0.5 * 10_000
    errors = tested.week_error_kw[1]
    assert np.nanmax(np.abs(errors)) < 0.2 * 10_000


def test_a_steady_trend_is_carried_on_and_no_other(make_series):
    growing = backtest(RidgeBaseline(), make_series(3, 300, noise=0.005, growth_day=0.002))
    level = backtest(RidgeBaseline(), make_series(3, 300, noise=0.005))
    assert np.all(growing.trend_share > 0)
    assert np.all(level.trend_share == 0)


def test_weights_carried_from_origin_to_origin_miss_no_more_than_fits_from_scratch(make_series):
    series = make_series(6, 260, seed=8, noise=0.01)
    load = series.load_kw.copy()
    load[0, 3000:3012] *= 1.8  # a load-bank test
    load[1, 4000:] *= 1.2  # a new hall
    load[2, 100 * 24 : 120 * 24] = np.nan
    load[3, : 150 * 24] = np.nan  # installed late
    load[4, ::50] *= 0.2
    series = altered(series, load)
    tested = backtest(RidgeBaseline(), series)
    begin = series.grid.hours - tested.grid.hours
    starts = [*np.flatnonzero(tested.restart), tested.grid.hours]
    squares = np.zeros((2, 6))
    for first, last in itertools.pairwise(starts):
        origin = begin + first
        past = Series(series.keys, series.grid.sliced(0, origin), load[:, :origin], series.temperature_c[:, :origin])
        ahead = slice(origin, begin + last)
        mine = (tested.trend_share == 0) & np.isfinite(tested.expected_kw[:, first])
        told = RidgeBaseline().fit(past).predict(series.grid.sliced(origin, ahead.stop), series.temperature_c[:, ahead])
        assert mine.any()
        carried, scratch = (load[:, ahead] - mean for mean in (tested.expected_kw[:, first:last], told.mean_kw))
        squares[:, mine] += [np.nansum(of[mine] ** 2, axis=1) for of in (carried, scratch)]
    assert (np.sqrt(squares[0]) <= 1.01 * np.sqrt(squares[1])).all()
