"""Alarm thresholds: how high a statistic may climb before a site's own noise explains it no longer.

The alarm budget is a few per hundred site-years, and a site's held-out residuals last months: the threshold lies
beyond anything they can show. Maxima over weeks (drawn by a moving-block bootstrap where the statistic carries
memory) are therefore extended by a Gumbel tail. A tail lighter than the Gaussian's is never believed, and one
estimated from few weeks is drawn towards it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WEEKS_PER_YEAR = 365.25 / 7
_EULER = 0.5772156649
# Weeks of evidence that the Gaussian tail counts for.
_PRIOR_WEEKS = 12.0
# Scales up to this arise from Gaussian noise by chance; twice it is a site that jumps.
_LIGHT_SCALE = 1.25
_HIGHEST_SCORE = 40.0
_GAUSSIAN_TENTH = 1.2815516
_LEAST_SCORES = 28


def weekly_maxima(daily: Floats) -> Floats:
    """Return maxima over whole weeks of a daily statistic, shape (S, D) -> (S, D // 7); NaN days are passed over."""
    series, days = daily.shape
    weeks = days // 7
    blocks = daily[:, days - weeks * 7 :].reshape(series, weeks, 7)
    filled = np.where(np.isfinite(blocks), blocks, -np.inf).max(axis=2, initial=-np.inf)
    return np.where(np.isfinite(filled), filled, np.nan)


def standard_score_threshold(daily_max_z: Floats, alarms_per_year: Floats) -> Floats:
    """Return the threshold of a daily maximum of standard scores for a yearly alarm budget, shape (S,).

    z**2 / 2 of a Gaussian score has an exponential tail of scale 1. A site whose load makes jumps of its own shows a
    larger scale; its tail is then taken as a power law (a Gumbel tail of log z) as far as the scale demands it.

    Args:
        daily_max_z: held-out daily maxima, shape (S, D), NaN where nothing could be evaluated.
        alarms_per_year: the budget of each series, shape (S,).
    """
    maxima = np.maximum(weekly_maxima(daily_max_z), 0.5)
    light, scale = gumbel_threshold(maxima**2 / 2.0, WEEKS_PER_YEAR, alarms_per_year, 1.0, 4.0)
    heavy, _ = gumbel_threshold(np.log(maxima), WEEKS_PER_YEAR, alarms_per_year, 0.09, 1.1)
    gaussian = np.sqrt(2.0 * light)
    power_law = np.exp(np.minimum(heavy, np.log(_HIGHEST_SCORE)))
    share = np.clip((scale - _LIGHT_SCALE) / _LIGHT_SCALE, 0.0, 1.0)
    return np.maximum(gaussian, (1.0 - share) * gaussian + share * power_law)


def score_spread(absolute_z: Floats) -> Floats:
    """Return what a standard score falls short of its mean by, one time in ten: 1.28 if it were Gaussian, shape (S,).

    A site whose load makes jumps of its own has scores that spread further; none is believed to spread less.

    Args:
        absolute_z: held-out scores of one onset without their sign, shape (S, D), NaN where there is none.
    """
    seen = np.isfinite(absolute_z)
    out = np.full(len(absolute_z), _GAUSSIAN_TENTH)
    for s in np.flatnonzero(seen.sum(axis=1) >= _LEAST_SCORES):
        out[s] = max(float(np.quantile(absolute_z[s][seen[s]], 0.8)), _GAUSSIAN_TENTH)
    return out


def gumbel_threshold(
    maxima: Floats,
    maxima_per_year: float,
    alarms_per_year: Floats,
    prior_scale: float,
    prior_mean: float,
) -> tuple[Floats, Floats]:
    """Return the level that maxima exceed `alarms_per_year` times a year, and the tail's scale; both shape (S,).

    Args:
        maxima: block maxima, shape (S, N), NaN where a block holds nothing.
        maxima_per_year: blocks in a year.
        alarms_per_year: the budget.
        prior_scale: scale of the Gumbel distribution for Gaussian noise; the estimate is never below it, and it is
            drawn towards this or the typical scale of the batch, whichever is larger.
        prior_mean: mean of the maxima for Gaussian noise, for series without a single block.
    """
    seen = np.isfinite(maxima)
    count = seen.sum(axis=1)
    filled = np.where(seen, maxima, 0.0)
    mean = (filled.sum(axis=1) + prior_mean) / (count + 1.0)
    deviation = np.where(seen, maxima - mean[:, None], 0.0)
    variance = (deviation**2).sum(axis=1) / np.maximum(count - 1, 1)
    scale = np.sqrt(6.0 * variance) / np.pi
    # Sites of a fleet jump alike: months of one site say less of its rarest week than the fleet's typical tail does.
    usual = float(np.median(scale[count >= 8])) if (count >= 8).sum() >= 8 else prior_scale
    prior = max(usual, prior_scale)
    scale = (count * scale + _PRIOR_WEEKS * prior) / (count + _PRIOR_WEEKS)
    scale = np.maximum(scale, 0.8 * prior)
    scale = np.maximum(scale, prior_scale)
    mode = mean - _EULER * scale
    exceedance = np.minimum(alarms_per_year / maxima_per_year, 0.5)
    return mode - scale * np.log(-np.log1p(-exceedance)), scale
