"""Which fleets an evaluation runs: one of everything, and one that only does what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

from pausewatch.errors import UsageError
from pausewatch.evaluation.trial import SiteTrial, TrialPlan, run_trial
from pausewatch.progress import Progress

_LEAST_SITES = 6
_LEAST_DAYS = 14


def evaluation_plans(sites: int, seed: int, pause_days: int) -> list[TrialPlan]:
    """Return two thirds of the sites as the whole test matrix, and a third as an honest fleet with the next seed.

    Raises:
        UsageError: too few sites or days to say anything.
    """
    if sites < _LEAST_SITES:
        raise UsageError(f"--sites {sites} is too few", remedy=f"use {_LEAST_SITES} or more")
    if pause_days < _LEAST_DAYS:
        raise UsageError(f"--pause-days {pause_days} is too few", remedy=f"use {_LEAST_DAYS} or more")
    if seed < 0:
        raise UsageError(f"--seed {seed}", remedy="use 0 or more")
    honest = sites // 3
    return [TrialPlan("matrix", sites - honest, seed, pause_days), TrialPlan("benign", honest, seed + 1, pause_days)]


def run_all(plans: Sequence[TrialPlan], progress: Progress | None = None) -> list[SiteTrial]:
    """Run the trials one after the other and return their sites."""
    return [trial for plan in plans for trial in run_trial(plan, progress)]
