"""The step test: size without bias, a score that is calibrated, gaps that only cost information."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection import naive
from tests.detection.noise import autoregressive, true_whitener

from pausewatch.detection.step_test import StepWindows, scan_ends, scan_steps, step_information
from pausewatch.detection.whitening import Innovations, innovations

REACH = StepWindows()
SMALL = StepWindows(before=70, search=60, persistence=30)
WARM_UP = 96


def scanned(residual: np.ndarray, reach: StepWindows = REACH, level_precision: float = 0.0):
    """Scan the end of residuals whose first hours only warm the whitener up."""
    whitener = true_whitener(len(residual))
    told = innovations(residual, whitener)
    window = Innovations(told.score[:, -reach.total :], told.weight[:, -reach.total :])
    return scan_steps(window, whitener.step_response, reach, np.full(len(residual), level_precision))


@pytest.mark.parametrize("level_precision", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_the_fast_scan_equals_generalised_least_squares_row_by_row(seed, level_precision):
    rng = np.random.default_rng(seed)
    weight = np.where(rng.random((1, SMALL.total)) < 0.7, 1.0, rng.random((1, SMALL.total)))
    weight[rng.random(weight.shape) < 0.2] = 0.0
    window = Innovations(weight * rng.standard_normal(weight.shape), weight)
    response = true_whitener().step_response
    scan = scan_steps(window, response, SMALL, np.array([level_precision]))
    for onset in range(SMALL.search):
        step, information = naive.fit_step(window, response[0], SMALL, level_precision, onset)
        assert scan.step[0, onset] == pytest.approx(step, rel=1e-7, abs=1e-9), onset
        assert scan.information[0, onset] == pytest.approx(information, rel=1e-7, abs=1e-9)
        assert scan.raw_z[0, onset] == pytest.approx(step * np.sqrt(information), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("size_kw", [0.0, 200.0, -500.0])
def test_a_known_step_is_sized_without_bias_and_its_score_is_calibrated(size_kw):
    lasted, count = 100, 600
    residual = autoregressive(count, REACH.total + WARM_UP, seed=21)
    residual[:, -lasted:] += size_kw
    scan = scanned(residual)
    at = REACH.search - lasted
    step_kw, sd_kw = scan.step[:, at] * 100.0, 100.0 / np.sqrt(scan.information[:, at])
    score = (step_kw - size_kw) / sd_kw
    assert abs(score.mean()) < 3.5 / np.sqrt(count)
    assert score.std() == pytest.approx(1.0, abs=0.1)  # standard error 0.03
    assert step_kw.mean() == pytest.approx(size_kw, abs=3.5 * sd_kw[0] / np.sqrt(count))


def test_the_score_of_quiet_noise_is_standard_normal_at_every_onset():
    scan = scanned(autoregressive(800, REACH.total + WARM_UP, seed=22))
    judged = scan.z[:, : REACH.search - REACH.persistence : 40]
    assert judged.mean(axis=0) == pytest.approx(np.zeros(judged.shape[1]), abs=0.13)
    assert judged.std(axis=0) == pytest.approx(np.ones(judged.shape[1]), abs=0.1)


def test_a_baseline_whose_level_has_drifted_is_no_step():
    residual = autoregressive(50, REACH.total + WARM_UP, seed=23)
    here, there = scanned(residual), scanned(residual + 5_000.0)
    assert there.z == pytest.approx(here.z, abs=1e-6)


def test_a_step_is_judged_only_when_it_has_lasted():
    residual = np.zeros((1, REACH.total + WARM_UP))
    residual[:, -REACH.persistence + 1 :] = 3_000.0
    young = scanned(residual)
    assert abs(young.raw_z).max() > 20
    assert abs(young.z[0, REACH.search - REACH.persistence + 1 :]).max() == 0.0
    residual[:, -REACH.persistence :] = 3_000.0
    assert scanned(residual).z[0, REACH.search - REACH.persistence] > 20


def test_the_strongest_onset_is_the_true_one():
    residual = autoregressive(100, REACH.total + WARM_UP, seed=24)
    residual[:, -72:] += 800.0
    found = scanned(residual).z.argmax(axis=1)
    assert np.median(np.abs(found - (REACH.search - 72))) == 0
    assert (np.abs(found - (REACH.search - 72)) <= 1).mean() > 0.95


def test_unseen_hours_cost_information_and_bring_no_bias():
    residual = autoregressive(400, REACH.total + WARM_UP, seed=25)
    residual[:, -100:] += 400.0
    at = REACH.search - 100
    whole = scanned(residual)
    torn = residual.copy()
    torn[:, np.random.default_rng(0).random(torn.shape[1]) < 0.15] = np.nan
    torn[:, -100] = residual[:, -100]
    some = scanned(torn)
    assert (some.information[:, at] <= whole.information[:, at] + 1e-9).all()
    step_kw = some.step[:, at] * 100.0
    sd_kw = 100.0 / np.sqrt(some.information[:, at])
    assert step_kw.mean() == pytest.approx(400.0, abs=0.15 * 400.0)
    assert ((step_kw - 400.0) / sd_kw).std() < 1.3


def test_nothing_seen_is_no_step():
    scan = scanned(np.full((2, REACH.total + WARM_UP), np.nan))
    assert not scan.z.any()
    assert not scan.information.any()


def test_an_onset_on_an_unseen_hour_is_not_judged():
    residual = autoregressive(1, REACH.total + WARM_UP, seed=26)
    residual[0, -80] = np.nan
    scan = scanned(residual)
    assert scan.z[0, REACH.search - 80] == 0
    assert scan.information[0, REACH.search - 80] == 0


def test_where_nothing_was_seen_before_an_onset_the_frozen_level_decides():
    residual = np.full((1, REACH.total + WARM_UP), np.nan)
    residual[:, -10 * 24 :] = 3_000.0
    at = REACH.search - 10 * 24
    blind, held = scanned(residual), scanned(residual, level_precision=1.0)
    assert held.information[0, at] > 2 * blind.information[0, at]
    assert held.z[0, at] > blind.z[0, at]


def test_information_on_a_step_is_what_the_scan_uses():
    weight = np.ones((1, REACH.total))
    response = true_whitener().step_response
    information, kept = step_information(weight, response, REACH, np.zeros(1), 7 * 24)
    scan = scan_steps(Innovations(np.zeros_like(weight), weight), response, REACH, np.zeros(1))
    assert information[0] == scan.information[0, REACH.search - 7 * 24]
    assert 0.3 <= kept[0] <= 1.0


def test_an_onset_between_two_hours_keeps_the_stated_share_of_its_score():
    lasted = 7 * 24
    whitener = true_whitener()
    residual = np.zeros((1, REACH.total + WARM_UP))
    residual[:, -lasted:] = 1_000.0
    sharp = scanned(residual).z[0, REACH.search - lasted]
    residual[:, -lasted] = 500.0
    smeared = scanned(residual).z[0, REACH.search - lasted - 1 : REACH.search - lasted + 2].max()
    weight = np.ones((1, REACH.total))
    _, kept = step_information(weight, whitener.step_response, REACH, np.zeros(1), lasted)
    assert kept[0] - 0.02 <= smeared / sharp <= kept[0] + 0.1  # never promised more than is kept


@pytest.mark.parametrize("unseen", [0.0, 0.1])
def test_many_ends_at_once_say_what_each_window_says(unseen):
    rng = np.random.default_rng(3)
    residual = autoregressive(5, 24 * 60, seed=27)
    residual[1, 24 * 30 :] += 700.0
    residual[rng.random(residual.shape) < unseen] = np.nan
    residual[2, 200:900] = np.nan
    residual[3] = np.nan
    whitener = true_whitener(5)
    whole = innovations(residual, whitener)
    ends = [REACH.persistence, 24 * 9, 24 * 14 + 5, 24 * 40, 24 * 60]
    young = slice(REACH.search - REACH.persistence + 1, None)
    found = 0
    for end, scan in zip(ends, scan_ends(whole, ends, whitener.step_response, REACH), strict=True):
        begin = max(end - REACH.total, 0)
        pad = ((0, 0), (REACH.total - (end - begin), 0))
        window = Innovations(np.pad(whole.score[:, begin:end], pad), np.pad(whole.weight[:, begin:end], pad))
        slow = scan_steps(window, whitener.step_response, REACH, np.zeros(5))
        np.testing.assert_allclose(scan.z, slow.z, rtol=1e-7, atol=1e-7)
        step, information = slow.step.copy(), slow.information.copy()
        step[:, young], information[:, young] = 0.0, 0.0
        np.testing.assert_allclose(scan.step, step, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(scan.information, information, rtol=1e-7, atol=1e-9)
        found += int((scan.z.max(axis=1) > 8).sum())
    assert found
