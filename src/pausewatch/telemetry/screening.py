"""Screening of meter hours: values that arrived but can't be taken as a measurement.

Ingest rejects what is impossible by itself (negative, beyond the connection). Here a value is judged by its
company: a meter that repeats itself for half a day is stuck, a lone hour far from both neighbours is a spike.
Screened hours count as unseen: they are never fitted on, and never make a day consistent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.telemetry.order_statistics import row_medians

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Screening:
    """Thresholds of the hourly screens.

    Args:
        stuck_hours: identical hourly means in a row that make a meter stuck. Four 15-minute values that average to
            the same number twelve times running don't happen by chance on a meter with five digits.
        spike_share: a lone hour is a spike when it differs from both neighbours by more than this share of the
            meter's median load and of what they say themselves, and they agree with each other.
    """

    stuck_hours: int = 12
    spike_share: float = 0.5


def stuck(mean_kw: Floats, hours: int) -> Bools:
    """Mark hours in runs of at least `hours` identical values, shape (M, H).

    Unseen hours end a run. Temperatures may be passed too: a thermometer that repeats for half a day is stuck.
    """
    if mean_kw.shape[1] < hours:
        return np.zeros(mean_kw.shape, dtype=np.bool_)
    out = np.zeros(mean_kw.shape, dtype=np.bool_)
    same = np.zeros(mean_kw.shape, dtype=np.bool_)
    same[:, 1:] = mean_kw[:, 1:] == mean_kw[:, :-1]
    # Few meters repeat themselves at all.
    doubtful = np.flatnonzero(np.count_nonzero(same, axis=1) >= hours - 1)
    same = same[doubtful]
    # Length of the run of equal values that ends at each hour, then spread back over the whole run.
    position = np.arange(mean_kw.shape[1])
    run_start = np.maximum.accumulate(np.where(same, 0, position), axis=1)
    long_enough = same & (position - run_start + 1 >= hours)
    rows, ends = np.nonzero(long_enough)
    marks = np.zeros((len(same), mean_kw.shape[1] + 1), dtype=np.int32)
    np.add.at(marks, (rows, run_start[rows, ends]), 1)
    np.add.at(marks, (rows, ends + 1), -1)
    out[doubtful] = np.cumsum(marks, axis=1)[:, :-1] > 0
    return out


def spikes(mean_kw: Floats, share: float) -> Bools:
    """Mark lone hours that stand off from two agreeing neighbours, shape (M, H).

    By more than `share` of the meter's median, and of what the neighbours say: a large load at a small site is
    interrupted for an hour by more than the site's median, and that is no spike.
    """
    out = np.zeros(mean_kw.shape, dtype=np.bool_)
    if mean_kw.shape[1] < 3:
        return out
    limit = share * np.abs(row_medians(mean_kw, np.isfinite(mean_kw)))
    with np.errstate(invalid="ignore"):
        jump = np.diff(mean_kw)
        is_far = np.abs(jump) > limit[:, None]
        row, at = np.nonzero(is_far[:, :-1] & is_far[:, 1:])
        there, back = jump[row, at], jump[row, at + 1]
        beside = np.abs(mean_kw[row, at] + mean_kw[row, at + 2]) / 2
        is_far_off = np.minimum(np.abs(there), np.abs(back)) > share * beside
        out[row, at + 1] = (there * back < 0) & (np.abs(there + back) < limit[row] / 2) & is_far_off
    return out
