"""Standing: declared training that no fall ended, at a site where the tests for edges can say nothing of it.

Load that was there before the pause and is there after has no edge. The tests find it where the level that was
learned without it is still sure; after months of declared training it often isn't. What can be seen then is an absence:
half of what was declared or more stands above what is expected, and not as much came down, at the pause's start or in
the month before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from pausewatch.detection.episodes import Episode, dated_end
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.findings.matching import ended_training
from pausewatch.fleet import Declaration
from pausewatch.telemetry.panel import METERED, Lane

Floats = npt.NDArray[np.float64]

_HOURS = 72
_MONTH = 28 * 24
_SEEN_SHARE = 0.5
# Of what was declared so much stands above expectation, and no more has come down from its highest days.
_STANDS, _FELL = 0.5, 0.5
# Less than so many standard deviations of a day's mean can't be told from the site's own unrest.
_CLEAR_SD = 2.0
_Z90 = 1.6448536
_DECLARED_FOR = timedelta(days=7)
_SAME_HOURS = 48


def standing_training(day: SiteWatchDay, known: Sequence[SiteEpisode]) -> list[SiteEpisode]:
    """Return declared training that should have come down when the pause began and has not, one episode or none.

    Of several declared together the load is one: what is told of it names each that it may be the rest of.

    Args:
        day: the site as seen on the report day, two days into the pause or later.
        known: what the tests found; where that tells of load from about the pause's start on, nothing is added.
    """
    start = day.grid.hour_index(day.pause.start)
    if start < _HOURS or any(abs(e.start_hour - start) <= _SAME_HOURS and not e.main.is_learned for e in known):
        return []
    lanes = [view for lane in METERED if (view := day.lanes[lane]).has_meter and not view.refusals]
    for declaration in ended_training(day.site, day.pause, day.pause.start):
        if not declaration.expected_mw or declaration.start > day.pause.start - _DECLARED_FOR:
            continue
        parts = {view.lane: _standing(day, view, declaration, start) for view in lanes}
        # Every meter that could show it has to.
        if parts and all(part is not None for part in parts.values()):
            return [SiteEpisode(parts.get(Lane.UTILITY), parts.get(Lane.IT_LOAD), pue=day.marginal_pue)]
    return []


def _standing(day: SiteWatchDay, view: LaneDay, declaration: Declaration, start: int) -> Episode | None:
    declared_kw = 1e3 * (declaration.expected_mw or 0.0)
    if view.lane is Lane.UTILITY:
        declared_kw *= day.marginal_pue.central
    beyond = view.beyond_kw
    since = max(day.grid.hour_index(declaration.start), start - _MONTH, 0)
    before = [_level(beyond[at - _HOURS : at]) for at in range(start, since + _HOURS - 1, -24)]
    after = _level(beyond[start : start + _HOURS])
    highest = max((level for level in before if np.isfinite(level)), default=np.nan)
    if not (
        after >= max(_STANDS * declared_kw, _CLEAR_SD * view.daily_sd_kw) and highest - after <= _FELL * declared_kw
    ):
        return None
    end = dated_end(beyond - (after - declared_kw), start, declared_kw)
    stood = beyond[start:end]
    excess_kw = float(np.nanmean(stood))
    # An hour without weather has no expectation; the level is as unsure as in the hours that have one.
    level_sd_kw = float(np.nanmean(view.expected.level_sd_kw[0][start:end]))
    # What stands above a level months old and what was declared are two tellings of one size: the interval holds both.
    sd_kw = float(np.hypot.reduce([level_sd_kw, view.daily_sd_kw, (excess_kw - declared_kw) / _Z90]))
    return Episode(
        lane=view.lane,
        is_drift=False,
        parts=((start, end),),
        level_kw=0.0,
        has_level=False,
        excess_kw=excess_kw,
        sd_kw=sd_kw,
        strength=max(excess_kw / (_CLEAR_SD * sd_kw), 1.0),
        alarm_day=int(day.grid.local_day[0][start]) + _HOURS // 24 - 1,
        is_declared=True,
    )


def _level(values: Floats) -> float:
    """Return the median of three days, NaN where less than half of them was seen."""
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) >= _SEEN_SHARE * _HOURS else float("nan")
