"""Inspecting: what a report day says of sites, from what had arrived by their cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import Frozen
from pausewatch.detection.watch import Watch, WatchDay, first_day
from pausewatch.errors import InspectionError
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Assessment, SiteDay
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.pipeline.concluding import conclude_day
from pausewatch.pipeline.coordinating import view_document
from pausewatch.pipeline.days import require_watched
from pausewatch.pipeline.judging import Judge, judge_of
from pausewatch.pipeline.learning import found_at, latest_freezes, load_freeze
from pausewatch.pipeline.payloads import payload_of
from pausewatch.pipeline.remembering import Memories
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress, Silent
from pausewatch.telemetry.lake import Lake

Rejected = dict[tuple[str, date], dict[str, dict[str, int]]]


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


def record(register: Register, batch: BatchWatch, seen: WatchDay) -> None:
    """Assess the sites of a watch on the day it has reached, and record them in one transaction."""
    site_days: list[SiteDay] = []
    found: list[Assessment] = []
    payloads: dict[str, Any] = {}
    wanted = {site.id for site in batch.report_on}
    for position, site in enumerate(batch.watch.sites):
        if site.id not in wanted or batch.fleet.pause_for(site, seen.day) != batch.pause:
            continue
        one = seen.site(position)
        said, mine = assess(one, batch.judge.explain)
        site_days.append(said)
        found += mine
        payloads[site.id] = (
            payload_of(batch.fleet, one, said, mine, batch.frozen, batch.rejected.get((site.id, seen.day), {}))
            | _shared(seen, position)
            | batch.judge.payload()
        )
    register.record_day(seen.day, site_days, found, payloads=payloads)


def _shared(seen: WatchDay, position: int) -> dict[str, Any]:
    """Return what a site says to the tests over many sites; nothing where it has no baseline."""
    view = seen.shared(position)
    return {} if view is None else {"shared": view_document(view)}


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
