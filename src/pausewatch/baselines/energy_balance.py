"""The energy balance: what the utility's meter should read, given the IT load and the weather.

A site draws something fixed, its IT load times a marginal PUE that rises with the temperature, and some weather that
follows no IT load. Bayesian linear regression with robust weights, for a batch of sites at once: where the reference
moved the IT load, the data tell the marginal PUE; where it didn't, the prior stands, and its width goes into every
residual whose IT load has moved since (Gelman et al., Bayesian Data Analysis, ch. 14; Tukey's biweight). The marginal
PUE is what a further megawatt at the racks adds at the meter: fixed losses don't grow with load, so that it lies below
the average PUE (The Green Grid, white paper 49).

Cooling has change points (free cooling begins, compressors saturate; ASHRAE's inverse modelling toolkit, RP-1050), and
a season that was not seen may hold one: beyond the coldest and the warmest hour of the reference the slope is only
believed as far as the prior does, and what it leaves open goes into the residual's doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.features import (
    KNOT_QUANTILES,
    TemperatureScale,
    filled_temperature,
    fit_temperature,
)
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.order_statistics import row_quantiles

Floats = npt.NDArray[np.float64]

# Prior of the marginal PUE: mean and standard deviation, from liquid cooling to old chilled water.
PRIOR_PUE, PRIOR_PUE_SD = 1.2, 0.15
# A building follows the weather by some hours; the lag that explains the reference best is kept.
LAGS_H = (0.3, 1.0, 2.0, 3.5, 6.0)
# Temperatures of the reference between which few hours and no hours lie: the seldom cold and warm, the never seen.
EDGE_QUANTILES = (0.001, 0.02, 0.98, 0.999)
HINGES = 1 + len(KNOT_QUANTILES) + len(EDGE_QUANTILES)
# Weather that follows no IT load has fewer bends: none but the reference's own weather can tell it from the other.
_ALONE = (0, 2, 4)
TERMS = 1 + HINGES + len(_ALONE)
"""What moves with IT load and weather: the marginal PUE, its answer to temperature, and weather of its own."""

# Prior standard deviations, in units of the mean IT load, by 10 degrees: cooling follows the load it removes, so that
# weather without IT load is the smaller; a slope changes little from knot to knot. Beyond what was seen the slope may
# end, or another begin.
_BY_IT_SD = (0.10, *[0.05] * len(KNOT_QUANTILES), 0.10, 0.05, 0.05, 0.10)
_ALONE_SD = (0.03, *[0.015] * (len(_ALONE) - 1))
_DEGREES = 10.0
_MIDDLE = len(KNOT_QUANTILES) // 2
# What tells a lag: temperature above the middle, its bend there and its bend at the warmest knot.
_TELLING = (0, 1 + _MIDDLE, len(KNOT_QUANTILES))
# Told along, so that neither is taken for IT load, and left to the level: constant, day (two harmonics) and trend.
_BESIDE_SD = (0.5, 0.02, 0.02, 0.02, 0.02, 0.05)
# An IT meter's own noise of an hour, as a share of its load, draws the slope towards nothing (errors in variables). A
# load that moves by less than twice that tells no slope at all.
_METER_NOISE, _MOVES = 0.001, 2.0
_ROUNDS = 3
_TUKEY = 4.685
# Beyond this many hours the fit takes every fifth: five has no common divisor with day or week.
_ENOUGH_HOURS, _STRIDE = 4_000, 5
_MIN_HOURS = 24 * 14
_BLOCK = 8
_LEVEL_DAYS = 14.0
_FIXED = 1e12
_WEEK_H = 168


@dataclass(frozen=True)
class EnergyBalance:
    """The balance of S sites; all arrays begin with the site axis.

    Args:
        terms: coefficients of the TERMS columns, per kW of mean IT load, (S, TERMS).
        spread: square root of their posterior covariance: `spread @ spread.T` is the covariance, (S, TERMS, TERMS).
        centre: mean columns of the last weeks of the reference, where the level was told, (S, TERMS).
        it_mean_kw: mean IT load of the reference, (S,).
        scale: of temperatures.
        edges_c: EDGE_QUANTILES of the temperatures that the building felt while both meters were seen, (S, 4).
        lag_h: how far the building follows the weather behind, (S,).
        is_fitted: whether utility and IT load were seen together long enough, (S,).
    """

    terms: Floats
    spread: Floats
    centre: Floats
    it_mean_kw: Floats
    scale: TemperatureScale
    edges_c: Floats
    lag_h: Floats
    is_fitted: npt.NDArray[np.bool_]

    def columns(self, grid: HourGrid, it_load_kw: Floats, temperature_c: Floats) -> Floats:
        """Return the TERMS columns of each hour, shape (S, TERMS, H); NaN where the IT load is unseen."""
        hinges = _hinges(self.lagged_c(grid, temperature_c), self.scale, self.edges_c)
        return _terms(it_load_kw / self.it_mean_kw[:, None], hinges)

    def lagged_c(self, grid: HourGrid, temperature_c: Floats) -> Floats:
        """Return the temperature the building feels, shape (S, H)."""
        return _lagged(filled_temperature(grid, temperature_c, self.scale), self.lag_h)

    def moved_kw(self, columns: Floats) -> Floats:
        """Return what IT load and weather add to the draw at mean IT load and median temperature, shape (S, H)."""
        at_rest = self.terms[:, 0] * self.it_mean_kw
        return np.asarray((self.terms[:, None] @ columns)[:, 0] * self.it_mean_kw[:, None] - at_rest[:, None])

    def at_rest_kw(self, grid: HourGrid, utility_kw: Floats, it_load_kw: Floats, temperature_c: Floats) -> Floats:
        """Return the utility's load at mean IT load and median temperature, shape (S, H); NaN where one is unseen."""
        out = np.empty_like(utility_kw)
        # A few sites at a time: the columns of a year are large.
        for begin in range(0, len(out), _BLOCK):
            mine = np.arange(begin, min(begin + _BLOCK, len(out)))
            some = self.subset(mine)
            columns = some.columns(grid.subset(mine.tolist()), it_load_kw[mine], temperature_c[mine])
            out[mine] = utility_kw[mine] - some.moved_kw(columns)
        return out

    def doubts_kw(self, columns: Floats) -> Floats:
        """Return the draw's independent unknowns, one standard deviation each, shape (S, TERMS, H).

        Nothing where the hour is like the reference's last weeks, more the further IT load or weather have moved.
        """
        away = columns - self.centre[:, :, None]
        return np.asarray(self.spread.transpose(0, 2, 1) @ away * self.it_mean_kw[:, None, None])

    def doubt_sd_kw(self, columns: Floats) -> Floats:
        """Return the standard deviation that `doubts_kw` add up to, shape (S, H); NaN where the IT load is unseen."""
        return np.asarray(np.sqrt((self.doubts_kw(columns) ** 2).sum(axis=1)))

    def marginal_pue(self, lagged_c: Floats) -> tuple[Floats, Floats]:
        """Return the mean marginal PUE over some hours' temperatures (S, H) and its standard deviation, both (S,)."""
        hinges = _hinges(lagged_c, self.scale, self.edges_c).mean(axis=2)
        weights = np.zeros((len(hinges), TERMS))
        weights[:, 0] = 1.0
        weights[:, 1 : 1 + HINGES] = hinges
        mean = np.where(self.is_fitted, (weights * self.terms).sum(axis=1), PRIOR_PUE)
        sd = np.sqrt((np.einsum("sk,skj->sj", weights, self.spread) ** 2).sum(axis=1))
        return mean, np.where(self.is_fitted, sd, PRIOR_PUE_SD)

    def subset(self, sites: npt.NDArray[np.intp]) -> EnergyBalance:
        """Return the balance of some of the sites."""
        return EnergyBalance(
            self.terms[sites],
            self.spread[sites],
            self.centre[sites],
            self.it_mean_kw[sites],
            self.scale.subset(sites),
            self.edges_c[sites],
            self.lag_h[sites],
            self.is_fitted[sites],
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the balance as plain arrays."""
        return {
            "terms": self.terms,
            "spread": self.spread,
            "centre": self.centre,
            "it_mean_kw": self.it_mean_kw,
            "knots_c": self.scale.knots_c,
            "climatology": self.scale.climatology,
            "temperature_is_known": self.scale.is_known,
            "edges_c": self.edges_c,
            "lag_h": self.lag_h,
            "is_fitted": self.is_fitted,
        }

    @staticmethod
    def from_state(state: Mapping[str, npt.NDArray[Any]]) -> EnergyBalance:
        """Rebuild a balance from `state`."""
        return EnergyBalance(
            state["terms"],
            state["spread"],
            state["centre"],
            state["it_mean_kw"],
            TemperatureScale(state["knots_c"], state["climatology"], state["temperature_is_known"]),
            state["edges_c"],
            state["lag_h"],
            state["is_fitted"],
        )


def fit_energy_balance(grid: HourGrid, utility_kw: Floats, it_load_kw: Floats, temperature_c: Floats) -> EnergyBalance:
    """Fit every site of a batch on its reference.

    Args:
        grid: the S sites' common hours.
        utility_kw: shape (S, H), NaN where it must not be learned from.
        it_load_kw: shape (S, H), likewise.
        temperature_c: shape (S, H), NaN where unknown.
    """
    sites, hours = utility_kw.shape
    scale = fit_temperature(grid, temperature_c)
    filled = filled_temperature(grid, temperature_c, scale)
    seen = np.isfinite(utility_kw) & np.isfinite(it_load_kw)
    count = np.maximum(seen.sum(axis=1), 1)
    it_mean = np.where(seen, it_load_kw, 0.0).sum(axis=1) / count
    is_fitted = (seen.sum(axis=1) >= _MIN_HOURS) & (it_mean > 0)
    it_mean = np.where(is_fitted, it_mean, 1.0)
    seen &= is_fitted[:, None]
    some = slice(0, None, 1 if hours <= _ENOUGH_HOURS else _STRIDE)
    beside = _beside(grid, some)
    it_share = np.where(seen, it_load_kw / it_mean[:, None], 0.0)[:, some]
    drawn = np.where(seen, utility_kw / it_mean[:, None], 0.0)[:, some]
    week = np.arange(hours)[some] // _WEEK_H
    terms, spread = np.zeros((sites, TERMS)), np.zeros((sites, TERMS, TERMS))
    lag, edges = np.full(sites, LAGS_H[0]), np.zeros((sites, len(EDGE_QUANTILES)))
    for begin in range(0, sites, _BLOCK):
        mine = np.arange(begin, min(begin + _BLOCK, sites))
        told = seen[mine][:, some].astype(np.float64)
        lag[mine] = _best_lag(filled[mine], scale.subset(mine), it_share[mine], drawn[mine], told, beside[mine], some)
        lagged = _lagged(filled[mine], lag[mine])
        felt = np.where(seen[mine], lagged, np.nan)
        fitted = is_fitted[mine]
        edges[mine[fitted]] = row_quantiles(felt[fitted], EDGE_QUANTILES)
        hinges = _hinges(lagged[:, some], scale.subset(mine), edges[mine])
        design = np.concatenate([_terms(it_share[mine], hinges), beside[mine]], axis=1)
        terms[mine], spread[mine] = _posterior(design, drawn[mine], told, week)
    begun = EnergyBalance(terms, spread, np.zeros((sites, TERMS)), it_mean, scale, edges, lag, is_fitted)
    return replace(begun, centre=_recent(begun, grid, it_load_kw, temperature_c, seen))


def _recent(fitted: EnergyBalance, grid: HourGrid, it_load_kw: Floats, temperature_c: Floats, seen: Any) -> Floats:
    """Return the mean columns of the last weeks, weighted as the level is."""
    reach: int = min(grid.hours, round(5 * _LEVEL_DAYS * 24))
    late = grid.sliced(grid.hours - reach, grid.hours)
    columns = fitted.columns(late, it_load_kw[:, -reach:], temperature_c[:, -reach:])
    weight = seen[:, -reach:] * np.exp((np.arange(reach) - reach) / 24.0 / _LEVEL_DAYS)
    total = np.maximum(weight.sum(axis=1), 1e-12)
    mean = np.einsum("skh,sh->sk", np.where(seen[:, None, -reach:], columns, 0.0), weight) / total[:, None]
    usual: Floats = np.eye(TERMS)[0]
    return np.asarray(np.where((weight.sum(axis=1) > 1e-9)[:, None], mean, usual))


def _best_lag(
    filled_c: Floats,
    scale: TemperatureScale,
    it_share: Floats,
    drawn: Floats,
    told: Floats,
    beside: Floats,
    some: slice,
) -> Floats:
    """Return the lag with which the weather explains each site's draw best, hours, (S,)."""
    left: list[Floats] = []
    for lag in LAGS_H:
        lagged = _lagged(filled_c, np.full(len(filled_c), lag))[:, some]
        # One slope and two bends are enough to tell a lag by.
        weather = _scaled([_above(lagged, scale)[k] for k in _TELLING], scale)
        few = [it_share[:, None], it_share[:, None] * weather, beside]
        design = np.concatenate(few, axis=1) * told[:, None]
        gram = design @ design.transpose(0, 2, 1)
        target = (design @ drawn[..., None])[..., 0]
        solved = np.linalg.solve(gram + 1e-6 * np.eye(gram.shape[1]), target[..., None])[..., 0]
        left.append(-(solved * target).sum(axis=1))
    best: Floats = np.asarray(LAGS_H)[np.argmin(np.stack(left), axis=0)]
    return best


def _posterior(design: Floats, drawn: Floats, told: Floats, week: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the posterior mean (S, TERMS) and square root of the covariance (S, TERMS, TERMS) of the terms."""
    prior_mean = np.zeros(design.shape[1])
    prior_mean[0] = PRIOR_PUE
    prior_sd = np.array([PRIOR_PUE_SD, *_BY_IT_SD, *_ALONE_SD, *_BESIDE_SD])
    count = np.maximum(told.sum(axis=1), 1.0)
    it_share = design[:, 0]
    moved = (told * it_share**2).sum(axis=1) / count - ((told * it_share).sum(axis=1) / count) ** 2
    is_steady = moved < (_MOVES * _METER_NOISE) ** 2
    prior = np.tile(np.diag(prior_sd**-2.0), (len(drawn), 1, 1))
    prior[is_steady, 0, 0] = _FIXED
    weight = told
    noise = np.full(len(drawn), 1e-4)
    mean = np.zeros(design.shape[:2])
    precision = np.zeros((len(drawn), len(prior_sd), len(prior_sd)))
    for _ in range(_ROUNDS):
        weighted = design * weight[:, None]
        precision = weighted @ design.transpose(0, 2, 1) / noise[:, None, None] + prior
        target = (weighted @ drawn[..., None])[..., 0] / noise[:, None] + prior @ prior_mean
        mean = np.linalg.solve(precision, target[..., None])[..., 0]
        residual = drawn - (mean[:, None] @ design)[:, 0]
        spread = _spread(residual, told)
        weight = told * _biweight(residual / (_TUKEY * spread[:, None]))
        noise = _noise(residual, weight, week)
    covariance = np.linalg.inv(precision)[:, :TERMS, :TERMS]
    drawn_in = PRIOR_PUE * _METER_NOISE**2 / (_METER_NOISE**2 + np.maximum(moved, 0.0))
    covariance[:, 0, 0] += np.where(is_steady, PRIOR_PUE_SD, drawn_in) ** 2
    return mean[:, :TERMS], np.linalg.cholesky(covariance)


def _noise(residual: Floats, weight: Floats, week: npt.NDArray[np.int64]) -> Floats:
    """Return the variance of an hour as if hours were independent: what makes weekly means as uncertain as they are."""
    total = np.maximum(weight.sum(axis=1), 1e-9)
    variance = (weight * residual**2).sum(axis=1) / total
    weeks = int(week[-1]) + 1 if len(week) else 1
    flat = (week[None, :] + weeks * np.arange(len(residual))[:, None]).ravel()
    size = np.bincount(flat, weight.ravel(), weeks * len(residual)).reshape(-1, weeks)
    sums = np.bincount(flat, (weight * residual).ravel(), weeks * len(residual)).reshape(-1, weeks)
    # A week of n hours whose mean has variance v is n hours of variance n v.
    of_weeks = (sums**2).sum(axis=1) / np.maximum(size.sum(axis=1), 1e-9)
    return np.asarray(np.clip(np.maximum(of_weeks, variance), 1e-9, _WEEK_H * np.maximum(variance, 1e-9)))


def _spread(residual: Floats, told: Floats) -> Floats:
    size = [np.median(np.abs(r[t > 0])) if t.any() else 1.0 for r, t in zip(residual, told, strict=True)]
    return np.asarray(np.maximum(1.4826 * np.asarray(size, dtype=np.float64), 1e-6))


def _biweight(ratio: Floats) -> Floats:
    return np.asarray((1.0 - np.minimum(ratio**2, 1.0)) ** 2)


def _lagged(filled_c: Floats, lag_h: Floats) -> Floats:
    """Return temperatures behind a first-order lag, shape (S, H)."""
    import polars as pl

    out = np.empty_like(filled_c)
    for lag in np.unique(lag_h):
        of = np.flatnonzero(lag_h == lag)
        kept = float(np.exp(-1.0 / lag))
        # Importing scipy.signal takes longer than this does for a thousand sites.
        smoothed = pl.from_numpy(filled_c[of].T).select(pl.all().ewm_mean(alpha=1 - kept, adjust=False))
        out[of] = smoothed.to_numpy().T
    return out


def _hinges(lagged_c: Floats, scale: TemperatureScale, edges_c: Floats) -> Floats:
    """Return temperature above the middle, above each knot and beyond each edge, by 10 degrees, (S, HINGES, H)."""
    half = len(EDGE_QUANTILES) // 2
    colder = [np.minimum(lagged_c - cold[:, None], 0.0) for cold in edges_c.T[:half]]
    warmer = [np.maximum(lagged_c - warm[:, None], 0.0) for warm in edges_c.T[half:]]
    return _scaled([*_above(lagged_c, scale), *colder, *warmer], scale)


def _above(lagged_c: Floats, scale: TemperatureScale) -> list[Floats]:
    """Return temperature above the middle and above each knot, each (S, H); nothing at the median temperature."""
    middle = scale.knots_c[:, _MIDDLE]
    knots = [np.maximum(lagged_c - k[:, None], 0.0) - np.maximum(middle - k, 0.0)[:, None] for k in scale.knots_c.T]
    return [lagged_c - middle[:, None], *knots]


def _scaled(parts: Sequence[Floats], scale: TemperatureScale) -> Floats:
    """Return pieces of temperature by 10 degrees, nothing where it isn't known, (S, pieces, H)."""
    return np.stack(parts, axis=1) / _DEGREES * scale.is_known[:, None, None]


def _terms(it_share: Floats, hinges: Floats) -> Floats:
    return np.concatenate([it_share[:, None], it_share[:, None] * hinges, hinges[:, _ALONE]], axis=1)


def _beside(grid: HourGrid, some: slice) -> Floats:
    """Return constant, two harmonics of the day and a trend of each hour, shape (S, 6, H)."""
    angle = 2 * np.pi * grid.local_hour[:, some] / 24.0
    trend = np.broadcast_to((np.arange(grid.hours)[some] / max(grid.hours - 1, 1)) - 0.5, angle.shape)
    parts = [np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle), trend]
    return np.stack(parts, axis=1)
