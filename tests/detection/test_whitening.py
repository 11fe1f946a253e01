"""Whitening: memory taken out, gaps without information, and nothing of the future in the past."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection import naive
from tests.detection.noise import DIURNAL, autoregressive, true_whitener

from pausewatch.detection.whitening import LAGS, ORDER, Whitener, fit_whitener, innovations

HOURS = 24 * 200


def correlation(values: np.ndarray, lag: int) -> float:
    return float(np.mean([np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in values]))


def test_what_is_left_of_an_autoregression_is_white_and_of_unit_variance():
    residual = autoregressive(6, HOURS, seed=1)
    assert correlation(residual, 1) > 0.7  # there is something to whiten
    assert correlation(residual, 24) > 0.3
    told = innovations(residual, fit_whitener(residual))
    settled = told.score[:, 2 * ORDER :]
    for lag in (1, 2, 3, 6, 12, 23, 24, 25, 48):
        # 6 series of 4800 hours: the standard error of this mean is 0.006.
        assert abs(correlation(settled, lag)) < 0.03, lag
    assert settled.var() == pytest.approx(1.0, abs=0.04)
    assert (told.weight[:, 2 * ORDER :] == 1.0).all()


def test_the_weights_and_the_noise_of_an_autoregression_are_found_again():
    fitted = fit_whitener(autoregressive(40, HOURS, seed=2))
    assert fitted.lag_weights.mean(axis=0) == pytest.approx(DIURNAL, abs=0.05)
    assert fitted.innovation_sd_kw == pytest.approx(np.full(40, 100.0), rel=0.06)


def test_noise_without_memory_stays_as_it_is():
    residual = 30.0 * np.random.default_rng(3).standard_normal((4, HOURS))
    fitted = fit_whitener(residual)
    assert np.abs(fitted.lag_weights).max() < 0.06
    assert innovations(residual, fitted).score[:, ORDER:] == pytest.approx(residual[:, ORDER:] / 30.0, abs=0.5)


@pytest.mark.parametrize("gap_hours", [1, 5, 24, 100, 500])
def test_a_gap_carries_no_information_and_is_forgotten(gap_hours):
    residual = autoregressive(3, 24 * 60, seed=4)
    whitener = true_whitener(3)
    whole = innovations(residual, whitener)
    begin, end = 700, 700 + gap_hours
    torn = residual.copy()
    torn[:, begin:end] = np.nan
    told = innovations(torn, whitener)
    assert (told.weight[:, begin:end] == 0).all()
    assert (told.score[:, begin:end] == 0).all()
    assert np.array_equal(told.score[:, :begin], whole.score[:, :begin])
    assert np.isfinite(told.score).all()
    assert (told.weight[:, end] <= 1).all()
    if gap_hours > 1:
        assert (told.weight[:, end] < 0.8).all()  # the forecast's variance has grown
    far = end + 2 * ORDER + 1
    assert told.score[:, far:] == pytest.approx(whole.score[:, far:], abs=1e-9)


def test_standardised_by_their_weight_innovations_after_a_gap_have_unit_variance():
    residual = autoregressive(400, 24 * 12, seed=5)
    torn = residual.copy()
    torn[:, 150:170] = np.nan
    stationary = float(residual.std())
    told = innovations(torn, true_whitener(400, stationary_sd_kw=stationary))
    first = told.score[:, 170] / np.sqrt(told.weight[:, 170])
    assert first.var() == pytest.approx(1.0, abs=0.25)  # 400 draws: standard error 0.07


def test_a_longer_gap_never_leaves_more_information():
    growth = true_whitener().forecast_variance_growth(200)[0]
    assert growth[0] == 1.0
    assert (np.diff(growth) >= 0).all()


@pytest.mark.parametrize("gaps", [False, True])
def test_nothing_that_comes_after_changes_what_was_said(gaps):
    rng = np.random.default_rng(6)
    residual = autoregressive(5, 24 * 40, seed=6)
    if gaps:
        residual[rng.random(residual.shape) < 0.1] = np.nan
        residual[2, 300:400] = np.nan
    whitener = fit_whitener(residual)
    whole = innovations(residual, whitener)
    for end in (1, 25, 301, 399, 401, 777):
        part = innovations(residual[:, :end], whitener)
        assert np.array_equal(part.score, whole.score[:, :end])
        assert np.array_equal(part.weight, whole.weight[:, :end])


def test_series_do_not_know_of_each_other():
    residual = autoregressive(4, 24 * 60, seed=7)
    residual[1, 200:260] = np.nan
    many = fit_whitener(residual)
    for s in range(4):
        one = fit_whitener(residual[s : s + 1])
        assert one.lag_weights[0] == pytest.approx(many.lag_weights[s], abs=1e-12)
        alone = innovations(residual[s : s + 1], one)
        together = innovations(residual, many)
        assert alone.score[0] == pytest.approx(together.score[s], abs=1e-9)


def test_a_new_fold_says_nothing_of_what_came_before():
    residual = autoregressive(2, 24 * 20, seed=8)
    restart = np.zeros(residual.shape[1], dtype=np.bool_)
    restart[240] = True
    residual[:, 240:] += 5000.0  # another fold has another level
    told = innovations(residual, true_whitener(2), restart)
    assert (told.weight[:, 240 : 240 + ORDER + 1] == 0).all()
    assert (told.weight[:, 240 + ORDER + 1 :] == 1).all()


def test_the_step_response_is_what_a_step_leaves_in_the_innovations():
    whitener = true_whitener()
    residual = np.zeros((1, 400))
    residual[:, 200:] = 300.0
    told = innovations(residual, whitener).score[0] * 100.0 / 300.0
    response = whitener.step_response[0]
    assert told[200 : 200 + ORDER + 1] == pytest.approx(response, abs=1e-12)
    assert told[200 + ORDER + 1 :] == pytest.approx(np.full(400 - 200 - ORDER - 1, response[-1]), abs=1e-12)
    assert (told[:200] == 0).all()


@pytest.mark.parametrize(
    "residual",
    [
        np.full((1, 500), np.nan),
        np.zeros((1, 500)),
        np.full((1, 500), 42.0),
        np.where(np.arange(500) < 3, 5.0, np.nan)[None],
        np.cumsum(np.ones((1, 500)), axis=1),
    ],
    ids=["unseen", "zero", "constant", "three hours", "straight line"],
)
def test_odd_series_are_whitened_without_a_warning(residual):
    fitted = fit_whitener(residual)
    told = innovations(residual, fitted)
    assert np.isfinite(fitted.lag_weights).all()
    assert (fitted.innovation_sd_kw > 0).all()
    assert np.isfinite(told.score).all()
    assert ((told.weight >= 0) & (told.weight <= 1)).all()


def test_a_random_walk_is_kept_from_exploding():
    walk = np.cumsum(np.random.default_rng(9).standard_normal((3, 24 * 90)), axis=1)
    fitted = fit_whitener(walk - walk.mean(axis=1, keepdims=True))
    companion = np.zeros((ORDER, ORDER))
    companion[1:, :-1] = np.eye(ORDER - 1)
    for row in fitted.lag_weights:
        companion[0] = 0
        companion[0, LAGS - 1] = row
        assert np.abs(np.linalg.eigvals(companion)).max() < 1.0


def test_one_storm_does_not_set_the_memory_of_a_series():
    residual = autoregressive(1, 24 * 120, seed=10)
    stormy = residual.copy()
    stormy[0, 1000:1012] += 20_000.0
    quiet, loud = fit_whitener(residual), fit_whitener(stormy)
    assert loud.innovation_sd_kw[0] == pytest.approx(quiet.innovation_sd_kw[0], rel=0.25)


def test_a_subset_is_the_same_as_picking_rows():
    whitener = fit_whitener(autoregressive(3, 24 * 60, seed=11))
    some = whitener.subset(np.array([2, 0]))
    assert isinstance(some, Whitener)
    assert np.array_equal(some.lag_weights, whitener.lag_weights[[2, 0]])
    assert np.array_equal(some.step_response, whitener.step_response[[2, 0]])


@pytest.mark.parametrize("unseen", [0.0, 0.02, 0.5])
def test_many_series_at_once_say_what_each_says_hour_by_hour(unseen):
    rng = np.random.default_rng(12)
    residual = autoregressive(4, 24 * 40, seed=12)
    residual[rng.random(residual.shape) < unseen] = np.nan
    residual[1, 100:103] = np.nan
    residual[1, 104:500] = np.nan
    residual[2, :30] = np.nan
    residual[3] = np.nan
    whitener = true_whitener(4, stationary_sd_kw=250.0)
    told = innovations(residual, whitener)
    for s in range(4):
        slow = naive.innovations(residual[s], whitener.subset(np.array([s])))
        np.testing.assert_allclose(told.score[s], slow.score, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(told.weight[s], slow.weight, rtol=1e-12)
