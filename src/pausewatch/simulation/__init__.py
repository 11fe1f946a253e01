"""Fleets with known truth: physical, seeded, and labelled, in the contract's own format."""

from pausewatch.simulation.simulator import PRESETS, SimulatedFleet, simulate

__all__ = ["PRESETS", "SimulatedFleet", "simulate"]
