"""A trial: one simulated fleet taken through learning and every day's inspection, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch
from pausewatch.evaluation.noise import LaneNoise, noises
from pausewatch.evaluation.together import SharedHistory, Together
from pausewatch.evaluation.tracking import FindingHistory, Tracker
from pausewatch.evaluation.truth import TrueSite
from pausewatch.evaluation.world import TrialPlan, World, world_of
from pausewatch.findings.assess import assess
from pausewatch.findings.coordinated import with_group_status
from pausewatch.findings.model import Assessment, Finding, SiteDay
from pausewatch.findings.part_of import with_group_verdicts
from pausewatch.fleet import Site
from pausewatch.progress import Progress, Silent

__all__ = ["InspectedDay", "SiteTrial", "TrialPlan", "inspected", "run_trial"]


@dataclass(frozen=True)
class InspectedDay:
    """What was said of a site on a report day, and when that could be read."""

    said: SiteDay
    start: datetime
    end: datetime
    readable_at: datetime


@dataclass(frozen=True)
class SiteTrial:
    """One site: what really happened and what was said of it; `fleet` names its fleet, `noise` is of its lanes,
    `shared` holds the coordinated loads that named it, and its telemetry begins at `metered_since`."""

    preset: str
    truth: TrueSite
    pause_start: datetime
    days: tuple[InspectedDay, ...]
    histories: tuple[FindingHistory, ...]
    fleet: str = ""
    noise: tuple[LaneNoise, ...] = ()
    shared: tuple[SharedHistory, ...] = ()
    metered_since: datetime | None = None

    @property
    def seen_until(self) -> datetime:
        """The end of the last day that was inspected."""
        return self.days[-1].end

    @property
    def years(self) -> float:
        """Years under watch."""
        return len(self.days) / 365.25

    @cached_property
    def told(self) -> tuple[FindingHistory, ...]:
        """The site's own findings as the reports told them: part of a coordinated load where they are."""
        return tuple(_as_told(history, self.shared) for history in self.histories)

    def day(self, report_day: date) -> InspectedDay:
        """Return one of its days."""
        return self.days[(report_day - self.days[0].said.date).days]


def _as_told(history: FindingHistory, shared: Sequence[SharedHistory]) -> FindingHistory:
    def told(day: date, own: Assessment) -> Assessment:
        loads = [known for one in shared if (known := one.history.standing(day)) is not None]
        return with_group_verdicts([Finding(history.id, own, day, day)], loads)[0].assessment

    said = [(day, None if own is None else told(day, own)) for day, own in history.said]
    return FindingHistory(history.id, history.site_id, said)


def run_trial(plan: TrialPlan, progress: Progress | None = None) -> list[SiteTrial]:
    """Simulate a fleet and inspect every day of its pause; return its sites.

    Nothing is left on the disk. Each day sees only what had arrived by its cut-off, as in a replay.
    """
    with world_of(plan, progress) as world:
        return inspected(world, progress=progress)


def inspected(world: World, detector: Detector | None = None, progress: Progress | None = None) -> list[SiteTrial]:
    """Learn a fleet's baselines and inspect every day of its pause; return its sites.

    Args:
        world: the fleet.
        detector: another than the usual.
        progress: told of the days.
    """
    return [
        trial
        for sites in world.batches()
        for trial in _batch(world, sites, detector or Detector(), progress or Silent())
    ]


def _batch(world: World, sites: Sequence[Site], detector: Detector, told: Progress) -> list[SiteTrial]:
    fleet, pause, lake = world.fleet, world.pause, world.lake
    told.stage("fitting baselines", len(sites))
    frozen = learn(fleet, lake, sites, pause, detector)
    watch = Watch.open(fleet, pause, sites, frozen, lake, world.last, detector)
    noise = noises(frozen, len(sites))
    trackers = [Tracker(site.id) for site in sites]
    together = Together(fleet, pause, sites, frozen)
    days: list[list[InspectedDay]] = [[] for _ in sites]
    told.stage("inspecting days", len(watch.timeline.days))
    for _ in watch.timeline.days:
        seen = watch.advance()
        shared = together.take(seen) if detector.uses.cross_site else []
        for position, site in enumerate(sites):
            if fleet.pause_for(site, seen.day) != pause:
                continue
            said, found = assess(seen.site(position), standing=trackers[position].standing(), keeps_looks=True)
            trackers[position].take(seen.day, found)
            start, end = site.day_bounds(seen.day)
            said = with_group_status(said, shared)
            days[position].append(InspectedDay(said, start, end, site.cutoff(seen.day, fleet.cutoff_hours)))
        told.advance()
    return [
        SiteTrial(
            world.plan.preset,
            world.truth[site.id],
            pause.start,
            tuple(days[i]),
            tuple(trackers[i].histories.values()),
            world.name,
            noise[i],
            together.of(site.id, world.truth),
            pause.start - timedelta(days=world.plan.reference_days),
        )
        for i, site in enumerate(sites)
    ]
