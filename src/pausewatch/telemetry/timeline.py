"""A timeline: a batch of sites' meter hours as they became known, one report day after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pausewatch.fleet import Site
from pausewatch.sources.quality import USABLE
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.meter_hours import Contributions, MeterHours, contributions
from pausewatch.telemetry.panel import MeterIndex, Panel, build_panel, site_grid


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
        position: index of the last report day taken, -1 before the first.
    """

    sites: tuple[Site, ...]
    grid: HourGrid
    index: MeterIndex
    days: tuple[date, ...]
    changes: Contributions
    hours: MeterHours
    position: int = -1

    @staticmethod
    def load(
        lake: Lake,
        sites: Sequence[Site],
        start: datetime,
        end: datetime,
        days: Sequence[date],
        cutoffs: npt.NDArray[np.int64],
    ) -> Timeline:
        """Read every version of the readings of [start, end) from the lake.

        Args:
            lake: where they are.
            sites: the batch.
            start: first hour of the panel.
            end: end of the panel.
            days: report days.
            cutoffs: cut-off of each site's report days, microseconds since the epoch, shape (S, D).
        """
        zones = [s.timezone for s in sites]
        span = HourGrid.covering(start, end, zones, [s.country for s in sites])
        grid = site_grid(sites, span)
        index = MeterIndex.of(sites)
        latest = datetime.fromtimestamp(int(cutoffs.max()) / 1e6, UTC)
        rows = lake.readings(
            site_ids=[s.id for s in sites],
            since=start - timedelta(days=1),
            until=end,
            available_until=latest + timedelta(seconds=1),
        ).select(
            "site_id",
            "meter_id",
            "interval_start",
            "interval_s",
            pl.when(pl.col("quality").is_in(list(USABLE))).then("value").alias("value"),
            "available_at",
        )
        changes = contributions(
            rows.collect(),
            meters=index.keys,
            series_of_meter=index.series,
            grid=grid,
            cutoffs_us=cutoffs,
        )
        return Timeline(tuple(sites), grid, index, tuple(days), changes, MeterHours.empty(len(index.keys), grid.hours))

    def advance(self) -> Panel:
        """Take the next report day and return the panel as it was known at its cut-off."""
        self.position += 1
        self.hours.add(self.changes.on(self.position, self.position))
        return build_panel(self.sites, self.grid, self.index, self.hours)


def cutoffs_us(sites: Sequence[Site], days: Sequence[date], cutoff_hours: float) -> npt.NDArray[np.int64]:
    """Return the cut-off of each site's report days, microseconds since the epoch, shape (S, D)."""
    by_zone: dict[str, list[int]] = {}
    for site in sites:
        if site.timezone not in by_zone:
            by_zone[site.timezone] = [int(site.cutoff(day, cutoff_hours).timestamp() * 1e6) for day in days]
    return np.asarray([by_zone[site.timezone] for site in sites], dtype=np.int64).reshape(len(sites), len(days))
