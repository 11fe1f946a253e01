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


def score(observed_kw: Floats, residual_kw: Floats, half_width_kw: Floats) -> Score:
    """Score one series' held-out hours, all shapes (H,), NaN where unseen."""
    seen = np.isfinite(residual_kw)
    if not seen.any():
        return Score(np.nan, np.nan, np.nan, np.nan, np.nan, 0)
    mean = float(np.abs(np.mean((observed_kw)[seen]))) or 1.0
    error = residual_kw[seen]
    daily = _block_means(residual_kw, 24)
    weekly = _block_means(residual_kw, 168)
    return Score(
        nmbe_pct=float(100 * error.mean() / mean),
        weekly_nmbe_pct=float(100 * np.sqrt(np.mean(weekly**2)) / mean) if len(weekly) else float("nan"),
        cv_rmse_pct=float(100 * np.sqrt(np.mean(error**2)) / mean),
        daily_mean_sd_kw=float(np.sqrt(np.mean(daily**2))) if len(daily) else float("nan"),
        coverage_90_pct=float(100 * np.mean(np.abs(error) <= half_width_kw[seen])),
        heldout_days=len(daily),
    )


def _block_means(values: Floats, size: int) -> Floats:
    blocks = values[: len(values) // size * size].reshape(-1, size)
    seen = np.isfinite(blocks)
    enough = seen.sum(axis=1) >= size // 2
    total = np.where(seen, blocks, 0.0).sum(axis=1)
    return np.asarray(total[enough] / seen.sum(axis=1)[enough])
