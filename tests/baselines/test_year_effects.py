"""The time of year and the weather of the last day: told together, carried over the freeze, kept in a file."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.baselines.backtest import backtests
from pausewatch.baselines.contract import Series
from pausewatch.baselines.features import PIECES, day_weight, felt_temperature, fit_temperature, temperature_pieces
from pausewatch.baselines.levels import seasons
from pausewatch.baselines.registry import CANDIDATES
from pausewatch.baselines.year_effects import ToldTogether

DAYS, AHEAD = 400, 60


def lagging(make_series, seed: int = 11) -> Series:
    """Load that follows the temperature of the day before and half of one of the season."""
    series = make_series(2, DAYS + AHEAD, seed=seed, start="2023-01-05", warmth=0.0, noise=0.003)
    felt = np.stack([slow_felt(row, row[0]) for row in series.temperature_c])
    season = 300.0 * seasons(series.grid.start_s / 86_400.0 + np.arange(series.grid.hours) / 24.0)[:, 1]
    return Series(series.keys, series.grid, series.load_kw + 40.0 * felt + season, series.temperature_c)


def slow_felt(temperature: np.ndarray, before: float) -> np.ndarray:
    out, kept = [], np.exp(-1.0 / 24.0)
    for value in temperature:
        before = kept * before + (1 - kept) * value
        out.append(before)
    return np.array(out)


@pytest.fixture(scope="module")
def parts(make_series, cut_series):
    series = lagging(make_series)
    return series, cut_series(series, 0, DAYS), cut_series(series, DAYS, DAYS + AHEAD)


@pytest.mark.parametrize("hours", [1, 24, 100])
def test_what_is_felt_follows_behind(hours):
    temperature = np.random.default_rng(2).normal(15.0, 5.0, (3, hours))
    before = np.array([0.0, 15.0, 30.0])
    slow = np.stack([slow_felt(row, first) for row, first in zip(temperature, before, strict=True)])
    np.testing.assert_allclose(felt_temperature(temperature, before), slow, rtol=1e-10)


def test_slopes_agree_with_dense_least_squares(parts):
    _, past, _ = parts
    rng = np.random.default_rng(4)
    seen = rng.random(past.load_kw.shape) > 0.1
    weight = seen * rng.uniform(0.2, 1.0, seen.shape)
    scale = fit_temperature(past.grid, past.temperature_c)
    fast = ToldTogether.of(
        Series(past.keys, past.grid, np.where(seen, past.load_kw, np.nan), past.temperature_c), weight, scale, 1e-3
    )
    hours = np.arange(past.grid.hours)
    every = (hours[-1] - hours) % 5 == 0
    of_year = seasons(past.grid.start_s / 86_400.0 + hours / 24.0)
    for s in range(2):
        one = scale.subset(np.array([s]))
        now = np.concatenate(list(temperature_pieces(past.temperature_c[s : s + 1], one)))
        felt = slow_felt(past.temperature_c[s], past.temperature_c[s, :24].mean())
        lately = np.concatenate(list(temperature_pieces(felt[None], one)))
        hour = past.grid.local_hour[s]
        angle = 2 * np.pi * hour / 24.0
        day = [f(angle) * of_year[:, k] for f in (np.sin, np.cos) for k in range(2)]
        trend = (hours - hours.mean()) / hours[-1]
        design = np.vstack([now, now * day_weight(hour), lately, of_year.T, *day, trend])[:, every]
        cell, w, load = past.grid.hour_of_week[s][every], weight[s][every], past.load_kw[s][every]

        def within(row, cell=cell, w=w):
            sums, count = np.bincount(cell, w * row, 168), np.bincount(cell, w, 168)
            return row - (sums / np.maximum(count, 1e-9))[cell]

        left = np.stack([within(row) for row in design])
        gram = (left * w) @ left.T
        penalty = 1e-3 * np.diagonal(gram) + 1e-6 * w.sum()
        slow = np.linalg.solve(gram + np.diag(penalty), (left * w) @ within(load))
        told = np.concatenate(
            [
                fast.slopes[s],
                fast.effects.felt_slopes[s],
                fast.effects.seasons_kw[s],
                fast.effects.day_seasons_kw[s],
            ]
        )
        assert len(told) == 3 * PIECES + 8
        np.testing.assert_allclose(told, slow[:-1], rtol=1e-5, atol=1e-6 * np.abs(slow).max())


def test_a_load_that_lags_behind_the_weather_is_told_far_better(parts):
    _, past, future = parts
    missed = {}
    for name in ("ridge_recent", "ridge_year"):
        told = CANDIDATES[name].fit(past).predict(future.grid, future.temperature_c)
        daily = (future.load_kw - told.mean_kw).reshape(2, AHEAD, 24).mean(axis=2)
        missed[name] = np.sqrt((daily**2).mean(axis=1))
    assert (missed["ridge_year"] < 0.5 * missed["ridge_recent"]).all()


def test_its_hours_of_the_week_are_told_as_evenly_as_without_the_year(parts):
    _, past, _ = parts
    noise = np.random.default_rng(5).normal(0.0, 100.0, past.load_kw.shape)
    flat = Series(past.keys, past.grid, 10_000.0 + noise, past.temperature_c)
    rough = {name: np.diff(CANDIDATES[name].fit(flat).cells_kw).std() for name in ("ridge_recent", "ridge_year")}
    assert rough["ridge_year"] < 1.1 * rough["ridge_recent"]


def test_what_was_felt_before_the_freeze_is_known_after_it(parts, cut_series):
    series, past, future = parts
    fitted = CANDIDATES["ridge_year"].fit(past)
    from_freeze = fitted.predict(future.grid, future.temperature_c).mean_kw
    long = cut_series(series, DAYS - 28, DAYS + AHEAD)
    with_lead = fitted.predict(long.grid, long.temperature_c).mean_kw[:, 28 * 24 :]
    np.testing.assert_allclose(from_freeze, with_lead, rtol=1e-9)


def test_a_fit_of_a_year_is_kept_and_parted_and_adds_up(parts):
    _, past, future = parts
    model = CANDIDATES["ridge_year"]
    fitted = model.fit(past)
    told = fitted.predict(future.grid, future.temperature_c)
    np.testing.assert_allclose(sum(told.components.values()), told.mean_kw, rtol=1e-9)
    again = model.from_state(fitted.state()).predict(future.grid, future.temperature_c)
    np.testing.assert_array_equal(again.mean_kw, told.mean_kw)
    second = fitted.subset(np.array([1])).predict(future.grid.subset([1]), future.temperature_c[1:])
    np.testing.assert_allclose(second.mean_kw[0], told.mean_kw[1], rtol=1e-12)
    alone = model.fit(past.subset([1])).predict(future.grid.subset([1]), future.temperature_c[1:])
    np.testing.assert_allclose(alone.mean_kw[0], told.mean_kw[1], rtol=1e-6)


def test_a_series_without_a_year_or_a_thermometer_is_not_disturbed(parts):
    _, past, future = parts
    load, temperature = past.load_kw.copy(), past.temperature_c.copy()
    load[0, : 24 * 200] = np.nan
    temperature[1] = np.nan
    mixed = Series(past.keys, past.grid, load, temperature)
    told = CANDIDATES["ridge_year"].fit(mixed)
    assert told.year.knows_year.tolist() == [False, True]
    recent = CANDIDATES["ridge_recent"].fit(mixed).predict(future.grid, future.temperature_c)
    mine = told.predict(future.grid, future.temperature_c)
    np.testing.assert_allclose(mine.mean_kw[0], recent.mean_kw[0], rtol=1e-12)
    blind = CANDIDATES["ridge_year_no_weather"].fit(mixed).predict(future.grid, future.temperature_c)
    unseen = np.full_like(future.temperature_c, np.nan)
    np.testing.assert_allclose(told.predict(future.grid, unseen).mean_kw[1], blind.mean_kw[1], rtol=1e-9)


def test_folds_that_know_a_year_never_look_ahead(parts):
    _, past, _ = parts
    changed = Series(past.keys, past.grid, past.load_kw.copy(), past.temperature_c.copy())
    last = 24 * 8
    changed.load_kw[:, -last:] *= 1.5
    changed.temperature_c[:, -last:] += 10.0
    models = {"ridge_year": CANDIDATES["ridge_year"]}
    told, other = (backtests(models, of)["ridge_year"] for of in (past, changed))
    known = np.isfinite(told.expected_kw)
    assert known.any()
    assert not known[:, : 24 * 190].any()  # until a year was seen there is nothing to tell
    np.testing.assert_array_equal(told.expected_kw[:, :-last], other.expected_kw[:, :-last])
