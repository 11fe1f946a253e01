"""Suspicion: which of an episode's meters can't be believed about it.

A meter that was wrong for a day says nothing against months of load; one that went wrong, or right again, in the hours
in which the load rose may have made all of it. A stuck meter's hours are screened out: they make no edge, and a site
that runs against its limit looks stuck.
"""

from __future__ import annotations

from collections.abc import Sequence

from pausewatch.detection.integrity.contradiction import Contradiction
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.telemetry.panel import Lane

# A contradiction speaks against an episode that begins this near to one of its ends, or that it covers so much of.
_NEAR_HOURS = 24
_LEAST_SHARE = 0.25


def suspect_lanes(episode: SiteEpisode, contradictions: Sequence[Contradiction], now: int) -> list[Lane]:
    """Return the lanes of an episode whose telemetry contradicts itself where it matters.

    Args:
        episode: load above what is expected.
        contradictions: telemetry of its site that can't be right.
        now: first hour after the report day.
    """
    lanes = [Lane(e.lane) for e in episode.shown]
    return [lane for lane in lanes if any(_is_about(c, lane) and _matters(c, episode, now) for c in contradictions)]


def _is_about(one: Contradiction, lane: Lane) -> bool:
    if lane is Lane.BALANCE:
        return True
    # Only the balance compares hour by hour.
    return lane in one.lanes and not one.flaw.leaves_levels


def _matters(one: Contradiction, episode: SiteEpisode, now: int) -> bool:
    begin, end = max(episode.start_hour, 0), now if episode.end_hour is None else episode.end_hour
    until = now if one.end_hour is None else one.end_hour
    apart = min(abs(edge - episode.start_hour) for edge in (one.start_hour, until))
    if apart <= _NEAR_HOURS and not one.flaw.is_left_out:
        return True
    return min(end, until) - max(begin, one.start_hour) >= _LEAST_SHARE * max(end - begin, 1)
