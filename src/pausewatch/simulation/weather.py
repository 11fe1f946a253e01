"""Outdoor temperature: seasons, hours of the day, and fronts that last days."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.truth import Floats


def temperature_c(epoch_s: Floats, latitude: float, longitude: float, rng: np.random.Generator) -> Floats:
    """Return outdoor temperature at each instant, degC.

    Mean and seasonal swing follow latitude as the 16 places of the project's weather data do (about 27 degC and 2
    degC at the equator, 10 degC and 9 degC at 52 degrees); fronts are AR(1) with a memory of three days.
    """
    from scipy.signal import lfilter

    away = abs(latitude)
    mean = 27.0 - 0.0063 * away**2
    swing = 0.5 + 0.19 * away
    daily = 3.0 + 2.0 * rng.random()
    year = 2 * np.pi * (epoch_s / 31_557_600.0 - 0.07)
    solar_hour = (epoch_s / 3600.0 + longitude / 15.0) % 24.0
    hemisphere = 1.0 if latitude >= 0 else -1.0
    step_s = float(epoch_s[1] - epoch_s[0])
    rho = np.exp(-step_s / (3 * 86_400.0))
    sd = 1.0 + 0.05 * away
    fronts = lfilter([np.sqrt(1 - rho**2) * sd], [1, -rho], rng.standard_normal(len(epoch_s)))
    seasons = -swing * np.cos(year) * hemisphere
    return np.asarray(mean + seasons + daily * np.cos(2 * np.pi * (solar_hour - 15) / 24) + fronts)
