import numpy as np
import pytest

from pausewatch.baselines.backtest import backtest
from pausewatch.baselines.intervals import Z90, honest_sd, rolling_half_width
from pausewatch.baselines.registry import candidate


def test_a_tenth_of_the_load_stands_in_where_too_little_was_held_out():
    sd = honest_sd(np.full((1, 100), np.nan), np.array([-50.0]))
    assert sd[0] == 5.0


def test_an_origins_interval_knows_only_what_came_before(make_series):
    tested = backtest(candidate("ridge"), make_series(2, 160))
    sd = honest_sd(tested.residual_kw, np.ones(2))
    half = rolling_half_width(tested, sd)
    starts = np.flatnonzero(tested.restart)
    np.testing.assert_allclose(half[:, 0], Z90 * sd)
    for begin in starts[1:]:
        known = np.quantile(np.abs(tested.residual_kw[:, :begin]), 0.9, axis=1)
        np.testing.assert_allclose(half[:, begin], known)


@pytest.mark.parametrize("name", ["ridge", "ridge_recent", "persistence"])
def test_a_calibrated_interval_holds_nine_in_ten_of_days_never_seen(name, make_series, cut_series):
    inside = []
    for seed in range(3):
        series = make_series(8, 240, seed=seed, noise=0.02, memory_h=30.0, warmth=0.0)
        past, future = cut_series(series, 0, 210), cut_series(series, 210, 238)
        tested = backtest(candidate(name), past)
        sd = honest_sd(tested.residual_kw, np.ones(8))
        told = candidate(name).fit(past).predict(future.grid, future.temperature_c)
        inside.append(np.abs(future.load_kw - told.mean_kw) <= Z90 * sd[:, None])
    assert 0.85 <= np.mean(inside) <= 0.95
