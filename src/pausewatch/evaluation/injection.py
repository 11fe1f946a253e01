"""Injection: load laid over a watch's own meter hours, so that many runs can be tried on one fleet.

A meter's reading of a constant load more is the old reading plus that load, and hours are sums of readings: adding the
load to the hours, by the seconds that were seen of each, is the same to the milliwatt as writing every file anew
(`tests/evaluation/test_injection.py`). What happens after (lanes, screening, residuals, tests, findings) is the real
thing. A watch can be forked on any day: the fork goes on with the load, the watch without.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from pausewatch.detection.watch import Watch
from pausewatch.fleet import Measure
from pausewatch.telemetry.grid import HOUR_S, HourGrid
from pausewatch.telemetry.meter_hours import MeterHours

Floats = npt.NDArray[np.float64]
_MILLIWATT_PER_KW = 1_000_000


def constant_kw(grid: HourGrid, site: int, start: datetime, end: datetime, mw: float) -> Floats:
    """Return hourly means of a constant load of one site of a grid, kW, shape (H,)."""
    begin_s = grid.start_s + int(grid.offset_s[site]) + HOUR_S * np.arange(grid.hours)
    covered = np.minimum(begin_s + HOUR_S, end.timestamp()) - np.maximum(begin_s, start.timestamp())
    return np.asarray(1e3 * mw * np.clip(covered, 0.0, HOUR_S) / HOUR_S)


def added_kw(watch: Watch, it_kw: Mapping[int, Floats], marginal_pue: Mapping[int, float]) -> Floats:
    """Return what IT load adds to each meter of a watch, kW, shape (M, H).

    Args:
        watch: the meters.
        it_kw: hourly means by position of the site, shape (H,) each.
        marginal_pue: what a megawatt of it adds at the utility's meter, by position of the site.
    """
    index, hours = watch.timeline.index, watch.timeline.grid.hours
    out = np.zeros((len(index.keys), hours))
    for row, measure in enumerate(index.measures):
        site = int(index.series[row])
        if site not in it_kw:
            continue
        if measure is Measure.IT_LOAD:
            out[row] = it_kw[site]
        elif measure is Measure.UTILITY_IMPORT:
            out[row] = it_kw[site] * marginal_pue[site]
    return out


def forked(watch: Watch, added: Floats) -> Watch:
    """Return a watch that goes on from the same day with load added to its meters; the given one is left as it is.

    Args:
        watch: on any day, or none yet.
        added: kW by meter and hour, shape (M, H).
    """
    timeline = watch.timeline
    milliwatt = np.rint(added * _MILLIWATT_PER_KW).astype(np.int64)
    changes = timeline.changes
    later = replace(changes, milliwatt_s=changes.milliwatt_s + milliwatt[changes.row, changes.hour] * changes.seconds)
    known = MeterHours(timeline.hours.seconds.copy(), timeline.hours.milliwatt_s + milliwatt * timeline.hours.seconds)
    # Whatever a watch carries from day to day is copied; what it only looks at is shared.
    shared = (watch.fleet, watch.pause, watch.sites, watch.frozen, watch.detector, watch.masked, timeline)
    other = deepcopy(watch, {id(part): part for part in shared})
    other.timeline = replace(timeline, changes=later, hours=known)
    return other
