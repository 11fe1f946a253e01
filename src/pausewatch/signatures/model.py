"""The learned judge: boosted trees on an episode's features, their probabilities calibrated over sites.

Histogram gradient boosting (Friedman 2001, as scikit-learn has it): what a feature means depends on others, a flat load
of a day on how well its dips could have been seen.

It speaks only of what it was taught. What a declaration accounts for, or training that is declared in the pause itself,
stays the rule's; a cause the corpus hardly holds keeps the probability the rule gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.errors import ModelError
from pausewatch.signatures.corpus import Corpus
from pausewatch.signatures.encoding import COLUMNS, encode
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause, Circumstances
from pausewatch.signatures.rule import explain as rule

Floats = npt.NDArray[np.float64]

# A cause seen at fewer sites is not taught.
LEAST_SITES = 10
FOLDS = 5
_SEED = 20260901
# Small trees, many examples a leaf: sites are fewer than episodes.
_TREES, _PACE, _LEAVES, _RIDGE = 120, 0.06, 12, 5.0
_IN_LEAF, _IN_LEAF_SHARE = 40, 0.02
# Nothing is ever certain.
_FLOOR = 0.002


@dataclass(frozen=True)
class SignatureModel:
    """A fitted judge.

    Args:
        estimator: a fitted scikit-learn HistGradientBoostingClassifier of encoded episodes.
        temperature: what its logits are divided by, so that its probabilities hold.
        causes: what it was taught, in the order of its probabilities.
        columns: what it sees of an episode, in order.
    """

    estimator: Any
    temperature: float
    causes: tuple[str, ...]
    columns: tuple[str, ...] = COLUMNS

    def probabilities(self, vectors: Floats) -> Floats:
        """Return the probability of each taught cause, shape (N, len(causes)), floored and summing to 1."""
        return _softmax(_logits(self.estimator, vectors) / self.temperature)

    def explain(self, features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
        """Return every hypothesis with its probability, most probable first; they sum to 1."""
        ruled = rule(features, circumstances)
        if circumstances.is_declared or circumstances.declared_training:
            return ruled
        taught = self.probabilities(encode(features, circumstances, self.columns)[None, :])[0]
        untaught = {h.name: h.probability for h in ruled if h.name not in self.causes}
        left = 1.0 - sum(untaught.values())
        weights = untaught | {name: left * float(p) for name, p in zip(self.causes, taught, strict=True)}
        order = {cause.value: i for i, cause in enumerate(Cause)}
        ranked = sorted(weights, key=lambda name: (-weights[name], order[name]))
        return tuple(Hypothesis(name, weights[name]) for name in ranked)


def train(corpus: Corpus) -> SignatureModel:
    """Fit a judge on a corpus; the same corpus gives the same judge.

    Raises:
        ModelError: the corpus teaches fewer than two causes, or no training.
    """
    causes = taught_causes(corpus)
    return _calibrated(corpus.only(causes))


def taught_causes(corpus: Corpus) -> list[str]:
    """Return the causes that enough sites of a corpus show.

    Raises:
        ModelError: they are fewer than two, or training is not among them.
    """
    causes = [cause for cause, sites in corpus.sites_by_cause().items() if sites >= LEAST_SITES]
    if len(causes) < 2 or Cause.TRAINING.value not in causes:
        raise ModelError(
            "the corpus teaches too little",
            why=f"sites by cause: {corpus.sites_by_cause()}",
            remedy="train on more simulated sites",
        )
    return causes


def held_out(corpus: Corpus) -> tuple[Corpus, Floats, tuple[str, ...]]:
    """Return the taught examples, and what judges trained without their sites say of them, shape (N, causes)."""
    chosen = corpus.only(taught_causes(corpus))
    names = tuple(sorted(set(chosen.causes)))
    out = np.zeros((len(chosen.examples), len(names)))
    for inside, outside in folds(chosen):
        part = Corpus(tuple(chosen.examples[i] for i in inside))
        fitted = _calibrated(part)
        at = np.array([names.index(cause) for cause in fitted.causes])
        out[np.ix_(outside, at)] = fitted.probabilities(chosen.vectors[outside])
    return chosen, out, names


def folds(corpus: Corpus) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return the examples split into folds that share no site, every cause in each."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=_SEED)
    sites = [e.site for e in corpus.examples]
    return [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(np.zeros(len(sites)), corpus.causes, sites)]


def _calibrated(corpus: Corpus) -> SignatureModel:
    """Fit the trees on everything, and one temperature on what trees without a site say of it."""
    from scipy.optimize import minimize_scalar

    names = tuple(sorted(set(corpus.causes)))
    really = np.array([names.index(cause) for cause in corpus.causes])
    vectors, weights = corpus.vectors, corpus.weights
    apart = np.full((len(really), len(names)), np.log(_FLOOR))
    for inside, outside in folds(corpus):
        part = _trees_of(vectors[inside], really[inside], weights[inside])
        apart[np.ix_(outside, part.classes_)] = _logits(part, vectors[outside])

    def loss(log_temperature: float) -> float:
        said = _softmax(apart / np.exp(log_temperature))[np.arange(len(really)), really]
        return float(-(weights * np.log(said)).sum() / weights.sum())

    best = minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return SignatureModel(_trees_of(vectors, really, weights), float(np.exp(best.x)), names)


def _trees_of(vectors: Floats, really: npt.NDArray[np.int64], weights: Floats) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=_TREES,
        learning_rate=_PACE,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=max(min(_IN_LEAF, int(_IN_LEAF_SHARE * len(vectors))), 2),
        l2_regularization=_RIDGE,
        early_stopping=False,
        random_state=_SEED,
    )
    return trees.fit(vectors, really, sample_weight=weights)


def _logits(estimator: Any, vectors: Floats) -> Floats:
    """Return the estimator's log weights, shape (N, causes)."""
    raw = np.asarray(estimator.decision_function(vectors))
    return np.column_stack([np.zeros(len(vectors)), raw]) if raw.ndim == 1 else raw


def _softmax(logits: Floats) -> Floats:
    raw = np.exp(logits - logits.max(axis=1, keepdims=True))
    floored = np.maximum(raw / raw.sum(axis=1, keepdims=True), _FLOOR)
    return np.asarray(floored / floored.sum(axis=1, keepdims=True))


def class_scores(corpus: Corpus, probabilities: Floats, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return recall, precision and mean log loss by cause, of probabilities given for a corpus."""
    said = np.asarray(names)[probabilities.argmax(axis=1)]
    really = np.asarray(corpus.causes)
    at = np.array([list(names).index(cause) for cause in really])
    given = np.clip(probabilities[np.arange(len(at)), at], 1e-6, 1.0)
    out = {}
    for name in names:
        mine, called = really == name, said == name
        out[name] = {
            "examples": int(mine.sum()),
            "recall": round(float((called & mine).sum() / max(mine.sum(), 1)), 4),
            "precision": round(float((called & mine).sum() / max(called.sum(), 1)), 4),
            "log_loss": round(float(-np.log(given[mine]).mean()) if mine.any() else 0.0, 4),
        }
    return out
