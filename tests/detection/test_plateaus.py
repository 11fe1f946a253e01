"""A step up inside the reference is told; noise, drops, short loads and small steps are not."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.detection.plateaus import plateaus
from pausewatch.detection.step_test import StepWindows
from pausewatch.detection.whitening import fit_whitener

HOURS = 120 * 24


def noise(seed: int) -> np.ndarray:
    """Return held-out residuals with a memory of hours, kW."""
    rng = np.random.default_rng(seed)
    out = np.zeros(HOURS)
    for h in range(1, HOURS):
        out[h] = 0.9 * out[h - 1] + 20.0 * rng.standard_normal()
    return out


def found(*spans: tuple[int, int, float], series: int = 1):
    residual = np.stack([noise(s) for s in range(series)])
    for start, end, size in spans:
        residual[:, start:end] += size
    restart = np.zeros(HOURS, dtype=np.bool_)
    restart[0] = True
    whitener = fit_whitener(residual, restart)
    return plateaus(residual, residual + 10_000.0, restart, whitener, StepWindows())


def test_ordinary_load_has_no_plateau():
    assert found(series=40) == [[] for _ in range(40)]


def test_a_step_that_stays_is_told_with_its_hour_and_size():
    ((one,),) = found((1500, HOURS, 2_000.0))
    assert abs(one.hour - 1500) <= 2
    assert one.step_kw == pytest.approx(2_000.0, rel=0.1)


@pytest.mark.parametrize("span", [(1500, HOURS, -2_000.0), (1500, 1540, 2_000.0), (1500, HOURS, 150.0)])
def test_a_drop_a_short_load_and_a_small_step_are_none(span):
    assert found(span) == [[]]
