"""A world: one simulated fleet, written, collected and known to the last event, for as long as it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pausewatch.evaluation.truth import TrueSite, true_sites
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
class World:
    """A simulated fleet with its readings and its truth.

    Args:
        plan: what it was made by.
        fleet: as declared.
        lake: with every reading.
        truth: what really happened, by site.
    """

    plan: TrialPlan
    fleet: Fleet
    lake: Lake
    truth: dict[str, TrueSite]

    @property
    def name(self) -> str:
        """A name no other fleet has."""
        return f"{self.plan.preset}-{self.plan.seed}"

    @property
    def pause(self) -> Pause:
        """Its one pause."""
        return self.fleet.pauses[0]

    @property
    def last(self) -> date:
        """The last report day."""
        return (self.pause.start + timedelta(days=self.plan.pause_days - 1)).date()

    def batches(self) -> list[list[Site]]:
        """Return its sites as they are learned together."""
        return [[self.fleet.site(i) for i in ids] for _, ids in learning_batches(self.fleet)]


@contextmanager
def world_of(plan: TrialPlan, progress: Progress | None = None) -> Iterator[World]:
    """Simulate and collect a fleet; nothing of it is left on the disk afterwards."""
    told = progress or Silent()
    with TemporaryDirectory(prefix="pausewatch-world-") as name:
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
        yield World(plan, fleet, lake, true_sites(simulated.truth))
