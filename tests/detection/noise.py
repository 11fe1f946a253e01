"""Residuals of known make: autoregressive noise with the memory of a day, and runs laid over it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.whitening import LAGS, ORDER, Whitener

Floats = npt.NDArray[np.float64]

# Last hour, and the same hour of the day before with its neighbour: about 0.9 from hour to hour, 0.6 from day to day.
DIURNAL = np.array([0.8, 0.0, 0.0, 0.0, 0.3, -0.2])


def autoregressive(
    series: int, hours: int, seed: int, weights: Floats = DIURNAL, sd_kw: float = 100.0, burn_in: int = 24 * 30
) -> Floats:
    """Return Gaussian noise with weights on LAGS, shape (series, hours)."""
    rng = np.random.default_rng(seed)
    shocks = sd_kw * rng.standard_normal((series, hours + burn_in))
    out = np.zeros((series, hours + burn_in + ORDER))
    for h in range(hours + burn_in):
        out[:, h + ORDER] = out[:, h + ORDER - LAGS] @ weights + shocks[:, h]
    return out[:, burn_in + ORDER :]


def true_whitener(
    series: int = 1, weights: Floats = DIURNAL, sd_kw: float = 100.0, stationary_sd_kw: float = 250.0
) -> Whitener:
    """Return the whitener that `autoregressive` was made with."""
    return Whitener(np.tile(weights, (series, 1)), np.full(series, sd_kw), np.full(series, stationary_sd_kw))


def day_numbers(series: int, hours: int) -> npt.NDArray[np.int32]:
    """Return local day numbers of hours that begin at a midnight, shape (series, hours)."""
    return np.tile((np.arange(hours) // 24).astype(np.int32), (series, 1))
