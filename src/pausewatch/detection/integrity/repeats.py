"""Repeats: fine noise that comes twice, so that telemetry was played back, be it scaled, shifted in level or dithered.

A copy of half a day or more is found in steps. The cheap one hashes the signs of every half day's fine noise over a
whole batch: two half days with the same signs are a candidate. Of each candidate the lag is known, and the logarithm
of the likelihood ratio (hours at this lag are copies with correlation r, against independent hours) is added up over
the span around it where it is largest. The correlation over that span then stands against that at the next best lag,
since load that repeats by itself, every night say, is like many earlier times and a copy like one; how far one may
stand out is learned on the site's reference. A span beyond that is looked at with a matrix profile's distance (MASS:
Mueen et al. 2017, by stumpy): the half days of a copy are nearest to their source and to no other time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HALF_DAY = 12
# Beyond this an hour is an event of its own, and events repeat: batch work at a fixed hour, a price peak.
_ORDINARY_SD = 3.0
# Which of two neighbouring hours is the larger one is as independent of scale as a sign is.
_COMPARED = ((0, 1), (3, 4), (6, 7), (9, 10))
_SEED_CORRELATION = 0.9
_CORRELATIONS = (0.6, 0.9, 0.99, 0.999, 0.9999)
# An hour that differs, say from a repaired reading, doesn't end a copy.
_WORST_HOUR = -6.0
# How far the best of some 2,000 lags stands above the second best, in normal scores: by chance 1 or 2.
LEAST_SCORE = 5.0
_LONGEST_HOURS = 14 * 24
# A copy has many half days at one lag, chance few at many.
_LAGS_TRIED, _SEEDS_TRIED = 8, 4
_SPREAD_HOURS = 36
_ALMOST_ONE = 1 - 1e-9
_HABIT_MARGIN = 1.3


@dataclass(frozen=True)
class Repeat:
    """A span whose fine noise is that of an earlier span.

    Args:
        start_hour: first hour of the copy.
        end_hour: first hour after it.
        lag_hours: how far back its source lies.
        correlation: of the fine noise with its source's.
        score: by how much it is likelier a copy of that time than of any other, in normal scores.
    """

    start_hour: int
    end_hour: int
    lag_hours: int
    correlation: float
    score: float


def repeat_candidates(noise: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return half days that look like an earlier one: series, first hour, and hours back.

    Args:
        noise: fine noise, shape (S, H), NaN where there is none.
    """
    series, hours = noise.shape
    nothing = np.empty(0, dtype=np.intp)
    windows = hours - HALF_DAY + 1
    if windows < HALF_DAY:
        return nothing, nothing, nothing
    seen = np.isfinite(noise)
    up = np.where(seen, noise, 0.0) > 0
    size = np.abs(np.where(seen, noise, 0.0))
    code = np.zeros((series, windows), dtype=np.uint32)
    for j in range(HALF_DAY):
        code |= up[:, j : j + windows].astype(np.uint32) << np.uint32(j)
    for k, (i, j) in enumerate(_COMPARED):
        code |= (size[:, i : i + windows] > size[:, j : j + windows]).astype(np.uint32) << np.uint32(HALF_DAY + k)
    whole = np.cumsum(np.pad(seen, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    is_whole = whole[:, HALF_DAY:] - whole[:, :-HALF_DAY] == HALF_DAY
    key = np.where(is_whole, code, np.uint32(1 << (HALF_DAY + len(_COMPARED))))
    order = np.argsort(key, axis=1, kind="stable")
    ranked = np.take_along_axis(key, order, axis=1)
    row, at = np.nonzero((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] < 1 << (HALF_DAY + len(_COMPARED))))
    now, back = order[row, at + 1], order[row, at + 1] - order[row, at]
    apart = back >= HALF_DAY
    row, now, back = row[apart], now[apart], back[apart]
    hour = now[:, None] + np.arange(HALF_DAY)
    clipped = np.clip(np.where(seen, noise, 0.0), -_ORDINARY_SD, _ORDINARY_SD)
    here, there = clipped[row[:, None], hour], clipped[row[:, None], hour - back[:, None]]
    product = np.sqrt((here**2).sum(axis=1) * (there**2).sum(axis=1))
    alike = (here * there).sum(axis=1) >= _SEED_CORRELATION * np.maximum(product, 1e-12)
    return row[alike], now[alike], back[alike]


def repeats(noise: Floats, least: Floats, first_hour: int) -> list[list[Repeat]]:
    """Return the repeats of each series that reach past `first_hour`, oldest first, none inside another.

    Args:
        noise: fine noise, shape (S, H), NaN where there is none.
        least: what a repeat must exceed, shape (S,).
        first_hour: repeats that ended before it aren't looked for.
    """
    row, now, back = repeat_candidates(noise)
    recent = now + HALF_DAY > first_hour
    found: list[list[Repeat]] = [[] for _ in noise]
    for s in np.unique(row[recent]):
        mine = recent & (row == s)
        hours, lags = now[mine], back[mine]
        often, count = np.unique(lags, return_counts=True)
        for lag in often[np.argsort(-count, kind="stable")][:_LAGS_TRIED].tolist():
            until, tries = 0, 0
            for hour in sorted(hours[lags == lag].tolist()):
                if hour < until or tries >= _SEEDS_TRIED:
                    continue
                one = grown(noise[s], hour, lag)
                if one.score < least[s]:
                    tries += 1
                    continue
                until = one.end_hour
                if one.end_hour > first_hour:
                    found[s].append(one)
        found[s] = _joined(found[s])
    return found


def grown(noise: Floats, hour: int, lag: int) -> Repeat:
    """Return the span around a half day at which the hours are likeliest copies of those `lag` before, shape (H,)."""
    usable = np.isfinite(noise) & (np.abs(np.nan_to_num(noise)) < _ORDINARY_SD)
    plain = np.where(usable, noise, 0.0)
    scaled = plain / _local_spread(plain, usable)
    both = usable[lag:] & usable[:-lag]
    a, b = np.where(both, scaled[lag:], 0.0), np.where(both, scaled[:-lag], 0.0)
    seed = slice(hour - lag, hour - lag + HALF_DAY)
    # A short scaled copy stands among hours that aren't: its scale is its own.
    a = a * np.sqrt(max(float(b[seed] @ b[seed]), 1e-12) / max(float(a[seed] @ a[seed]), 1e-12))
    best = (-np.inf, seed.start, seed.stop)
    for r in _CORRELATIONS:
        rest = 1 - r**2
        gained = -0.5 * np.log(rest) - (a**2 - 2 * r * a * b + b**2) / (2 * rest) + 0.5 * (a**2 + b**2)
        total = np.concatenate(([0.0], np.cumsum(np.where(both, np.maximum(gained, _WORST_HOUR), 0.0))))
        start = int(np.argmin(total[: seed.start + 1]))
        end = seed.stop + int(np.argmax(total[seed.stop :]))
        best = max(best, (float(total[end] - total[start]), start, end))
    start, end = best[1] + lag, best[2] + lag
    # Up to one lag: beyond it the copy's source may be the copy, and other lags would match too.
    lags, alike, scores = _at_every_lag(scaled, usable, start, min(end, start + min(lag, _LONGEST_HOURS)))
    others = scores[np.abs(lags - lag) > 1]
    mine = int(np.searchsorted(lags, lag))
    return Repeat(start, end, lag, float(alike[mine]), float(scores[mine] - others.max(initial=0.0)))


def _local_spread(plain: Floats, usable: Bools) -> Floats:
    """Return the fine noise's own spread around each hour, shape (H,)."""
    pad = ((_SPREAD_HOURS, _SPREAD_HOURS),)
    total = np.cumsum(np.pad(plain**2, pad))
    count = np.cumsum(np.pad(usable, pad))
    reach = 2 * _SPREAD_HOURS
    mean = (total[reach:] - total[:-reach]) / np.maximum(count[reach:] - count[:-reach], 1)
    return np.asarray(np.sqrt(np.maximum(mean, 1e-12)))


def _at_every_lag(scaled: Floats, usable: Bools, start: int, end: int) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Return every lag at which a span has a past, its correlation with that past, and that one's normal score."""
    lags = np.arange(HALF_DAY, start + 1)
    here, seen = scaled[start:end], usable[start:end].astype(np.float64)
    past, there = np.where(usable, scaled, 0.0), usable.astype(np.float64)

    def products(span: Floats, of: Floats) -> Floats:
        whole = np.correlate(of[: end - HALF_DAY], span, mode="valid")
        return np.asarray(whole[start - lags])

    size = np.sqrt(products(seen, past**2) * products(here**2, there))
    count = products(seen, there)
    alike = np.clip(products(here, past) / np.maximum(size, 1e-12), -_ALMOST_ONE, _ALMOST_ONE)
    return lags, alike, np.arctanh(alike) * np.sqrt(np.maximum(count - 3, 0))


def habitual_score(noise: Floats) -> Floats:
    """Return what a repeat must exceed at each series, from a reference that nobody is thought to have copied.

    Args:
        noise: fine noise of the reference, shape (S, H).
    """
    strongest = [max((r.score for r in of), default=0.0) for of in repeats(noise, np.zeros(len(noise)), 0)]
    return np.maximum(LEAST_SCORE, _HABIT_MARGIN * np.asarray(strongest, dtype=np.float64))


def nearest(load_kw: Floats, one: Repeat) -> tuple[int, float]:
    """Return how many hours back the half days of a repeat are nearest to their own series, and how near.

    The z-normalised distance of MASS over the load itself: level and scale don't matter. As a correlation, 1 is the
    same curve. The answer is the lag that at least half of its half days share, so that one odd hour decides nothing; 0
    where they share none.

    Args:
        load_kw: the series, shape (H,), NaN where unseen.
        one: the repeat.
    """
    import stumpy

    lags, alike = [], []
    for begin in range(one.start_hour, one.end_hour - HALF_DAY + 1, HALF_DAY):
        query = load_kw[begin : begin + HALF_DAY]
        if not np.isfinite(query).all() or np.ptp(query) == 0:
            continue
        distance = stumpy.mass(query, load_kw[:begin])
        if np.isfinite(distance).any():
            at = int(np.argmin(np.where(np.isfinite(distance), distance, np.inf)))
            lags.append(begin - at)
            alike.append(1 - float(distance[at]) ** 2 / (2 * HALF_DAY))
    usual = max(set(lags), key=lambda lag: (lags.count(lag), -lag), default=0)
    if not lags or 2 * lags.count(usual) < len(lags):
        return 0, float("nan")
    return usual, float(np.median([c for lag, c in zip(lags, alike, strict=True) if lag == usual]))


def _joined(found: Sequence[Repeat]) -> list[Repeat]:
    """Return spans that touch as one, with the lag of its longest part, oldest first."""
    out: list[Repeat] = []
    for one in sorted(found, key=lambda r: (r.start_hour, r.end_hour, r.lag_hours)):
        if out and one.start_hour <= out[-1].end_hour:
            last = out[-1]
            main = max(last, one, key=lambda r: (r.end_hour - r.start_hour, r.score))
            end = max(last.end_hour, one.end_hour)
            out[-1] = Repeat(last.start_hour, end, main.lag_hours, main.correlation, main.score)
        else:
            out.append(one)
    return out
