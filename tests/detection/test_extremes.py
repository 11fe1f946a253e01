"""Alarm thresholds: the Gaussian's where the noise is Gaussian, higher where a site has jumped."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pausewatch.detection.extremes import (
    WEEKS_PER_YEAR,
    gumbel_threshold,
    score_spread,
    standard_score_threshold,
    weekly_maxima,
)


def daily_maxima(series: int, days: int, seed: int, jumps: int = 0) -> np.ndarray:
    """Return daily maxima of 30 standard scores, some days of each series with a jump of its own."""
    rng = np.random.default_rng(seed)
    out = rng.standard_normal((series, days, 30)).max(axis=2)
    for row in out:
        at = rng.choice(days, jumps, replace=False)
        row[at] = rng.uniform(6, 14, jumps)
    return out


def test_weekly_maxima_pass_over_unseen_days():
    daily = np.arange(15.0)[None]
    assert weekly_maxima(daily).tolist() == [[7.0, 14.0]]
    daily[0, 8:] = np.nan
    assert np.isnan(weekly_maxima(daily)[0, 1])
    assert weekly_maxima(np.zeros((2, 3))).shape == (2, 0)


def test_gaussian_scores_pass_their_threshold_about_as_often_as_budgeted():
    """A twentieth of a passing a year can't be counted in months: the budget here is two a year."""
    thresholds = standard_score_threshold(daily_maxima(100, 150, seed=1), np.full(100, 2.0))
    live = weekly_maxima(daily_maxima(100, 7 * 260, seed=2))
    rate = (live > thresholds[:, None]).mean() * WEEKS_PER_YEAR
    assert 0.5 < rate < 3.5


def test_a_smaller_budget_never_lowers_the_threshold():
    daily = daily_maxima(20, 120, seed=3)
    at = [standard_score_threshold(daily, np.full(20, b)) for b in (2.0, 0.5, 0.05, 0.005)]
    assert all((low < high).all() for low, high in pairwise(at))


def test_a_fleet_that_jumps_is_given_a_higher_threshold():
    quiet = standard_score_threshold(daily_maxima(20, 150, seed=4), np.full(20, 0.05))
    jumpy = standard_score_threshold(daily_maxima(20, 150, seed=4, jumps=4), np.full(20, 0.05))
    assert np.median(jumpy) > 1.5 * np.median(quiet)
    assert 4.0 < np.median(quiet) < 6.5


def test_a_light_tail_is_not_believed():
    flat = np.full((5, 140), 2.0)
    assert (standard_score_threshold(flat, np.full(5, 0.05)) > 3.5).all()


@pytest.mark.parametrize("days", [0, 3, 7, 40])
def test_little_or_nothing_seen_leaves_a_finite_threshold(days):
    daily = np.full((2, days), np.nan)
    told = standard_score_threshold(daily, np.full(2, 0.05))
    assert np.isfinite(told).all()
    assert (told > 3).all()


def test_the_gumbel_tail_of_gumbel_noise_is_found_again():
    rng = np.random.default_rng(5)
    maxima = rng.gumbel(10.0, 3.0, (50, 2000))
    level, scale = gumbel_threshold(maxima, 52.0, np.full(50, 1.0), 1.0, 4.0)
    assert scale == pytest.approx(np.full(50, 3.0), rel=0.12)
    assert np.median(level) == pytest.approx(10.0 - 3.0 * np.log(-np.log1p(-1 / 52)), rel=0.03)


def test_scores_that_spread_further_fall_further_short():
    z = np.random.default_rng(2).standard_normal((60, 400))
    usual, wide = score_spread(np.abs(z)), score_spread(np.abs(5 * z))

    assert np.median(usual) == pytest.approx(1.28, abs=0.05)
    assert usual.min() >= 1.28
    assert np.median(wide) == pytest.approx(6.4, rel=0.05)
    assert score_spread(np.full((1, 400), np.nan)) == pytest.approx(1.28, abs=0.01)
