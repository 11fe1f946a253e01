"""Encoding: an episode as a row of numbers, what is known of its circumstances among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.signatures.features import Features
from pausewatch.signatures.rule import Circumstances

Floats = npt.NDArray[np.float64]

# What a declaration says is the rule's matter.
_NOT_LEARNED = ("declared_training", "is_declared")

COLUMNS: tuple[str, ...] = (
    *Features.names(),
    *(f.name for f in fields(Circumstances) if f.name not in _NOT_LEARNED),
)
"""What each column is, in order."""


def encode(features: Features, circumstances: Circumstances, columns: Sequence[str] = COLUMNS) -> Floats:
    """Return an episode as a model sees it that sees these columns, shape (len(columns),)."""
    told: dict[str, Any] = {**features.document(), **asdict(circumstances)}
    return np.array([float(told[name]) for name in columns], dtype=np.float64)
