"""Bootstrap over sites: how far a measure would move on another fleet of as many sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROUNDS = 400
_SEED = 20260901
_BEYOND = 0.05
_QUANTILES = (_BEYOND, 1 - _BEYOND)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A number with its 90 % interval over sites.

    Args:
        value: on all sites; NaN where there was nothing to measure.
        low: 5 % of resampled fleets lie below it.
        high: 5 % of resampled fleets lie above it.
        count: what it rests on: events, findings, site-days or site-years.
    """

    value: float
    low: float
    high: float
    count: float

    def document(self) -> dict[str, float | None]:
        """Return it as JSON values; what could not be measured is null."""
        return {
            name: None if np.isnan(value) else round(float(value), 4)
            for name, value in (("value", self.value), ("low", self.low), ("high", self.high), ("count", self.count))
        }


def share_of(hits: Sequence[float], cases: Sequence[float]) -> Measure:
    """Measure a share: hits over cases, both given per site (events found over events).

    Where all were hit or none, resampling can't show what the next fleet would do: the exact binomial limit stands in.
    """
    found = _ratio(hits, cases)
    if found.count and found.value in (0.0, 1.0):
        limit = _BEYOND ** (1.0 / found.count)
        low, high = (limit, 1.0) if found.value else (0.0, 1.0 - limit)
        return Measure(found.value, low, high, found.count)
    return found


def rate_of(counts: Sequence[float], years: Sequence[float]) -> Measure:
    """Measure a rate: counts over site-years, both given per site.

    Where nothing was counted at all the high end is the Poisson limit.
    """
    found = _ratio(counts, years)
    if found.count and not found.value:
        return Measure(0.0, 0.0, -float(np.log(_BEYOND)) / found.count, found.count)
    return found


def mean_of(sums: Sequence[float], counts: Sequence[float]) -> Measure:
    """Measure a mean: sums over counts, both given per site."""
    return _ratio(sums, counts)


def _ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Measure:
    top, base = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    total = float(base.sum())
    if total <= 0:
        return Measure(float("nan"), float("nan"), float("nan"), 0.0)
    weights = _weights(len(top))
    sums = weights @ base
    values = (weights @ top)[sums > 0] / sums[sums > 0]
    low, high = np.quantile(values, _QUANTILES)
    return Measure(float(top.sum()) / total, float(low), float(high), total)


def gain_of(mine: tuple[Sequence[float], Sequence[float]], theirs: tuple[Sequence[float], Sequence[float]]) -> Measure:
    """Measure how much larger a ratio of sums is than another over the same sites, resampled in pairs.

    Args:
        mine: both sums' parts, each given per site.
        theirs: the same of the other, of the same sites in the same order.
    """
    (top, base), (their_top, their_base) = (
        [np.asarray(part, dtype=np.float64) for part in both] for both in (mine, theirs)
    )
    if base.sum() <= 0 or their_base.sum() <= 0:
        return Measure(float("nan"), float("nan"), float("nan"), 0.0)
    weights = _weights(len(top))
    sums, their_sums = weights @ base, weights @ their_base
    usable = (sums > 0) & (their_sums > 0)
    values = (weights @ top)[usable] / sums[usable] - (weights @ their_top)[usable] / their_sums[usable]
    low, high = np.quantile(values, _QUANTILES)
    return Measure(
        float(top.sum() / base.sum() - their_top.sum() / their_base.sum()), float(low), float(high), float(base.sum())
    )


def pooled(values: Sequence[Sequence[float]], statistic: Callable[[Floats], float]) -> Measure:
    """Measure a statistic of values pooled over sites, given as one list a site (a median delay)."""
    everything = np.asarray([v for site in values for v in site], dtype=np.float64)
    if not len(everything):
        return Measure(float("nan"), float("nan"), float("nan"), 0.0)
    per_site = [np.asarray(site, dtype=np.float64) for site in values]
    found = []
    for picked in _picks(len(per_site)):
        together = np.concatenate([per_site[i] for i in picked])
        if len(together):
            found.append(statistic(together))
    low, high = np.quantile(found, _QUANTILES)
    return Measure(statistic(everything), float(low), float(high), float(len(everything)))


def _picks(sites: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([_SEED, sites]).integers(0, sites, (ROUNDS, sites))


def _weights(sites: int) -> Floats:
    """Return how often each site is drawn in each round, shape (ROUNDS, sites)."""
    picks = _picks(sites)
    out = np.zeros((ROUNDS, sites))
    np.add.at(out, (np.arange(ROUNDS)[:, None], picks), 1.0)
    return out
