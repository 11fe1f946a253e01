"""Unstopped: declared training that had to come down when the pause began, and is still there or has come back."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.detection.stops import Stop
from pausewatch.findings.matching import TOLERANCE, ended_training
from pausewatch.fleet import Declaration
from pausewatch.telemetry.panel import Lane

# Of training that was to stop, so much left is it.
_LEFT_SHARE = 0.3
# Training that was seen to be down for hours has come back if most of it, and not much more, is there again.
_DOWN_HOURS, _DOWN_SHARE, _BACK = 6, 0.3, (0.7, 1.4)
_BESIDE_HOURS = 72


def unstopped_training(day: SiteWatchDay, episode: SiteEpisode, start: datetime, excess_mw: float) -> list[Declaration]:
    """Return the declared training that an episode is the rest of, or that has come back as it.

    Args:
        day: the site as seen on the report day.
        episode: load above what is expected without training.
        start: of the episode.
        excess_mw: its size at the IT load.
    """
    # Declared training is no part of the reference: what rose within it is something else.
    if episode.main.is_learned:
        return []
    came_down = was_down(day, episode)
    return [d for d in ended_training(day.site, day.pause, start) if _is_it(d, excess_mw, came_down)]


def stopped_late(day: SiteWatchDay, stop: Stop, size_mw: float) -> list[Declaration]:
    """Return the training declared up to the pause whose load came down only days into it.

    That is where no load of the size came down when the pause began, and one of what was declared did later.

    Args:
        day: the site as seen on the report day.
        stop: the fall.
        size_mw: of the fall, at the IT load.
    """
    pause_hour = day.grid.hour_index(day.pause.start)
    if stop.hour <= pause_hour + TOLERANCE / timedelta(hours=1) or _fell_kw(day, stop, pause_hour) > 0.5 * stop.size_kw:
        return []
    least, most = _BACK
    return [
        d
        for d in ended_training(day.site, day.pause, day.pause.start)
        if d.expected_mw is not None and least * d.expected_mw <= size_mw <= most * d.expected_mw
    ]


def _fell_kw(day: SiteWatchDay, stop: Stop, hour: int) -> float:
    """Return by how much the stop's lane came down about an hour; infinite where it wasn't seen."""
    beyond = day.lane(Lane(stop.lane)).beyond_kw
    sides = (beyond[max(hour - _BESIDE_HOURS, 0) : max(hour, 0)], beyond[max(hour, 0) : hour + _BESIDE_HOURS])
    before, after = (side[np.isfinite(side)] for side in sides)
    if len(before) < _DOWN_HOURS or len(after) < _DOWN_HOURS:
        return float("inf")
    return float(np.median(before) - np.median(after))


def was_down(day: SiteWatchDay, episode: SiteEpisode) -> bool:
    """Tell whether a load that began after the pause did was seen to be absent in between."""
    main = episode.main
    between = slice(max(day.grid.hour_index(day.pause.start), 0), max(main.start_hour, 0))
    above = day.lane(Lane(main.lane)).residual_kw[between] - main.level_kw
    above = above[np.isfinite(above)]
    return len(above) >= _DOWN_HOURS and float(above.mean()) < _DOWN_SHARE * main.excess_kw


def _is_it(declaration: Declaration, excess_mw: float, came_down: bool) -> bool:
    if declaration.expected_mw is None:
        return not came_down
    least, most = _BACK if came_down else (_LEFT_SHARE, np.inf)
    return bool(least * declaration.expected_mw <= excess_mw <= most * declaration.expected_mw)
