"""Integrity: telemetry that arrived but contradicts itself, the other meter, or chance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_STUCK_HOURS = 12
_BRIDGE_HOURS = 48
# IT equipment can't draw more than the site: beyond two meters' class errors it is wrong telemetry.
_IT_ABOVE_SITE = 1.02
_CONTRADICTION_HOURS = 12
# A day whose hourly means equal those of an earlier day to the last watt was copied.
_COPIED_HOURS = 18
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
            out.append(Contradiction(Flaw.IT_ABOVE_SITE, tuple(Lane), start, None if end >= now - 24 else end, ratio))
    return out


def copied_span(lane: Lane, load_kw: Floats) -> Contradiction | None:
    """Return the span up to now that repeats the same lane's hours of some whole days before, or None."""
    now = len(load_kw)
    if now < 48:
        return None
    today = load_kw[now - 24 :]
    moves = np.diff(load_kw[now - 25 :]) != 0
    for days in range(1, min(_LONGEST_COPY_DAYS, now // 24 - 1) + 1):
        lag = 24 * days
        earlier = load_kw[now - 24 - lag : now - lag]
        if (np.equal(today, earlier) & moves).sum() < _COPIED_HOURS:
            continue
        same = np.equal(load_kw[lag:], load_kw[:-lag])
        different = np.flatnonzero(~same & np.isfinite(load_kw[lag:]))
        start = lag + int(different[-1]) + 1 if len(different) else lag
        return Contradiction(Flaw.REPEATED, (lane,), start, None, float(days))
    return None
