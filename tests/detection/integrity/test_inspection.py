"""Inspecting integrity: one flaw is said once, a batch says what each site says alone, and no later hour is needed."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.detection.integrity.contradiction import Flaw
from pausewatch.detection.integrity.habits import Habits
from pausewatch.detection.integrity.inspection import inspect_integrity
from pausewatch.detection.whitening import fit_whitener
from pausewatch.telemetry.panel import Lane

DAYS, FROM, TO = 70, 40 * 24, 54 * 24
HAS = {Lane.UTILITY: np.array([True]), Lane.IT_LOAD: np.array([True])}


def shape(days: int) -> np.ndarray:
    return 20_000 + 800 * np.sin(2 * np.pi * np.arange(days * 24) / 24)


def residuals(days: int, seed: int) -> np.ndarray:
    """Return what the utility's and the IT meter show beyond what is expected, shape (2, H)."""
    rng = np.random.default_rng(seed)
    it_load = np.zeros(days * 24)
    for h in range(1, days * 24):
        it_load[h] = 0.9 * it_load[h - 1] + 120 * rng.standard_normal()
    return np.stack([1.2 * it_load + 25 * rng.standard_normal(days * 24), it_load])


def scene(change=None, until: int = DAYS * 24):
    """Return what is told of a site whose IT meter is changed as asked."""
    reference = residuals(150, 1)
    whitener = fit_whitener(reference)
    expected = np.stack([1.2 * shape(DAYS), shape(DAYS)])
    observed = expected + residuals(DAYS, 2)
    if change is not None:
        change(observed[1])
    reference_load = reference + np.stack([1.2 * shape(150), shape(150)])
    cold = np.full((1, 150 * 24), np.nan)
    habits = Habits.learned(reference, whitener, np.full(2, 0.01), reference_load, cold)
    habits = Habits.from_state(habits.state())
    observed[:, until:] = np.nan
    end = np.array([until])
    weather = np.full((1, DAYS * 24), np.nan)
    return inspect_integrity(observed, observed - expected, weather, habits, whitener, HAS, end, 28 * 24)[0]


def played_back(load: np.ndarray) -> None:
    rng = np.random.default_rng(8)
    load[FROM:TO] = 1.0 * load[FROM - 14 * 24 : TO - 14 * 24] + 20 * rng.standard_normal(TO - FROM)


def halved(load: np.ndarray) -> None:
    load[FROM:TO] *= 0.5


def late(load: np.ndarray) -> None:
    load[FROM:TO] = 0.5 * (load[FROM:TO] + load[FROM - 1 : TO - 1])


def test_an_honest_site_is_told_nothing():
    assert scene() == ()


@pytest.mark.parametrize(
    ("change", "flaw"), [(played_back, Flaw.REPEATED), (halved, Flaw.RESCALED), (late, Flaw.CLOCK_SHIFTED)]
)
def test_one_flaw_is_said_once_of_the_meter_it_is_on(change, flaw):
    (one,) = scene(change)
    assert (one.flaw, one.lanes) == (flaw, (Lane.IT_LOAD,))
    assert abs(one.start_hour - FROM) <= 24
    assert one.end_hour is not None
    assert abs(one.end_hour - TO) <= 36


def test_a_copy_names_its_source():
    (one,) = scene(played_back)
    assert one.detail == 14 * 24
    assert one.facts["correlation"] > 0.9


def test_what_is_over_reads_the_same_from_any_later_day():
    for change in (played_back, halved, late):
        whole, earlier = scene(change), scene(change, TO + 10 * 24)
        assert [(c.flaw, c.lanes, c.start_hour, c.end_hour) for c in whole] == [
            (c.flaw, c.lanes, c.start_hour, c.end_hour) for c in earlier
        ]


def test_what_lasts_has_no_end():
    for change in (played_back, halved, late):
        (one,) = scene(change, TO)
        assert one.end_hour is None
