import numpy as np
import pytest
from scipy.optimize import nnls

from pausewatch.baselines import level_error
from pausewatch.baselines.level_error import LevelError, fit_level_error


def test_it_grows_with_the_horizon_and_not_backwards():
    error = LevelError(np.array([[1.0, 0.1, 0.001]]))
    sd = error.sd_kw(np.array([-5.0, 0.0, 7.0, 30.0, 90.0]))[0]
    assert sd[0] == sd[1] == 1.0
    assert np.all(np.diff(sd[1:]) > 0)


def test_it_finds_a_random_walk():
    rng = np.random.default_rng(4)
    ahead = np.tile(3.5 + 7 * np.arange(12), 8)
    mean = np.full(60, 5_000.0)
    sd = 5_000 * np.sqrt(0.005**2 + 0.002**2 * ahead)
    errors = rng.standard_normal((60, len(ahead))) * sd
    told = fit_level_error(errors, ahead, mean).sd_kw(np.array([3.5, 45.0, 80.0]))
    truth = 5_000 * np.sqrt(0.005**2 + 0.002**2 * np.array([3.5, 45.0, 80.0]))
    np.testing.assert_allclose(np.median(told, axis=0), truth, rtol=0.25)


def test_a_noisier_site_is_told_apart():
    rng = np.random.default_rng(5)
    ahead = np.tile(3.5 + 7 * np.arange(8), 6)
    errors = rng.standard_normal((20, len(ahead))) * 50
    errors[0] *= 4
    sd = fit_level_error(errors, ahead, np.full(20, 5_000.0)).sd_kw(np.array([28.0]))[:, 0]
    assert sd[0] > 2.5 * np.median(sd[1:])


def test_without_any_week_the_prior_speaks():
    told = fit_level_error(np.empty((2, 0)), np.empty(0), np.array([1_000.0, 0.0])).sd_kw(np.array([0.0, 30.0]))
    np.testing.assert_allclose(told[0], [10.0, 20.0])
    assert np.all(np.isfinite(told))
    unseen = fit_level_error(np.full((1, 4), np.nan), np.array([3.5, 10.5, 17.5, 24.5]), np.array([1_000.0]))
    np.testing.assert_allclose(unseen.sd_kw(np.array([0.0, 30.0]))[0], [10.0, 20.0])


@pytest.mark.parametrize("seed", range(20))
def test_coefficients_that_are_not_negative_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    columns, target = rng.standard_normal((9, 3)), rng.standard_normal(9)
    slow, _ = nnls(columns, target)
    np.testing.assert_allclose(level_error._not_negative(columns, target), slow, atol=1e-12)
