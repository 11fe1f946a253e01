"""Synthetic series whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pausewatch.baselines.contract import Series
from pausewatch.telemetry.grid import HourGrid

MakeSeries = Callable[..., Series]


def ar1(rng: np.random.Generator, shape: tuple[int, int], sd: float, memory_h: float) -> np.ndarray:
    from scipy.signal import lfilter

    rho = np.exp(-1.0 / memory_h)
    start = rng.standard_normal((shape[0], 1)) * rho * sd
    noise = rng.standard_normal(shape) * sd * np.sqrt(1 - rho**2)
    out, _ = lfilter([1.0], [1.0, -rho], noise, axis=1, zi=start)
    return np.asarray(out)


def make(
    count: int = 3,
    days: int = 200,
    *,
    seed: int = 1,
    zone: str = "Europe/London",
    country: str | None = "GB",
    start: str = "2024-01-01",
    mean_kw: float = 10_000.0,
    noise: float = 0.02,
    memory_h: float = 24.0,
    growth_day: float = 0.0,
    warmth: float = 0.006,
) -> Series:
    """Load that follows the hour of the week, the temperature (per degC above 15), growth and AR(1) noise."""
    rng = np.random.default_rng(seed)
    grid = HourGrid(np.datetime64(start, "s"), days * 24, (zone,) * count, (country,) * count)
    hours = np.arange(grid.hours)
    year = 2 * np.pi * (grid.start_s / 3600 + hours) / 8766
    day = 2 * np.pi * (grid.local_hour - 15) / 24
    temperature = 12 - 8 * np.cos(year) + 3 * np.cos(day) + ar1(rng, (count, grid.hours), 3.0, 72.0)
    how = grid.hour_of_week
    shape = 0.05 * np.cos(2 * np.pi * (how % 24 - 16) / 24) - 0.04 * (how >= 120)
    load = 1 + shape + warmth * np.maximum(temperature - 15, 0) + growth_day * hours / 24
    load = mean_kw * (load + (ar1(rng, (count, grid.hours), noise, memory_h) if noise else 0.0))
    return Series(tuple(f"site-{i}/utility" for i in range(count)), grid, load, temperature)


def cut(series: Series, first_day: int, last_day: int) -> Series:
    span = slice(first_day * 24, last_day * 24)
    grid = series.grid.sliced(span.start, span.stop)
    return Series(series.keys, grid, series.load_kw[:, span].copy(), series.temperature_c[:, span].copy())


@pytest.fixture(scope="session")
def make_series() -> MakeSeries:
    return make


@pytest.fixture(scope="session")
def cut_series() -> Callable[[Series, int, int], Series]:
    return cut
