"""Gaps: spans in which a lane wasn't seen, long enough that something could have gone on behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A day unseen is a finding; shorter gaps only lower the day's coverage.
MIN_GAP_HOURS = 24
# Shorter stretches of telemetry between two gaps don't end the first.
_BRIDGE_HOURS = 3


@dataclass(frozen=True)
class Gap:
    """A span of hours that weren't seen on some lanes.

    Args:
        lanes: the lanes that were blind for the whole of it.
        start_hour: first unseen hour.
        end_hour: first hour seen again, or None while it lasts.
    """

    lanes: tuple[Lane, ...]
    start_hour: int
    end_hour: int | None


def runs(marked: Bools, shortest: int, bridge: int = 0) -> list[tuple[int, int]]:
    """Return [start, end) of runs of marked hours, runs apart by at most `bridge` hours joined."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0])))).reshape(-1, 2)
    joined: list[tuple[int, int]] = []
    for start, end in edges.tolist():
        if joined and start - joined[-1][1] <= bridge:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(start, end) for start, end in joined if end - start >= shortest]


def gaps(observed_kw: dict[Lane, Floats], has_meter: dict[Lane, bool], first_hour: int) -> list[Gap]:
    """Return the gaps of a site that reach past `first_hour`, oldest first; lanes blind together are one gap.

    Args:
        observed_kw: load of each lane up to now, NaN where unseen, shape (H,).
        has_meter: whether the site has the lane.
        first_hour: gaps that ended before it are not reported.
    """
    found: list[Gap] = []
    for lane, load in observed_kw.items():
        if not has_meter[lane]:
            continue
        for start, end in runs(~np.isfinite(load), MIN_GAP_HOURS, _BRIDGE_HOURS):
            if end > first_hour:
                found.append(Gap((lane,), start, None if end >= len(load) else end))
    out: list[Gap] = []
    for gap in sorted(found, key=lambda g: (g.start_hour, g.lanes)):
        twin = next((g for g in out if _together(g, gap)), None)
        if twin is None:
            out.append(gap)
            continue
        ends = [g.end_hour for g in (twin, gap)]
        last = None if any(e is None for e in ends) else max(e for e in ends if e is not None)
        out[out.index(twin)] = Gap((*twin.lanes, *gap.lanes), min(twin.start_hour, gap.start_hour), last)
    return out


def _together(one: Gap, other: Gap) -> bool:
    """Return whether two lanes went blind in the same span, give or take six hours."""
    ends = [10**9 if g.end_hour is None else g.end_hour for g in (one, other)]
    return (
        not set(one.lanes) & set(other.lanes)
        and abs(one.start_hour - other.start_hour) <= 6
        and abs(ends[0] - ends[1]) <= 6
    )
