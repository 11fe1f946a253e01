"""Intervals that hold what they say: their width is taken from held-out errors, never from a model's own claim.

Split conformal calibration in time: an origin's interval knows only the errors of the origins before it (after Xu and
Xie, "Conformal prediction interval for dynamic time-series", ICML 2021).
"""

from __future__ import annotations

import numpy as np

from pausewatch.baselines.backtest import Backtest
from pausewatch.baselines.contract import Floats

Z90 = 1.6448536
_MIN_HOURS = 48


def honest_sd(residual_kw: Floats, mean_kw: Floats) -> Floats:
    """Return the standard deviation whose 90 % interval held 90 % of the held-out hours, shape (S,).

    Args:
        residual_kw: held-out residuals, shape (S, H), NaN where unseen.
        mean_kw: mean load, (S,): a tenth of it stands in where too little was held out.
    """
    out = np.empty(len(residual_kw))
    for s, row in enumerate(residual_kw):
        seen = np.abs(row[np.isfinite(row)])
        out[s] = np.quantile(seen, 0.9) / Z90 if len(seen) >= _MIN_HOURS else 0.1 * abs(mean_kw[s])
    return np.maximum(out, 1e-6)


def rolling_half_width(tested: Backtest, hour_sd_kw: Floats) -> Floats:
    """Return the half-widths each origin could have known, shape (S, H'); the final one where none came before."""
    out = np.full(tested.residual_kw.shape, np.nan)
    origins = np.flatnonzero(tested.restart)
    for begin, until in zip(origins, [*origins[1:], tested.residual_kw.shape[1]], strict=True):
        before = tested.residual_kw[:, :begin]
        enough = np.isfinite(before).sum(axis=1) >= _MIN_HOURS
        known = np.where(enough, honest_sd(before, np.zeros(len(out))), hour_sd_kw)
        out[:, begin:until] = (Z90 * known)[:, None]
    return out
