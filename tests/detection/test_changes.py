"""Changes: accepted, re-dated while young, withdrawn when contradicted, and left alone once settled."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection.noise import autoregressive, true_whitener

from pausewatch.detection.changes import Change, StepTuning, excess_kw, unexplained, update_changes
from pausewatch.detection.step_test import StepWindows
from pausewatch.detection.whitening import Innovations, innovations

REACH = StepWindows()
WHITENER = true_whitener()
TUNING = StepTuning(WHITENER.step_response[0], 100.0, 5.0, 0.01)
LEAD = 96


def window_of(residual: np.ndarray) -> tuple[Innovations, int]:
    """Return the step test's window at the end of residuals, and its first hour."""
    told = innovations(residual[None], WHITENER)
    return Innovations(told.score[:, -REACH.total :], told.weight[:, -REACH.total :]), len(residual) - REACH.total


def day_by_day(residual: np.ndarray, days: int) -> list[list[Change]]:
    """Return the changes after each of the last days."""
    out: list[list[Change]] = [[]]
    for day in range(days):
        window, first = window_of(residual[: len(residual) - 24 * (days - 1 - day)])
        out.append(update_changes(out[-1], window, first, day, TUNING, REACH))
    return out[1:]


def noise(seed: int, days: int) -> np.ndarray:
    return autoregressive(1, REACH.total + LEAD + 24 * days, seed)[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_accepted_once_and_keeps_its_first_day(seed):
    residual = noise(50 + seed, 12)
    onset = len(residual) - 10 * 24 + 3
    residual[onset:] += 1_200.0
    told = day_by_day(residual, 12)
    assert [len(changes) for changes in told[:2]] == [0, 0]
    final = told[-1]
    assert [abs(c.hour - onset) <= 1 for c in final if c.step_kw > 0] == [True]
    assert final[0].accepted_day == next(i for i, changes in enumerate(told) if changes)
    assert final[0].step_kw == pytest.approx(1_200.0, abs=4 * final[0].sd_kw)


def test_a_rise_that_what_follows_contradicts_is_withdrawn():
    residual = noise(60, 1)[: REACH.total + LEAD]
    window, first = window_of(residual)
    known = [Change(hour=first + REACH.total - 60, step_kw=900.0, sd_kw=150.0, z=6.0, accepted_day=0)]
    assert update_changes(known, window, first, 1, TUNING, REACH) == []


def test_a_settled_change_is_not_touched():
    residual = noise(61, 1)[: REACH.total + LEAD]
    residual[-12 * 24 :] += 1_000.0
    window, first = window_of(residual)
    settled = Change(hour=len(residual) - 12 * 24, step_kw=940.0, sd_kw=90.0, z=10.0, accepted_day=0)
    assert settled in update_changes([settled], window, first, 9, TUNING, REACH)


def test_taking_out_a_known_step_leaves_the_noise():
    quiet = noise(62, 1)[: REACH.total + LEAD]
    raised = quiet.copy()
    raised[-100:] += 700.0
    window, first = window_of(raised)
    change = Change(hour=len(raised) - 100, step_kw=700.0, sd_kw=80.0, z=9.0, accepted_day=0)
    rest = unexplained(window, [change], first, TUNING)
    assert rest.score == pytest.approx(window_of(quiet)[0].score, abs=1e-9)
    assert np.array_equal(rest.weight, window.weight)


def test_a_step_from_before_the_window_is_taken_out_of_all_of_it():
    quiet = noise(63, 40)
    raised = quiet.copy()
    raised[LEAD + 10 :] += 700.0
    window, first = window_of(raised)
    assert first > LEAD + 200
    change = Change(hour=LEAD + 10, step_kw=700.0, sd_kw=80.0, z=9.0, accepted_day=0)
    rest = unexplained(window, [change], first, TUNING)
    assert rest.score == pytest.approx(window_of(quiet)[0].score, abs=1e-9)


def test_the_excess_is_the_sum_of_the_steps():
    steps = [Change(10, 5.0, 1.0, 5.0, 0), Change(20, -2.0, 1.0, -5.0, 0), Change(99, 7.0, 1.0, 5.0, 0)]
    told = excess_kw(steps, 30)
    assert told[[0, 9, 10, 19, 20, 29]].tolist() == [0.0, 0.0, 5.0, 5.0, 3.0, 3.0]
    assert excess_kw([Change(-5, 4.0, 1.0, 5.0, 0)], 3).tolist() == [4.0, 4.0, 4.0]


@pytest.mark.parametrize("seed", range(3))
def test_a_load_far_above_the_noise_is_no_edge_before_it_began_nor_before_it_has_lasted(seed):
    residual = noise(150 + seed, 8)
    onset = len(residual) - 5 * 24 - 6
    residual[onset:] += 60_000.0 * np.clip((np.arange(len(residual) - onset) + 0.4) / 5.0, 0.0, 1.0)
    for day, changes in enumerate(day_by_day(residual, 8)):
        lasted = len(residual) - 24 * (7 - day) - onset
        if lasted < REACH.persistence:
            assert not changes, (day, lasted)
        if lasted >= REACH.persistence + 24:
            assert changes, (day, lasted)
        assert all(c.hour >= onset - 1 for c in changes)
