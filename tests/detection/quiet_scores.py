"""Scores that quiet sites show, as the strongest of six hours."""

from __future__ import annotations

import numpy as np

BLOCKS = 28 * 12


def noise(sites: int, blocks: int = BLOCKS, seed: int = 0, shared: float = 0.0) -> np.ndarray:
    """Return the strongest signed of six scores, of sites that share a part of their variance."""
    rng = np.random.default_rng(seed)
    own = rng.standard_normal((sites, blocks, 6))
    common = rng.standard_normal((1, blocks, 6))
    each = np.sqrt(1 - shared) * own + np.sqrt(shared) * common
    best = np.abs(each).argmax(axis=2)[:, :, None]
    return np.take_along_axis(each, best, axis=2)[:, :, 0]
