"""Stops: has load that was there all through the reference come down at once, and stayed down?

A run older than the reference has no edge to be found by; it is what is expected. It shows when it stops: a sharp fall
below expectation that no known rise explains and that lasts. What leaves in steps over days, or is back within days
(works, trips, demand response, dear power), is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.changes import Change
from pausewatch.detection.episodes import Noise

Floats = npt.NDArray[np.float64]

# A fall is judged once it has lasted longer than works and outages do.
LASTS_HOURS = 5 * 24
_WEEK = 7 * 24
_MIN_SEEN = 24
# Of a fall this share must be its own and not the end of a known rise, be there days later, and have come at once.
_OWN_SHARE = 0.65
_LEFT_SHARE = 0.65
_AT_ONCE_SHARE = 0.75
_EDGE_HOURS, _ONSET_HOURS = 2, 6
_CLEAR_SD = 3.0


@dataclass(frozen=True)
class Stop:
    """A lasting fall of one lane below what is expected.

    Args:
        lane: name of the lane.
        hour: grid hour of the first hour without the load.
        size_kw: what is missing, the week before less the days after.
        sd_kw: standard deviation of that.
        level_kw: mean residual after it.
        strength: standard score of its step over the threshold.
    """

    lane: str
    hour: int
    size_kw: float
    sd_kw: float
    level_kw: float
    strength: float


def lane_stops(
    lane: str, changes: Sequence[Change], threshold: float, residual_kw: Floats, noise: Noise, first_hour: int
) -> list[Stop]:
    """Return the stops of one series, oldest first.

    Args:
        lane: name of the lane.
        changes: accepted steps.
        threshold: of the step test.
        residual_kw: observed less expected up to now, NaN where unseen, shape (H,).
        noise: of the series.
        first_hour: stops before this grid hour aren't asked about.
    """
    out: list[Stop] = []
    level = 0.0
    for change in sorted(changes, key=lambda c: c.hour):
        before, level = level, level + change.step_kw
        own = min(before, 0.0) - level
        if change.step_kw >= 0 or change.hour < first_hour or own < -_OWN_SHARE * change.step_kw:
            continue
        stop = _measured(lane, change, threshold, residual_kw, noise)
        if stop is not None:
            out.append(stop)
    return _apart(out)


def _apart(stops: Sequence[Stop]) -> list[Stop]:
    """Keep the strongest of the stops that lie within days of each other: one load may be told by two edges."""
    kept: list[Stop] = []
    for one in sorted(stops, key=lambda s: (-s.strength, s.hour)):
        if all(abs(one.hour - other.hour) > LASTS_HOURS for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda s: s.hour)


def _measured(lane: str, change: Change, threshold: float, residual_kw: Floats, noise: Noise) -> Stop | None:
    hour, now = change.hour, len(residual_kw)
    if now - hour < LASTS_HOURS:
        return None
    before = _seen(residual_kw, hour - _WEEK, hour - _EDGE_HOURS)
    after = _seen(residual_kw, hour + _EDGE_HOURS, hour + _WEEK)
    late = _seen(residual_kw, max(now - 2 * 24, hour + 3 * 24), now)
    edge_before = _seen(residual_kw, hour - _EDGE_HOURS - _ONSET_HOURS, hour - _EDGE_HOURS)
    edge_after = _seen(residual_kw, hour + _EDGE_HOURS, hour + _EDGE_HOURS + _ONSET_HOURS)
    if len(before) < _MIN_SEEN or len(after) < _MIN_SEEN or not len(edge_before) or not len(edge_after):
        return None
    level = float(np.median(after))
    size = float(np.median(before)) - level
    at_once = float(edge_before.mean() - edge_after.mean())
    is_back = now - hour <= 2 * _WEEK and len(late) > 0 and float(np.median(before) - np.median(late)) < 0.5 * size
    sd = float(np.hypot(noise.of_mean(_WEEK / 24.0), noise.of_mean(_WEEK / 24.0)))
    is_sharp = at_once >= _AT_ONCE_SHARE * size and -change.step_kw >= _LEFT_SHARE * size
    if size < _CLEAR_SD * sd or not is_sharp or is_back:
        return None
    return Stop(lane, hour, size, sd, level, abs(change.z) / threshold)


def _seen(values: Floats, begin: int, end: int) -> Floats:
    part = values[max(begin, 0) : max(end, 0)]
    return part[np.isfinite(part)]
