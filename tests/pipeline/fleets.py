"""Small simulated fleets, hourly and short, and what was written of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pausewatch.pipeline import Workplace
from pausewatch.simulation import SimulatedFleet, simulate
from pausewatch.simulation.simulator import SitePlan

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 6)
PLANS = (
    SitePlan("cloud", ("plain_run",)),
    SitePlan("mixed", ("declared_training_stopped",)),
    SitePlan("colocation", ("telemetry_outage",)),
)


def small_fleet(folder: Path, plans: tuple[SitePlan, ...] = PLANS, seed: int = 4, **more: Any) -> SimulatedFleet:
    """Write a fleet with a run, an honest stop and an outage; nine days of pause."""
    given = {"reference_days": 100, "pause_days": 8, "interval_min": 60, **more}
    return simulate(folder, plans=plans, seed=seed, **given)


def place_of(folder: Path, home: str = "home") -> Workplace:
    """Return the workplace of the fleet in a folder."""
    return Workplace.at(folder / "fleet.yaml", folder.parent / home)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder by its relative path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
