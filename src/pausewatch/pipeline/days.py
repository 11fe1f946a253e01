"""Which days are to be reported on, of which sites, in which batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from pausewatch.errors import InspectionError, UsageError
from pausewatch.fleet import Fleet, Site


def watched_sites(fleet: Fleet, day: date) -> tuple[Site, ...]:
    """Return the sites at which a pause is in force on a report day."""
    return tuple(site for site in fleet.sites if fleet.pause_for(site, day) is not None)


def require_watched(fleet: Fleet, day: date) -> tuple[Site, ...]:
    """Return the sites under a pause on a report day.

    Raises:
        InspectionError: there is none.
    """
    sites = watched_sites(fleet, day)
    if not sites:
        held = "; ".join(
            f"{p.id} from {p.start:%Y-%m-%d}" + (f" to {p.end:%Y-%m-%d}" if p.end else " on") for p in fleet.pauses
        )
        raise InspectionError(
            f"no pause is in force on {day.isoformat()}", where=str(fleet.path), remedy=f"choose a day of: {held}"
        )
    return sites


def report_days(first: date, last: date) -> list[date]:
    """Return the days from first to last, both included.

    Raises:
        UsageError: last is before first.
    """
    if last < first:
        raise UsageError(f"--to {last} is before --from {first}", remedy="swap them")
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def latest_complete_day(fleet: Fleet, now: datetime) -> date | None:
    """Return the latest report day whose cut-off has passed at every watched site, or None before the first."""
    day = now.astimezone(UTC).date() + timedelta(days=1)
    for _ in range(fleet_reach_days(fleet)):
        sites = watched_sites(fleet, day)
        if sites and all(site.cutoff(day, fleet.cutoff_hours) <= now for site in sites):
            return day
        day -= timedelta(days=1)
    return None


def fleet_reach_days(fleet: Fleet) -> int:
    """Return how many days back a complete day can lie: the cut-off, and two days for the earth's turn."""
    return int(fleet.cutoff_hours // 24) + 4


def batches(sites: Sequence[Site], size: int) -> list[list[str]]:
    """Return the ids of the sites in batches of at most `size`, in fleet order.

    Raises:
        UsageError: the size isn't positive.
    """
    if size < 1:
        raise UsageError(f"a batch size of {size}", remedy="use 1 or more")
    ids = [site.id for site in sites]
    return [ids[i : i + size] for i in range(0, len(ids), size)]
