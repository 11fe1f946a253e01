"""Integrity: telemetry that arrived but contradicts itself, the other meter, or chance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.telemetry.panel import METERED, Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_STUCK_HOURS = 12
_BRIDGE_HOURS = 48
# IT equipment can't draw more than the site: beyond two meters' class errors it is wrong telemetry.
_IT_ABOVE_SITE = 1.02
_CONTRADICTION_HOURS = 12
# A day whose hourly means equal those of an earlier day to the last watt was copied.
_COPIED_HOURS = 18
_COPY_BRIDGE_HOURS = 6
_LONGEST_COPY_DAYS = 35


class Flaw(StrEnum):
    """What is wrong with telemetry."""

    STUCK = "stuck"
    REPEATED = "repeated"
    IT_ABOVE_SITE = "it_above_site"


@dataclass(frozen=True)
class Contradiction:
    """A span of telemetry that can't be right.

    Args:
        flaw: what is wrong.
        lanes: the lanes that can't be trusted.
        start_hour: first hour.
        end_hour: first hour that is right again, or None while it lasts.
        detail: number that shows it: identical hours, days back, or ratio.
    """

    flaw: Flaw
    lanes: tuple[Lane, ...]
    start_hour: int
    end_hour: int | None
    detail: float


def stuck_spans(lane: Lane, is_screened: Bools, first_hour: int) -> list[Contradiction]:
    """Return spans in which a lane's meter repeated one value; lone spikes aren't spans."""
    now = len(is_screened)
    return [
        Contradiction(Flaw.STUCK, (lane,), start, None if end >= now - 1 else end, float(end - start))
        for start, end in runs(is_screened, _STUCK_HOURS, _STUCK_HOURS)
        if end > first_hour
    ]


def it_above_site(it_load_kw: Floats, site_kw: Floats, first_hour: int) -> list[Contradiction]:
    """Return spans in which the IT load exceeds what the site draws."""
    with np.errstate(invalid="ignore"):
        above = it_load_kw > _IT_ABOVE_SITE * site_kw
    now = len(above)
    out = []
    for start, end in runs(above, _CONTRADICTION_HOURS, _BRIDGE_HOURS):
        if end > first_hour and above[start:end].sum() >= _CONTRADICTION_HOURS:
            ratio = float(np.nanmedian((it_load_kw[start:end] / site_kw[start:end])[above[start:end]]))
            out.append(Contradiction(Flaw.IT_ABOVE_SITE, METERED, start, None if end >= now - 24 else end, ratio))
    return out


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
            out.append(Contradiction(Flaw.REPEATED, (lane,), start, None if end >= now else end, float(days)))
    return sorted(out, key=lambda c: c.start_hour)


def _densest_day(marked: Bools) -> int:
    """Return the most marked hours within any 24 in a row."""
    total = np.concatenate(([0], np.cumsum(marked)))
    reach = min(24, len(marked))
    return int((total[reach:] - total[:-reach]).max(initial=0))
