"""A matrix-profile discord: how far the day is from every day-long stretch of the reference (stumpy).

The distance is not z-normalised: normalised, a level shift is invisible. Of the matrix profile only the windows that
end with a day are asked for, which is what MASS computes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pausewatch.evaluation.peers.history import Floats, History
from pausewatch.evaluation.peers.protocol import Scores

_HOURS = 24
# Windows that share hours with a day are no neighbours of it; a discord is told from other weeks too.
_APART_DAYS = 3


class Discord:
    """Alarms while the last day is unlike any day of the reference."""

    name: ClassVar[str] = "matrix-profile discord"
    about: ClassVar[str] = "distance of the day from its nearest neighbour in the reference"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = None
    lanes: ClassVar[int] = 2

    def scores(self, history: History) -> Scores:
        """Score a day by the distance to its nearest neighbour."""
        reference, days = history.reference_days, history.load_kw.shape[1]
        score = np.full((len(history.site_ids), days), np.nan)
        for s in np.flatnonzero(history.has_meter):
            load = history.load_kw[s]
            seen = np.isfinite(load[:reference]).any()
            if seen:
                score[s] = _distances(load, reference)
        return Scores(score[:, :reference], score[:, reference:])


def _distances(load: Floats, reference: int) -> Floats:
    import stumpy

    filled = _filled(load)
    known = filled[:reference].ravel()
    out = np.full(len(load), np.nan)
    for day in range(len(load)):
        if np.isfinite(load[day]).sum() < _HOURS / 2 or not np.isfinite(filled[day]).all():
            continue
        distance = np.asarray(stumpy.mass(filled[day], known, normalize=False), dtype=np.float64)
        if day < reference:
            distance[max((day - _APART_DAYS) * _HOURS, 0) : (day + _APART_DAYS) * _HOURS] = np.inf
        nearest = float(distance.min())
        out[day] = nearest if np.isfinite(nearest) else np.nan
    return out


def _filled(load: Floats) -> Floats:
    """Fill unseen hours with the same hour of the last day it was seen."""
    seen = np.isfinite(load)
    at = np.maximum.accumulate(np.where(seen, np.arange(len(load))[:, None], -1), axis=0)
    return np.where(at >= 0, np.take_along_axis(load, np.maximum(at, 0), axis=0), np.nan)
