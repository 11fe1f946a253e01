"""Which fleets an evaluation runs: enough of each sort to say something of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pausewatch.errors import UsageError
from pausewatch.evaluation.site_scores import RESTLESS
from pausewatch.evaluation.world import TrialPlan
from pausewatch.simulation.plans import PRESETS

_LEAST_SITES = 12
_LEAST_DAYS = 14
# Sites of one fleet: learned together, and one process's work at a time.
_FLEET_SITES = 60
# Of all sites: plain violations, evasions, what is allowed, tampered telemetry, nothing at all, runs split over sites.
# Restless sites come on top: they are measured apart.
_SHARES = {"runs": 0.28, "evasions": 0.22, "benign": 0.26, "tampered": 0.08, "wide": 0.08, "split": 0.08}
_RESTLESS_SHARE = 0.15
# Fleets of the costly extras have seeds of their own, beyond those of the evaluation's.
_EXTRA_SEEDS = 50


def evaluation_plans(sites: int, seed: int, pause_days: int, presets: Sequence[str] = ()) -> list[TrialPlan]:
    """Return fleets of violations, evasions, benign events, tampering, nothing, split runs, unrest; each has a seed.

    Args:
        sites: in all, restless ones not counted: there are a seventh as many on top.
        seed: of the first fleet.
        pause_days: days of their pause.
        presets: of these alone instead, as many sites of each.

    Raises:
        UsageError: too few sites or days to say anything, or a preset there isn't.
    """
    if sites < _LEAST_SITES:
        raise UsageError(f"--sites {sites} is too few", remedy=f"use {_LEAST_SITES} or more")
    if pause_days < _LEAST_DAYS:
        raise UsageError(f"--pause-days {pause_days} is too few", remedy=f"use {_LEAST_DAYS} or more")
    if seed < 0:
        raise UsageError(f"--seed {seed}", remedy="use 0 or more")
    unknown = [preset for preset in presets if preset not in PRESETS]
    if unknown:
        raise UsageError(f"--preset {unknown[0]}: there is no such preset", remedy=f"use one of {', '.join(PRESETS)}")
    shares = dict.fromkeys(presets, 1 / max(len(set(presets)), 1)) or _SHARES
    counts = {preset: max(round(share * sites), 1) for preset, share in shares.items()}
    counts[next(iter(counts))] += sites - sum(counts.values())
    if not presets:
        counts[RESTLESS] = max(round(_RESTLESS_SHARE * sites), 1)
    parts = [(preset, size) for preset, count in counts.items() for size in _cut(count)]
    return [TrialPlan(preset, size, seed + i, pause_days) for i, (preset, size) in enumerate(parts)]


def ablation_plans(plans: list[TrialPlan], sites_of_preset: int) -> list[TrialPlan]:
    """Return the first sites of the first fleet of each preset."""
    first: dict[str, TrialPlan] = {}
    for plan in not_restless(plans):
        first.setdefault(plan.preset, plan)
    return [
        TrialPlan(p.preset, min(p.sites, sites_of_preset), p.seed, p.pause_days, p.reference_days, p.interval_min)
        for p in first.values()
    ]


def not_restless(plans: Sequence[TrialPlan]) -> list[TrialPlan]:
    """Return the fleets that what costs much is run on; all where there are no others."""
    return [plan for plan in plans if plan.preset != RESTLESS] or list(plans)


def envelope_plans(sites: int, seed: int) -> list[tuple[TrialPlan, int, int]]:
    """Return fleets at which nothing happens, each with the length of its injected runs and the days between forks."""
    first = seed + _EXTRA_SEEDS
    week = [(TrialPlan("wide", size, first + i, 60), 7, 7) for i, size in enumerate(_cut(sites))]
    season = [(TrialPlan("wide", size, first + len(week) + i, 125), 90, 28) for i, size in enumerate(_cut(sites))]
    return [*week, *season]


def _cut(count: int) -> Iterator[int]:
    """Cut a count into fleets of like size."""
    parts = -(-count // _FLEET_SITES)
    for i in range(parts):
        yield count // parts + (i < count % parts)
