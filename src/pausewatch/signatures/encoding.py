"""Encoding: an episode as a row of numbers between 0 and 1 that a linear model can weigh.

Each feature becomes ramps between fixed knots, so that a weight can differ from stretch to stretch and nothing beyond
the last knot counts for more.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.signatures.features import Features
from pausewatch.signatures.rule import Circumstances

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
    "shape_share": (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "shape_evidence": (-20.0, -8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0, 20.0),
    "day_share": (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "day_evidence": (-20.0, -8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0, 20.0),
    "noise_growth": (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0),
    "clock_share": (0.0, 0.1, 0.2, 0.4, 0.7, 1.0),
    "climb_share": (0.0, 0.1, 0.3, 0.6, 1.0, 2.0),
    "fall_share": (0.0, 0.1, 0.3, 0.6, 1.0, 2.0),
    "creep_share": (-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0),
    "wander_share": (0.0, 0.03, 0.08, 0.2, 0.5),
    "dips_per_day": (-0.5, 0.0, 0.2, 0.5, 1.0, 2.0, 4.0),
    "dip_sight": (0.0, 1.0, 2.0, 4.0, 8.0, 16.0),
}
FLAGS = (
    "is_it_metered",
    "is_utility_metered",
    "did_not_step_down",
    "is_suspect",
    "is_drift",
    "is_over",
    "it_reads_low",
    "is_learned",
)
# Dips that could have been seen and weren't speak against a run, and more so the longer it lasts.
_SEEN_AT, _RARE, _LONG_DAYS = 5.0, 0.25, 4.0

COLUMNS: tuple[str, ...] = (
    *(f"{name} {low:g} to {high:g}" for name, at in KNOTS.items() for low, high in pairwise(at)),
    *FLAGS,
    "no dips",
    "no dips for long",
)
"""What each column is, in order."""


def encode(features: Features, circumstances: Circumstances) -> Floats:
    """Return an episode as a model sees it, shape (len(COLUMNS),)."""
    told: dict[str, Any] = {**features.document(), **asdict(circumstances)}
    ramps = [
        np.clip((told[name] - np.asarray(at[:-1])) / np.diff(np.asarray(at)), 0.0, 1.0) for name, at in KNOTS.items()
    ]
    flags = [float(told[name]) for name in FLAGS]
    sight, rarity = np.clip([told["dip_sight"] / _SEEN_AT, 1.0 - told["dips_per_day"] / _RARE], 0.0, 1.0)
    undipped = float(sight * rarity)
    lasts = float(np.clip(told["duration_days"] * told["duty"] / _LONG_DAYS, 0.0, 1.0))
    return np.concatenate([*ramps, flags, [undipped, undipped * lasts]])
