"""Drifts as episodes: load that crept in, beside the steps that were found on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pausewatch.detection.creep import Drift
from pausewatch.detection.episodes import Episode, Noise, excess_sd

Floats = npt.NDArray[np.float64]

# A drift smaller than this share of a step it overlaps is the step's own unevenness; a step smaller than this share of
# a drift is part of the drift.
_MINOR_SHARE = 0.5
_WEEK_HOURS = 7 * 24


def drift_episode(
    lane: str, drift: Drift, local_day: npt.NDArray[np.int32], residual_kw: Floats, noise: Noise
) -> Episode:
    """Return a drift as an episode; its size is the whole excess of its last week above the frozen level."""
    start = int(np.searchsorted(local_day, drift.since_day))
    end = None if drift.end_day is None else int(np.searchsorted(local_day, drift.end_day))
    stop = len(residual_kw) if end is None else end
    week = residual_kw[max(stop - _WEEK_HOURS, 0) : stop]
    seen = week[np.isfinite(week)]
    return Episode(
        lane=lane,
        is_drift=True,
        parts=((start, end),),
        level_kw=0.0,
        has_level=False,
        excess_kw=max(float(seen.mean()) if len(seen) else drift.excess_kw, 0.0),
        sd_kw=excess_sd(noise, start, len(residual_kw), 7.0, False),
        strength=drift.strength,
        alarm_day=drift.alarm_day,
    )


def with_drifts(steps: Sequence[Episode], drifts: Sequence[Episode]) -> list[Episode]:
    """Join steps and drifts of one lane: what overlaps is one episode, named by the larger of the two.

    A drift's week holds what the steps of its time brought; only what is left is its own.
    """
    out = list(steps)
    for drift in drifts:
        near = [e for e in out if not e.is_drift and e.overlaps(drift)]
        own = drift.excess_kw - sum(_within(e, drift) for e in near)
        largest = max((e.excess_kw for e in near), default=0.0)
        if near and own < _MINOR_SHARE * largest:
            continue
        absorbed = [e for e in near if e.excess_kw < own / _MINOR_SHARE]
        out = [e for e in out if e not in absorbed]
        ends = [e.end_hour for e in (drift, *absorbed)]
        end = None if any(e is None for e in ends) else max(e for e in ends if e is not None)
        out.append(
            replace(
                drift,
                parts=((min(e.start_hour for e in (drift, *absorbed)), end),),
                excess_kw=drift.excess_kw - sum(_within(e, drift) for e in near if e not in absorbed),
                alarm_day=min(e.alarm_day for e in (drift, *absorbed)),
            )
        )
    return sorted(out, key=lambda e: e.start_hour)


def _within(step: Episode, drift: Episode) -> float:
    """Return what a step brings to a drift's last week: all of it if it lasts until then, else nothing."""
    if step.end_hour is not None and (drift.end_hour is None or step.end_hour < drift.end_hour):
        return 0.0
    return step.excess_kw + step.level_kw
