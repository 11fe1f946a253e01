"""The level's uncertainty as it grows with the horizon, measured on held-out weeks.

A frozen baseline's level is off by something from the start, wanders like a random walk, and drifts if a trend was
missed: variance a + b h + c h**2. Months of one site hold few independent weeks; the fleet's typical growth is the
prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Held-out weeks the fleet's typical error counts for.
_PRIOR_WEEKS = 6.0
# With no fleet to learn from: 1 % at once, 2 % after a month, of the mean load.
_PRIOR_SHARES = np.array([0.01**2, (0.02**2 - 0.01**2) / 30.0, 0.0])


@dataclass(frozen=True)
class LevelError:
    """Variance of the level error after h days: (a + b h + c h**2) kW**2; `coefficients` has shape (S, 3)."""

    coefficients: Floats

    def sd_kw(self, days_ahead: npt.NDArray[np.floating[Any]]) -> Floats:
        """Return the standard deviation at each horizon, shape (S, H) for horizons (H,)."""
        h = np.maximum(days_ahead, 0.0)
        basis = np.stack([np.ones_like(h), h, h**2])
        return np.asarray(np.sqrt(self.coefficients @ basis))


def fit_level_error(week_error_kw: Floats, ahead_days: Floats, mean_load_kw: Floats) -> LevelError:
    """Fit the growth of the level error of each series.

    Args:
        week_error_kw: held-out errors of whole weeks, shape (S, N), NaN where unseen.
        ahead_days: their horizons, shape (N,).
        mean_load_kw: scale of each series, shape (S,).
    """
    scale = np.maximum(np.abs(mean_load_kw), 1e-6)
    series = len(scale)
    if week_error_kw.shape[1] == 0:
        return LevelError(np.repeat(_PRIOR_SHARES[None], series, axis=0) * scale[:, None] ** 2)
    relative = (week_error_kw / scale[:, None]) ** 2
    seen = np.isfinite(relative)
    horizons = np.unique(ahead_days)
    # The fleet's typical growth: a robust mean over sites of the squared error at each horizon.
    typical = np.array([_trimmed_mean(relative[:, ahead_days == h]) for h in horizons])
    known = np.isfinite(typical)
    basis = np.stack([np.ones_like(horizons), horizons, horizons**2], axis=1)
    if known.sum() >= 2:
        weight = 1.0 / np.maximum(typical[known], 1e-8)
        fleet = _not_negative(basis[known] * weight[:, None], typical[known] * weight)
        fleet = np.maximum(fleet, [2e-6, 2e-7, 0.0])
    else:
        fleet = _PRIOR_SHARES
    shape = np.stack([np.ones_like(ahead_days), ahead_days, ahead_days**2], axis=1) @ fleet
    ratio = np.where(seen, relative / shape[None, :], 0.0)
    own = (ratio.sum(axis=1) + _PRIOR_WEEKS) / (seen.sum(axis=1) + _PRIOR_WEEKS)
    return LevelError(np.clip(own, 0.1, 50.0)[:, None] * fleet[None, :] * scale[:, None] ** 2)


def _not_negative(columns: Floats, target: Floats) -> Floats:
    """Return the least squares coefficients that aren't negative, tried over the subsets of the few columns.

    Importing scipy.optimize for it takes as long as fitting a dozen sites.
    """
    count = columns.shape[1]
    best, least = np.zeros(count), float(target @ target)
    for size in range(1, count + 1):
        for kept in combinations(range(count), size):
            told = np.zeros(count)
            told[list(kept)] = np.linalg.lstsq(columns[:, kept], target, rcond=None)[0]
            left = float(((target - columns @ told) ** 2).sum())
            if (told >= 0).all() and left < least:
                best, least = told, left
    return best


def _trimmed_mean(values: Floats) -> float:
    """Return the mean without the largest twentieth: one site's real change isn't everyone's uncertainty."""
    flat = np.sort(values[np.isfinite(values)])
    kept = flat[: max(int(len(flat) * 0.95), 1)]
    return float(kept.mean()) if len(flat) else float("nan")
