"""Day levels: what the levels of a load follow from day to day, at the lane's own noise.

A run is deaf to the week and to the weather, and a hall of the site's own kind follows both, as much as the site does.
On restless load either can seem so by chance. What the month before answered to the same is taken off, and what is left
is drawn towards what says nothing by as much as it could be noise, so that a small answer at a quiet site and a large
one at a restless site are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.signatures.multiples import as_multiple

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LEAST_DAYS = 4
_LEAST_DAYS_BEFORE = 10
_LEAST_HOURS, _LEAST_HOURS_BEFORE = 6, 18
# A share of its mean that a load is taken to answer by, before anything is measured.
_PRIOR_SHARE = 0.15
# Most by which memory from day to day can widen what a slope is known to.
_MOST_MEMORY = 0.6
_COLLINEAR = 1e-6
_MOST_DAYS = 0.7


@dataclass(frozen=True)
class DayLevels:
    """What a load's levels from day to day follow; the defaults say nothing.

    Args:
        week_share: how much it goes with the site's own expected level from day to day: 0 a constant, 1 a multiple of
            the site's load; drawn towards one half where the noise doesn't let it be told.
        week_evidence: log likelihood ratio of a multiple against a constant by those levels, nats, within ±20.
        weekend_gap: what it draws more at weekends over its mean, drawn towards 0 by its noise.
        weather_answer: what a standard deviation of the temperature adds over its mean, drawn towards 0 by its noise.
        trend_share: its rise from first to last day over its mean, drawn towards 0 by its noise.
        day_sight: a tenth of its mean over the scatter of the site's levels from day to day.
    """

    week_share: float = 0.5
    week_evidence: float = 0.0
    weekend_gap: float = 0.0
    weather_answer: float = 0.0
    trend_share: float = 0.0
    day_sight: float = 0.0


@dataclass(frozen=True)
class _Days:
    """Whole or nearly whole days, each of shape (D,): number, level, expected level, weekend or not, temperature."""

    at: Floats
    level: Floats
    expected: Floats
    is_weekend: Floats
    temperature: Floats


def day_levels(
    above_kw: Floats,
    expected_kw: Floats,
    temperature_c: Floats,
    hour_of_week: npt.NDArray[np.integer],
    inside: Bools,
    before: Bools,
    mean_kw: float,
) -> DayLevels:
    """Measure what the levels of a load follow from day to day.

    Args:
        above_kw: observed less expected of the lane less the level before the load, shape (H,).
        expected_kw: expected load, shape (H,).
        temperature_c: outdoors, NaN where unknown, shape (H,).
        hour_of_week: local, 0 on Monday's first, shape (H,).
        inside: hours at which the load was there and was seen, shape (H,).
        before: hours of the month before that were seen, shape (H,).
        mean_kw: mean load while raised.
    """
    mine = _days(above_kw, expected_kw, temperature_c, hour_of_week, inside, _LEAST_HOURS)
    own = _days(above_kw, expected_kw, temperature_c, hour_of_week, before, _LEAST_HOURS_BEFORE)
    if len(own.at) < _LEAST_DAYS_BEFORE:
        return DayLevels()
    scatter = _scatter(own)
    sight = float(np.clip(0.1 * mean_kw / max(scatter, 1e-9), 0.0, 20.0))
    if len(mine.at) < _LEAST_DAYS:
        return DayLevels(day_sight=sight)
    if len(mine.at) >= _LEAST_DAYS_BEFORE:
        scatter = max(scatter, _scatter(mine))
    variance = scatter**2 * _widened(own)
    ordinary = float(mine.expected.mean())
    week = _beyond((mine.expected,), mine, (own.expected,), own, variance)[1]
    week_share, week_evidence = as_multiple(*week, mean_kw / ordinary) if ordinary > 0 else (0.5, 0.0)
    trend, weekend, weather = _beyond(
        (mine.is_weekend, mine.temperature), mine, (own.is_weekend, own.temperature), own, variance
    )
    warmth = float(mine.temperature.std()) if np.isfinite(mine.temperature).all() else 0.0
    length = float(np.ptp(mine.at))
    return DayLevels(
        week_share=week_share,
        week_evidence=week_evidence,
        weekend_gap=_drawn(*weekend, 1.0 / mean_kw),
        weather_answer=_drawn(*weather, warmth / mean_kw),
        trend_share=_drawn(*trend, length / mean_kw),
        day_sight=sight,
    )


def _days(
    above: Floats,
    expected: Floats,
    temperature: Floats,
    hour_of_week: npt.NDArray[np.integer],
    where: Bools,
    least_hours: int,
) -> _Days:
    weekday = hour_of_week // 24
    number = np.concatenate([[0], np.cumsum(np.diff(weekday) != 0)])[where]
    if not len(number):
        return _Days(*np.empty((5, 0)))
    hours = np.bincount(number)
    kept = hours >= least_hours

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(number, weights=values[where])[kept] / hours[kept])

    is_known = np.isfinite(temperature)
    with np.errstate(invalid="ignore"):
        warmth = mean(np.where(is_known, temperature, 0.0)) / mean(is_known.astype(np.float64))
    if len(warmth) and np.isfinite(warmth).mean() >= _MOST_DAYS:
        # A day without weather says nothing of an answer to it.
        warmth = np.where(np.isfinite(warmth), warmth, np.nanmean(warmth))
    is_weekend = (mean(np.asarray(weekday, dtype=np.float64)) >= 5).astype(np.float64)
    return _Days(np.flatnonzero(kept).astype(np.float64), mean(above), mean(expected), is_weekend, warmth)


def _scatter(days: _Days) -> float:
    """Return the scatter of levels that neither a trend nor the week nor the weather explains."""
    left, fitted = _left(days)
    return float(np.sqrt((left**2).sum() / max(len(left) - fitted, 1)))


def _widened(own: _Days) -> float:
    """Return by how much the memory of a site's levels widens the variance of what is fitted to them."""
    left, _ = _left(own)
    total = float((left**2).sum())
    memory = float(np.clip((left[1:] * left[:-1]).sum() / total, 0.0, _MOST_MEMORY)) if total > 0 else 0.0
    return (1.0 + memory) / (1.0 - memory)


def _left(days: _Days) -> tuple[Floats, int]:
    answers = (days.is_weekend, days.expected, days.temperature)
    design = np.column_stack([np.ones(len(days.at)), *(_scaled(x)[0] for x in (days.at, *answers))])
    solution, _, rank, _ = np.linalg.lstsq(design, days.level, rcond=_COLLINEAR)
    return np.asarray(days.level - design @ solution), int(rank)


def _scaled(x: Floats) -> tuple[Floats, float]:
    """Return values as deviations of unit spread, and their spread; what is unknown or constant is 0."""
    if not np.isfinite(x).all() or x.std() <= 1e-9 * max(float(np.abs(x).max()), 1.0):
        return np.zeros(len(x)), 0.0
    spread = float(x.std())
    return (x - x.mean()) / spread, spread


def _beyond(
    answers: Sequence[Floats], mine: _Days, answers_own: Sequence[Floats], own: _Days, variance: float
) -> list[tuple[float, float]]:
    """Return a load's trend and slopes beyond the month before's, each with its variance, infinite if unknown."""
    its = _slopes((mine.at, *answers), mine.level, variance)
    before = _slopes((own.at, *answers_own), own.level, variance)
    # Of a drift before, its size says how far the site moves anyway, and not which way it went on.
    trend = its[0][0], its[0][1] + before[0][0] ** 2
    return [trend, *((a - b, va + vb) for (a, va), (b, vb) in zip(its[1:], before[1:], strict=True))]


def _slopes(answers: Sequence[Floats], levels: Floats, variance: float) -> list[tuple[float, float]]:
    """Return the slope of levels on each of several things at once, with its variance; infinite where it is unknown."""
    columns, spreads = zip(*(_scaled(x) for x in answers), strict=True)
    design = np.column_stack(columns)
    gram = np.linalg.pinv(design.T @ design, rcond=_COLLINEAR)
    slopes = gram @ (design.T @ (levels - levels.mean()))
    return [
        (float(slope) / spread, variance * float(known) / spread**2) if spread > 0 and known > 0 else (0.0, np.inf)
        for slope, known, spread in zip(slopes, np.diag(gram), spreads, strict=True)
    ]


def _drawn(slope: float, variance: float, scale: float) -> float:
    """Return a slope as a share of the mean load, drawn towards 0 by as much as it could be noise."""
    if not np.isfinite(variance):
        return 0.0
    share, share_variance = slope * scale, variance * scale**2
    return float(np.clip(share * _PRIOR_SHARE**2 / (_PRIOR_SHARE**2 + share_variance), -2.0, 2.0))
