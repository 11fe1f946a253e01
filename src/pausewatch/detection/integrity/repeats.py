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
from itertools import pairwise
from math import atanh, sqrt

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
# What an hour seen twice gains with each correlation: by itself, by the sum of both squares, and by their product.
_GAINS = np.array([(-0.5 * np.log(1 - r**2), 0.5 - 0.5 / (1 - r**2), r / (1 - r**2)) for r in _CORRELATIONS])
# An hour that differs, say from a repaired reading, doesn't end a copy.
_WORST_HOUR = -6.0
# How far the best of some 2,000 lags stands above the second best, in normal scores: by chance 1 or 2.
LEAST_SCORE = 5.0
_LONGEST_HOURS = 14 * 24
_REACH_HOURS = 28 * 24
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
    code = np.zeros((series, windows), dtype=np.uint16)
    for j in range(HALF_DAY):
        code |= up[:, j : j + windows].astype(np.uint16) << np.uint16(j)
    for k, (i, j) in enumerate(_COMPARED):
        code |= (size[:, i : i + windows] > size[:, j : j + windows]).astype(np.uint16) << np.uint16(HALF_DAY + k)
    whole = np.cumsum(np.pad(seen, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    is_whole = whole[:, HALF_DAY:] - whole[:, :-HALF_DAY] == HALF_DAY
    # A key of 16 bits is sorted in linear time.
    order = np.argsort(code, axis=1, kind="stable")
    kept = np.take_along_axis(is_whole, order, axis=1)
    owner, hour = np.nonzero(kept)[0], order[kept]
    ranked = code[owner, hour]
    at = np.flatnonzero((ranked[1:] == ranked[:-1]) & (owner[1:] == owner[:-1]))
    row, now, back = owner[at], hour[at + 1], hour[at + 1] - hour[at]
    apart = back >= HALF_DAY
    row, now, back = row[apart], now[apart], back[apart]
    of_span = now[:, None] + np.arange(HALF_DAY)
    here, there = (
        np.clip(noise[row[:, None], hours], -_ORDINARY_SD, _ORDINARY_SD) for hours in (of_span, of_span - back[:, None])
    )
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
    of_series = _tried(row[recent], now[recent], back[recent])
    return [
        _repeats_of(Compared.of(noise[s]), of_series[s], least[s], first_hour) if s in of_series else []
        for s in range(len(noise))
    ]


def habitual_score(noise: Floats) -> Floats:
    """Return what a repeat must exceed at each series, from a reference that nobody is thought to have copied.

    Args:
        noise: fine noise of the reference, shape (S, H).
    """
    strongest = np.zeros(len(noise))
    for s, by_lag in _tried(*repeat_candidates(noise)).items():
        of = Compared.of(noise[s])
        few = all(len(hours) <= _SEEDS_TRIED for hours in by_lag.values())
        # Most references hold nothing that could count: then it needn't be known which of it is strongest.
        if few and all(
            of.score_at_most(*of.span(hour, lag), lag) <= LEAST_SCORE / _HABIT_MARGIN
            for lag, hours in by_lag.items()
            for hour in hours
        ):
            continue
        strongest[s] = max((r.score for r in _repeats_of(of, by_lag, 0.0, 0)), default=0.0)
    return np.maximum(LEAST_SCORE, _HABIT_MARGIN * strongest)


def _tried(
    row: npt.NDArray[np.intp], now: npt.NDArray[np.intp], back: npt.NDArray[np.intp]
) -> dict[int, dict[int, list[int]]]:
    """Return the candidates that are looked at: by series, then by lag, the most frequent first, their hours."""
    out: dict[int, dict[int, list[int]]] = {}
    if not len(row):
        return out
    # Candidates come series by series.
    bounds = np.flatnonzero(np.concatenate(([True], row[1:] != row[:-1], [True])))
    for begin, end in pairwise(bounds.tolist()):
        by_lag: dict[int, list[int]] = {}
        for hour, lag in sorted(zip(now[begin:end].tolist(), back[begin:end].tolist(), strict=True)):
            by_lag.setdefault(lag, []).append(hour)
        often = sorted(by_lag, key=lambda lag: (-len(by_lag[lag]), lag))[:_LAGS_TRIED]
        out[int(row[begin])] = {lag: by_lag[lag] for lag in often}
    return out


def _repeats_of(of: Compared, by_lag: dict[int, list[int]], least: float, first_hour: int) -> list[Repeat]:
    found = []
    for lag, hours in by_lag.items():
        until, tries = 0, 0
        for hour in hours:
            if hour < until or tries >= _SEEDS_TRIED:
                continue
            start, end = of.span(hour, lag)
            one = of.repeat(start, end, lag) if of.score_at_most(start, end, lag) >= least else None
            if one is None or one.score < least:
                tries += 1
                continue
            until = one.end_hour
            if one.end_hour > first_hour:
                found.append(one)
    return _joined(found)


@dataclass(frozen=True)
class Compared:
    """One series' fine noise as its hours are compared with earlier ones.

    Args:
        scaled: in the noise's own spread around each hour, 0 where unusable, shape (H,).
        usable: seen, and no event of its own, shape (H,).
        square: `scaled` squared.
        energy: sum of `square` before each hour, shape (H + 1,).
    """

    scaled: Floats
    usable: Bools
    square: Floats
    energy: Floats

    @staticmethod
    def of(noise: Floats) -> Compared:
        """Take a series' fine noise, shape (H,), NaN where there is none."""
        usable = np.isfinite(noise) & (np.abs(np.nan_to_num(noise)) < _ORDINARY_SD)
        plain = np.where(usable, noise, 0.0)
        scaled = plain / _local_spread(plain, usable)
        square = scaled**2
        return Compared(scaled, usable, square, np.concatenate(([0.0], np.cumsum(square))))

    def span(self, hour: int, lag: int) -> tuple[int, int]:
        """Return the span around a half day at which the hours are likeliest copies of those `lag` before.

        Looked for within four weeks to either side, and further off for as long as it goes on there.
        """
        reach, hours = _REACH_HOURS, len(self.scaled)
        while True:
            low, high = max(lag, hour - reach), min(hours, hour + HALF_DAY + reach)
            start, end = self._likeliest(low, high, hour, lag)
            if (start > low or low == lag) and (end < high or high == hours):
                return start, end
            reach *= 2

    def _likeliest(self, low: int, high: int, hour: int, lag: int) -> tuple[int, int]:
        both = self.usable[low:high] & self.usable[low - lag : high - lag]
        a, b = self.scaled[low:high] * both, self.scaled[low - lag : high - lag] * both
        first = hour - low
        until = first + HALF_DAY
        # A short scaled copy stands among hours that aren't: its scale is its own.
        mine, theirs = a[first:until], b[first:until]
        a = a * np.sqrt(max(float(theirs @ theirs), 1e-12) / max(float(mine @ mine), 1e-12))
        gained = np.matmul(_GAINS, np.stack([both, a**2 + b**2, a * b]))
        np.maximum(gained, _WORST_HOUR, out=gained)
        total = np.zeros((len(gained), len(a) + 1))
        np.cumsum(gained, axis=1, out=total[:, 1:])
        start, end = total[:, : first + 1].argmin(axis=1), until + total[:, until:].argmax(axis=1)
        row = np.arange(len(total))
        best = int((total[row, end] - total[row, start]).argmax())
        return low + int(start[best]), low + int(end[best])

    def repeat(self, start: int, end: int, lag: int) -> Repeat:
        """Return a span as a repeat, its score against every other lag."""
        lags, alike, scores = self._at_every_lag(start, self._compared_until(start, end, lag))
        others = scores[np.abs(lags - lag) > 1]
        mine = int(np.searchsorted(lags, lag))
        return Repeat(start, end, lag, float(alike[mine]), float(scores[mine] - others.max(initial=0.0)))

    def score_at_most(self, start: int, end: int, lag: int) -> float:
        """Return a bound of the score that `repeat` would give: against one other lag that is about as good as any."""
        end = self._compared_until(start, end, lag)
        length = end - start
        last = start - HALF_DAY + 1
        product = np.correlate(self.scaled[: end - HALF_DAY], self.scaled[start:end], mode="valid")
        size = self.energy[length : length + last] - self.energy[:last]
        likeness = product * np.abs(product) / np.maximum(size, 1e-12)
        at = start - lag
        likeness[max(at - 1, 0) : at + 2] = -np.inf
        other = int(likeness.argmax())
        mine = self._score(start, end, lag)
        return mine if likeness[other] <= 0 else mine - max(self._score(start, end, start - other), 0.0)

    def _score(self, start: int, end: int, lag: int) -> float:
        """Return one lag's normal score, as `_at_every_lag` does."""
        here, seen, before = slice(start, end), self.usable[start:end], slice(start - lag, end - lag)
        there = self.usable[before]
        size = float(self.square[before] @ seen) * float(self.square[here] @ there)
        alike = float(self.scaled[here] @ self.scaled[before]) / max(sqrt(size), 1e-12)
        count = int(np.count_nonzero(seen & there))
        return atanh(min(max(alike, -_ALMOST_ONE), _ALMOST_ONE)) * sqrt(max(count - 3, 0))

    @staticmethod
    def _compared_until(start: int, end: int, lag: int) -> int:
        # Up to one lag: beyond it the copy's source may be the copy, and other lags would match too.
        return min(end, start + min(lag, _LONGEST_HOURS))

    def _at_every_lag(self, start: int, end: int) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
        """Return every lag at which a span has a past, its correlation with that past, and its normal score."""
        lags = np.arange(HALF_DAY, start + 1)
        seen, there = self.usable[start:end].astype(np.float64), self.usable.astype(np.float64)

        def products(span: Floats, of: Floats) -> Floats:
            whole = np.correlate(of[: end - HALF_DAY], span, mode="valid")
            return np.asarray(whole[start - lags])

        size = np.sqrt(products(seen, self.square) * products(self.square[start:end], there))
        count = products(seen, there)
        product = products(self.scaled[start:end], self.scaled)
        alike = np.clip(product / np.maximum(size, 1e-12), -_ALMOST_ONE, _ALMOST_ONE)
        return lags, alike, np.arctanh(alike) * np.sqrt(np.maximum(count - 3, 0))


def _local_spread(plain: Floats, usable: Bools) -> Floats:
    """Return the fine noise's own spread around each hour, shape (H,)."""
    pad = ((_SPREAD_HOURS, _SPREAD_HOURS),)
    total = np.cumsum(np.pad(plain**2, pad))
    count = np.cumsum(np.pad(usable, pad))
    reach = 2 * _SPREAD_HOURS
    mean = (total[reach:] - total[:-reach]) / np.maximum(count[reach:] - count[:-reach], 1)
    return np.asarray(np.sqrt(np.maximum(mean, 1e-12)))


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
