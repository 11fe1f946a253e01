"""Encoding: an episode as a row of numbers between 0 and 1 that a linear model can weigh.

Each feature becomes ramps between fixed knots, so that a weight can differ from stretch to stretch and nothing beyond
the last knot counts for more. The rule's own log weights stand beside them: what is known before any learning.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.signatures.features import Features
from pausewatch.signatures.rule import Cause, Circumstances, score

Floats = npt.NDArray[np.float64]

KNOTS: dict[str, tuple[float, ...]] = {
    "duration_days": (1, 2, 4, 8, 16, 32),
    "duty": (0.3, 0.6, 0.85, 1.0),
    "share_of_it_capacity": (0.005, 0.01, 0.03, 0.06, 0.12, 0.25, 0.5),
    "share_of_load": (0.01, 0.03, 0.06, 0.12, 0.25, 0.5),
    "onset_share": (0.0, 0.25, 0.5, 0.75, 0.95, 1.1, 1.5),
    "growth_share": (-1.0, -0.4, -0.15, -0.05, 0.05, 0.15, 0.4, 1.0),
    "diurnal_share": (0.0, 0.05, 0.12, 0.25, 0.6),
    "weekend_ratio": (0.6, 0.85, 0.95, 1.05, 1.15, 1.4),
    "weather_share": (0.0, 0.05, 0.12, 0.3),
    "roughness_share": (0.0, 0.02, 0.05, 0.1, 0.3),
    "off_share": (0.0, 0.1, 0.3, 1.0),
    "night_share": (0.2, 0.3, 0.36, 0.5, 0.8, 1.0),
    "parts_per_week": (0.0, 0.3, 1.0, 2.0, 4.0, 7.0),
    "it_agreement": (0.0, 0.15, 0.3, 0.6, 0.85, 1.0, 1.2, 1.45),
    "strength": (1.0, 1.1, 1.3, 2.0, 4.0, 10.0, 20.0),
}
FLAGS = ("is_it_metered", "is_utility_metered", "did_not_step_down", "is_suspect", "is_drift", "is_over")
# What the rule says of a declaration is no matter of looks.
RULED = tuple(cause for cause in Cause if cause is not Cause.DECLARED)
_RULE_SCALE = 4.0

COLUMNS: tuple[str, ...] = (
    *(f"{name} {low:g} to {high:g}" for name, at in KNOTS.items() for low, high in pairwise(at)),
    *FLAGS,
    *(f"rule: {cause.value}" for cause in RULED),
)
"""What each column is, in order."""


def encode(features: Features, circumstances: Circumstances) -> Floats:
    """Return an episode as a model sees it, shape (len(COLUMNS),)."""
    told: dict[str, Any] = {**features.document(), **asdict(circumstances)}
    ramps = [
        np.clip((told[name] - np.asarray(at[:-1])) / np.diff(np.asarray(at)), 0.0, 1.0) for name, at in KNOTS.items()
    ]
    flags = [float(told[name]) for name in FLAGS]
    ruled = [score(cause, features, circumstances) / _RULE_SCALE for cause in RULED]
    return np.concatenate([*ramps, flags, np.clip(ruled, -2.0, 2.0)])
