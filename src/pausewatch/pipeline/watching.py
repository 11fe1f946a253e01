"""Watching: a watch over every pause and freeze that some sites stand on, gone on from what the home remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import Frozen
from pausewatch.detection.watch import Watch, WatchDay, first_day
from pausewatch.errors import InspectionError
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.pipeline.judging import Judge, judge_of
from pausewatch.pipeline.learning import found_at, latest_freezes, load_freeze
from pausewatch.pipeline.remembering import Memories
from pausewatch.pipeline.workplace import Workplace
from pausewatch.telemetry.lake import Lake

Rejected = dict[tuple[str, date], dict[str, dict[str, int]]]


@dataclass
class BatchWatch:
    """A watch over one freeze's sites, reporting on those it is the latest freeze of."""

    fleet: Fleet
    pause: Pause
    watch: Watch
    frozen: Frozen
    report_on: tuple[Site, ...]
    rejected: Rejected
    first: date
    day: date | None = None
    memories: Memories | None = None
    judge: Judge = field(default_factory=Judge)

    def advance(self) -> WatchDay:
        """Take the next day."""
        seen = self.watch.advance()
        self.day = seen.day
        return seen


def open_watches(
    place: Workplace, register: Register, sites: Sequence[Site], days: Sequence[date], *, remember: bool = False
) -> list[BatchWatch]:
    """Open a watch for every pause and freeze that the sites stand on over some report days.

    Args:
        place: fleet and home.
        register: with the freezes.
        sites: the sites to report on.
        days: report days, earliest first.
        remember: go on from the latest day that the home remembers, if any can be used.

    Raises:
        InspectionError: a site has no frozen baselines, or they no longer fit the fleet file.
        ModelError: a signature model is promoted and can't be used.
    """
    lake = place.lake().as_it_is()
    judge = judge_of(place)
    out = []
    for pause in place.fleet.pauses:
        mine = [s for s in sites if any(place.fleet.pause_for(s, day) == pause for day in (days[0], days[-1]))]
        if not mine:
            continue
        for freeze, of in latest_freezes(register, place.fleet, mine, pause):
            frozen = load_freeze(found_at(freeze, place.home.baselines))
            together = [place.fleet.site(i) for i in freeze.site_ids]
            begin = first_day(pause, together)
            if days[0] < begin:
                raise InspectionError(
                    f"{days[0]} is before the watch of pause {pause.id} begins",
                    where=str(place.fleet.path),
                    remedy=f"choose a day from {begin} on",
                )
            detector = Detector()
            memories = memory = None
            if remember:
                memories = Memories.of(place.home.state, place.fleet, pause, together, freeze.sha256, detector)
                memory = memories.latest_before(days[0], lake)
            watch = Watch.open(place.fleet, pause, together, frozen, lake, days[-1], detector, memory)
            rejected = _rejected(lake, together)
            day = None if memory is None else memory.known.day
            out.append(BatchWatch(place.fleet, pause, watch, frozen, tuple(of), rejected, begin, day, memories, judge))
    return out


def _rejected(lake: Lake, sites: Sequence[Site]) -> Rejected:
    """Return the rejected rows of each site's local days, by meter and reason.

    Only of sources whose rows are known to have arrived at their interval's end: a row that says itself when it arrived
    may have come after a day's cut-off.
    """
    timely = {
        (site.id, meter.id)
        for site in sites
        for meter in site.meters
        if not (isinstance(meter.source, CsvSpec) and meter.source.available_column)
    }
    zones = {site.id: site.zone for site in sites}
    rows = (
        lake.rejects([s.id for s in sites])
        .filter(pl.col("interval_start").is_not_null())
        .group_by("site_id", "meter_id", "interval_start", "reason")
        .len()
        .sort("site_id", "meter_id", "interval_start", "reason")
        .collect()
    )
    out: Rejected = {}
    for site_id, meter_id, start, reason, count in rows.rows():
        if (site_id, meter_id) in timely:
            day = start.astimezone(zones[site_id]).date()
            reasons = out.setdefault((site_id, day), {}).setdefault(meter_id, {})
            reasons[reason] = reasons.get(reason, 0) + count
    return out
