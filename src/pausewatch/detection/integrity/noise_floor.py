"""The noise floor: how finely a meter's load moves, three days at a time, against its reference and the other meter.

A made-up or averaged curve is smoother than the load it stands for; noise that is added to hide a curve's origin makes
it rougher. Load changes its own noise too: a tenant leaves, a noisy one comes. What the racks do the utility's meter
shows as well, so with two meters a change is a contradiction only where the other doesn't follow as it must; with one,
only where the noise vanishes and the load doesn't.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.extremes import standard_score_threshold
from pausewatch.detection.gaps import runs
from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_WINDOW_DAYS = 3
_LEAST_HOURS = 36
# Bigger hours are events of the load, not its noise.
_ORDINARY_SD = 3.0
# A change by less is not worth a sentence, however sure.
_LEAST_CHANGE = float(np.log(1.3))
# With one meter only, noise must fall below half while the load stays.
_LONE_CHANGE = float(np.log(2.0))
_STAYED_SHARE = 0.8
# How clearly the other meter must contradict, in standard deviations of its own noise floor.
_CONTRADICTS_SD = 4.0
_LEAST_SPREAD = 0.03
_QUIETEST_SHARE = 0.05


@dataclass(frozen=True)
class NoiseHabits:
    """How the noise floor of S series behaves in their reference, as logarithms of its size.

    Args:
        usual: its median, shape (S,).
        spread: its standard deviation, shape (S,).
        threshold: standard score beyond which the alarm budget says it has changed, shape (S,).
    """

    usual: Floats
    spread: Floats
    threshold: Floats


def noise_floor(noise: Floats) -> Floats:
    """Return the logarithm of the fine noise's size over three days up to each whole day, shape (S, D); NaN if unseen.

    Args:
        noise: fine noise in standard deviations of the reference's, shape (S, H).
    """
    series, hours = noise.shape
    days = hours // 24
    blocks = noise[:, : days * 24].reshape(series, days, 24)
    seen = np.isfinite(blocks)
    square = np.where(seen, np.minimum(np.where(seen, blocks, 0.0) ** 2, _ORDINARY_SD**2), 0.0)
    total, count = (np.pad(np.cumsum(a.sum(axis=2), axis=1), ((0, 0), (_WINDOW_DAYS, 0))) for a in (square, seen))
    total, count = (a[:, _WINDOW_DAYS:] - a[:, :-_WINDOW_DAYS] for a in (total, count))
    with np.errstate(divide="ignore", invalid="ignore"):
        out = 0.5 * np.log(total / count)
    return np.where((count >= _LEAST_HOURS) & (total > 0), out, np.nan)


def noise_habits(noise: Floats, alarms_per_year: Floats) -> NoiseHabits:
    """Learn how the noise floor behaves in a reference, shape (S, H)."""
    floor = noise_floor(noise)
    usual = _median(floor)
    spread = np.maximum(1.4826 * _median(np.abs(floor - usual[:, None])), _LEAST_SPREAD)
    scores = np.abs(floor - usual[:, None]) / spread[:, None]
    return NoiseHabits(usual, spread, standard_score_threshold(scores, alarms_per_year))


def noise_changes(
    noise: Floats,
    habits: NoiseHabits,
    innovation_sd_kw: Floats,
    load_share: Floats,
    has_meter: dict[Lane, Bools],
    first_hour: int,
) -> list[list[Contradiction]]:
    """Return each site's spans in which a meter's noise floor changed as its load can't have.

    Args:
        noise: fine noise of the utility lanes, then of the IT lanes, shape (2 S, H).
        habits: of the same series.
        innovation_sd_kw: size of their fine noise, shape (2 S,).
        load_share: load over what is expected, shape (2 S, H), NaN where unseen.
        has_meter: whether each site has the lane, shape (S,) each.
        first_hour: spans that ended before it aren't told.
    """
    sites = len(noise) // 2
    floor = noise_floor(noise)
    moved = floor - habits.usual[:, None]
    changed = (np.abs(moved) >= habits.threshold[:, None] * habits.spread[:, None]) & (np.abs(moved) >= _LEAST_CHANGE)
    out: list[list[Contradiction]] = [[] for _ in range(sites)]
    for series in np.flatnonzero(changed.any(axis=1)):
        site, lane = int(series) % sites, (Lane.UTILITY, Lane.IT_LOAD)[int(series) // sites]
        other = (series + sites) % (2 * sites)
        if has_meter[Lane.UTILITY][site] and has_meter[Lane.IT_LOAD][site]:
            size, across = (np.exp(floor[i]) * innovation_sd_kw[i] for i in (series, other))
            usual, usual_across = (float(np.exp(habits.usual[i]) * innovation_sd_kw[i]) for i in (series, other))
            is_wrong = _contradicted(lane, size, across, usual, usual_across, float(habits.spread[other]))
        else:
            is_wrong = (moved[series] <= -_LONE_CHANGE) & _stayed(load_share[series])
        marked = changed[series] & is_wrong
        out[site] += _spans(lane, marked, moved[series], noise.shape[1], first_hour)
    return out


def _contradicted(
    lane: Lane, size_kw: Floats, across_kw: Floats, usual_kw: float, usual_across_kw: float, spread: float
) -> Bools:
    """Return the days on which the other meter's noise isn't what this one's makes it, shape (D,).

    What the racks' noise adds to or takes from the utility's, its variance must show; and the utility's variance can't
    lie below that of the racks.
    """
    if lane is Lane.IT_LOAD:
        must = usual_across_kw**2 + size_kw**2 - usual_kw**2
        must = np.maximum(must, _QUIETEST_SHARE * usual_across_kw**2)
        off = np.log(across_kw) - 0.5 * np.log(must)
        # A fall that the utility's meter doesn't follow, or a rise that it doesn't.
        return np.asarray(np.where(size_kw < usual_kw, off, -off) >= max(_CONTRADICTS_SD * spread, _LEAST_CHANGE))
    below = np.log(across_kw) - np.log(size_kw)
    return np.asarray((size_kw < usual_kw) & (below >= max(_CONTRADICTS_SD * spread, _LEAST_CHANGE)))


def _stayed(load_share: Floats) -> Bools:
    """Return the days whose load over three days is about what is expected, shape (D,)."""
    days = len(load_share) // 24
    blocks = load_share[: days * 24].reshape(days, 24)
    seen = np.isfinite(blocks)
    total, count = np.where(seen, blocks, 0.0).sum(axis=1), seen.sum(axis=1)
    kernel = np.ones(_WINDOW_DAYS)
    total, count = (np.convolve(a, kernel)[:days] for a in (total, count))
    return np.asarray(total >= _STAYED_SHARE * np.maximum(count, 1))


def _spans(lane: Lane, marked: Bools, moved: Floats, hours: int, first_hour: int) -> list[Contradiction]:
    out = []
    for first, last in runs(marked, 1, _WINDOW_DAYS):
        # A day is marked by itself and the two before it.
        start, end = (first - _WINDOW_DAYS + 1) * 24, last * 24
        if end <= first_hour:
            continue
        times = float(np.exp(np.median(moved[first:last][marked[first:last]])))
        out.append(
            Contradiction(Flaw.NOISE_CHANGED, (lane,), max(start, 0), None if last * 24 + 24 > hours else end, times)
        )
    return out


def _median(values: Floats) -> Floats:
    return np.array([np.median(r[np.isfinite(r)]) if np.isfinite(r).any() else 0.0 for r in values])
