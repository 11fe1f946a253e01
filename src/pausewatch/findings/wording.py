"""Words and numbers in the sentences an inspector reads."""

from __future__ import annotations

from datetime import datetime

from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.fleet import Measure
from pausewatch.telemetry.panel import Lane

LANE_NAMES = {Lane.UTILITY: "utility meter", Lane.IT_LOAD: "IT meter", Lane.BALANCE: "balance of the two meters"}
_MEASURES = {
    Lane.UTILITY: (
        Measure.UTILITY_IMPORT,
        Measure.UTILITY_EXPORT,
        Measure.ONSITE_GENERATION,
        Measure.BATTERY,
    ),
    Lane.IT_LOAD: (Measure.IT_LOAD,),
}
_MEASURES[Lane.BALANCE] = (*_MEASURES[Lane.UTILITY], *_MEASURES[Lane.IT_LOAD])


def instant(day: SiteWatchDay, hour: int) -> datetime:
    """Return the UTC start of an hour of the day's panel."""
    return day.grid.hour_start(0, hour)


def local(day: SiteWatchDay, hour: int) -> str:
    """Return an hour in the site's own time, as a person writes it."""
    return f"{instant(day, hour).astimezone(day.site.zone):%-d %b %Y %H:%M}"


def megawatts(value: float) -> str:
    """Return a load with three significant digits: `12.3 MW`."""
    return f"{value:.3g} MW" if abs(value) < 1000 else f"{value:,.0f} MW"


def meters_of(day: SiteWatchDay, lane: Lane) -> list[str]:
    """Return the ids of the meters a lane rests on."""
    return [m.id for measure in _MEASURES[lane] for m in day.site.meters_of(measure)]


def spell(hours: float) -> str:
    """Return a duration: `30 hours`, `4.5 days`."""
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"
