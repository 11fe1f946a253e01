"""Coupling: scale and clock of one meter against the other; load past the IT meter, and odd cooling, aren't accused."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.detection.integrity.contradiction import Flaw
from pausewatch.detection.integrity.coupling import (
    CouplingHabits,
    changes,
    coupling_habits,
    uncoupled,
    weekly_coupling,
)
from pausewatch.detection.integrity.scale_and_clock import uncoupled_meters
from pausewatch.telemetry.panel import Lane

REFERENCE, HOURS = 120 * 24, 70 * 24
FROM, TO = 40 * 24, 60 * 24
PUE = 1.25
STEP_MIN = 5


def fine(days: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return IT load and temperature at intervals of STEP_MIN, kW and degC."""
    rng = np.random.default_rng(seed)
    steps = days * 24 * 60 // STEP_MIN
    hour = np.arange(steps) * STEP_MIN / 60
    slow = np.interp(hour, np.arange(days * 24 + 1), np.cumsum(rng.standard_normal(days * 24 + 1)))
    slow -= np.interp(hour, hour[:: 24 * 12], slow[:: 24 * 12])
    it_load = 20_000 * (1 + 0.05 * np.sin(2 * np.pi * hour / 24)) + 120 * slow + 60 * rng.standard_normal(steps)
    return it_load, 15 + 5 * np.sin(2 * np.pi * (hour - 9) / 24)


def hourly(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 60 // STEP_MIN).mean(axis=1)


def meters(days: int, seed: int, *, scale: float = 1.0, late_min: int = 0, hidden_kw: float = 0.0, **more: float):
    """Return what the two meters and the thermometer show, shape (1, H) each, changed in [FROM, TO)."""
    it_load, temperature = fine(days, seed)
    rng = np.random.default_rng(seed + 1)
    utility = hourly(PUE * it_load + 20 * np.maximum(temperature - 14, 0)) + 10 * rng.standard_normal(days * 24)
    shown = hourly(it_load)
    span = slice(FROM, TO)
    shown[span] = scale * hourly(np.roll(it_load, late_min // STEP_MIN))[span]
    utility[span] = more.get("utility_scale", 1.0) * (utility[span] + hidden_kw)
    if "chiller" in more:
        utility[span] += more["chiller"] * np.maximum(hourly(temperature)[span] - 14, 0)
    if "made_up" in more:
        shown[span] = hourly(fine(days, seed + 50)[0])[span]
    return utility[None], shown[None], hourly(temperature)[None]


def habits() -> tuple[CouplingHabits, CouplingHabits]:
    reference = meters(REFERENCE // 24, 3)
    return coupling_habits(*reference), coupling_habits(*reference, by_day=True)


def told(**change: float):
    """Return the contradictions of a site of which the reference is known."""
    utility, shown, temperature = meters(HOURS // 24, 9, **change)
    spans = uncoupled(utility, shown, temperature, *habits(), 0)[0]
    expected = np.stack([meters(HOURS // 24, 9)[0][0], meters(HOURS // 24, 9)[1][0]])
    share = np.stack([utility[0], shown[0]]) / expected
    return [uncoupled_meters(span, share, HOURS) for span in spans]


def test_meters_that_follow_one_another_are_right():
    assert told() == []


def test_the_gain_is_the_marginal_pue_and_the_lag_nothing():
    mine, by_day = habits()
    assert mine.gain == pytest.approx(PUE, abs=0.05)
    assert by_day.gain == pytest.approx(PUE, abs=0.05)
    assert abs(mine.lag_min[0]) < 2.0


@pytest.mark.parametrize("minutes", [-60, -30, -15, 15, 30, 60])
def test_a_clock_that_is_off_is_found_with_its_sign_and_dated(minutes):
    (one,) = told(late_min=minutes)
    assert (one.flaw, one.lanes) == (Flaw.CLOCK_SHIFTED, (Lane.IT_LOAD,))
    assert np.sign(one.detail) == np.sign(minutes)
    assert abs(one.detail - minutes) < 15
    assert abs(one.start_hour - FROM) < 24
    assert one.end_hour is not None
    assert abs(one.end_hour - TO) < 24


@pytest.mark.parametrize("factor", [0.001, 0.5, 0.8, 1.25, 2.0])
def test_a_scale_is_put_on_the_meter_whose_level_changed(factor):
    (one,) = told(scale=factor)
    assert (one.flaw, one.lanes) == (Flaw.RESCALED, (Lane.IT_LOAD,))
    assert one.detail == pytest.approx(factor, rel=0.05)
    assert abs(one.start_hour - FROM) < 24
    (other,) = told(utility_scale=factor)
    assert (other.flaw, other.lanes) == (Flaw.RESCALED, (Lane.UTILITY,))
    assert other.detail == pytest.approx(factor, rel=0.05)


@pytest.mark.parametrize("hidden_kw", [500.0, 5_000.0, 20_000.0])
def test_load_past_the_it_meter_is_no_scale(hidden_kw):
    assert told(hidden_kw=hidden_kw) == []


def test_a_chiller_that_answers_to_the_weather_otherwise_is_no_scale():
    assert told(chiller=150.0) == []


def test_a_made_up_curve_of_the_right_level_has_no_gain():
    (one,) = told(made_up=1.0)
    assert (one.flaw, one.lanes) == (Flaw.UNCOUPLED, (Lane.IT_LOAD,))
    assert one.detail < 0.3


def test_what_lasts_has_no_end_and_what_ended_before_is_not_told():
    utility, shown, temperature = meters(HOURS // 24, 9, late_min=30)
    assert uncoupled(utility, shown, temperature, *habits(), TO + 72) == [[]]
    cut = [a[:, : TO - 24] for a in (utility, shown, temperature)]
    (span,) = uncoupled(*cut, *habits(), 0)[0]
    assert uncoupled_meters(span, np.ones((2, TO - 24)), TO - 24).end_hour is None


def test_without_a_second_meter_nothing_is_said():
    utility, shown, temperature = meters(HOURS // 24, 9, scale=0.5)
    nothing = np.full_like(shown, np.nan)
    lone = [
        coupling_habits(a, np.full_like(a, np.nan), t, by_day=d) for d in (False, True) for a, _, t in [meters(120, 3)]
    ]
    assert np.isnan(lone[0].gain).all()
    assert uncoupled(utility, nothing, temperature, *lone, 0) == [[]]


def test_weeks_are_fitted_as_a_plain_regression_fits_them():
    utility, shown, temperature = meters(30, 4)
    table = changes(utility, shown, temperature, np.array([1e9]), np.array([1e9]))
    weeks = weekly_coupling(table)
    for day in (7, 15, 29):
        rows = table[0][:, (day - 6) * 24 : (day + 1) * 24].T
        rows = rows[np.isfinite(rows).all(axis=1)]
        plain = np.linalg.lstsq(rows[:, :-1], rows[:, -1], rcond=None)[0]
        assert weeks.weights[0, day, :3] == pytest.approx(plain[:3], abs=1e-3)
        assert weeks.gain[0, day] == pytest.approx(plain[:3].sum(), abs=1e-3)
    assert np.isnan(weeks.gain[0, 0])
