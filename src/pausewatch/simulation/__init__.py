"""Fleets with known truth: physical, seeded, and labelled, in the contract's own format."""

from pausewatch.simulation.simulator import (
    PRESETS,
    Occurrence,
    SimulatedFleet,
    SitePlan,
    simulate,
    simulate_sites,
)
from pausewatch.simulation.site import SimulatedSite

__all__ = ["PRESETS", "Occurrence", "SimulatedFleet", "SimulatedSite", "SitePlan", "simulate", "simulate_sites"]
