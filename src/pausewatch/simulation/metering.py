"""What meters say of the truth: a class, a little noise, and what is missing."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.truth import Floats, Mask


def metered(kw: Floats, accuracy: float, rng: np.random.Generator, missing_share: float) -> Floats:
    """Return what a meter of an accuracy class says: a gain of its own, a little noise, and some intervals missing."""
    gain = 1 + rng.normal(0, accuracy / 2)
    said = kw * gain * (1 + rng.standard_normal(len(kw)) * accuracy / 10)
    said[rng.random(len(kw)) < missing_share] = np.nan
    return np.asarray(said)


def stretches(count: int, step_s: float, share: float, rng: np.random.Generator) -> Mask:
    """Return intervals missing in stretches of 1 to 48 h, about such a share of all."""
    mask = np.zeros(count + 1, dtype=np.int64)
    lengths = np.exp(rng.uniform(0, np.log(48.0), 4096)) * 3600.0 / step_s
    wanted = int(np.searchsorted(np.cumsum(lengths), share * count))
    first = (rng.random(4096)[:wanted] * count).astype(np.int64)
    last = np.minimum(first + np.ceil(lengths[:wanted]).astype(np.int64), count)
    np.add.at(mask, first, 1)
    np.add.at(mask, last, -1)
    return np.asarray(np.cumsum(mask[:-1]) > 0)
