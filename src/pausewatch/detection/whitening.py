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

from pausewatch.telemetry.order_statistics import row_medians

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# The last three hours, and the same hour (and its neighbours) a day before.
LAGS = np.array([1, 2, 3, 23, 24, 25])
ORDER = int(LAGS[-1])
# Kept off the unit circle: a held-out span of months can't tell rho 0.999 from a random walk.
_RIDGE = 2e-3
_CLIP_SD = 6.0
# The forecast of a longer gap is as wrong as that of this one.
_LONGEST_GAP = 24 * 14


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

    def until(self, hour: int) -> Innovations:
        """Return those of the hours before one, as a view."""
        return Innovations(self.score[:, :hour], self.weight[:, :hour])


def fit_whitener(residual_kw: Floats, restart: Bools | None = None) -> Whitener:
    """Fit the autoregression of each series.

    Args:
        residual_kw: held-out residuals in time order, shape (S, H), NaN where unseen.
        restart: hours at which a new fold begins, shape (H,) or (S, H): what comes before isn't compared across.

    Returns:
        A whitener; series with too little to see get white noise of their own spread.
    """
    series, hours = residual_kw.shape
    seen = np.isfinite(residual_kw)
    centre = _median(residual_kw, seen)
    spread = 1.4826 * _median(np.abs(residual_kw - centre[:, None]), seen)
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, _nanstd(residual_kw))
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    # Clipped for the fit only, so that one storm doesn't set the memory of the whole series.
    clipped = np.clip(residual_kw, -_CLIP_SD * spread[:, None], _CLIP_SD * spread[:, None])
    filled = np.where(seen, clipped, 0.0)
    autocovariance = np.zeros((series, ORDER + 1))
    lag_apart = np.abs(LAGS[:, None] - LAGS[None, :])
    for lag in np.union1d(lag_apart, LAGS).tolist():
        both = max(hours - lag, 0)
        products = np.vecdot(filled[:, lag:], filled[:, :both])
        pairs = np.count_nonzero(seen[:, lag:] & seen[:, :both], axis=1)
        autocovariance[:, lag] = products / np.maximum(pairs, 1)
    variance = np.maximum(autocovariance[:, 0], 1e-12)
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
    seen = np.isfinite(residual_kw)
    restarts = np.zeros((series, hours), np.bool_) if restart is None else np.broadcast_to(restart, seen.shape)
    gap = _unseen_before(seen)
    innovation = _missed(residual_kw, seen, gap, whitener.lag_weights)
    growth = np.minimum(whitener.forecast_variance_growth(_LONGEST_GAP), np.maximum((ceiling / sd) ** 2, 1.0)[:, None])
    row, back = np.nonzero(seen & (gap > 0))
    weight = seen.astype(np.float64)
    weight[row, back] = 1.0 / growth[row, gap[row, back]]
    # A new fold has a level of its own: its first day says nothing of what came before.
    after_restart = np.zeros_like(restarts)
    for fold in np.unique(np.nonzero(restarts)[1]):
        after_restart[:, fold : fold + ORDER + 1] |= restarts[:, fold : fold + 1]
    weight[after_restart] = 0.0
    return Innovations(score=weight * innovation / sd[:, None], weight=weight)


def _unseen_before(seen: Bools) -> npt.NDArray[np.int64]:
    """Return for how many hours nothing was seen before each hour, the longest at first, shape (S, H)."""
    hours = seen.shape[1]
    at = np.arange(hours)
    last = np.maximum.accumulate(np.where(seen, at, -_LONGEST_GAP), axis=1)
    before = np.pad(last, ((0, 0), (1, 0)), constant_values=-_LONGEST_GAP)[:, :hours]
    return np.asarray(np.minimum(at - 1 - before, _LONGEST_GAP - 1))


def _missed(residual_kw: Floats, seen: Bools, gap: npt.NDArray[np.int64], lag_weights: Floats) -> Floats:
    """Return what the forecast from what came before missed of each hour, 0 where unseen, shape (S, H).

    Only hours around a gap are taken one after the other: there a forecast stands in for what is missing.
    """
    series, hours = residual_kw.shape
    filled = np.zeros((series, ORDER + hours))
    filled[:, ORDER:] = np.where(seen, residual_kw, 0.0)
    steps = np.arange(1, ORDER + 1)
    is_back = seen & (gap > 0)
    at_back: list[tuple[npt.NDArray[np.intp], int, Floats]] = []
    for h in np.flatnonzero((is_back | ~seen).any(axis=0)).tolist():
        at = h + ORDER
        mine = np.flatnonzero(is_back[:, h] | ~seen[:, h])
        forecast = np.zeros(len(mine))
        for k, lag in enumerate(LAGS):
            forecast += lag_weights[mine, k] * filled[mine, at - lag]
        here = seen[mine, h]
        filled[mine[~here], at] = forecast[~here]
        back = mine[here]
        if len(back):
            missed = residual_kw[back, h] - forecast[here]
            at_back.append((back, h, missed))
            # The forecast's error grew over the gap: what stood in for its hours is moved the same way.
            long = gap[back, h][:, None]
            share = np.clip((long - steps + 1) / (long + 1), 0.0, 1.0)
            filled[back[:, None], at - steps] += missed[:, None] * share
    forecast = np.zeros((series, hours))
    for k, lag in enumerate(LAGS):
        forecast += lag_weights[:, k, None] * filled[:, ORDER - lag : ORDER - lag + hours]
    out = np.where(seen, filled[:, ORDER:] - forecast, 0.0)
    for back, h, missed in at_back:
        out[back, h] = missed
    return out


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
    spread = 1.4826 * _median(np.abs(values), np.isfinite(values))
    limit = _CLIP_SD * np.where(np.isfinite(spread) & (spread > 0), spread, np.inf)
    mean_square = _nanmean(np.clip(values, -limit[:, None], limit[:, None]) ** 2)
    out: Floats = np.sqrt(mean_square)
    return out


def _nanmean(values: Floats) -> Floats:
    seen = np.isfinite(values)
    return np.asarray(np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))


def _nanstd(values: Floats) -> Floats:
    return np.sqrt(_nanmean((values - _nanmean(values)[:, None]) ** 2))


def _median(values: Floats, seen: Bools) -> Floats:
    """Return the median of what was seen of each row, 0 where nothing was."""
    return np.nan_to_num(row_medians(values, seen))
