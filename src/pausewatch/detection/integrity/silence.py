"""Silence that coincides with a step: load that isn't after a gap what it was before is evidence itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.episodes import Episode

Floats = npt.NDArray[np.float64]

_BESIDE_HOURS = 48
_LEAST_HOURS = 12
# Daily means of a quiet site differ by more than this many standard deviations once in ten thousand gaps.
_CLEAR_SD = 4.0
_EDGE_HOURS = 6


@dataclass(frozen=True)
class StepAcross:
    """What a lane drew beside a gap.

    Args:
        before_kw: mean of the last two days before it.
        after_kw: mean of the first two days after it.
        step_kw: by how much the second exceeds the first beyond what hour and weather account for.
        sd_kw: standard deviation of that.
    """

    before_kw: float
    after_kw: float
    step_kw: float
    sd_kw: float

    @property
    def is_clear(self) -> bool:
        """Whether the load stepped while it wasn't seen."""
        return abs(self.step_kw) >= _CLEAR_SD * self.sd_kw


def step_across(
    observed_kw: Floats, expected_kw: Floats, daily_sd_kw: float, start_hour: int, end_hour: int
) -> StepAcross | None:
    """Compare a lane's load beside a gap; None where too little was seen of either side.

    Args:
        observed_kw: load, shape (H,), NaN where unseen.
        expected_kw: what the frozen baseline says, shape (H,).
        daily_sd_kw: standard deviation of a daily mean residual.
        start_hour: first unseen hour.
        end_hour: first hour seen again.
    """
    sides = []
    for side in (slice(max(start_hour - _BESIDE_HOURS, 0), start_hour), slice(end_hour, end_hour + _BESIDE_HOURS)):
        load, above = observed_kw[side], (observed_kw - expected_kw)[side]
        seen = np.isfinite(above)
        if seen.sum() < _LEAST_HOURS:
            return None
        sides.append((float(load[seen].mean()), float(above[seen].mean())))
    (before, was), (after, is_now) = sides
    return StepAcross(before, after, is_now - was, float(np.sqrt(2.0) * daily_sd_kw))


def edges_inside(episodes: Sequence[Episode], start_hour: int, end_hour: int) -> list[tuple[Episode, bool]]:
    """Return the episodes that start or end in a gap, or within hours of it, and whether it is their start."""
    first, last = start_hour - _EDGE_HOURS, end_hour + _EDGE_HOURS
    out = [(e, True) for e in episodes if not e.is_drift and first <= e.start_hour <= last]
    return out + [(e, False) for e in episodes if e.end_hour is not None and first <= e.end_hour <= last]
