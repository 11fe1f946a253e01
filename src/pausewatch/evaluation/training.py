"""Training: from simulated fleets to a challenger with its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.errors import UsageError
from pausewatch.evaluation.labelling import labelled
from pausewatch.evaluation.reliability import Said, reliability
from pausewatch.evaluation.trial import SiteTrial, TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.corpus import Corpus
from pausewatch.signatures.model import Floats, class_scores, held_out, train
from pausewatch.signatures.registry import save
from pausewatch.signatures.rule import Cause, explain

_LEAST_SITES = 60


def training_plans(sites: int, seed: int, pause_days: int) -> list[TrialPlan]:
    """Return half of the sites as the whole test matrix and half as an honest fleet, for what is benign is learned too.

    Raises:
        UsageError: too few sites to learn from.
    """
    if sites < _LEAST_SITES:
        raise UsageError(f"--sites {sites} is too few to learn from", remedy=f"use {_LEAST_SITES} or more")
    if seed < 0:
        raise UsageError(f"--seed {seed}", remedy="use 0 or more")
    half = sites // 2
    return [TrialPlan("matrix", sites - half, seed, pause_days), TrialPlan("benign", half, seed + 1, pause_days)]


def challenger(plans: Sequence[TrialPlan], trials: Sequence[Sequence[SiteTrial]], folder: Path) -> Card:
    """Train a model on the trials of some fleets and keep it with its card.

    Args:
        plans: the fleets.
        trials: of each fleet.
        folder: of the models.

    Raises:
        ModelError: the fleets teach too little.
    """
    parts = [labelled(mine, f"{plan.preset}-{plan.seed}") for plan, mine in zip(plans, trials, strict=True)]
    corpus = Corpus(tuple(example for part, _ in parts for example in part.examples))
    unlabelled: Counter[str] = sum((unknown for _, unknown in parts), Counter())
    model = train(corpus)
    told: dict[str, Any] = {
        "fleets": [asdict(plan) for plan in plans],
        "examples": len(corpus.examples),
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
