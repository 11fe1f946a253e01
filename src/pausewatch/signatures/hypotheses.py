"""A hypothesis: one explanation of an anomaly, and how probable it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of a finding and its probability."""

    name: str
    probability: float
