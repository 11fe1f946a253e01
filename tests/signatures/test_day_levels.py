"""What the levels of a load follow from day to day: the week, the weather, a trend, or nothing, at a site's noise."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from pausewatch.signatures.day_levels import DayLevels, day_levels

START_DAY = 36
START = 24 * START_DAY
LOAD_KW = 3_000.0


def site(days: int, noise_kw: float, seed: int) -> dict[str, Any]:
    """Return a site of 10 MW that draws a fifth less at weekends, with levels that wander from day to day."""
    rng = np.random.default_rng(seed)
    hours = 24 * (START_DAY + days)
    hour_of_week = np.arange(hours) % 168
    weekly = np.where(hour_of_week // 24 >= 5, 0.8, 1.0)
    temperature = 15.0 + np.repeat(4.0 * rng.standard_normal(START_DAY + days), 24)
    slow = np.zeros(START_DAY + days)
    for i in range(1, len(slow)):
        slow[i] = 0.5 * slow[i - 1] + rng.standard_normal()
    return {
        "noise": noise_kw * (np.repeat(slow, 24) + 0.3 * rng.standard_normal(hours)),
        "expected": 10_000.0 * weekly,
        "temperature": temperature,
        "hour_of_week": hour_of_week,
    }


def measured(
    shape: Any = 1.0, *, days: int = 21, noise_kw: float = 40.0, seed: int = 1, unknown_days: tuple[int, ...] = ()
) -> DayLevels:
    """Measure a load of 3 MW of a shape (a number, or a function of what the site is)."""
    told = site(days, noise_kw, seed)
    hours = len(told["noise"])
    raised = np.arange(hours) >= START
    added = LOAD_KW * (shape(told) if callable(shape) else shape * np.ones(hours))
    above = told["noise"] + np.where(raised, added, 0.0)
    month = (np.arange(hours) < START - 2) & (np.arange(hours) >= START - 28 * 24)
    for day in unknown_days:
        told["temperature"][24 * day : 24 * day + 24] = np.nan
    return day_levels(
        above, told["expected"], told["temperature"], told["hour_of_week"], raised, month, float(added[raised].mean())
    )


def of_the_site(told: dict[str, Any]) -> Any:
    return told["expected"] / told["expected"].mean()


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_constant_is_told_from_a_multiple_by_its_weekends(seed: int) -> None:
    flat, multiple = measured(seed=seed), measured(of_the_site, seed=seed)

    assert flat.week_evidence < -5
    assert multiple.week_evidence > 5
    assert flat.week_share == pytest.approx(0.0, abs=0.2)
    assert multiple.week_share == pytest.approx(1.0, abs=0.2)
    assert flat.weekend_gap == pytest.approx(0.0, abs=0.03)
    assert multiple.weekend_gap == pytest.approx(-0.2, abs=0.06)


@pytest.mark.parametrize("seed", range(1, 7))
def test_what_the_noise_hides_is_not_claimed(seed: int) -> None:
    told = measured(noise_kw=2_000.0, seed=seed)

    assert abs(told.week_evidence) < 2
    assert abs(told.weekend_gap) < 0.1
    assert abs(told.weather_answer) < 0.1
    assert abs(told.trend_share) < 0.1
    assert told.day_sight < 0.3


def test_an_answer_to_the_weather_is_measured_by_what_a_usual_change_of_it_adds() -> None:
    told = measured(lambda site: 1.0 + 0.05 * (site["temperature"] - 15.0))
    usual = 0.05 * float(site(21, 40.0, 1)["temperature"][START:].std())

    assert told.weather_answer == pytest.approx(usual, rel=0.15)
    in_gaps = measured(lambda site: 1.0 + 0.05 * (site["temperature"] - 15.0), unknown_days=(40, 44))
    assert in_gaps.weather_answer == pytest.approx(usual, rel=0.3)
    assert abs(measured().weather_answer) < 0.02


def test_what_the_site_answered_before_anyway_is_not_the_loads() -> None:
    told = site(21, 40.0, 3)
    hours = len(told["noise"])
    raised = np.arange(hours) >= START
    wrongly_expected = 200.0 * (told["temperature"] - 15.0)  # of every day, with or without the load
    above = told["noise"] + wrongly_expected + np.where(raised, LOAD_KW, 0.0)
    given = (above, told["expected"], told["temperature"], told["hour_of_week"], raised)
    assert abs(day_levels(*given, ~raised, LOAD_KW).weather_answer) < 0.05


def test_a_load_that_grows_shows_its_trend() -> None:
    since = np.clip((np.arange(24 * (START_DAY + 21)) - START) / (21 * 24.0), 0.0, 1.0)

    assert measured(lambda _: 0.75 + 0.5 * since).trend_share == pytest.approx(0.48, abs=0.08)
    assert abs(measured().trend_share) < 0.05


@pytest.mark.parametrize("days", [1, 3])
def test_a_load_of_few_days_says_nothing_but_how_well_it_could_be_seen(days: int) -> None:
    told = measured(days=days)

    assert told == DayLevels(day_sight=told.day_sight)
    assert told.day_sight > 3


def test_without_weather_or_a_month_before_every_measure_stays_a_number() -> None:
    told = site(21, 40.0, 2)
    raised = np.arange(len(told["noise"])) >= START
    above = told["noise"] + np.where(raised, LOAD_KW, 0.0)
    dark = np.full(len(above), np.nan)
    without = day_levels(above, told["expected"], dark, told["hour_of_week"], raised, ~raised, LOAD_KW)

    assert without.weather_answer == 0.0
    assert without.week_evidence < -5
    none = np.zeros(len(above), bool)
    assert day_levels(above, told["expected"], dark, told["hour_of_week"], raised, none, LOAD_KW) == DayLevels()
    assert day_levels(above, told["expected"], dark, told["hour_of_week"], none, ~raised, LOAD_KW).week_share == 0.5
    assert all(math.isfinite(v) for v in asdict(without).values())
