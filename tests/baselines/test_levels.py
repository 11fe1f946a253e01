"""The level of the last weeks: hours long before them don't move it; what passes goes back, what stays stays."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.baselines.levels import ByDay, hours_remembered, level_and_trend, returned, way_back


@pytest.mark.parametrize("level_days", [7.0, 14.0])
def test_hours_before_those_remembered_say_nothing(level_days):
    rng = np.random.default_rng(5)
    rest = 1000.0 + np.cumsum(rng.standard_normal((4, 24 * 400)), axis=1)
    weight = rng.uniform(0.0, 1.0, rest.shape)
    # One was seen throughout, one not of late, one long ago alone, and one never.
    weight[1, -24 * 30 :] = 0.0
    weight[2, -24 * 350 :] = 0.0
    weight[3] = 0.0
    days = np.arange(rest.shape[1]) / 24.0
    late = slice(rest.shape[1] - hours_remembered(level_days), None)
    whole = level_and_trend(rest, weight, days, level_days)
    told = level_and_trend(rest[:, late], weight[:, late], days[late], level_days)
    for of_all, of_late in zip(whole, told, strict=True):
        np.testing.assert_allclose(of_late, of_all, rtol=1e-8, atol=1e-9)
    assert np.isfinite(told[0]).tolist() == [True, True, False, False]


DAYS = 400
SPELL = np.where((np.arange(DAYS) // 10) % 4 == 3, 50.0, 0.0)  # ten days in forty, and when the reference ends


def goes_back_kw(load: np.ndarray, weight: np.ndarray) -> np.ndarray:
    gap, share = way_back(ByDay.of(load, weight), 5.0)
    return gap * share


def hourly(daily: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(3).standard_normal((1, 24 * len(daily)))
    return np.repeat(1000.0 + daily, 24)[None] + noise


def test_a_spell_like_those_that_passed_will_pass():
    load = hourly(SPELL)
    told = goes_back_kw(load, np.ones_like(load))
    # Nine tenths of it are in the level of five days, and a quarter or so in the long one.
    assert -45.0 < told[0] < -20.0


def test_halls_that_stayed_will_stay():
    halls = 50.0 * np.searchsorted([60, 150, 230, 310, 392], np.arange(DAYS), side="right")
    load = hourly(halls.astype(float))
    assert goes_back_kw(load, np.ones_like(load))[0] == pytest.approx(0.0, abs=1e-6)


def test_growth_goes_back_nowhere():
    load = hourly(np.arange(DAYS, dtype=float))
    assert goes_back_kw(load, np.ones_like(load))[0] == pytest.approx(0.0, abs=1e-6)


def test_what_is_unseen_or_short_says_nothing_and_peers_neither():
    load = np.concatenate([hourly(SPELL), hourly(SPELL)])
    weight = np.ones_like(load)
    weight[1] = 0.0
    both = goes_back_kw(load, weight)
    assert both[0] == pytest.approx(goes_back_kw(load[:1], weight[:1])[0])
    assert both[1] == 0.0
    short = slice(0, 24 * 80)
    assert goes_back_kw(load[:, short], weight[:, short]).tolist() == [0.0, 0.0]


def test_the_way_back_begins_at_the_freeze():
    np.testing.assert_allclose(returned(np.array([-30.0, 0.0, 10.0, 900.0])), [0.0, 0.0, 1 - np.exp(-1), 1.0])
