"""A timeline: a batch of sites' meter hours as they became known, one report day after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pausewatch.fleet import Site
from pausewatch.sources.quality import USABLE
from pausewatch.telemetry.grid import HOUR_S, HourGrid
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.meter_hours import Contributions, MeterHours, contributions
from pausewatch.telemetry.panel import MeterIndex, Panel, build_panel, site_grid

Instants = npt.NDArray[np.int64]
# An interval that began this long before a panel may still reach into it.
_LONGEST_INTERVAL = timedelta(days=1)


@dataclass(frozen=True)
class KnownHours:
    """What a timeline knew after a report day, to go on from without reading it all again.

    Args:
        day: the report day taken last.
        hours: meter hours as they were known then, of the grid's first hours.
        rows: versions of readings of those hours that each site's cut-off had let in, shape (S,). The lake only grows:
            as long as it holds as many, it holds the same.
    """

    day: date
    hours: MeterHours
    rows: npt.NDArray[np.int64]


@dataclass
class Timeline:
    """Meter hours of a batch of sites, advanced from report day to report day.

    Args:
        sites: the batch.
        grid: hours of the panel, one series a site.
        index: the meters as rows.
        days: report days in order; day 0 also takes everything that was known before it.
        changes: what became known when.
        hours: what is known now.
        cutoffs_us: cut-off of each site's report days, microseconds since the epoch, shape (S, D).
        rows: versions of readings let in by the last report day, shape (S,).
        goes_on: whether they were counted.
        position: index of the last report day taken, -1 before the first.
    """

    sites: tuple[Site, ...]
    grid: HourGrid
    index: MeterIndex
    days: tuple[date, ...]
    changes: Contributions
    hours: MeterHours
    cutoffs_us: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    goes_on: bool = True
    position: int = -1

    @staticmethod
    def load(
        lake: Lake,
        sites: Sequence[Site],
        start: datetime,
        end: datetime,
        days: Sequence[date],
        cutoffs: npt.NDArray[np.int64],
        carried: KnownHours | None = None,
        *,
        goes_on: bool = True,
    ) -> Timeline:
        """Read the versions of the readings of [start, end) from the lake, or only what is news to an earlier timeline.

        Args:
            lake: where they are.
            sites: the batch.
            start: first hour of the panel.
            end: end of the panel.
            days: report days.
            cutoffs: cut-off of each site's report days, microseconds since the epoch, shape (S, D).
            carried: what an earlier timeline of the same sites, start and days knew; `is_still_known` must hold of it.
            goes_on: whether another timeline may go on from this one: only then are the rows let in counted.
        """
        zones = [s.timezone for s in sites]
        span = HourGrid.covering(start, end, zones, [s.country for s in sites])
        grid = site_grid(sites, span)
        index = MeterIndex.of(sites)
        since = start - _LONGEST_INTERVAL
        latest = _instant(int(cutoffs.max()))
        position, hours = -1, MeterHours.empty(len(index.keys), grid.hours)
        if carried is not None:
            position = list(days).index(carried.day)
            taken = carried.hours.seconds.shape[1]
            hours.seconds[:, :taken] = carried.hours.seconds
            hours.milliwatt_s[:, :taken] = carried.hours.milliwatt_s
            known_end = _end(grid.start_s, taken)
            # Intervals that reach beyond the hours it had are read again, and all that something arrived of since.
            arrived = _first_arrived(lake, sites, since, cutoffs[:, position], latest)
            since = max(min(known_end - timedelta(hours=1) - _LONGEST_INTERVAL, arrived or known_end), since)
        parts: list[Contributions] = []
        let_in = np.zeros(len(sites), dtype=np.int64)
        # All versions of an interval lie in one month: read apart, a year of a batch fits in little memory.
        for begin, following in _months(since, _end(grid.start_s, grid.hours)):
            rows = (
                lake.readings(site_ids=[s.id for s in sites], since=begin, until=following, available_until=latest)
                .select(
                    "site_id",
                    "meter_id",
                    "interval_start",
                    "interval_s",
                    pl.when(pl.col("quality").is_in(list(USABLE))).then("value").alias("value"),
                    "available_at",
                )
                .collect()
            )
            part = contributions(rows, meters=index.keys, series_of_meter=index.series, grid=grid, cutoffs_us=cutoffs)
            if goes_on:
                let_in += _let_in(rows.lazy(), sites, cutoffs[:, -1])
            if carried is not None:
                part = part.beyond(position, taken)
                known = rows.lazy().filter(pl.col("interval_start") < known_end)
                let_in -= _let_in(known, sites, cutoffs[:, position])
            parts.append(part)
        changes = Contributions.joined(parts)
        if carried is not None:
            hours.add(changes.on(0, position))
            let_in += carried.rows
        return Timeline(tuple(sites), grid, index, tuple(days), changes, hours, cutoffs, let_in, goes_on, position)

    def advance(self) -> Panel:
        """Take the next report day and return the panel as it was known at its cut-off.

        The panel ends with the hour of the last site's cut-off, however far the timeline goes.
        """
        self.position += 1
        self.hours.add(self.changes.on(self.position, self.position))
        until_s = int(self.cutoffs_us[:, self.position].max()) // 1_000_000 - self.grid.start_s
        shown = min(max(-(-until_s // HOUR_S), 1), self.grid.hours)
        return build_panel(self.sites, self.grid.sliced(0, shown), self.index, self.hours.until(shown))

    def known(self) -> KnownHours:
        """Return what is known, to go on from; the last report day must have been taken.

        Raises:
            ValueError: there are report days to come, whose rows are not counted apart, or no rows were counted.
        """
        if not self.goes_on:
            raise ValueError("the rows that were let in were not counted")
        if self.position != len(self.days) - 1:
            raise ValueError(f"{self.days[self.position]} is not the last report day")
        return KnownHours(self.days[self.position], self.hours, self.rows)


def is_still_known(lake: Lake, sites: Sequence[Site], start: datetime, known: KnownHours, cutoffs: Instants) -> bool:
    """Return whether the lake holds just the readings that a timeline had let in, and none that came after all.

    Args:
        lake: where they are.
        sites: the batch.
        start: first hour of its panel.
        known: what it knew.
        cutoffs: cut-off of each site on the day it was taken, microseconds since the epoch, shape (S,).
    """
    first = HourGrid.covering(start, start, (), ()).start_s
    rows = lake.readings(
        site_ids=[s.id for s in sites],
        since=start - _LONGEST_INTERVAL,
        until=_end(first, known.hours.seconds.shape[1]),
        available_until=_instant(int(cutoffs.max())),
    )
    return bool(np.array_equal(_let_in(rows, sites, cutoffs), known.rows))


def _first_arrived(
    lake: Lake, sites: Sequence[Site], since: datetime, cutoffs: Instants, latest: datetime
) -> datetime | None:
    """Return the start of the earliest interval of which something arrived after its site's cut-off.

    From there on all versions are to be read: a correction takes away the value it corrects.
    """
    arrived = (
        lake.readings(site_ids=[s.id for s in sites], since=since, available_until=latest)
        .filter(pl.col("available_at") > datetime.fromtimestamp(int(cutoffs.min()) / 1e6, UTC))
        .select("site_id", "interval_start", pl.col("available_at").dt.epoch("us"))
        .collect()
        .join(_cutoff_of(sites, cutoffs), on="site_id")
        .filter(pl.col("available_at") > pl.col("cutoff_us"))
    )
    first: datetime | None = arrived["interval_start"].min()  # type: ignore[assignment]
    return first


def _let_in(rows: pl.LazyFrame, sites: Sequence[Site], cutoffs: Instants) -> npt.NDArray[np.int64]:
    """Return how many rows of each site its cut-off lets in, shape (S,)."""
    # What every cut-off lets in is nearly all: only the rest is told site by site.
    everywhere = pl.col("available_at") <= pl.lit(datetime.fromtimestamp(int(cutoffs.min()) / 1e6, UTC))
    mine = pl.col("available_at").dt.epoch("us") <= pl.col("cutoff_us")
    parts = [
        rows.filter(everywhere),
        rows.filter(~everywhere).join(_cutoff_of(sites, cutoffs).lazy(), on="site_id").filter(mine),
    ]
    count = dict.fromkeys((site.id for site in sites), 0)
    for part in parts:
        for site_id, some in part.group_by("site_id").len().collect().rows():
            count[site_id] = count.get(site_id, 0) + some
    return np.asarray([count[site.id] for site in sites], dtype=np.int64)


def _cutoff_of(sites: Sequence[Site], cutoffs: Instants) -> pl.DataFrame:
    return pl.DataFrame({"site_id": [s.id for s in sites], "cutoff_us": cutoffs})


def _months(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a span at the starts of UTC's months."""
    begin = since.astimezone(UTC)
    while begin < until:
        following = (begin.replace(day=1) + timedelta(days=32)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        yield begin, min(following, until)
        begin = following


def _end(start_s: int, hours: int) -> datetime:
    """Return when the hours of a grid have ended on every series, those shifted against whole UTC hours too."""
    return datetime.fromtimestamp(start_s + HOUR_S * (hours + 1), UTC)


def _instant(us: int) -> datetime:
    """Return the whole second after an instant in microseconds."""
    return datetime.fromtimestamp(us / 1e6, UTC) + timedelta(seconds=1)


def cutoffs_us(sites: Sequence[Site], days: Sequence[date], cutoff_hours: float) -> npt.NDArray[np.int64]:
    """Return the cut-off of each site's report days, microseconds since the epoch, shape (S, D)."""
    by_zone: dict[str, list[int]] = {}
    for site in sites:
        if site.timezone not in by_zone:
            by_zone[site.timezone] = [int(site.cutoff(day, cutoff_hours).timestamp() * 1e6) for day in days]
    return np.asarray([by_zone[site.timezone] for site in sites], dtype=np.int64).reshape(len(sites), len(days))
