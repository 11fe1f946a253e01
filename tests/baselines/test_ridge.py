import numpy as np

from pausewatch.baselines import ridge
from pausewatch.baselines.contract import Series
from pausewatch.baselines.features import COLUMNS, columns, fit_temperature
from pausewatch.baselines.within_cells import WeekCells, regress


def naive_slopes(design, y, weight, cells, model):
    """Dense weighted ridge of one series with 168 unpenalised indicator columns."""
    hours, width = design.shape
    dummies = np.zeros((hours, 168))
    dummies[np.arange(hours), cells] = 1
    used = [c for c in range(168) if weight[cells == c].sum() > 1e-9]
    full = np.concatenate([design, dummies[:, used]], axis=1)
    within = design.copy()
    for k in range(width):
        for c in used:
            there = cells == c
            within[there, k] -= (design[there, k] * weight[there]).sum() / weight[there].sum()
    penalty = np.zeros(full.shape[1])
    penalty[:width] = model.ridge * (weight[:, None] * within**2).sum(axis=0) + 1e-6 * max(weight.sum(), 1.0)
    penalty[COLUMNS - 1] += ridge._HOLIDAY_PRIOR_HOURS
    gram = full.T @ (weight[:, None] * full) + np.diag(penalty)
    return np.linalg.solve(gram, full.T @ (weight * y))[:width]


def test_slopes_agree_with_dense_least_squares(make_series):
    series = make_series(3, 100, seed=3, start="2023-11-01")
    rng = np.random.default_rng(0)
    load = np.where(rng.random(series.load_kw.shape) < 0.1, np.nan, series.load_kw)
    seen = np.isfinite(load)
    y = np.where(seen, load, 0.0)
    scale = fit_temperature(series.grid, series.temperature_c)
    days = np.arange(series.grid.hours) / 24.0
    trend = np.broadcast_to((days - days.mean()) / days[-1], load.shape)
    design = np.concatenate([columns(series.grid, series.temperature_c, scale), trend[..., None]], axis=2)
    cells = series.grid.hour_of_week.astype(np.int64)
    model = ridge.RidgeBaseline()
    for s in range(3):
        one = slice(s, s + 1)
        layout = WeekCells.of(series.grid, s)
        # Each round's slopes are those of the weights that the rounds before left.
        fits = [
            regress(
                y[one],
                seen[one],
                series.temperature_c[one],
                scale.subset(np.array([s])),
                series.grid.is_holiday[one],
                layout,
                ridge=model.ridge,
                holiday_prior_hours=ridge._HOLIDAY_PRIOR_HOURS,
                rounds=rounds,
            )
            for rounds in (1, 2, 3)
        ]
        weights = [seen[s].astype(float), *[fit.weight[0] for fit in fits[:2]]]
        for fit, weight in zip(fits, weights, strict=True):
            slow = naive_slopes(design[s], y[s], weight, cells[s], model)
            np.testing.assert_allclose(fit.slopes[0], slow, rtol=1e-6, atol=1e-6)


def test_a_batch_is_the_same_as_one_by_one(make_series):
    series = make_series(4, 90, seed=5)
    together = ridge.RidgeBaseline().fit(series)
    for s in range(4):
        alone = ridge.RidgeBaseline().fit(
            Series(
                series.keys[s : s + 1],
                series.grid.subset([s]),
                series.load_kw[s : s + 1],
                series.temperature_c[s : s + 1],
            )
        )
        np.testing.assert_allclose(alone.cells_kw[0], together.cells_kw[s], rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(alone.level_kw[0], together.level_kw[s], rtol=1e-9)


def test_known_shape_is_recovered(make_series, cut_series):
    series = make_series(3, 300, noise=0.0)
    past, future = cut_series(series, 0, 270), cut_series(series, 270, 300)
    told = ridge.RidgeBaseline().fit(past).predict(future.grid, future.temperature_c)
    error = np.abs(told.mean_kw - future.load_kw) / 10_000
    assert error.mean() < 0.005


def test_spikes_do_not_bend_the_shape(make_series):
    series = make_series(2, 120, noise=0.01)
    load = series.load_kw.copy()
    load[:, 1000:1012] *= 1.8  # a load-bank test
    plain = ridge.RidgeBaseline().fit(series)
    spiked = ridge.RidgeBaseline().fit(Series(series.keys, series.grid, load, series.temperature_c))
    assert np.abs(plain.cells_kw - spiked.cells_kw).max() < 0.01 * 10_000


def test_a_carried_trend_starts_at_todays_level(make_series, cut_series):
    series = make_series(3, 300, noise=0.002, growth_day=0.0015, warmth=0.0)
    past, future = cut_series(series, 0, 280), cut_series(series, 280, 287)
    fitted = ridge.RidgeBaseline().fit(past).with_trend_share(np.ones(3))
    error = fitted.predict(future.grid, future.temperature_c).mean_kw - future.load_kw
    assert np.abs(error.mean(axis=1)).max() < 0.005 * 10_000


def test_a_new_hall_weeks_before_the_freeze_is_the_new_level(make_series, cut_series):
    series = make_series(2, 300, noise=0.01)
    load = series.load_kw.copy()
    load[:, 240 * 24 :] *= 1.4
    series = Series(series.keys, series.grid, load, series.temperature_c)
    past, future = cut_series(series, 0, 280), cut_series(series, 280, 300)
    told = ridge.RidgeBaseline().fit(past).predict(future.grid, future.temperature_c)
    error = (told.mean_kw - future.load_kw).mean(axis=1) / future.load_kw.mean(axis=1)
    assert np.abs(error).max() < 0.04
