"""The noise floor: made-up curves and added noise are found, and load that changes its own noise is not accused."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.integrity.noise_floor import noise_changes, noise_floor, noise_habits
from pausewatch.telemetry.panel import Lane

HOURS, FROM, TO = 1440, 720, 1200
SIZE_KW = np.array([120.0, 100.0])


def scene(racks: float = 1.0, it_meter: float = 1.0, utility_meter: float = 1.0, share: float = 1.0, **has: bool):
    """Return what is told where racks, IT meter or utility meter change their noise by a factor for three weeks."""
    rng = np.random.default_rng(3)

    def pair(hours: int, of_racks: float) -> tuple[np.ndarray, np.ndarray]:
        rack_kw = of_racks * 100.0 * rng.standard_normal(hours)
        return rack_kw + of_racks * 0 + np.sqrt(120.0**2 - 100.0**2) * rng.standard_normal(hours), rack_kw

    utility, it_load = pair(HOURS, 1.0)
    loud, calm = pair(TO - FROM, racks)
    utility[FROM:TO], it_load[FROM:TO] = utility_meter * loud, it_meter * calm
    reference = np.stack(pair(3600, 1.0)) / SIZE_KW[:, None]
    habits = noise_habits(reference, np.full(2, 0.0125))
    load_share = np.ones((2, HOURS))
    load_share[:, FROM:TO] = share
    meters = {lane: np.array([has.get(lane.value, True)]) for lane in (Lane.UTILITY, Lane.IT_LOAD)}
    noise = np.stack([utility, it_load]) / SIZE_KW[:, None]
    for row, lane in enumerate(meters):
        noise[row, :] = np.where(meters[lane][0], noise[row], np.nan)
    return noise_changes(noise, habits, SIZE_KW, load_share, meters, 0)[0]


def test_steady_noise_is_no_contradiction():
    assert scene() == []


@pytest.mark.parametrize("factor", [0.3, 0.6])
def test_an_it_meter_smoother_than_the_utility_allows_is_found_and_dated(factor):
    (one,) = scene(it_meter=factor)
    assert (one.flaw, one.lanes) == (Flaw.NOISE_CHANGED, (Lane.IT_LOAD,))
    assert abs(one.start_hour - FROM) <= 48
    assert one.end_hour is not None
    assert abs(one.end_hour - TO) <= 72
    assert one.detail == pytest.approx(factor, rel=0.25)


def test_noise_added_to_the_it_meter_is_found():
    (one,) = scene(it_meter=2.0)
    assert one.lanes == (Lane.IT_LOAD,)
    assert one.detail > 1.3


def test_a_utility_meter_calmer_than_the_racks_behind_it_is_found():
    (one,) = scene(utility_meter=0.3)
    assert one.lanes == (Lane.UTILITY,)


@pytest.mark.parametrize("factor", [0.3, 0.6, 2.0])
def test_racks_that_change_their_own_noise_are_not_accused(factor):
    assert scene(racks=factor) == []


def test_with_one_meter_the_noise_must_vanish_and_the_load_stay():
    assert scene(it_meter=0.3, utility=False) != []
    assert scene(it_meter=0.75, utility=False) == []
    assert scene(it_meter=0.3, utility=False, share=0.4) == []


def test_what_ended_before_is_not_told_and_what_lasts_has_no_end():
    assert scene(it_meter=0.5) != []
    assert all(isinstance(c, Contradiction) for c in scene(it_meter=0.5))


def test_the_floor_is_the_logarithm_of_the_size_over_three_days():
    rng = np.random.default_rng(1)
    noise = np.full((1, 240), np.nan)
    noise[0, 48:216] = 0.5 * rng.standard_normal(168)
    told = noise_floor(noise)[0]
    for day in range(10):
        of = noise[0, max(day - 2, 0) * 24 : (day + 1) * 24]
        of = of[np.isfinite(of)]
        expected = 0.5 * np.log(np.mean(np.minimum(of**2, 9.0))) if len(of) >= 36 else np.nan
        assert told[day] == pytest.approx(expected, nan_ok=True)
