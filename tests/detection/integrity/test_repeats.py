"""Repeats: telemetry played back, scaled, shifted in level or dithered is found; load that repeats by itself is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pausewatch.detection.integrity.fine_noise import fine_noise
from pausewatch.detection.integrity.repeats import (
    HALF_DAY,
    LEAST_SCORE,
    Compared,
    Repeat,
    habitual_score,
    nearest,
    repeat_candidates,
    repeats,
)
from pausewatch.detection.whitening import LAGS, Whitener

HOURS = 1500
AT_LEAST = np.array([LEAST_SCORE])


def white(hours: int = HOURS, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(hours)


def played_back(noise: np.ndarray, start: int, hours: int, lag: int, blur: float = 0.0, gain: float = 1.0):
    out = noise.copy()
    for h in range(start, start + hours):
        out[h] = gain * out[h - lag]
    out[start : start + hours] += blur * np.random.default_rng(9).standard_normal(hours)
    return out


def found(noise: np.ndarray, first_hour: int = 0) -> list[Repeat]:
    return repeats(noise[None], AT_LEAST, first_hour)[0]


@pytest.mark.parametrize("seed", range(5))
def test_noise_never_repeats_itself(seed):
    assert found(white(4000, seed)) == []


@pytest.mark.parametrize("gain", [1.0, 0.7, 1.3])
@pytest.mark.parametrize(
    ("hours", "lag", "blur"), [(18, 100, 0.02), (24, 24, 0.05), (60, 61, 0.2), (168, 168, 0.4), (500, 168, 0.1)]
)
def test_a_copy_of_half_a_day_or_more_is_found_at_any_lag_with_some_noise_on_it(hours, lag, blur, gain):
    (one,) = found(played_back(white(), 800, hours, lag, blur, gain))
    assert one.lag_hours % lag == 0
    assert abs(one.start_hour - 800) <= 12
    assert abs(one.end_hour - 800 - hours) <= 12
    assert one.correlation > 0.85


def test_half_a_day_to_the_watt_is_enough():
    (one,) = found(played_back(white(), 800, 12, 100))
    assert (one.start_hour, one.end_hour, one.lag_hours) == (800, 812, 100)


def test_a_copy_of_months_is_found_whole():
    (one,) = found(played_back(white(4500), 1500, 2600, 800, 0.1))
    assert abs(one.start_hour - 1500) <= 12
    assert abs(one.end_hour - 4100) <= 12
    start, end = Compared.of(played_back(white(4500), 1500, 2600, 800, 0.1)).span(2800, 800)
    assert (abs(start - 1500) <= 12, abs(end - 4100) <= 12) == (True, True)


def test_missing_hours_and_an_odd_one_do_not_hide_a_copy():
    noise = played_back(white(), 800, 168, 168, 0.1)
    noise[[830, 831, 900]] = np.nan
    noise[860] += 20.0
    (one,) = found(noise)
    assert (one.lag_hours, abs(one.start_hour - 800) <= 3, abs(one.end_hour - 968) <= 3) == (168, True, True)


def test_a_copy_that_ended_before_is_not_told():
    assert found(played_back(white(), 800, 168, 168), first_hour=1100) == []


def test_load_that_comes_every_night_is_no_copy():
    hours = np.arange(HOURS)
    shape = np.random.default_rng(4).standard_normal(24)
    nightly = 0.5 * white() + 1.5 * shape[hours % 24]
    assert found(nightly) == []


def test_a_site_with_habits_is_held_to_them():
    copied = played_back(white(), 800, 168, 168)
    assert habitual_score(white()[None])[0] == LEAST_SCORE
    assert habitual_score(copied[None])[0] > 2 * LEAST_SCORE
    assert repeats(copied[None], habitual_score(copied[None]), 0) == [[]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(13, 300), st.floats(0.0, 0.2))
def test_candidates_are_those_a_slow_search_finds(seed, lag, missing):
    rng = np.random.default_rng(seed)
    noise = played_back(white(420, seed), 330, 40, lag)
    noise[rng.random(420) < missing] = np.nan
    _, now, back = repeat_candidates(noise[None])
    assert set(zip(now.tolist(), back.tolist(), strict=True)) == _slow(noise)


def _slow(noise: np.ndarray) -> set[tuple[int, int]]:
    """Compare every half day with the last one before it that has the same signs."""
    out, seen = set(), {}
    for h in range(len(noise) - HALF_DAY + 1):
        window = noise[h : h + HALF_DAY]
        if not np.isfinite(window).all():
            continue
        key = (*(window > 0).tolist(), *(abs(window[[0, 3, 6, 9]]) > abs(window[[1, 4, 7, 10]])).tolist())
        if key in seen and h - seen[key] >= HALF_DAY:
            a, b = (np.clip(noise[at : at + HALF_DAY], -3, 3) for at in (h, seen[key]))
            if a @ b >= 0.9 * np.sqrt((a @ a) * (b @ b)):
                out.add((h, h - seen[key]))
        seen[key] = h
    return out


def habitual(seed: int) -> np.ndarray:
    """A reference with chance likenesses, load that comes every night, a copy, or holes."""
    rng = np.random.default_rng(seed)
    noise = white(2500, seed)
    if seed % 3 == 1:
        noise = noise + rng.uniform(0.5, 2.0) * rng.standard_normal(24)[np.arange(2500) % 24]
    if seed % 4 == 2:
        noise = played_back(noise, 1500, int(rng.integers(12, 40)), int(rng.integers(50, 900)), rng.uniform(0.1, 0.5))
    if seed % 5 == 0:
        noise[rng.random(2500) < 0.05] = np.nan
    return noise


@pytest.mark.parametrize("seed", range(12))
def test_the_habit_is_the_strongest_repeat_of_all(seed):
    noise = habitual(seed)[None]
    strongest = max((one.score for one in repeats(noise, np.zeros(1), 0)[0]), default=0.0)
    assert habitual_score(noise)[0] == max(LEAST_SCORE, 1.3 * strongest)


@pytest.mark.parametrize("seed", range(12))
def test_no_score_is_above_its_bound_which_is_that_against_every_other_lag(seed):
    noise = habitual(seed)
    compared = Compared.of(noise)
    _, now, back = repeat_candidates(noise[None])
    for hour, lag in list(zip(now.tolist(), back.tolist(), strict=True))[:40]:
        start, end = compared.span(hour, lag)
        score = compared.repeat(start, end, lag).score
        assert score == pytest.approx(_slow_score(compared, start, min(end, start + lag, start + 14 * 24), lag))
        assert score <= compared.score_at_most(start, end, lag) + 1e-9


def _slow_score(compared: Compared, start: int, end: int, lag: int) -> float:
    """Correlate with each lag in turn."""
    scores = {}
    for k in range(HALF_DAY, start + 1):
        both = compared.usable[start:end] & compared.usable[start - k : end - k]
        a, b = compared.scaled[start:end][both], compared.scaled[start - k : end - k][both]
        r = np.clip((a @ b) / max(np.sqrt((a @ a) * (b @ b)), 1e-12), -1 + 1e-9, 1 - 1e-9)
        scores[k] = np.arctanh(r) * np.sqrt(max(both.sum() - 3, 0))
    return scores[lag] - max([0.0, *(v for k, v in scores.items() if abs(k - lag) > 1)])


def test_a_batch_says_of_each_series_what_it_says_alone():
    many = np.stack([white(seed=1), played_back(white(seed=2), 800, 100, 120), played_back(white(seed=3), 500, 48, 72)])
    assert repeats(many, np.full(3, LEAST_SCORE), 0) == [found(row) for row in many]


def test_the_nearest_half_days_of_a_copy_are_its_source_and_of_load_nothing_is_near():
    load = 20_000 + 300 * np.cumsum(white()) / 5 + 100 * white(seed=7)
    copied = load.copy()
    copied[800:900] = 500 + 1.1 * load[700:800]
    lag, alike = nearest(copied, Repeat(800, 900, 100, 1.0, 9.0))
    assert (lag, alike) == (100, pytest.approx(1.0))
    assert nearest(load, Repeat(800, 900, 100, 1.0, 9.0))[0] == 0
    assert nearest(np.full(HOURS, 5.0), Repeat(800, 900, 100, 1.0, 9.0))[0] == 0


def test_fine_noise_is_what_the_hours_before_do_not_foretell():
    rng = np.random.default_rng(5)
    weights = np.array([[0.5, 0.1, 0.0, 0.1, 0.2, -0.05]])
    innovation = 7.0 * rng.standard_normal(600)
    residual = np.zeros(600)
    for h in range(600):
        residual[h] = innovation[h] + sum(
            w * residual[h - lag] for w, lag in zip(weights[0], LAGS, strict=True) if h >= lag
        )
    told = fine_noise(residual[None], Whitener(weights, np.array([7.0]), np.array([10.0])))[0]
    assert np.allclose(told[LAGS[-1] :], innovation[LAGS[-1] :] / 7.0)
    residual[300] = np.nan
    gap = fine_noise(residual[None], Whitener(weights, np.array([7.0]), np.array([10.0])))[0]
    assert np.isnan(gap[[300, 301]]).all()
    assert np.allclose(gap[302:323], told[302:323], atol=1.5)
    assert np.array_equal(gap[330:], told[330:])
