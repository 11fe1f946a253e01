"""Shed load: hours in which a site that sells its flexibility has switched much of itself off, and their bounds.

Miners, and others with contracts for it, drop most of their load for the hours in which power is dear and come back
within a day (ERCOT's large flexible loads). Such hours say nothing of what the site draws when it runs, and taken as
noise they hide any run: where a reference shows the habit, hours far below the site's recent level are neither
learned from nor tested. Load that stays down longer is no shedding, and is tested like any other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Series
from pausewatch.detection.gaps import runs

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_WEEK = 7 * 24
_LEAST_SEEN = 24
# Longer than any dear spell: what stays down is down.
LONGEST_HOURS = 48
# A habit: so many spells and hours, so deep against the load and against the noise, with hardly anything in between.
_LEAST_SPELLS, _LEAST_HOURS = 4, 8
_LEAST_DEPTH = 0.25
_NOISE_SD = 6.0
_MOST_BETWEEN = 0.2
_MOST_OF_TIME = 0.25
# Most of what the load varies by must be the shedding, or there is little to gain and some evidence to lose.
_MOST_LEFT = 0.5


def shed_lines(load_kw: Floats, level_kw: Floats) -> Floats:
    """Return how far below its recent level each series counts as shed, kW, shape (S,); infinite without the habit.

    Args:
        load_kw: the reference, NaN where it must not be learned from, shape (S, H).
        level_kw: the same less its effects of week, weather and holidays, shape (S, H).
    """
    out = np.full(len(load_kw), np.inf)
    seen = np.isfinite(load_kw)
    mean = np.where(seen, load_kw, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    # Cheap and for all: only where some hours are far below the usual is there anything to look for.
    low = seen & (load_kw < (1.0 - _LEAST_DEPTH) * mean[:, None])
    for s in np.flatnonzero(low.sum(axis=1) >= _LEAST_HOURS).tolist():
        out[s] = _line(np.where(seen[s], level_kw[s], np.nan), float(mean[s]))
    return out


def shed_hours(level_kw: Floats, line_kw: Floats, *, is_whole: bool = False) -> Bools:
    """Return the hours in which load is shed, with the hours at their edges, shape (S, H).

    Args:
        level_kw: load less what week, weather and holidays, or all that is expected, say of it, NaN where unseen.
        line_kw: from `shed_lines`.
        is_whole: the whole time is known: an hour's level is told by the days around it, else by those before.
    """
    out = np.zeros(level_kw.shape, dtype=np.bool_)
    for s in np.flatnonzero(np.isfinite(line_kw)).tolist():
        below = _drop(level_kw[s], is_whole) > line_kw[s]
        for begin, end in runs(below, 1):
            if end - begin <= LONGEST_HOURS:
                out[s, max(begin - 1, 0) : end + 1] = True
    return out


def without_shed(series: Series, level_kw: Floats, line_kw: Floats) -> Series:
    """Return a reference without the hours in which load was shed."""
    shed = shed_hours(np.where(np.isfinite(series.load_kw), level_kw, np.nan), line_kw, is_whole=True)
    return Series(series.keys, series.grid, np.where(shed, np.nan, series.load_kw), series.temperature_c)


def _line(level_kw: Floats, mean_kw: float) -> float:
    drop = _drop(level_kw, is_whole=True)
    noise = 1.4826 * float(np.nanmedian(np.abs(drop)))
    least = max(0.5 * _LEAST_DEPTH * mean_kw, _NOISE_SD * noise)
    deep = drop > least
    if deep.sum() < _LEAST_HOURS:
        return float("inf")
    depth = float(np.median(drop[deep]))
    line = 0.5 * depth
    shed = shed_hours(level_kw[None], np.array([line]), is_whole=True)[0] & np.isfinite(level_kw)
    rest = np.where(shed, np.nan, drop)
    between = int((rest > max(0.5 * line, least)).sum())
    is_habit = (
        depth >= _LEAST_DEPTH * mean_kw
        and _LEAST_HOURS <= shed.sum() <= _MOST_OF_TIME * np.isfinite(level_kw).sum()
        and len(runs(shed, 1)) >= _LEAST_SPELLS
        and between <= _MOST_BETWEEN * shed.sum()
        and float(np.nanstd(rest)) <= _MOST_LEFT * float(np.nanstd(drop))
    )
    return line if is_habit else float("inf")


def _drop(level_kw: Floats, is_whole: bool) -> Floats:
    """Return how far each hour lies below the median of the week around it, or before it, shape (H,)."""
    import pandas as pd

    recent = pd.Series(level_kw).rolling(_WEEK, center=is_whole, min_periods=_LEAST_SEEN).median().bfill()
    return np.asarray(recent.to_numpy() - level_kw)
