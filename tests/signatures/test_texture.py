"""What a load is made of: a constant or a multiple of the site's own, by the clock, in steps, with dips."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from pausewatch.signatures.texture import Texture, texture

DAYS, START_DAY = 56, 36
HOURS, START = 24 * DAYS, 24 * START_DAY
HOUR = np.arange(HOURS) % 24
SHAPE = 10_000.0 * (1 + 0.08 * np.cos(2 * np.pi * (HOUR - 15) / 24))


def site(seed: int = 1, noise_kw: float = 60.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return what a site draws beyond what is expected: noise with a memory of days, and some from hour to hour."""
    rng = np.random.default_rng(seed)
    slow = np.zeros(HOURS)
    for i in range(1, HOURS):
        slow[i] = 0.97 * slow[i - 1] + 0.24 * rng.standard_normal()
    return noise_kw * (slow + 0.5 * rng.standard_normal(HOURS))


def measured(added: np.ndarray[Any, Any], residual: np.ndarray[Any, Any] | None = None, **more: Any) -> Texture:
    """Return the texture of a load from day 36 to the end, on top of a site's noise."""
    raised = np.arange(HOURS) >= START
    whole = (site() if residual is None else residual) + np.where(raised, added, 0.0)
    mean = float(np.where(raised, added, 0.0)[raised].mean())
    given: dict[str, Any] = {"residual_kw": whole, "level_kw": 0.0, "expected_kw": SHAPE, "raised": raised}
    given |= {"start": START, "end": HOURS, "mean_kw": mean, "local_hour": HOUR, "masked": np.zeros(HOURS, bool)}
    return texture(**(given | more))


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_constant_is_told_from_a_multiple_of_the_sites_own_load(seed: int) -> None:
    own = site(seed)
    flat = measured(np.full(HOURS, 3_000.0), own)
    multiple = measured(0.3 * (SHAPE + own), own)

    assert flat.shape_evidence + flat.day_evidence < -3
    assert multiple.shape_evidence + multiple.day_evidence > 3
    assert flat.day_share == pytest.approx(0.0, abs=0.25)
    assert multiple.day_share == pytest.approx(1.0, abs=0.25)
    assert multiple.noise_growth > flat.noise_growth + 0.3


def test_where_the_noise_hides_the_shape_nothing_is_claimed() -> None:
    told = measured(np.full(HOURS, 100.0), site(3, noise_kw=600.0))

    assert abs(told.shape_evidence) < 1
    assert abs(told.day_evidence) < 1
    assert told.day_share == pytest.approx(0.5, abs=0.2)


def test_a_load_of_a_day_or_two_says_less_than_one_of_weeks() -> None:
    added, own = np.full(HOURS, 3_000.0), site(4, noise_kw=300.0)
    until = (np.arange(HOURS) >= START) & (np.arange(HOURS) < START + 40)
    brief, long = measured(added, own, end=START + 40, raised=until), measured(added, own)

    assert abs(brief.day_evidence) < abs(long.day_evidence)


def test_an_edge_of_something_else_is_no_answer_to_the_hour() -> None:
    left = np.where(np.arange(HOURS) > START + 200, -2_000.0, 0.0)
    told = measured(np.full(HOURS, 4_000.0) + left)

    assert told.shape_evidence < -3


def test_nightly_batch_keeps_to_the_clock_and_bursts_of_days_do_not() -> None:
    nightly = measured(np.where((HOUR >= 1) & (HOUR < 6), 3_000.0, 0.0))
    bursts = measured(np.where((np.arange(HOURS) // 60) % 2 == 0, 3_000.0, 0.0))

    assert nightly.clock_share > 0.8
    assert bursts.clock_share < 0.2


def test_a_staircase_climbs_and_a_plateau_and_bursts_do_not() -> None:
    since = (np.arange(HOURS) - START) / 24.0
    stairs = measured(1_000.0 * np.clip(np.ceil(since / 3.0), 0, 6))
    bursts = measured(np.where((np.arange(HOURS) // 72) % 2 == 0, 3_000.0, 0.0))

    assert stairs.climb_share > 0.8
    assert stairs.fall_share < 0.1
    assert measured(np.full(HOURS, 3_000.0)).climb_share < 0.1
    assert bursts.fall_share > 0.5


def test_interruptions_are_counted_where_they_can_be_seen() -> None:
    added = np.full(HOURS, 3_000.0)
    interrupted = added.copy()
    interrupted[START + 5 :: 16] *= 0.6
    seen, none = measured(interrupted), measured(added)

    assert seen.dips_per_day == pytest.approx(1.5, abs=0.2)
    assert none.dips_per_day == pytest.approx(0.0, abs=0.05)
    assert none.dip_sight > 5
    assert measured(0.02 * added).dip_sight < 0.5


def test_load_that_grew_for_weeks_before_is_creep() -> None:
    own = site() + np.where(np.arange(HOURS) >= START - 150, 1_500.0, 0.0)

    assert measured(np.full(HOURS, 3_000.0), own, level_kw=1_500.0).creep_share == pytest.approx(0.5, abs=0.15)


def test_other_loads_are_no_measure_of_what_is_ordinary() -> None:
    masked = np.zeros(HOURS, bool)
    masked[START - 400 : START - 100] = True
    own = np.where(masked, 9_000.0 * (HOUR < 12), 0.0) + site()
    left_out = measured(np.full(HOURS, 3_000.0), own, masked=masked)

    assert left_out.shape_evidence + left_out.day_evidence < -3


@pytest.mark.parametrize("start", [-40, 0, 3, START])
def test_every_value_is_a_number_whatever_was_seen(start: int) -> None:
    for share in (0.0, 0.5, 0.97, 1.0):
        residual = site()
        residual[np.random.default_rng(5).random(HOURS) < share] = np.nan
        told = measured(np.full(HOURS, 3_000.0), residual, start=start, raised=np.arange(HOURS) >= start)
        assert all(np.isfinite(v) for v in asdict(told).values())
    assert asdict(told) == asdict(Texture())
