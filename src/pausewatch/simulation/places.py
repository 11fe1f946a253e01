"""Where sites stand, and their clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from pausewatch.simulation.truth import Floats


class Place(NamedTuple):
    """A place: zone, country, jurisdiction and coordinates."""

    zone: str
    country: str
    jurisdiction: str
    latitude: float
    longitude: float


PLACES = (
    Place("Europe/London", "GB", "GB", 51.5, -0.6),
    Place("America/Chicago", "US", "US-TX", 32.8, -96.8),
    Place("Asia/Kolkata", "IN", "IN-MH", 19.1, 72.9),
    Place("Europe/Berlin", "DE", "DE", 50.1, 8.7),
    Place("America/New_York", "US", "US-VA", 39.0, -77.5),
    Place("Asia/Singapore", "SG", "SG", 1.3, 103.9),
    Place("Australia/Sydney", "AU", "AU-NSW", -33.8, 151.2),
    Place("America/Los_Angeles", "US", "US-OR", 45.6, -121.2),
)


def utc_offsets_s(zone: str, epoch_s: Floats) -> Floats:
    """Return a zone's offset from UTC at each instant, s; zones change on whole hours of UTC."""
    first = int(epoch_s[0] // 3600)
    hours = _hourly(zone, first, int(epoch_s[-1] // 3600))
    return np.asarray(hours[(epoch_s // 3600).astype(np.int64) - first])


@lru_cache(maxsize=64)
def _hourly(zone: str, first: int, last: int) -> Floats:
    tz = ZoneInfo(zone)
    moments = (datetime.fromtimestamp(hour * 3600, tz) for hour in range(first, last + 1))
    return np.array([(m.utcoffset() or timedelta(0)).total_seconds() for m in moments], dtype=np.float64)


def iso(epoch_s: float) -> str:
    """Return an instant as ISO 8601 in UTC, to the minute."""
    return datetime.fromtimestamp(round(epoch_s / 60.0) * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
