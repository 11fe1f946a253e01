"""Odds: where what was seen can't set a run apart from a tenant, training is put no higher than even."""

from __future__ import annotations

from collections.abc import Sequence

from pausewatch.signatures.hypotheses import Hypothesis, probability
from pausewatch.signatures.rule import Cause

_MOST_TRAINING = 0.49


def at_most_even(hypotheses: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return the hypotheses with training at less than even odds, a tenant taking the rest; most probable first."""
    training = probability(hypotheses, Cause.TRAINING)
    over = max(training - _MOST_TRAINING, 0.0)
    moved = {Cause.TRAINING.value: -over, Cause.TENANT.value: over}
    told = [Hypothesis(h.name, h.probability + moved.get(h.name, 0.0)) for h in hypotheses]
    return tuple(sorted(told, key=lambda h: -h.probability))
