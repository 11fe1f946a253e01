"""A hypothesis: one explanation of an anomaly, and how probable it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of a finding and its probability."""

    name: str
    probability: float


def probability(hypotheses: Sequence[Hypothesis], cause: str) -> float:
    """Return the probability of one cause."""
    return next(h.probability for h in hypotheses if h.name == cause)
