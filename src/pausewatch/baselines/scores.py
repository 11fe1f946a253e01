"""Scores of a baseline on data it was not fitted on, in the terms of ASHRAE Guideline 14 and of coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How one series' baseline did on its held-out hours.

    Args:
        nmbe_pct: mean error over mean load, per cent (normalised mean bias error).
        weekly_nmbe_pct: root mean square of the weekly mean errors over mean load, per cent.
        cv_rmse_pct: root mean square error over mean load, per cent.
        daily_mean_sd_kw: spread of the daily mean error, kW.
        coverage_90_pct: share of hours inside the 90 % interval, per cent.
        heldout_days: days it rests on.
        coverage_by_horizon_pct: share of hours inside the 90 % interval on the first day after an origin, then up to 7,
            30 and 90 days after it, per cent; NaN where it couldn't be told.
    """

    nmbe_pct: float
    weekly_nmbe_pct: float
    cv_rmse_pct: float
    daily_mean_sd_kw: float
    coverage_90_pct: float
    heldout_days: int
    coverage_by_horizon_pct: tuple[float, ...] = ()


def score(observed_kw: Floats, residual_kw: Floats, half_width_kw: Floats) -> list[Score]:
    """Score the held-out hours of a batch of series, all shapes (S, H), NaN where unseen."""
    seen = np.isfinite(residual_kw)
    count = seen.sum(axis=1)
    error = np.where(seen, residual_kw, 0.0)
    hours = np.maximum(count, 1)
    mean = np.abs(np.where(seen, observed_kw, 0.0).sum(axis=1) / hours)
    mean = np.where(mean > 0, mean, 1.0)
    daily, days = _square_of_means(error, seen, 24)
    weekly, weeks = _square_of_means(error, seen, 168)
    inside = (seen & (np.abs(error) <= half_width_kw)).sum(axis=1)
    told = {
        "nmbe_pct": 100 * error.sum(axis=1) / hours / mean,
        "weekly_nmbe_pct": np.where(weeks > 0, 100 * np.sqrt(weekly) / mean, np.nan),
        "cv_rmse_pct": 100 * np.sqrt(np.vecdot(error, error) / hours) / mean,
        "daily_mean_sd_kw": np.where(days > 0, np.sqrt(daily), np.nan),
        "coverage_90_pct": 100 * inside / hours,
    }
    known = {name: np.where(count > 0, values, np.nan).tolist() for name, values in told.items()}
    return [
        Score(**{name: values[s] for name, values in known.items()}, heldout_days=int(days[s]))
        for s in range(len(error))
    ]


def _square_of_means(error: Floats, seen: npt.NDArray[np.bool_], size: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the mean square of the means of blocks of which half was seen, and how many they are, both (S,)."""
    whole = error.shape[1] // size * size
    count = seen[:, :whole].reshape(len(error), -1, size).sum(axis=2)
    total = error[:, :whole].reshape(len(error), -1, size).sum(axis=2)
    enough = count >= size // 2
    means = np.where(enough, total / np.maximum(count, 1), 0.0)
    blocks = enough.sum(axis=1)
    return (means**2).sum(axis=1) / np.maximum(blocks, 1), blocks
