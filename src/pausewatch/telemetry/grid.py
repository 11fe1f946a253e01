"""The hour grid: one UTC axis for many sites, with each site's own calendar on it.

Everything downstream of the lake works on arrays of shape (series, hours). Hour `h` of series `s` is the
half-open interval [start + h hours + offset_s[s], + 1 hour). The offset (0, 30 or 45 min) lines the hours up
with the site's local clock, so that a local day holds whole hours. Days are numbered by local date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

HOUR_S = 3600
HOURS_PER_WEEK = 168


@lru_cache(maxsize=4096)
def _zone_clock(
    zone: str, start_s: int, hours: int, offset_s: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Return local day number (days since 1970-01-01) and local hour for each grid hour of a zone."""
    tz = ZoneInfo(zone)
    instants = start_s + offset_s + HOUR_S * np.arange(hours, dtype=np.int64)
    # The UTC offset changes a few times a year: look it up per day and refine only days where it changes.
    if not hours:
        return np.empty(0, np.int32), np.empty(0, np.int8)
    marks = np.arange(0, hours + 24, 24).clip(max=hours - 1)
    at_mark = [_utc_offset_s(tz, int(instants[m])) for m in marks]
    utc_offset = np.empty(hours, dtype=np.int64)
    for left, right, before, after in zip(marks[:-1], marks[1:], at_mark[:-1], at_mark[1:], strict=True):
        if before == after:
            utc_offset[left:right] = before
        else:
            utc_offset[left:right] = [_utc_offset_s(tz, int(t)) for t in instants[left:right]]
    utc_offset[marks[-1] :] = at_mark[-1]
    local = instants + utc_offset
    day = (local // 86_400).astype(np.int32)
    hour = ((local % 86_400) // HOUR_S).astype(np.int8)
    day.setflags(write=False)
    hour.setflags(write=False)
    return day, hour


def _utc_offset_s(tz: ZoneInfo, instant_s: int) -> int:
    offset = datetime.fromtimestamp(instant_s, tz).utcoffset()
    assert offset is not None  # noqa: S101  # a ZoneInfo always knows its offset
    return int(offset.total_seconds())


@lru_cache(maxsize=4096)
def _holiday_days(country: str, first_year: int, last_year: int) -> frozenset[int]:
    """Return the public holidays of a country as days since 1970-01-01."""
    import holidays

    try:
        found = holidays.country_holidays(country, years=range(first_year, last_year + 1))
    except NotImplementedError:  # the calendar library doesn't know this country: no holidays
        return frozenset()
    epoch = date(1970, 1, 1)
    return frozenset((day - epoch).days for day in found)


@dataclass(frozen=True)
class HourGrid:
    """An hour axis shared by a batch of series.

    Args:
        start: first hour, UTC, on a whole hour, second resolution.
        hours: number of hours H.
        zones: IANA zone of each of the S series.
        countries: ISO country of each series for its holidays, or None.
    """

    start: np.datetime64
    hours: int
    zones: tuple[str, ...]
    countries: tuple[str | None, ...]

    @staticmethod
    def covering(start: datetime, end: datetime, zones: Sequence[str], countries: Sequence[str | None]) -> HourGrid:
        """Return the smallest grid whose hours cover [start, end) for every zone."""
        first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        hours = int(-(-(end.astimezone(UTC) - first).total_seconds() // HOUR_S))
        naive = first.replace(tzinfo=None)
        return HourGrid(np.datetime64(naive, "s"), hours, tuple(zones), tuple(countries))

    @property
    def start_s(self) -> int:
        """First hour as seconds since the epoch."""
        return int(self.start.astype("datetime64[s]").astype(np.int64))

    @cached_property
    def offset_s(self) -> npt.NDArray[np.int64]:
        """Shift of each series' hours against whole UTC hours, seconds, shape (S,)."""
        at = datetime.fromtimestamp(self.start_s, UTC)
        offsets = [int((at.astimezone(ZoneInfo(z)).utcoffset() or timedelta()).total_seconds()) for z in self.zones]
        return np.asarray([-o % HOUR_S for o in offsets], dtype=np.int64)

    @cached_property
    def _clocks(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        pairs = [
            _zone_clock(zone, self.start_s, self.hours, int(offset))
            for zone, offset in zip(self.zones, self.offset_s, strict=True)
        ]
        if not pairs:
            return np.empty((0, self.hours), np.int32), np.empty((0, self.hours), np.int8)
        return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])

    @property
    def local_day(self) -> npt.NDArray[np.int32]:
        """Local date of each hour as days since 1970-01-01, shape (S, H)."""
        return self._clocks[0]

    @property
    def local_hour(self) -> npt.NDArray[np.int8]:
        """Local hour of day 0..23, shape (S, H)."""
        return self._clocks[1]

    @cached_property
    def hour_of_week(self) -> npt.NDArray[np.int16]:
        """Local hour of week 0..167, Monday 00:00 is 0, shape (S, H)."""
        weekday = (self.local_day + 3) % 7  # 1970-01-01 was a Thursday
        return (weekday * 24 + self.local_hour).astype(np.int16)

    def week_hours(self, series: int, first: int = 0) -> npt.NDArray[np.int64]:
        """Return the local hour of week of one series' hours from `first` on, shape (H - first,)."""
        weekday = (self.local_day[series, first:] + 3) % 7
        return np.asarray(weekday * 24 + self.local_hour[series, first:], dtype=np.int64)

    @cached_property
    def is_holiday(self) -> npt.NDArray[np.bool_]:
        """Whether the local date is a public holiday of the series' country, shape (S, H)."""
        out = np.zeros(self.local_day.shape, dtype=np.bool_)
        told: dict[tuple[str, str], npt.NDArray[np.bool_]] = {}
        for s, (zone, country) in enumerate(zip(self.zones, self.countries, strict=True)):
            if country and self.hours:
                if (zone, country) not in told:
                    days = self.local_day[s]
                    epoch = date(1970, 1, 1)
                    first = (epoch + timedelta(days=int(days[0]))).year
                    last = (epoch + timedelta(days=int(days[-1]))).year
                    known = _holiday_days(country, first, last)
                    told[zone, country] = np.isin(days, np.fromiter(known, dtype=np.int64))
                out[s] = told[zone, country]
        return out

    def hour_index(self, instant: datetime) -> int:
        """Return the index of the UTC hour that holds `instant` (may lie outside 0..hours)."""
        return int((instant.timestamp() - self.start_s) // HOUR_S)

    def hour_start(self, series: int, hour: int) -> datetime:
        """Return the UTC start of an hour of one series."""
        return datetime.fromtimestamp(self.start_s + int(self.offset_s[series]) + HOUR_S * hour, UTC)

    def sliced(self, first: int, last: int) -> HourGrid:
        """Return the grid of hours [first, last)."""
        start = self.start + np.timedelta64(first * HOUR_S, "s")
        return HourGrid(start, last - first, self.zones, self.countries)

    def subset(self, series: Sequence[int]) -> HourGrid:
        """Return the grid of some of the series."""
        return HourGrid(
            self.start,
            self.hours,
            tuple(self.zones[i] for i in series),
            tuple(self.countries[i] for i in series),
        )
