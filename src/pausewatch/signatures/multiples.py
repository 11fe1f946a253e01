"""Multiples: whether a load is a constant beside the site's own, or a multiple of it."""

from __future__ import annotations

import numpy as np

# What either hypothesis can at most gain from one kind of evidence, in nats.
_MOST_NATS = 20.0
PRIOR_SD = 0.5
"""A share of a multiple is known this well before anything is measured."""


def as_multiple(slope: float, variance: float, multiple: float) -> tuple[float, float]:
    """Return the share of a multiple that a slope shows, drawn towards one half, and the evidence for it.

    Args:
        slope: of the load on the site's own expected load.
        variance: of the slope.
        multiple: the slope of a load that is a multiple of the site's own: its mean over the site's.

    Returns:
        The share, 0 a constant and 1 a multiple, and the log likelihood ratio of a multiple against a constant, nats.
    """
    if not np.isfinite(variance) or variance <= 0:
        return 0.5, 0.0
    nats = multiple * (2.0 * slope - multiple) / (2.0 * variance)
    share, sd = slope / multiple, np.sqrt(variance) / multiple
    weight = PRIOR_SD**2 / (PRIOR_SD**2 + sd**2)
    return (
        float(np.clip(0.5 + weight * (share - 0.5), -0.5, 2.0)),
        float(np.clip(nats, -_MOST_NATS, _MOST_NATS)),
    )
