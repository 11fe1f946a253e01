"""Training: from simulated fleets and reviewed findings to a challenger with its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.errors import UsageError
from pausewatch.evaluation.corpora import read_corpus
from pausewatch.evaluation.reliability import Said, reliability
from pausewatch.evaluation.trial import TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.corpus import Corpus
from pausewatch.signatures.model import Floats, class_scores, held_out, train
from pausewatch.signatures.registry import save
from pausewatch.signatures.rule import Cause, explain

_LEAST_SITES = 60
_PART_SITES = 100
_SHARES = {"benign": 0.3, "runs": 0.16, "matrix": 0.2, "wide": 0.06, "tampered": 0.06, "split": 0.06, "restless": 0.16}


def training_plans(sites: int, seed: int, pause_days: int) -> list[TrialPlan]:
    """Return the fleets to learn from, in parts small enough to be made side by side; each has a seed of its own.

    Nearly a third honest sites with much going on, for what is benign must be learned too, a sixth plain runs, a
    fifth the whole test matrix with its evasions, a sixth sites whose load wanders far, and the rest sites at which
    nothing happens, whose meters are at fault, or that share a run.

    Raises:
        UsageError: too few sites to learn from.
    """
    if sites < _LEAST_SITES:
        raise UsageError(f"--sites {sites} is too few to learn from", remedy=f"use {_LEAST_SITES} or more")
    if seed < 0:
        raise UsageError(f"--seed {seed}", remedy="use 0 or more")
    counts = {preset: round(share * sites) for preset, share in _SHARES.items()}
    counts["benign"] += sites - sum(counts.values())
    plans: list[TrialPlan] = []
    for preset, count in counts.items():
        parts = -(-count // _PART_SITES)
        for part in range(parts):
            mine = count * (part + 1) // parts - count * part // parts
            plans.append(TrialPlan(preset, mine, seed + len(plans), pause_days))
    return plans


def challenger(
    plans: Sequence[TrialPlan], corpora: Sequence[Path], folder: Path, reviewed: Corpus | None = None
) -> Card:
    """Train a model on the corpora of some fleets and on what reviewers told, and keep it with its card.

    Args:
        plans: the fleets.
        corpora: the file of each.
        folder: of the models.
        reviewed: examples of real findings.

    Raises:
        ModelError: the fleets teach too little.
    """
    parts = [read_corpus(path) for path in corpora]
    told_by_people = () if reviewed is None else reviewed.examples
    corpus = Corpus(tuple(example for part, _ in parts for example in part.examples) + told_by_people)
    unlabelled: Counter[str] = sum((unknown for _, unknown in parts), Counter())
    model = train(corpus)
    told: dict[str, Any] = {
        "fleets": [asdict(plan) for plan in plans],
        "examples": len(corpus.examples),
        "reviewed_findings": len(told_by_people),
        "sites_by_cause": corpus.sites_by_cause(),
        "unlabelled_episodes": dict(sorted(unlabelled.items())),
        "sha256": corpus.sha256(),
    }
    return save(folder, model, told, held_out_scores(corpus))


def held_out_scores(corpus: Corpus) -> dict[str, Any]:
    """Return scores by cause and reliability of training, of the model and of the rule, on sites not trained on."""
    chosen, apart, names = held_out(corpus)
    said = {"model": apart, "rule": _ruled(chosen, names)}
    return {
        judge: {
            "causes": class_scores(chosen, probabilities, names),
            "training_reliability": _reliability(chosen, probabilities[:, names.index(Cause.TRAINING.value)]),
        }
        for judge, probabilities in said.items()
    }


def _ruled(corpus: Corpus, names: Sequence[str]) -> Floats:
    told = [{h.name: h.probability for h in explain(e.features, e.circumstances)} for e in corpus.examples]
    return np.array([[one[name] for name in names] for one in told])


def _reliability(corpus: Corpus, probabilities: Floats) -> dict[str, Any]:
    by_site: dict[str, list[Said]] = {}
    for example, probability in zip(corpus.examples, probabilities, strict=True):
        said = Said(float(probability), example.cause is Cause.TRAINING)
        by_site.setdefault(example.site, []).append(said)
    return reliability(list(by_site.values())).document()
