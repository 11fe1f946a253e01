"""Inspecting: what a report day says of sites, from what had arrived by their cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pausewatch.pipeline.assessing import record, require_assessed
from pausewatch.pipeline.concluding import conclude_day
from pausewatch.pipeline.days import require_watched
from pausewatch.pipeline.watching import open_watches
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress, Silent


def inspect_sites(
    place: Workplace, day: date, site_ids: Sequence[str] | None = None, progress: Progress | None = None
) -> int:
    """Inspect one report day of some sites and record it; return how many sites were inspected.

    Done again, it changes nothing. The sequential tests are taken from the start of the watch as their state was known
    day by day, so that one day inspected alone says what a replay says; where the home remembers an earlier day and
    nothing has come after all, they go on from there, with the same result.

    Raises:
        InspectionError: no pause is in force, or there are no frozen baselines.
    """
    return inspect_days(place, [day], site_ids, progress)


def inspect_days(
    place: Workplace, days: Sequence[date], site_ids: Sequence[str] | None = None, progress: Progress | None = None
) -> int:
    """Inspect report days of some sites in order, their state carried along; return how many sites were inspected.

    It says of each day what `inspect_sites` says of it alone.

    Args:
        place: fleet and home.
        days: report days, earliest first.
        site_ids: only these sites.
        progress: told of each pause's days.

    Raises:
        InspectionError: no pause is in force on one of the days, or there are no frozen baselines.
    """
    told = progress or Silent()
    wanted = place.fleet.selected(site_ids)
    watched: set[str] = set()
    for day in days:
        mine = {site.id for site in wanted if place.fleet.pause_for(site, day) is not None}
        if not mine:
            require_watched(place.fleet, day)
        watched |= mine
    sites = [site for site in wanted if site.id in watched]
    with place.register() as register:
        for watch in open_watches(place, register, sites, days, remember=True):
            told.stage(f"inspecting {days[-1]}", (days[-1] - (watch.day or watch.first)).days + 1)
            for day in days:
                while watch.day is None or watch.day < day:
                    seen = watch.advance()
                    told.advance()
                record(register, watch, seen)
            if watch.memories is not None:
                watch.memories.keep(watch.watch.memory())
    return len(sites)


def inspect_day(place: Workplace, day: date, progress: Progress | None = None) -> str:
    """Inspect one report day of the whole fleet and write its report; return the report's folder."""
    inspect_sites(place, day, None, progress)
    return conclude_day(place, day)


def require_all_assessed(place: Workplace, days: Sequence[date]) -> None:
    """Make sure that the program failed at no site on some days, once their reports are written.

    Raises:
        InspectionError: it did, and the report says so.
    """
    with place.register() as register:
        require_assessed(register, days)
