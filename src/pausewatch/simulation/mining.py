"""Mining: flat at full load, and off for hours when power is dear.

Bitcoin miners in Texas curtail in the hours of highest price or system load, most of them hot afternoons and cold
mornings (ERCOT's large flexible loads): some tens to some hundreds of hours a year, nearly to nothing.
"""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.truth import Floats


def price_factor(local_s: Floats, step_s: float, off_share: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return what is left of the load at each instant as power prices rise and fall.

    Args:
        local_s: local wall clock, s.
        step_s: length of an interval, s.
        off_share: share of the time that is too dear.
        depth: what is switched off then, as a share of the load.
        rng: random numbers.
    """
    from scipy.signal import lfilter

    hours = (local_s / 3600.0) % 24.0
    keep = float(np.exp(-step_s / (18 * 3600.0)))
    mood = lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.standard_normal(len(local_s)))
    price = mood + 0.9 * np.cos(2 * np.pi * (hours - 17.5) / 24) + 0.4 * np.cos(4 * np.pi * (hours - 7.5) / 24)
    return np.asarray(np.where(price > np.quantile(price, 1 - off_share), 1 - depth, 1.0))
