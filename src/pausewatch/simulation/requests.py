"""The shape of inference over the hours: request rates of production services, and what serving them draws.

The built-in shape has the daily harmonics of two of ServeGen's services over 14 days (arXiv 2505.09999; Apache-2.0):
the first 0.12 to 0.19 of the mean with its peak between 16 and 19 h, the second 0.04 to 0.18, the third 0.03 to 0.05;
the services' daily means vary by a fifth to a quarter, hours by as much again. Given the file of real request rates, a
site follows one of them instead, begun on some day and repeated.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np

from pausewatch.errors import SimulationError
from pausewatch.simulation.truth import DAY_S, Floats

_STEP_S = 600.0
_SHORTEST_DAYS = 7


def load_request_rates(path: Path) -> tuple[Floats, ...]:
    """Return the real services' request rates over their means, each at 10 min and at least a week long.

    Reads columns `t` (s), `rate` and `model`; exact zeros are taken as missing and filled from both sides.

    Raises:
        SimulationError: the file can't be read, or holds no service of a week.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rates[row["model"]].append((float(row["t"]), float(row["rate"])))
    except (OSError, KeyError, ValueError, EOFError) as error:
        why = f"{type(error).__name__}: {error}"
        raise SimulationError("no request rates to be read", where=str(path), why=why, remedy="give a CSV") from error
    out = []
    for name in sorted(rates):
        time, rate = np.array(sorted(rates[name])).T
        known = rate > 0
        if not known.any() or time[-1] - time[0] < _SHORTEST_DAYS * DAY_S - _STEP_S:
            continue
        grid = np.arange(time[0], time[-1] + 1, _STEP_S)
        filled = np.interp(grid, time[known], rate[known])
        whole = int(len(filled) * _STEP_S // DAY_S) * round(DAY_S / _STEP_S)
        out.append(filled[:whole] / filled[:whole].mean())
    if not out:
        raise SimulationError("no service with a week of request rates", where=str(path), remedy="give a longer file")
    return tuple(out)


def demand(local_s: Floats, step_s: float, rng: np.random.Generator, rates: tuple[Floats, ...] = ()) -> Floats:
    """Return demand over its mean at each instant.

    Args:
        local_s: local wall clock, s.
        step_s: length of an interval, s.
        rng: random numbers.
        rates: real services, from `load_request_rates`.
    """
    from scipy.signal import lfilter

    which, days = int(rng.integers(1 << 16)), int(rng.integers(14))
    first, second, third = rng.uniform(0.1, 0.22), rng.uniform(0.03, 0.18), rng.uniform(0.02, 0.06)
    peak = rng.uniform(15.5, 19.0)
    keep = float(np.exp(-step_s / DAY_S))
    slow = lfilter([np.sqrt(1 - keep**2)], [1, -keep], rng.standard_normal(len(local_s)))
    if rates:
        real = rates[which % len(rates)]
        at = (local_s - local_s[0] // DAY_S * DAY_S + days * DAY_S) / _STEP_S
        index = np.arange(len(real) + 1)
        return np.asarray(np.interp(at % len(real), index, np.append(real, real[0])))
    turn = 2 * np.pi * (local_s / 3600.0 - peak) / 24
    shape = 1 + first * np.cos(turn) + second * np.cos(2 * turn + 0.6) + third * np.cos(3 * turn)
    return np.asarray(np.maximum(shape * (1 + 0.12 * slow), 0.05))


def served(demand_share: Floats, floor: float) -> Floats:
    """Return the power over its mean of serving a demand: what idles draws, the rest follows.

    Replicas are kept ready, and idle accelerators draw 0.3 to 0.5 of busy ones (POLCA, Patel et al. 2024): so the floor
    is a half to nine tenths. Demand above 1.8 of the mean waits in queues.
    """
    return np.asarray(floor + (1 - floor) * np.minimum(demand_share, 1.8))
