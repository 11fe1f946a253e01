"""The drift test: quiet on noise and on the baseline's own level error, not deaf to a creeping load."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson
from tests.detection import naive

from pausewatch.detection.drift_test import DriftModel, DriftSettings, DriftState, advance_drift, fit_drift

SETTINGS = DriftSettings()
BUDGET = 0.05


def daily(series: int, days: int, rho: float, seed: int) -> np.ndarray:
    """Return daily means of unit variance that remember the day before."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal((series, days + 60))
    out = np.zeros_like(shocks)
    for d in range(1, days + 60):
        out[:, d] = rho * out[:, d - 1] + np.sqrt(1 - rho**2) * shocks[:, d]
    return out[:, 60:]


def fitted(heldout: np.ndarray) -> DriftModel:
    return fit_drift(heldout, np.arange(heldout.shape[1]) // 30, np.full(len(heldout), BUDGET), SETTINGS)


def run(model: DriftModel, live: np.ndarray, level: np.ndarray, *, reset: bool = False) -> np.ndarray:
    """Return on which days the cumulative sum is over its threshold, shape (S, D); reset after each alarm if asked."""
    state = DriftState.fresh(len(live))
    alarms = np.zeros(live.shape, dtype=np.bool_)
    for d in range(live.shape[1]):
        advance_drift(state, model, live[:, d], level[:, d], d, SETTINGS)
        alarms[:, d] = state.cusum >= model.threshold
        if reset:
            state.cusum = np.where(alarms[:, d], 0.0, state.cusum)
    return alarms


def alarms_a_year(series: int, heldout_days: int, level_sd: float, seed: int, rho: float = 0.7) -> tuple[int, float]:
    values = daily(series, heldout_days + 365, rho, seed)
    live = values[:, heldout_days:]
    told = run(fitted(values[:, :heldout_days]), live, np.full(live.shape, level_sd), reset=True)
    return int(told.sum()), series * live.shape[1] / 365.25


def test_the_budget_holds_where_the_noise_is_known_well():
    count, years = alarms_a_year(600, 1500, 0.0, seed=31)
    assert count <= poisson.ppf(0.999, BUDGET * years)


def test_five_months_of_noise_and_a_perfect_level_cost_at_most_twice_the_budget():
    """The noise's spread and memory are themselves estimates; measured: 0.076 a year for a budget of 0.05."""
    count, years = alarms_a_year(1000, 150, 0.0, seed=1)
    assert count <= 2 * BUDGET * years


def test_with_any_level_error_of_the_baseline_five_months_hold_the_budget():
    """A frozen baseline's level is never known better than a tenth of a day's spread."""
    count, years = alarms_a_year(1000, 150, 0.1, seed=1)
    assert count <= BUDGET * years


def test_no_series_is_given_a_tail_lighter_than_white_noise_has():
    model = fitted(daily(300, 60, 0.0, seed=32))
    # Siegmund's approximation for k = 0.5 and 0.05 alarms a year; smaller k (memory) needs more.
    assert model.threshold.min() > 7.0
    assert fitted(daily(300, 60, 0.7, seed=32)).threshold.mean() > model.threshold.mean()


def test_a_creeping_load_is_found():
    values = daily(300, 150 + 120, 0.7, seed=33)
    model = fitted(values[:, :150])
    live = values[:, 150:] + 0.05 * np.arange(120)
    told = run(model, live, np.full(live.shape, 0.1))
    first = np.where(told.any(axis=1), told.argmax(axis=1), 999)
    assert (first < 999).mean() > 0.97
    assert 20 < np.median(first) < 75  # at 1 to 3.7 standard deviations of a day


def test_what_the_baseline_can_not_vouch_for_raises_no_alarm():
    values = daily(400, 150 + 180, 0.7, seed=34)
    model = fitted(values[:, :150])
    level_sd = 0.2 + 0.01 * np.arange(180)
    rng = np.random.default_rng(34)
    error = rng.standard_normal((400, 1)) * level_sd
    told = run(model, values[:, 150:] + error, np.tile(level_sd, (400, 1)))
    assert told.any(axis=1).mean() <= 0.02
    blind = run(model, values[:, 150:] + error, np.zeros((400, 180)))
    assert blind.any(axis=1).mean() > 0.2  # without the allowance they would


@pytest.mark.parametrize("seed", range(3))
def test_the_fast_sum_equals_page_day_by_day(seed):
    rng = np.random.default_rng(seed)
    model = DriftModel(np.array([2.0]), np.array([0.6]), np.array([9.0]))
    values = 3.0 * rng.standard_normal(200) + 1.0
    values[rng.random(200) < 0.2] = np.nan
    values[50:70] = np.nan
    level = 0.2 * rng.random(200)
    state = DriftState.fresh(1)
    fast = []
    for d in range(200):
        advance_drift(state, model, values[d : d + 1], level[d : d + 1], d, SETTINGS)
        fast.append(float(state.cusum[0]))
    assert fast == pytest.approx(naive.page(values, level, model, SETTINGS))
    assert max(fast) <= 18.0  # capped at twice the threshold


def test_unseen_days_change_nothing_but_the_memory():
    model = DriftModel(np.ones(1), np.array([0.7]), np.array([9.0]))
    state = DriftState.fresh(1)
    for d in range(5):
        advance_drift(state, model, np.array([2.0]), np.zeros(1), d, SETTINGS)
    before = state.copy()
    for d in range(5, 30):
        advance_drift(state, model, np.array([np.nan]), np.zeros(1), d, SETTINGS)
    assert state.cusum == before.cusum
    assert state.since_day == before.since_day
    assert state.last_day == 4


def test_the_day_it_began_is_the_day_the_sum_last_left_zero():
    model = DriftModel(np.ones(1), np.zeros(1), np.array([9.0]))
    state = DriftState.fresh(1)
    for d in range(40):
        advance_drift(state, model, np.array([-1.0 if d < 25 else 2.0]), np.zeros(1), d, SETTINGS)
    assert state.since_day == 25


def test_calibration_repeats_itself():
    heldout = daily(5, 100, 0.6, seed=35)
    assert np.array_equal(fitted(heldout).threshold, fitted(heldout.copy()).threshold)


@pytest.mark.parametrize("days", [1, 5, 13, 14, 20])
def test_a_few_days_or_none_are_calibrated_without_a_warning(days):
    heldout = daily(3, days, 0.5, seed=36)
    heldout[1] = np.nan
    heldout[2] = 0.0
    model = fitted(heldout)
    assert (model.threshold > 4).all()
    assert np.isfinite(model.threshold).all()
    assert (model.daily_sd_kw > 0).all()
