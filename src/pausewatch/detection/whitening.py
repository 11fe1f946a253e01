"""Whitening: hourly residuals turned into innovations, with the information each one carries.

Residuals of a good baseline are still strongly autocorrelated (an hour resembles the last, a day the day before);
tests that assume independence alarm constantly. An autoregression on the last hours and on the same hours of the
day before is fitted to each series' held-out residuals (Yule-Walker on pairwise autocovariances, so that gaps cost
nothing but data), and what it leaves over is tested.

Where hours are missing, the autoregression's own forecast stands in, and the first innovation after the gap is
weighted by how much the forecast's variance has grown. A gap so carries no information and breaks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# The last three hours, and the same hour (and its neighbours) a day before.
LAGS = np.array([1, 2, 3, 23, 24, 25])
ORDER = int(LAGS[-1])
# Kept off the unit circle: a held-out span of months can't tell rho 0.999 from a random walk.
_RIDGE = 2e-3
_CLIP_SD = 6.0


@dataclass(frozen=True)
class Whitener:
    """An autoregression for each of S series.

    Args:
        lag_weights: weight of each lag in LAGS, shape (S, L).
        innovation_sd_kw: standard deviation of an innovation, shape (S,).
        stationary_sd_kw: standard deviation of the residual itself, shape (S,).
    """

    lag_weights: Floats
    innovation_sd_kw: Floats
    stationary_sd_kw: Floats

    @property
    def step_response(self) -> Floats:
        """Innovation at each hour after a unit step of the residual, shape (S, ORDER + 1); constant after."""
        impulse = np.zeros((len(self.lag_weights), ORDER + 1))
        impulse[:, 0] = 1.0
        impulse[:, LAGS] = -self.lag_weights
        return np.cumsum(impulse, axis=1)

    def forecast_variance_growth(self, hours: int) -> Floats:
        """Variance of an h-hour-ahead forecast over that of one hour ahead, h = 1..hours, shape (S, hours)."""
        psi = np.zeros((len(self.lag_weights), hours))
        psi[:, 0] = 1.0
        for h in range(1, hours):
            reach = LAGS[h >= LAGS]
            psi[:, h] = (self.lag_weights[:, : len(reach)] * psi[:, h - reach]).sum(axis=1)
        return np.cumsum(psi**2, axis=1)

    def subset(self, series: npt.NDArray[np.intp]) -> Whitener:
        """Return the whitener of some of the series."""
        return Whitener(self.lag_weights[series], self.innovation_sd_kw[series], self.stationary_sd_kw[series])


@dataclass(frozen=True)
class Innovations:
    """Standardised innovations and the information in each, both (S, H).

    `score` is weight times innovation over its standard deviation and `weight` the inverse variance in units of an
    ordinary innovation (1 for an ordinary hour, less after a gap, 0 for an unseen hour).
    """

    score: Floats
    weight: Floats


def fit_whitener(residual_kw: Floats, restart: Bools | None = None) -> Whitener:
    """Fit the autoregression of each series.

    Args:
        residual_kw: held-out residuals in time order, shape (S, H), NaN where unseen.
        restart: hours at which a new fold begins, shape (H,) or (S, H): what comes before isn't compared across.

    Returns:
        A whitener; series with too little to see get white noise of their own spread.
    """
    series, hours = residual_kw.shape
    centre = _nanmedian(residual_kw)
    spread = 1.4826 * _nanmedian(np.abs(residual_kw - centre[:, None]))
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, _nanstd(residual_kw))
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    # Clipped for the fit only, so that one storm doesn't set the memory of the whole series.
    clipped = np.clip(residual_kw, -_CLIP_SD * spread[:, None], _CLIP_SD * spread[:, None])
    seen = np.isfinite(clipped)
    filled = np.where(seen, clipped, 0.0)
    autocovariance = np.zeros((series, ORDER + 1))
    for lag in range(ORDER + 1):
        products = filled[:, lag:] * filled[:, : hours - lag]
        pairs = (seen[:, lag:] & seen[:, : hours - lag]).sum(axis=1)
        autocovariance[:, lag] = products.sum(axis=1) / np.maximum(pairs, 1)
    variance = np.maximum(autocovariance[:, 0], 1e-12)
    lag_apart = np.abs(LAGS[:, None] - LAGS[None, :])
    gram = autocovariance[:, lag_apart] + _RIDGE * variance[:, None, None] * np.eye(len(LAGS))
    weights = np.linalg.solve(gram, autocovariance[:, LAGS][..., None])[..., 0]
    kept = _kept_stationary(weights)
    rough = Whitener(kept, np.ones(series), np.sqrt(variance))
    raw = innovations(residual_kw, rough, restart)
    ordinary = raw.weight > 0.999
    sd = _clipped_sd(np.where(ordinary, raw.score, np.nan))
    sd = np.where(np.isfinite(sd) & (sd > 0), sd, spread)
    return Whitener(kept, sd, np.sqrt(variance))


def innovations(
    residual_kw: Floats,
    whitener: Whitener,
    restart: Bools | None = None,
    initial_sd_kw: Floats | None = None,
) -> Innovations:
    """Return the standardised innovations of each series.

    Args:
        residual_kw: shape (S, H), NaN where unseen.
        whitener: the autoregressions of the same S series.
        restart: hours at which a new fold begins, shape (H,) or (S, H); the day after carries nothing.
        initial_sd_kw: standard deviation of the level before the first hour and of a forecast after a long gap,
            shape (S,); the stationary one by default.
    """
    series, hours = residual_kw.shape
    sd = whitener.innovation_sd_kw
    ceiling = whitener.stationary_sd_kw if initial_sd_kw is None else initial_sd_kw
    ceiling_ratio = np.maximum((ceiling / sd) ** 2, 1.0)
    longest = 24 * 14
    growth = np.minimum(whitener.forecast_variance_growth(longest), ceiling_ratio[:, None])
    seen = np.isfinite(residual_kw)
    restarts = np.zeros((series, hours), np.bool_) if restart is None else np.broadcast_to(restart, seen.shape)
    filled = np.zeros((series, hours + ORDER))
    innovation = np.zeros((series, hours))
    unseen_for = np.full(series, longest - 1)
    variance = np.ones((series, hours))
    rows = np.arange(series)
    steps = np.arange(1, ORDER + 1)
    for h in range(hours):
        at = h + ORDER
        forecast = (whitener.lag_weights * filled[:, at - LAGS]).sum(axis=1)
        here = seen[:, h]
        back = np.flatnonzero(here & (unseen_for > 0))
        if len(back):
            # The forecast's error grew over the gap: what stood in for its hours is moved the same way.
            gap = unseen_for[back][:, None]
            share = np.clip((gap - steps + 1) / (gap + 1), 0.0, 1.0)
            missed = (residual_kw[back, h] - forecast[back])[:, None]
            filled[back[:, None], at - steps] += missed * share
        filled[:, at] = np.where(here, residual_kw[:, h], forecast)
        innovation[:, h] = np.where(here, residual_kw[:, h] - forecast, 0.0)
        variance[:, h] = growth[rows, unseen_for]
        unseen_for = np.where(here, 0, np.minimum(unseen_for + 1, longest - 1))
    # A new fold has a level of its own: its first day says nothing of what came before.
    after_restart = np.zeros_like(restarts)
    for fold in np.unique(np.nonzero(restarts)[1]):
        after_restart[:, fold : fold + ORDER + 1] |= restarts[:, fold : fold + 1]
    weight = np.where(seen & ~after_restart, 1.0 / variance, 0.0)
    return Innovations(score=weight * innovation / sd[:, None], weight=weight)


def _kept_stationary(weights: npt.NDArray[np.floating[Any]], limit: float = 0.995) -> Floats:
    """Shrink the weights of any series whose autoregression would explode."""
    out = weights.astype(np.float64)
    companion = np.zeros((ORDER, ORDER))
    companion[1:, :-1] = np.eye(ORDER - 1)
    for s in range(len(out)):
        companion[0] = 0.0
        companion[0, LAGS - 1] = out[s]
        radius = float(np.abs(np.linalg.eigvals(companion)).max())
        if radius > limit:
            out[s] *= (limit / radius) ** LAGS
    return out


def _clipped_sd(values: Floats) -> Floats:
    spread = 1.4826 * _nanmedian(np.abs(values))
    limit = _CLIP_SD * np.where(np.isfinite(spread) & (spread > 0), spread, np.inf)
    mean_square = _nanmean(np.clip(values, -limit[:, None], limit[:, None]) ** 2)
    out: Floats = np.sqrt(mean_square)
    return out


def _nanmean(values: Floats) -> Floats:
    seen = np.isfinite(values)
    return np.asarray(np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))


def _nanstd(values: Floats) -> Floats:
    return np.sqrt(_nanmean((values - _nanmean(values)[:, None]) ** 2))


def _nanmedian(values: Floats) -> Floats:
    return np.array([np.median(r[np.isfinite(r)]) if np.isfinite(r).any() else 0.0 for r in values])
