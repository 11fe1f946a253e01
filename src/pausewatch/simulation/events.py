"""The catalogue of what can happen to a site, by name, and an occurrence of one of them.

An event is given a site's truth and changes it: IT load, the draw at the utility, the weather, or only what the
meters say. It returns its label. Sizes are shares of the site's IT capacity.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pausewatch.simulation import benign, evasions, faults, tampering, violations
from pausewatch.simulation.truth import Event, SiteTruth

EventFunction = Callable[..., Event]


def _named(*functions: EventFunction) -> dict[str, EventFunction]:
    return {f.__name__: f for f in functions}


VIOLATIONS = _named(violations.plain_run, violations.not_stopped, violations.bursts, violations.already_running)
EVASIONS = _named(
    evasions.slow_ramp,
    evasions.off_peak,
    evasions.hidden_from_it_meter,
    evasions.replaced_one_for_one,
    tampering.blanked,
    tampering.replayed,
    tampering.scaled,
    tampering.shifted,
    evasions.throttled,
    evasions.diluted,
    evasions.dummy_floor,
    evasions.poisoned_reference,
    evasions.split,
    evasions.claimed_as_maintenance,
    evasions.claimed_as_inference,
    evasions.claimed_as_science,
    evasions.claimed_as_mining,
    evasions.fake_daily_shape,
    evasions.battery_smoothing,
    evasions.behind_the_meter,
)
BENIGN = _named(
    benign.declared_science,
    benign.declared_training_stopped,
    benign.inference_growth,
    benign.new_tenant,
    benign.load_bank,
    benign.chiller_fault,
    benign.demand_response,
    benign.grid_trip,
    benign.inference_launch,
    benign.nightly_batch,
    benign.new_hall,
    benign.tenant_leaves,
    benign.heat_wave,
    benign.price_drops,
    benign.maintenance,
    benign.load_moved_in,
    benign.grown_reference,
    faults.unit_change,
    faults.ct_ratio_change,
    faults.meter_drift,
    faults.clock_change,
    faults.duplicates,
)
TAMPER = _named(faults.telemetry_outage, faults.stuck_meter)
EVENTS: dict[str, EventFunction] = {**VIOLATIONS, **EVASIONS, **BENIGN, **TAMPER}

NEEDS_IT_METER = frozenset(
    {
        "hidden_from_it_meter",
        "behind_the_meter",
        "battery_smoothing",
        "replayed",
        "scaled",
        "shifted",
        "stuck_meter",
        "unit_change",
        "ct_ratio_change",
        "meter_drift",
        "clock_change",
    }
)
"""Events that mean nothing at a site without an IT meter."""


@dataclass(frozen=True)
class Occurrence:
    """An event with some of its parameters given: `Occurrence("plain_run", {"share": (0.1, 0.1), "days": (7, 7)})`."""

    name: str
    given: Mapping[str, Any]

    def __hash__(self) -> int:
        """Hash by the name: equal occurrences have equal names."""
        return hash(self.name)

    def unknown(self) -> list[str]:
        """Return the parameters that the event doesn't have."""
        known = inspect.signature(EVENTS[self.name]).parameters
        return [key for key in self.given if key not in known or key in {"truth", "rng", "name", "group"}]


def happen(what: str | Occurrence, truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Lay an event over a site's truth and return its label."""
    if isinstance(what, str):
        return EVENTS[what](truth, rng)
    return EVENTS[what.name](truth, rng, **what.given)


def name_of(what: str | Occurrence) -> str:
    """Return an event's name."""
    return what if isinstance(what, str) else what.name
