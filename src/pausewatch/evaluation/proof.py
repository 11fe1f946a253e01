"""The proof: every fleet of an evaluation and its costly extras, in as many processes as there are to spare.

A task is one fleet looked at in one way; it simulates its fleet itself, for that costs less than keeping it. Results
come back in the order of the tasks, whichever is done first: the same plans give the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

from pausewatch.evaluation.ablation import inspected_without, variants
from pausewatch.evaluation.envelope_check import Injected, check_envelope
from pausewatch.evaluation.peers.catalogue import LaneScores, peer_scores
from pausewatch.evaluation.plans import ablation_plans, envelope_plans, not_restless
from pausewatch.evaluation.trial import SiteTrial, inspected
from pausewatch.evaluation.world import TrialPlan, world_of
from pausewatch.progress import Progress, Silent

ABLATION_SITES = 20
ENVELOPE_SITES = 60
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@dataclass(frozen=True)
class Asked:
    """Which of the costly parts are wanted.

    Args:
        peers: what a user would pick instead, on the same fleets.
        ablation: the first sites of each preset, without one lane or test at a time.
        envelope: runs of the stated size, injected.
    """

    peers: bool = False
    ablation: bool = False
    envelope: bool = False


@dataclass(frozen=True)
class Task:
    """One fleet looked at in one way.

    Args:
        plan: the fleet.
        how: trial, peers, without or envelope.
        without: what is left out of the evidence.
        run_days: length of injected runs.
        fork_days: days between forks.
    """

    plan: TrialPlan
    how: str = "trial"
    without: str = ""
    run_days: int = 0
    fork_days: int = 0

    def run(self) -> TaskResult:
        """Simulate the fleet and look at it."""
        with world_of(self.plan) as world:
            if self.how == "peers":
                return TaskResult(self, scores=peer_scores(world))
            if self.how == "without":
                return TaskResult(self, trials=inspected_without(world, self.without))
            if self.how == "envelope":
                return TaskResult(self, injected=check_envelope(world, self.run_days, self.fork_days))
            return TaskResult(self, trials=inspected(world))


@dataclass(frozen=True)
class TaskResult:
    """What a task gave: one of the three."""

    task: Task
    trials: list[SiteTrial] = field(default_factory=list)
    scores: list[LaneScores] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)


@dataclass(frozen=True)
class Proof:
    """Everything that was run.

    Args:
        plans: the evaluation's fleets.
        trials: of all their sites.
        scores: the peers', of the same sites.
        ablated: trials by what was left out, of the first sites of each preset.
        injected: the runs of the envelope check.
    """

    plans: tuple[TrialPlan, ...]
    trials: tuple[SiteTrial, ...]
    scores: tuple[LaneScores, ...] = ()
    ablated: dict[str, list[SiteTrial]] = field(default_factory=dict)
    injected: tuple[Injected, ...] = ()


def tasks_of(plans: Sequence[TrialPlan], asked: Asked) -> list[Task]:
    """Return everything that is to be done."""
    out = [Task(plan) for plan in plans]
    if asked.peers:
        out += [Task(plan, "peers") for plan in not_restless(plans)]
    if asked.ablation:
        few = ablation_plans(list(plans), ABLATION_SITES)
        out += [Task(plan, "without", without=name) for name in variants() for plan in few]
    if asked.envelope:
        seed, size = min(plan.seed for plan in plans), min(ENVELOPE_SITES, sum(plan.sites for plan in plans))
        out += [Task(plan, "envelope", "", days, every) for plan, days, every in envelope_plans(size, seed)]
    return out


def prove(
    plans: Sequence[TrialPlan], asked: Asked | None = None, workers: int = 1, progress: Progress | None = None
) -> Proof:
    """Run an evaluation's fleets and what else is asked.

    Args:
        plans: the fleets.
        asked: the costly parts.
        workers: processes; one runs everything here.
        progress: told of each task.
    """
    results = _results(tasks_of(plans, asked or Asked()), workers, progress or Silent())
    ablated: dict[str, list[SiteTrial]] = {}
    for result in results:
        if result.task.how == "without":
            ablated.setdefault(result.task.without, []).extend(result.trials)
    return Proof(
        plans=tuple(plans),
        trials=tuple(t for r in results if r.task.how == "trial" for t in r.trials),
        scores=tuple(s for r in results for s in r.scores),
        ablated=ablated,
        injected=tuple(i for r in results for i in r.injected),
    )


def _results(tasks: Sequence[Task], workers: int, told: Progress) -> list[TaskResult]:
    told.stage("fleets looked at", len(tasks))
    if workers <= 1:
        return list(_one_by_one(tasks, told))
    out: dict[int, TaskResult] = {}
    # Longest first, so that no process is left alone with a long one at the end.
    order = sorted(range(len(tasks)), key=lambda i: (-_cost(tasks[i]), i))
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(tasks[i].run): i for i in order}
        for done in as_completed(waiting):
            out[waiting[done]] = done.result()
            told.advance()
    return [out[i] for i in range(len(tasks))]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep what processes start now to one thread each; libraries read this when they are loaded."""
    before = dict(os.environ)
    os.environ |= dict.fromkeys(_THREADS, "1")
    try:
        yield
    finally:
        for name in _THREADS:
            os.environ.pop(name)
        os.environ |= {name: before[name] for name in _THREADS if name in before}


def _one_by_one(tasks: Sequence[Task], told: Progress) -> Iterable[TaskResult]:
    for task in tasks:
        yield task.run()
        told.advance()


def _cost(task: Task) -> float:
    return task.plan.sites * task.plan.pause_days * (3 if task.how == "envelope" else 1)
