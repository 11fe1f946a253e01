"""Stuck meters: one value for half a day and more, where load always moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.telemetry.panel import Lane

Bools = npt.NDArray[np.bool_]

_STUCK_HOURS = 12
# Lone spikes half a day apart are no span: most of a stuck meter's hours repeat.
_REPEATED_SHARE = 0.5


def stuck_spans(lane: Lane, is_screened: Bools, first_hour: int) -> list[Contradiction]:
    """Return spans in which a lane's meter repeated one value; lone spikes aren't spans."""
    now = len(is_screened)
    return [
        Contradiction(Flaw.STUCK, (lane,), start, None if end >= now - 1 else end, float(end - start))
        for start, end in runs(is_screened, _STUCK_HOURS, _STUCK_HOURS)
        if end > first_hour and is_screened[start:end].mean() > _REPEATED_SHARE
    ]
