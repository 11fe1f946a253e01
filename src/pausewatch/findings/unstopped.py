"""Unstopped: declared training that had to come down when the pause began, and is still there or has come back."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.matching import ended_training
from pausewatch.fleet import Declaration
from pausewatch.telemetry.panel import Lane

# Of training that was to stop, so much left is it.
_LEFT_SHARE = 0.3
# Training that was seen to be down for hours has come back if most of it, and not much more, is there again.
_DOWN_HOURS, _DOWN_SHARE, _BACK = 6, 0.3, (0.7, 1.4)


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
