"""A trial: one simulated fleet taken through collecting, learning and every day's inspection, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch
from pausewatch.evaluation.tracking import FindingHistory, Tracker
from pausewatch.evaluation.truth import TrueSite, true_sites
from pausewatch.findings.assess import assess
from pausewatch.findings.model import SiteDay
from pausewatch.fleet import Fleet, Pause, Site, load_fleet
from pausewatch.pipeline.learning import learning_batches
from pausewatch.progress import Progress, Silent
from pausewatch.simulation.simulator import simulate
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake


@dataclass(frozen=True)
class TrialPlan:
    """Which simulated fleet a trial is of; the same plan gives the same trial.

    Args:
        preset: what the fleet is made of, a preset of the simulator.
        sites: how many.
        seed: of the simulator.
        pause_days: days of the pause that are inspected.
        reference_days: days before it.
        interval_min: of the meters.
    """

    preset: str
    sites: int
    seed: int
    pause_days: int = 60
    reference_days: int = 150
    interval_min: int = 60


@dataclass(frozen=True)
class InspectedDay:
    """What was said of a site on a report day, and when that could be read."""

    said: SiteDay
    start: datetime
    end: datetime
    readable_at: datetime


@dataclass(frozen=True)
class SiteTrial:
    """One site: what really happened and what was said of it."""

    preset: str
    truth: TrueSite
    pause_start: datetime
    days: tuple[InspectedDay, ...]
    histories: tuple[FindingHistory, ...]

    @property
    def seen_until(self) -> datetime:
        """The end of the last day that was inspected."""
        return self.days[-1].end

    @property
    def years(self) -> float:
        """Years under watch."""
        return len(self.days) / 365.25

    def day(self, report_day: date) -> InspectedDay:
        """Return one of its days."""
        return self.days[(report_day - self.days[0].said.date).days]


def run_trial(plan: TrialPlan, progress: Progress | None = None) -> list[SiteTrial]:
    """Simulate a fleet and inspect every day of its pause; return its sites.

    Nothing is left on the disk. Each day sees only what had arrived by its cut-off, as in a replay.
    """
    told = progress or Silent()
    with TemporaryDirectory(prefix="pausewatch-trial-") as name:
        folder = Path(name)
        simulated = simulate(
            folder / "fleet",
            preset=plan.preset,
            sites=plan.sites,
            reference_days=plan.reference_days,
            pause_days=plan.pause_days,
            interval_min=plan.interval_min,
            seed=plan.seed,
            progress=told,
        )
        fleet = load_fleet(simulated.fleet_path)
        lake = Lake.open(str(folder / "lake"))
        collect(fleet, lake, progress=told)
        truth = true_sites(simulated.truth)
        pause = fleet.pauses[0]
        last = (pause.start + timedelta(days=plan.pause_days - 1)).date()
        out: list[SiteTrial] = []
        for _, ids in learning_batches(fleet):
            sites = [fleet.site(i) for i in ids]
            trials = _inspected(fleet, pause, sites, lake, last, truth, told)
            out += [replace(trial, preset=plan.preset) for trial in trials]
    return out


def _inspected(
    fleet: Fleet,
    pause: Pause,
    sites: Sequence[Site],
    lake: Lake,
    last: date,
    truth: dict[str, TrueSite],
    told: Progress,
) -> list[SiteTrial]:
    detector = Detector()
    told.stage("fitting baselines", len(sites))
    watch = Watch.open(fleet, pause, sites, learn(fleet, lake, sites, pause, detector), lake, last, detector)
    trackers = [Tracker(site.id) for site in sites]
    days: list[list[InspectedDay]] = [[] for _ in sites]
    told.stage("inspecting days", len(watch.timeline.days))
    for _ in watch.timeline.days:
        seen = watch.advance()
        for position, site in enumerate(sites):
            if fleet.pause_for(site, seen.day) != pause:
                continue
            said, found = assess(seen.site(position))
            trackers[position].take(seen.day, found)
            start, end = site.day_bounds(seen.day)
            days[position].append(InspectedDay(said, start, end, site.cutoff(seen.day, fleet.cutoff_hours)))
        told.advance()
    return [
        SiteTrial("", truth[site.id], pause.start, tuple(days[i]), tuple(trackers[i].histories.values()))
        for i, site in enumerate(sites)
    ]
