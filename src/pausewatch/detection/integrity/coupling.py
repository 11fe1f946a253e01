"""Coupling: how the utility's meter follows the IT meter from hour to hour, and what it says of scale and clock.

What the racks do, the utility's meter shows in the same hour, times the marginal PUE. Over a week the hourly changes
of the one are regressed on the changes of the other an hour before, now and an hour later, and on the weather's. The
sum of the three weights is the *gain*: a load that bypasses the IT meter leaves it as it was, a meter that is scaled
changes it in proportion, and made-up telemetry has none. Their centre is the *lag* of the IT meter's clock: an IT meter
that is half an hour late has half of its weight an hour off. Both are held against the reference's own weeks.

It is done twice: on changes from the hour before, and on those less the same hour's of the day before. A faulty chiller
or a launch that follows the day bends the first, a load-bank test the second; a meter's scale and clock bend both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.telemetry.order_statistics import row_medians

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WEEK = 7
_DAY = 24
_IT_SHIFTS = (1, 0, -1)
_WEATHER_SHIFTS = (0, 1, 2)
_TERMS = len(_IT_SHIFTS) + len(_WEATHER_SHIFTS)
_LEAST_HOURS = 84
_NO_GAIN = 1e-3
_LEAST_WEEKS = 28
# Larger changes are events: a step within a half-seen hour falls apart on two meters.
_ORDINARY_CHANGE = 8.0
# Beyond these an honest week of any simulated site doesn't go; a site that went further in its reference may.
_LEAST_SCORE, _HABIT_MARGIN = 7.0, 1.5
# Weeks with less are noise against noise.
_KNOWN_GAIN = 5.0
# Less may be cooling that changed its ways; a smaller scale is the balance's to find, which can't tell it from load.
_LEAST_GAIN_CHANGE = float(np.log(1.22))
_LEAST_LAG_MIN = 10.0
_LEAST_SPREAD_GAIN, _LEAST_SPREAD_MIN = 0.005, 0.3


@dataclass(frozen=True)
class CouplingHabits:
    """How the meters of S sites follow one another in the reference; each shape (S,), NaN where that can't be known.

    Args:
        gain: usual gain.
        gain_spread: standard deviation of its logarithm from week to week.
        gain_limit: score beyond which a week's gain has changed.
        lag_min: usual lag of the IT meter's clock, minutes.
        lag_spread: its standard deviation.
        lag_limit: score beyond which a week's lag has changed.
        it_change_kw: usual change of the IT load from hour to hour.
        utility_change_kw: and of the utility's.
        error_kw: what a change of the utility's load misses by.
    """

    gain: Floats
    gain_spread: Floats
    gain_limit: Floats
    lag_min: Floats
    lag_spread: Floats
    lag_limit: Floats
    it_change_kw: Floats
    utility_change_kw: Floats
    error_kw: Floats

    def state(self, prefix: str) -> dict[str, Floats]:
        """Return the habits as plain arrays, their names begun with `prefix`."""
        return {f"{prefix}{f.name}": getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_state(state: dict[str, Floats], prefix: str) -> CouplingHabits:
        """Rebuild habits from `state`."""
        return CouplingHabits(**{f.name: state[f"{prefix}{f.name}"] for f in fields(CouplingHabits)})


@dataclass(frozen=True)
class WeeklyCoupling:
    """Gain and lag of the week up to each day, and the weights they come from; shapes (S, D) and (S, D, TERMS)."""

    gain: Floats
    lag_min: Floats
    weights: Floats


def changes(
    utility_kw: Floats,
    it_load_kw: Floats,
    temperature_c: Floats,
    it_limit_kw: Floats,
    utility_limit_kw: Floats,
    *,
    by_day: bool = False,
) -> Floats:
    """Return the regression's columns and, last, what they explain, shape (S, TERMS + 1, H); NaN where unusable.

    Args:
        utility_kw: (S, H), NaN where unseen.
        it_load_kw: (S, H).
        temperature_c: (S, H); where it is unseen the weather's columns are 0.
        it_limit_kw: hours that change by more are left out, shape (S,).
        utility_limit_kw: the same of the utility's load.
        by_day: take off the change of the same hour of the day before.
    """
    drawn, racks, warmer = (_change(a, by_day) for a in (utility_kw, it_load_kw, temperature_c))
    with np.errstate(invalid="ignore"):
        racks = np.where(np.abs(racks) <= it_limit_kw[:, None], racks, np.nan)
        drawn = np.where(np.abs(drawn) <= utility_limit_kw[:, None], drawn, np.nan)
    columns = [_shifted(racks, k) for k in _IT_SHIFTS]
    columns += [np.nan_to_num(_shifted(warmer, k)) for k in _WEATHER_SHIFTS]
    return np.stack([*columns, drawn], axis=1)


def weekly_coupling(table: Floats) -> WeeklyCoupling:
    """Fit the week up to each whole day, shape (S, TERMS + 1, H); weeks of too few hours are NaN."""
    sites, terms, hours = table.shape
    days = hours // 24
    told: Bools = np.asarray(np.isfinite(table).all(axis=1))
    whole = np.where(told[:, None], table, 0.0)[:, :, : days * 24].reshape(sites, terms, days, 24).transpose(0, 2, 1, 3)
    gram = _of_weeks(whole @ whole.transpose(0, 1, 3, 2))
    count = _of_weeks(told[:, : days * 24].reshape(sites, days, 24).sum(axis=2))
    left, right = gram[:, :, :_TERMS, :_TERMS], gram[:, :, :_TERMS, _TERMS:]
    diagonal = np.einsum("sdii->sdi", left)
    # Columns in units of their own size, so that one ridge fits all; an unseen column keeps weight 0.
    size = np.sqrt(np.maximum(diagonal, 1e-12))
    scaled = left / (size[..., :, None] * size[..., None, :]) + 1e-6 * np.eye(_TERMS)
    weights = np.linalg.solve(scaled, right / size[..., None])[..., 0] / size
    gain = weights[..., : len(_IT_SHIFTS)].sum(axis=2)
    lag = 60.0 * (weights[..., 2] - weights[..., 0])
    with np.errstate(invalid="ignore", divide="ignore"):
        lag = np.where(gain > 0, lag / gain, np.nan)
    enough = count >= _LEAST_HOURS
    return WeeklyCoupling(np.where(enough, gain, np.nan), np.where(enough, lag, np.nan), weights)


def coupling_habits(
    utility_kw: Floats, it_load_kw: Floats, temperature_c: Floats, *, by_day: bool = False
) -> CouplingHabits:
    """Learn how the meters follow one another in a reference, each array (S, H), NaN where it isn't to be learned from.

    Sites that lack a meter, have too few weeks, or whose IT load hardly shows at the utility from hour to hour have no
    habits: nothing can be said of their scale and clock this way.
    """
    racks, drawn = (np.asarray(1.4826 * _row_median(np.abs(_change(a, by_day)))) for a in (it_load_kw, utility_kw))
    limits = (_ORDINARY_CHANGE * racks, _ORDINARY_CHANGE * drawn)
    table = changes(utility_kw, it_load_kw, temperature_c, *limits, by_day=by_day)
    weeks = weekly_coupling(table)
    usual = _median(weeks.weights, np.isfinite(weeks.gain))
    missed = table[:, _TERMS] - np.einsum("st,sth->sh", usual, table[:, :_TERMS])
    error = 1.4826 * _row_median(np.abs(missed))
    gain, lag = (_row_median(a) for a in (weeks.gain, weeks.lag_min))
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.log(weeks.gain / gain[:, None])
    off = weeks.lag_min - lag[:, None]
    gain_spread = np.maximum(1.4826 * _row_median(np.abs(moved)), _LEAST_SPREAD_GAIN)
    lag_spread = np.maximum(1.4826 * _row_median(np.abs(off)), _LEAST_SPREAD_MIN)
    known = (np.isfinite(weeks.gain).sum(axis=1) >= _LEAST_WEEKS) & (gain > 0) & (gain_spread * _KNOWN_GAIN < 1)
    return CouplingHabits(
        gain=np.where(known, gain, np.nan),
        gain_spread=gain_spread,
        gain_limit=_limit(moved / gain_spread[:, None]),
        lag_min=np.where(known, lag, np.nan),
        lag_spread=lag_spread,
        lag_limit=_limit(off / lag_spread[:, None]),
        it_change_kw=racks,
        utility_change_kw=drawn,
        error_kw=error,
    )


@dataclass(frozen=True)
class Uncoupled:
    """A span of a site in which the meters follow one another otherwise than in the reference.

    Args:
        start_hour: first hour.
        end_hour: first hour after it.
        gain_ratio: gain over the usual one.
        lag_min: lag of the IT meter's clock beyond the usual one, minutes; positive is late.
        is_gain: whether it is the gain that changed beyond doubt, else the lag.
    """

    start_hour: int
    end_hour: int
    gain_ratio: float
    lag_min: float
    is_gain: bool


@dataclass(frozen=True)
class _Weeks:
    """Weeks against a site's habits: logarithm of the gain's ratio, lag beyond the usual, which are beyond doubt."""

    table: Floats
    weights: Floats
    moved: Floats
    off_min: Floats
    by_gain: Bools
    by_lag: Bools

    @staticmethod
    def of(
        utility_kw: Floats, it_load_kw: Floats, temperature_c: Floats, habits: CouplingHabits, *, by_day: bool
    ) -> _Weeks:
        limits = (_ORDINARY_CHANGE * habits.it_change_kw, _ORDINARY_CHANGE * habits.utility_change_kw)
        table = changes(utility_kw, it_load_kw, temperature_c, *limits, by_day=by_day)
        weeks = weekly_coupling(table)
        with np.errstate(invalid="ignore", divide="ignore"):
            moved: Floats = np.log(np.maximum(weeks.gain / habits.gain[:, None], _NO_GAIN))
            off = weeks.lag_min - habits.lag_min[:, None]
            limit = np.maximum(habits.gain_limit * habits.gain_spread, _LEAST_GAIN_CHANGE)
            by_gain = np.abs(moved) >= limit[:, None]
            limit = np.maximum(habits.lag_limit * habits.lag_spread, _LEAST_LAG_MIN)
            # A lag means something only while there is a gain.
            by_lag = (np.abs(off) >= limit[:, None]) & (np.abs(moved) < np.log(2.0))
        return _Weeks(table, weeks.weights, moved, off, by_gain, by_lag)


def uncoupled(
    utility_kw: Floats,
    it_load_kw: Floats,
    temperature_c: Floats,
    habits: CouplingHabits,
    habits_by_day: CouplingHabits,
    first_hour: int,
) -> list[list[Uncoupled]]:
    """Return each site's spans in which gain or lag changed beyond doubt and that reach past `first_hour`.

    Args:
        utility_kw: (S, H), NaN where unseen.
        it_load_kw: (S, H).
        temperature_c: (S, H).
        habits: learned from changes.
        habits_by_day: learned from changes less those of the day before.
        first_hour: spans that ended before it aren't told.
    """
    one = _Weeks.of(utility_kw, it_load_kw, temperature_c, habits, by_day=False)
    other = _Weeks.of(utility_kw, it_load_kw, temperature_c, habits_by_day, by_day=True)
    by_gain = one.by_gain & other.by_gain & (one.moved * other.moved > 0)
    by_lag = one.by_lag & other.by_lag & (one.off_min * other.off_min > 0) & ~by_gain
    out: list[list[Uncoupled]] = [[] for _ in range(len(one.table))]
    for s in np.flatnonzero((by_gain | by_lag).any(axis=1)):
        for first, last in runs(by_gain[s] | by_lag[s], 1, 1):
            # The weeks at either end hold some of both; the middle one is the purest.
            day = next(d for d in _from_middle(first, last) if by_gain[s, d] or by_lag[s, d])
            start, end = _span(one.table[s], one.weights[s, day], habits, int(s), day)
            # No hour beyond the day it began with speaks for it: chance, or the rim of another week's.
            if end - start <= _DAY or end <= first_hour:
                continue
            if any(start < u.end_hour and u.start_hour < end for u in out[s]):
                continue
            ratio, lag = float(np.exp(one.moved[s, day])), float(one.off_min[s, day])
            out[s].append(Uncoupled(start, end, ratio, lag, bool(by_gain[s, day])))
        out[s].sort(key=lambda u: u.start_hour)
    return out


def _from_middle(first: int, last: int) -> list[int]:
    return sorted(range(first, last), key=lambda d: (abs(2 * d + 1 - first - last), d))


def _span(table: Floats, weights: Floats, habits: CouplingHabits, site: int, day: int) -> tuple[int, int]:
    """Return the hours that a week's weights explain better than the usual ones, around that week."""
    usual = np.zeros(_TERMS)
    late = habits.lag_min[site] / 60.0
    usual[: len(_IT_SHIFTS)] = habits.gain[site] * np.array([max(-late, 0.0), 1 - abs(late), max(late, 0.0)])
    usual[len(_IT_SHIFTS) :] = weights[len(_IT_SHIFTS) :]
    error = max(float(habits.error_kw[site]), 1e-9)
    missed, missed_now = ((table[_TERMS] - w @ table[:_TERMS]) / error for w in (usual, weights))
    better = np.clip(np.nan_to_num((missed**2 - missed_now**2) / 2), -4.0, 4.0)
    total = np.concatenate(([0.0], np.cumsum(better)))
    first, last = max((day - WEEK + 1) * 24, 0), (day + 1) * 24
    middle = first + int(np.argmax(total[first + 24 : last + 1] - total[first : last + 1 - 24]))
    start = int(np.argmin(total[: middle + 1]))
    end = middle + 24 + int(np.argmax(total[middle + 24 :]))
    return start, end


def _of_weeks(daily: npt.NDArray[np.generic]) -> Floats:
    """Return sums over the week up to each day along axis 1; the first days' weeks are short."""
    total = np.cumsum(daily.astype(np.float64), axis=1)
    total[:, WEEK:] -= total[:, :-WEEK].copy()
    return total


def _change(values: Floats, by_day: bool) -> Floats:
    """Return the change from the hour before, by day less that of the same hour of the day before, shape (S, H)."""
    out = np.full_like(values, np.nan)
    out[:, 1:] = values[:, 1:] - values[:, :-1]
    if by_day:
        out[:, _DAY:] -= out[:, :-_DAY].copy()
        out[:, :_DAY] = np.nan
    return out


def _shifted(values: Floats, by: int) -> Floats:
    """Return a series as it was `by` hours before."""
    out = np.full_like(values, np.nan)
    if by > 0:
        out[:, by:] = values[:, :-by]
    elif by < 0:
        out[:, :by] = values[:, -by:]
    else:
        out[:] = values
    return out


def _row_median(values: Floats) -> Floats:
    return row_medians(values, np.isfinite(values))


def _median(weights: Floats, known: Bools) -> Floats:
    none = np.zeros(weights.shape[2])
    return np.stack([np.median(w[k], axis=0) if k.any() else none for w, k in zip(weights, known, strict=True)])


def _limit(scores: Floats) -> Floats:
    highest = np.where(np.isfinite(scores), np.abs(scores), 0.0).max(axis=1, initial=0.0)
    return np.asarray(np.maximum(_LEAST_SCORE, _HABIT_MARGIN * highest))
