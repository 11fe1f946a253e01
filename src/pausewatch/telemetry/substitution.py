"""Substitution: a bound on the load of hours that weren't seen, as emissions rules set it.

The ladder of US 40 CFR 75.33: short gaps by their neighbours, longer ones by the 90th then the 95th percentile
of the last 720 valid hours, then their maximum, then the maximum potential, as availability falls. Missing
data never favours the operator. Substitutes are shown beside what was observed and never fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOOKBACK_HOURS = 720


@dataclass(frozen=True)
class Rung:
    """One rung: at or above this availability, gaps up to `short_hours` take their neighbours' mean."""

    availability: float
    short_hours: int
    percentile: float


# 40 CFR 75.33(b)(1)-(4); below the last rung the maximum potential stands.
LADDER = (Rung(0.95, 24, 90.0), Rung(0.90, 8, 95.0), Rung(0.80, 0, 100.0))


def substitute(load_kw: Floats, maximum_potential_kw: float) -> Floats:
    """Return bounds for the unseen hours of one series, kW, shape (H,); NaN at hours that were seen.

    Args:
        load_kw: hourly load of one lane, NaN where unseen.
        maximum_potential_kw: what the site could have drawn.
    """
    unseen = ~np.isfinite(load_kw)
    out = np.full(load_kw.shape, np.nan)
    if not unseen.any():
        return out
    edges = np.flatnonzero(np.diff(np.concatenate(([0], unseen.astype(np.int8), [0]))))
    for start, end in edges.reshape(-1, 2):
        out[start:end] = _bound(load_kw, int(start), int(end), maximum_potential_kw)
    return out


def _bound(load_kw: Floats, start: int, end: int, maximum_potential_kw: float) -> float:
    window = load_kw[max(0, start - LOOKBACK_HOURS) : start]
    valid = window[np.isfinite(window)]
    past = load_kw[max(0, end - LOOKBACK_HOURS) : end]
    availability = float(np.isfinite(past).mean())
    for rung in LADDER:
        if availability < rung.availability or not len(valid):
            continue
        neighbours = [valid[-1]]
        if end < len(load_kw):
            neighbours.append(load_kw[end])
        mean = float(np.mean(neighbours))
        if end - start <= rung.short_hours:
            return mean
        return max(mean, float(np.percentile(valid, rung.percentile)))
    return maximum_potential_kw
