"""Intervals that hold what they say: their width is taken from held-out errors, never from a model's own claim.

Split conformal calibration in time: an origin's interval knows only the errors of the origins before it (after Xu and
Xie, "Conformal prediction interval for dynamic time-series", ICML 2021). It is done by horizon, since an interval that
is right for tomorrow is too narrow for the quarter; few origins of one series are drawn towards the batch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.backtest import Backtest
from pausewatch.baselines.contract import Floats
from pausewatch.telemetry.order_statistics import row_quantiles

Z90 = 1.6448536
HORIZON_DAYS = (1, 7, 30, 90)
"""Ends of the spans after a freeze that intervals are calibrated and measured on; each begins at the last."""

_MIDDLE_DAYS = (0.5, 4.0, 18.5, 60.0)
_SHARE = 0.9
_MIN_HOURS = 48
# Held-out origins that the batch counts for; and origins that the batch's own correction is believed half from.
_PRIOR_ORIGINS = 6.0
_BELIEVED_ORIGINS = 2.0
_MIN_SAMPLE = 4
_MIN_TOLD = 12
_FACTOR_BOUNDS = (0.5, 3.0)


@dataclass(frozen=True)
class HorizonScale:
    """How much wider than the rough interval an honest one is; `factor` has shape (S, len(HORIZON_DAYS))."""

    factor: Floats

    def at(self, days_ahead: npt.NDArray[np.floating[Any]]) -> Floats:
        """Return the factor at each horizon, without an edge between spans, shape (S, H) for horizons (H,)."""
        place = np.interp(days_ahead, _MIDDLE_DAYS, np.arange(len(_MIDDLE_DAYS)))
        low = np.minimum(place.astype(np.int64), len(_MIDDLE_DAYS) - 2)
        share = place - low
        return np.asarray(self.factor[:, low] * (1 - share) + self.factor[:, low + 1] * share)


def fit_horizon_scale(tested: Backtest, rough_sd_kw: Floats) -> tuple[HorizonScale, Floats]:
    """Calibrate intervals by horizon; return the factors, and the share of held-out hours that they held.

    Args:
        tested: the backtest, with its sampled hours.
        rough_sd_kw: rough standard deviation of each sampled hour's error, shape (S, M).

    Returns:
        The scale, and its coverage, per cent, shape (S, len(HORIZON_DAYS)): an origin's intervals are made from the
        origins before it alone; NaN where a span was not reached after the first.
    """
    z = np.abs(tested.sample_error_kw) / (Z90 * np.maximum(rough_sd_kw, 1e-9))
    series, spans = len(z), len(HORIZON_DAYS)
    factor, coverage = np.ones((series, spans)), np.full((series, spans), np.nan)
    begins = (0, *HORIZON_DAYS[:-1])
    for span, (begin, end) in enumerate(zip(begins, HORIZON_DAYS, strict=True)):
        here = (tested.sample_ahead_days >= begin) & (tested.sample_ahead_days < end)
        fold, mine = tested.sample_fold[here], z[:, here]
        folds = np.unique(fold)
        # What each origin could have known, and how its hours stood to that.
        ratio = np.full(mine.shape, np.nan)
        for f in folds[1:]:
            known = _factor(mine[:, fold < f], fold[fold < f])
            ratio[:, fold == f] = mine[:, fold == f] / known[:, None]
        correction = 1.0
        told = ratio[np.isfinite(ratio)]
        if len(told) >= _MIN_HOURS:
            origins = len(folds) - 1
            correction = float(np.quantile(told, _SHARE) ** (origins / (origins + _BELIEVED_ORIGINS)))
        if len(folds):
            factor[:, span] = np.clip(_factor(mine, fold) * correction, *_FACTOR_BOUNDS)
        seen = np.isfinite(ratio).sum(axis=1)
        inside = (ratio <= correction).sum(axis=1)
        coverage[:, span] = np.where(seen >= _MIN_TOLD, 100.0 * inside / np.maximum(seen, 1), np.nan)
    return HorizonScale(factor), coverage


def _factor(z: Floats, fold: npt.NDArray[np.int64]) -> Floats:
    """Return each series' quantile of z, drawn towards the batch's by how few origins it rests on, shape (S,)."""
    own, count = _row_quantiles(z)
    # Hours of one origin err together: what counts is how many origins there were.
    first = np.flatnonzero(np.diff(fold, prepend=-1))
    origins = np.add.reduceat(np.isfinite(z), first, axis=1) > 0 if len(first) else np.zeros((len(z), 0))
    number = origins.sum(axis=1)
    everyone = z[np.isfinite(z)]
    batch = float(np.quantile(everyone, _SHARE)) if len(everyone) >= _MIN_SAMPLE else 1.0
    batch = max(batch, 1e-3)
    weight = np.where(count >= _MIN_SAMPLE, number / (number + _PRIOR_ORIGINS), 0.0)
    return np.asarray(np.exp(weight * np.log(np.maximum(own, 1e-3)) + (1 - weight) * np.log(batch)))


def _row_quantiles(values: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the quantile of each row's finite values, 1 where there are none, and how many they are."""
    count = np.isfinite(values).sum(axis=1)
    if not values.shape[1]:
        return np.ones(len(values)), count
    ordered = np.sort(values, axis=1)
    at = np.minimum(np.ceil(_SHARE * count).astype(np.int64), np.maximum(count - 1, 0))
    found = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return np.where(count > 0, found, 1.0), count


def honest_sd(residual_kw: Floats, mean_kw: Floats) -> Floats:
    """Return the standard deviation whose 90 % interval held 90 % of the held-out hours, shape (S,).

    Args:
        residual_kw: held-out residuals, shape (S, H), NaN where unseen.
        mean_kw: mean load, (S,): a tenth of it stands in where too little was held out.
    """
    told = row_quantiles(np.abs(residual_kw), (_SHARE,))[:, 0] / Z90
    enough = np.isfinite(residual_kw).sum(axis=1) >= _MIN_HOURS
    return np.maximum(np.where(enough, told, 0.1 * np.abs(mean_kw)), 1e-6)


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
