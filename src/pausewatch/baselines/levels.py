"""Levels: what a load draws beyond its week and its weather, lately and by the time of year.

A level of the last weeks alone takes the season that the reference ended in for the rule: one that ends in a cold spell
expects too much of spring. Where a whole year was seen, two annual harmonics fitted beside a straight trend say how the
level moves with the season; the trend is there so that growth isn't taken for a season, and is not carried on.

What the last days drew beyond all that may stay, as a new hall does, or pass, as a cold spell does: the reference
itself says which (`way_back`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SEASONS = 4
"""Columns of `seasons`: sine and cosine of one and of two cycles a year."""

_YEAR_DAYS = 365.25
_TREND_DAYS = 84
_TIMES_REMEMBERED = 24
MIN_YEAR_DAYS = 330
"""Days that a year is known from, some in each twelfth of it."""

_PARTS = 12
_MIN_PART_DAYS = 10
_DAY_WEIGHT = 8.0
# What passes does so with this time constant, towards a level that remembers a season.
_RETURN_DAYS = 10.0
_LONG_DAYS = 120.0
# Levels are told every other week, after a first quarter of a year, and compared with the quarter that followed each.
_FIRST_WEEK, _EVERY_WEEKS, _WEEKS_AHEAD = 12, 2, 13
_WEEK_WEIGHT = 84.0


def seasons(days: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return annual harmonics at days since the epoch, shape (H,) -> (H, SEASONS)."""
    angle = 2 * np.pi * np.asarray(days) / _YEAR_DAYS
    return np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=-1)


@dataclass(frozen=True)
class ByDay:
    """Load beyond some effects by day, counted so that the last day ends with the reference.

    Args:
        load: sums of weight times load, (S, D).
        weight: sums of robust weights, (S, D).
    """

    load: Floats
    weight: Floats

    @staticmethod
    def of(rest_kw: Floats | None, weight: Floats) -> ByDay:
        """Sum up hours, shape (S, H); no load where only the weights are of interest."""
        days = weight.shape[1] // 24
        late = slice(weight.shape[1] - 24 * days, None)
        by_day, each = weight[:, late].reshape(-1, days, 24), np.ones(24)
        total = by_day @ each
        load = np.zeros_like(total) if rest_kw is None else (by_day * rest_kw[:, late].reshape(by_day.shape)) @ each
        return ByDay(load, total)

    def subset(self, index: npt.NDArray[np.int64]) -> ByDay:
        """Return the days of some of the series."""
        return ByDay(self.load[index], self.weight[index])

    def middles(self, freeze_day: float) -> Floats:
        """Return the middle of each day, days since the epoch, (D,)."""
        return np.asarray(freeze_day - np.arange(self.weight.shape[1], 0, -1) + 0.5)

    def put(self, index: npt.NDArray[np.int64], some: ByDay) -> None:
        """Take over the days of some of the series."""
        self.load[index], self.weight[index] = some.load, some.weight


def knows_year(by_day: ByDay, freeze_day: float) -> npt.NDArray[np.bool_]:
    """Return whether a whole year of each series was seen before a freeze, days since the epoch, shape (S,)."""
    if by_day.weight.shape[1] < MIN_YEAR_DAYS:
        return np.zeros(len(by_day.weight), dtype=np.bool_)
    held = by_day.weight >= _DAY_WEIGHT
    part = ((by_day.middles(freeze_day) / _YEAR_DAYS % 1.0) * _PARTS).astype(np.int64)
    seen = np.stack([held[:, part == k].sum(axis=1) for k in range(_PARTS)], axis=1)
    return np.asarray((held.sum(axis=1) >= MIN_YEAR_DAYS) & (seen >= _MIN_PART_DAYS).all(axis=1))


def fit_seasons(by_day: ByDay, freeze_day: float) -> Floats:
    """Return the coefficients of `seasons` for each series, (S, SEASONS), which know a year each."""
    held = (by_day.weight >= _DAY_WEIGHT).astype(np.float64)
    mean = by_day.load / np.maximum(by_day.weight, 1e-9)
    count = held.shape[1]
    trend = (np.arange(count) - count / 2.0) / count
    design = np.column_stack([np.ones(count), trend, seasons(by_day.middles(freeze_day))])
    products = (design[:, :, None] * design[:, None, :]).reshape(count, -1)
    gram = (held @ products).reshape(-1, design.shape[1], design.shape[1])
    target = (held * mean) @ design
    return np.asarray(np.linalg.solve(gram + 1e-6 * np.eye(design.shape[1]), target[..., None])[:, 2:, 0])


def returned(days_ahead: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return how much of the way back to its long level a load has gone, 0 to 1, so many days after the freeze."""
    return np.asarray(1.0 - np.exp(-np.maximum(days_ahead, 0.0) / _RETURN_DAYS))


def way_back(rest: ByDay, level_days: float) -> tuple[Floats, Floats]:
    """Return how far each series' level lies from that of the last months, kW, and what share of it goes, both (S,).

    Every other week of the reference a level of the last days and one of the last months are told from what came
    before, and the share of the way from one to the other that explains the next quarter best (least squares) is
    believed to hold again: near 1 where weather and habits come and go, 0 where what is new stays.

    Args:
        rest: load beyond week, weather and time of year.
        level_days: how far back the level of the last days remembers.
    """
    series, days = rest.load.shape
    weeks = days // 7
    if weeks <= _FIRST_WEEK + 1:
        return np.zeros(series), np.zeros(series)
    load, total = rest.load[:, days - 7 * weeks :], rest.weight[:, days - 7 * weeks :]
    origin = np.arange(_FIRST_WEEK, weeks + 1, _EVERY_WEEKS)
    origin = np.append(origin[origin < weeks], weeks)

    def level(memory_days: float) -> Floats:
        age = 7.0 * origin - np.arange(7 * weeks)[:, None] - 0.5
        fading = np.where(age > 0, np.exp(-np.maximum(age, 0.0) / memory_days), 0.0)
        count = total @ fading
        return np.asarray(load @ fading / np.where(count > 1e-6, count, np.nan))

    short = level(level_days)
    gap = np.nan_to_num(level(_LONG_DAYS) - short)
    of_week = total.reshape(series, weeks, 7).sum(axis=2)
    mean = load.reshape(series, weeks, 7).sum(axis=2) / np.maximum(of_week, 1e-9)
    step = np.arange(_WEEKS_AHEAD)
    ahead = np.minimum(origin[:-1, None] + step, weeks - 1)
    came = (origin[:-1, None] + step < weeks) & (of_week[:, ahead] >= _WEEK_WEIGHT) & np.isfinite(short[:, :-1, None])
    moved = np.where(came, mean[:, ahead] - short[:, :-1, None], 0.0)
    would = np.where(came, gap[:, :-1, None] * returned(7.0 * step + 3.5), 0.0)
    share = (moved * would).sum(axis=(1, 2)) / np.maximum((would**2).sum(axis=(1, 2)), 1e-9)
    return gap[:, -1], np.clip(share, 0.0, 1.0)


def hours_remembered(level_days: float) -> int:
    """Return how many of the last hours `level_and_trend` rests on; earlier ones weigh less than 1e-10 of the last."""
    return int(24 * max(_TREND_DAYS + 1, _TIMES_REMEMBERED * level_days))


def level_and_trend(rest: Floats, weight: Floats, days: Floats, level_days: float) -> tuple[Floats, Floats, Floats]:
    """Return the level of the last weeks (kW), its mean age (days) and the slope of the last months (kW/day), all (S,).

    The level is an exponentially weighted mean; the slope is a weighted line over twelve weeks.
    """
    age = days[-1] - days
    fading, lately = np.exp(-age / level_days), (age <= _TREND_DAYS).astype(np.float64)
    curves = np.stack([fading, fading * age, lately, -lately * age, lately * age**2], axis=1)
    # Every sum over the hours is a product with one of a few curves.
    total, aged, count, by_x, by_xx = (weight @ curves).T
    of_level, of_rest, of_x = ((weight * rest) @ curves[:, [0, 2, 3]]).T
    count = np.maximum(count, 1e-9)
    slope = (of_x - by_x * of_rest / count) / np.maximum(by_xx - by_x**2 / count, 1e-9)
    level = of_level / np.where(total > 1e-6, total, np.nan)
    return level, np.where(total > 1e-6, aged / np.maximum(total, 1e-9), 0.0), slope
