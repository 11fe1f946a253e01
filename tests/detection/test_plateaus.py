"""A step up in the reference that stayed is taken out of what is learned; noise, growth and what ended are not."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from pausewatch.baselines.contract import Series
from pausewatch.baselines.ridge import RidgeBaseline
from pausewatch.detection.plateaus import (
    ReferenceStep,
    from_its_bulk,
    reference_steps,
    steps_from_state,
    steps_state,
    without_steps,
)
from pausewatch.detection.step_test import StepWindows
from pausewatch.telemetry.grid import HourGrid

HOURS = 140 * 24
START = datetime(2026, 3, 2, tzinfo=UTC)


def noise(seed: int) -> np.ndarray:
    """Return ordinary load of 10 MW with a daily wave and a memory of hours, kW."""
    rng = np.random.default_rng(seed)
    out = np.zeros(HOURS)
    for h in range(1, HOURS):
        out[h] = 0.9 * out[h - 1] + 20.0 * rng.standard_normal()
    return 10_000.0 + 400.0 * np.cos(2 * np.pi * np.arange(HOURS) / 24) + out


def reference(*added: tuple[int, int, float], series: int = 1, growth: float = 0.0, seed: int = 0) -> Series:
    load = np.stack([noise(seed + s) for s in range(series)])
    load *= 1 + growth * np.arange(HOURS) / (30 * 24)
    for start, end, size in added:
        load[:, start:end] += size
    zones, countries = ("UTC",) * series, (None,) * series
    grid = HourGrid(np.datetime64(START.replace(tzinfo=None), "s"), HOURS, zones, countries)
    keys = tuple(f"s{i}/it_load" for i in range(series))
    return Series(keys, grid, load, np.full(load.shape, np.nan))


def found(series: Series, least_kw: float = 500.0):
    shape = RidgeBaseline().shape(series)
    return reference_steps(series, shape, np.full(len(series.keys), least_kw), StepWindows())


def hour_of(series: Series, step) -> int:
    return (step.start_s - series.grid.start_s) // 3600


def test_ordinary_load_has_no_plateau():
    assert found(reference(series=40)) == [[] for _ in range(40)]


@pytest.mark.parametrize("growth", [0.1, -0.02])
def test_growth_is_no_plateau(growth):
    assert found(reference(series=8, growth=growth)) == [[] for _ in range(8)]


# Anywhere from the second week on, the last two days of the reference excepted.
@pytest.mark.parametrize("hour", [10 * 24 + 5, 40 * 24, 1500, HOURS - 10 * 24, HOURS - 60])
def test_a_step_that_stays_is_told_with_its_hour_size_and_edge(hour):
    series = reference((hour, HOURS, 2_000.0))
    ((one,),) = found(series)
    assert abs(hour_of(series, one) - hour) <= 2
    assert one.step_kw == pytest.approx(2_000.0, rel=0.15)
    assert abs(one.step_kw - 2_000.0) < 4 * one.sd_kw
    assert one.onset_share == pytest.approx(1.0, abs=0.2)


def test_a_ramp_of_an_hour_or_two_does_not_make_a_step_smaller():
    series = reference((1500, HOURS, 700.0), (1501, HOURS, 700.0), (1502, HOURS, 600.0))
    ((one,),) = found(series)
    assert one.step_kw == pytest.approx(2_000.0, rel=0.15)


@pytest.mark.parametrize(
    "added",
    [
        [(1500, HOURS, -2_000.0)],
        [(1500, 1540, 2_000.0)],
        [(1500, 2200, 2_000.0)],
        [(1500, HOURS, 150.0)],
        [(1500, 1530, -2_000.0)],
    ],
    ids=["a drop", "a short load", "a load that ended", "a small step", "coming back from a drop"],
)
def test_what_is_not_there_any_more_or_does_not_matter_is_none(added):
    assert found(reference(*added)) == [[]]


def test_a_plateau_that_came_down_in_part_is_told_with_the_part():
    series = reference((1500, HOURS, 3_000.0), (2200, HOURS, -1_000.0))
    (steps,) = found(series)
    assert [round(s.step_kw / 1e3) for s in steps] == [3, -1]


def test_the_reference_without_its_plateau_is_the_ordinary_load():
    series = reference((1500, HOURS, 2_000.0), seed=3)
    left = without_steps(series, found(series)).load_kw - reference(seed=3).load_kw
    assert np.abs(left[0, 1510:]).max() < 300.0
    assert np.abs(left[0, :1490]).max() == 0.0


def test_unseen_hours_around_the_step_do_not_hide_it():
    series = reference((1500, HOURS, 2_000.0))
    series.load_kw[0, 1496:1503] = np.nan
    ((one,),) = found(series)
    assert one.step_kw == pytest.approx(2_000.0, rel=0.15)


@pytest.mark.parametrize(
    ("sizes_kw", "told_kw"),
    [
        ([4_000.0], [4_000.0]),
        ([1_900.0, 4_600.0], [6_500.0]),  # some growth before the load that matters
        ([2_600.0, 3_700.0], [2_600.0, 3_700.0]),
        ([130.0, 430.0, 330.0], [560.0, 330.0]),
        ([4_000.0, -1_000.0], [4_000.0, -1_000.0]),
        ([], []),
    ],
)
def test_a_plateau_is_dated_by_the_rise_that_brought_it(sizes_kw, told_kw):
    steps = [ReferenceStep(100_000 * (i + 1), kw, 50.0, 20.0, 1.0) for i, kw in enumerate(sizes_kw)]
    told = from_its_bulk(steps)
    assert [one.step_kw for one in told] == pytest.approx(told_kw)
    assert [one.start_s for one in told] == [one.start_s for one in steps[len(steps) - len(told) :]]


def test_steps_are_kept_as_plain_arrays_and_come_back_the_same():
    series = reference((1500, HOURS, 2_000.0), series=2)
    steps = tuple(tuple(of) for of in found(series))
    assert steps_from_state(steps_state(steps), 2) == steps
    assert steps_from_state(steps_state(((), ())), 2) == ((), ())
