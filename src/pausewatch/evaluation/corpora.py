"""Corpora on disk: what the detector cut out of simulated fleets, kept so that judges can be tried in seconds.

A corpus is the fleet's plan and the code's: its file is named by both, so another detector makes another corpus and an
old one is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import polars as pl

from pausewatch.evaluation.labelling import labelled
from pausewatch.evaluation.trial import run_trial
from pausewatch.evaluation.world import TrialPlan
from pausewatch.pipeline.program import program_sha256
from pausewatch.progress import Progress, Silent
from pausewatch.signatures.corpus import Corpus

# Whatever an example depends on.
_SOURCES = (
    *("fleet", "simulation", "sources", "telemetry", "baselines", "detection", "signatures", "findings"),
    "evaluation/labelling.py",
    "evaluation/outcomes.py",
    "evaluation/tracking.py",
    "evaluation/trial.py",
    "evaluation/world.py",
)
FOLDER = "corpora"
"""Where corpora lie in a folder of models."""


def corpus_path(plan: TrialPlan, folder: Path) -> Path:
    """Return where a fleet's corpus lies in a folder of models."""
    told = json.dumps([asdict(plan), program_sha256(_SOURCES)], sort_keys=True)
    return folder / FOLDER / f"{plan.preset}-{plan.seed}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.parquet"


def build_corpus(plan: TrialPlan, folder: Path, progress: Progress | None = None) -> Path:
    """Make a fleet's corpus, unless it is there; return its file."""
    path = corpus_path(plan, folder)
    if not path.exists():
        corpus, unknown = labelled(run_trial(plan, progress), f"{plan.preset}-{plan.seed}")
        path.parent.mkdir(parents=True, exist_ok=True)
        passing = path.with_suffix(".new")
        table = corpus.frame() if corpus.examples else pl.DataFrame()
        table.write_parquet(passing, metadata={"unlabelled": json.dumps(unknown, sort_keys=True)})
        passing.replace(path)
    return path


def read_corpus(path: Path) -> tuple[Corpus, Counter[str]]:
    """Return a kept corpus, and by name how many episodes no cause fits."""
    table = pl.read_parquet(path)
    unknown = json.loads(pl.read_parquet_metadata(path)["unlabelled"])
    return Corpus.from_frame(table) if table.width else Corpus(()), Counter(unknown)


def build_corpora(
    plans: Sequence[TrialPlan], folder: Path, processes: int, progress: Progress | None = None
) -> list[Path]:
    """Make the corpora of several fleets, so many at a time; return their files."""
    told = progress or Silent()
    missing = [plan for plan in plans if not corpus_path(plan, folder).exists()]
    if processes < 2 or len(missing) < 2:
        return [build_corpus(plan, folder, told) for plan in plans]
    told.stage("simulating and inspecting fleets", len(missing))
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(build_corpus, missing, [folder] * len(missing)):
            told.advance()
    return [corpus_path(plan, folder) for plan in plans]
