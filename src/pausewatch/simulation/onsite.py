"""Declared supply on site: a solar roof and a battery, each with a meter of its own."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.truth import DAY_S, Floats


def solar_mw(epoch_s: Floats, latitude: float, longitude: float, peak_mw: float, rng: np.random.Generator) -> Floats:
    """Return what a solar field makes: the sun's height by declination and hour, and clouds that last hours."""
    from scipy.signal import lfilter

    step_s = float(epoch_s[1] - epoch_s[0])
    year = 2 * np.pi * (epoch_s / 31_557_600.0 - 0.2205)
    declination = np.radians(23.44) * np.sin(year)
    turn = 2 * np.pi * ((epoch_s / 3600.0 + longitude / 15.0) % 24.0 - 12.0) / 24.0
    north = np.radians(latitude)
    height = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(turn)
    keep = float(np.exp(-step_s / (6 * 3600.0)))
    clouds = lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.standard_normal(len(epoch_s)))
    clear = 0.15 + 0.85 / (1 + np.exp(-1.5 * clouds - 0.5))
    return np.asarray(peak_mw * np.maximum(height, 0.0) * clear)


def battery_mw(local_s: Floats, power_mw: float, rng: np.random.Generator) -> Floats:
    """Return a battery's discharge (charge is negative): it fills by night and gives in the evening.

    Three hours of giving are filled in four with 10 % lost; its depth varies by the day.
    """
    shifted_s = local_s - 12 * 3600.0
    hour = (local_s / 3600.0) % 24
    day = (shifted_s // DAY_S).astype(np.int64)
    depth = rng.uniform(0.5, 1.0, int(day[-1] - day[0]) + 1)[day - day[0]]
    gives = (hour >= 17) & (hour < 20)
    fills = (hour >= 1) & (hour < 5)
    return np.asarray(power_mw * depth * np.where(gives, 1.0, np.where(fills, -3 / (0.9 * 4), 0.0)))
