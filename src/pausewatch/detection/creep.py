"""Creep: load that the drift test found, followed from the day it was found until it is gone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pausewatch.detection.drift_test import MIN_DAY_HOURS

Floats = npt.NDArray[np.float64]

# A drift is over when less than this share of its peak is left, and credible at this many standard deviations.
_LEFT_SHARE = 0.35
_CREDIBLE_SD = 2.0


@dataclass(frozen=True)
class Drift:
    """Load that crept in, found by the drift test.

    Args:
        since_day: number of the day it began to accumulate.
        alarm_day: number of the report day on which it was found.
        end_day: number of the first day without it, or None while it lasts.
        peak_kw: largest weekly mean seen so far.
        excess_kw: mean of the last week above what accepted steps explain.
        strength: cumulative sum over its threshold, when strongest.
    """

    since_day: int
    alarm_day: int
    end_day: int | None
    peak_kw: float
    excess_kw: float
    strength: float


def follow(known: list[Drift], week_kw: Floats, sd_kw: float, strength: float, since_day: int, day: int) -> list[Drift]:
    """Open, carry or end the drift of one series after one more day."""
    if len(week_kw) < 3 * MIN_DAY_HOURS:
        return known
    excess = float(week_kw.mean())
    if known and known[-1].end_day is None:
        last = known[-1]
        if excess < _LEFT_SHARE * last.peak_kw or excess <= 0 or strength <= 0:
            return [*known[:-1], replace(last, end_day=day)]
        return [
            *known[:-1],
            replace(last, excess_kw=excess, peak_kw=max(last.peak_kw, excess), strength=max(last.strength, strength)),
        ]
    if strength >= 1.0 and excess >= _CREDIBLE_SD * sd_kw:
        return [*known, Drift(since_day, day, None, excess, excess, strength)]
    return known
