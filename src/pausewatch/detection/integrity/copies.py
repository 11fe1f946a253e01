"""Copies: whole days that repeat earlier ones to the last watt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A day whose hourly means equal those of an earlier day to the last watt was copied.
_COPIED_HOURS = 18
_COPY_BRIDGE_HOURS = 6
_LONGEST_COPY_DAYS = 35


def copied_spans(lane: Lane, load_kw: Floats, first_hour: int) -> list[Contradiction]:
    """Return spans that repeat the same lane's hours of some whole days before, and reach past `first_hour`.

    A span stays one when the playback has ended: what was copied doesn't become a measurement by the next day.
    """
    now = len(load_kw)
    seen = load_kw[np.isfinite(load_kw)]
    # Values that occur once can't be copies: almost every honest series ends here.
    if len(seen) - len(np.unique(seen)) < _COPIED_HOURS:
        return []
    moves = np.concatenate(([False], np.diff(load_kw) != 0)) & np.isfinite(load_kw)
    taken = np.zeros(now, dtype=np.bool_)
    out = []
    for days in range(1, min(_LONGEST_COPY_DAYS, (now - 1) // 24) + 1):
        lag = 24 * days
        same = np.zeros(now, dtype=np.bool_)
        same[lag:] = np.equal(load_kw[lag:], load_kw[:-lag])
        if (same & moves & ~taken).sum() < _COPIED_HOURS:
            continue
        # Unseen hours in between belong to the copy where both its sides do.
        for start, end in runs(same, _COPIED_HOURS, _COPY_BRIDGE_HOURS):
            counted = same[start:end] & moves[start:end] & ~taken[start:end]
            if end <= first_hour or _densest_day(counted) < _COPIED_HOURS:
                continue
            taken[start:end] = True
            out.append(Contradiction(Flaw.COPIED, (lane,), start, None if end >= now else end, float(days)))
    return sorted(out, key=lambda c: c.start_hour)


def _densest_day(marked: Bools) -> int:
    """Return the most marked hours within any 24 in a row."""
    total = np.concatenate(([0], np.cumsum(marked)))
    reach = min(24, len(marked))
    return int((total[reach:] - total[:-reach]).max(initial=0))
