"""Levels: what a load draws beyond its week and its weather, lately and by the time of year.

A level of the last weeks alone takes the season that the reference ended in for the rule: one that ends in a cold spell
expects too much of spring. Where a whole year was seen, two annual harmonics fitted beside a straight trend say how the
level moves with the season; the trend is there so that growth isn't taken for a season, and is not carried on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SEASONS = 4
"""Columns of `seasons`: sine and cosine of one and of two cycles a year."""

_YEAR_DAYS = 365.25
_TREND_DAYS = 84
_TIMES_REMEMBERED = 24
# A year is known with this many days, in each twelfth of it this many.
_MIN_YEAR_DAYS = 330
_PARTS = 12
_MIN_PART_DAYS = 10
_DAY_WEIGHT = 8.0


def seasons(days: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return annual harmonics at days since the epoch, shape (H,) -> (H, SEASONS)."""
    angle = 2 * np.pi * np.asarray(days) / _YEAR_DAYS
    return np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=-1)


def fit_seasons(rest_kw: Floats, weight: Floats, first_day: float) -> Floats:
    """Return the coefficients of `seasons` for each series, (S, SEASONS); 0 where no whole year was seen.

    Args:
        rest_kw: load beyond the effects of week and weather, shape (S, H).
        weight: robust weights, 0 where unseen, shape (S, H).
        first_day: days since the epoch at the first hour.
    """
    series, hours = rest_kw.shape
    count = hours // 24
    out = np.zeros((series, SEASONS))
    if count < _MIN_YEAR_DAYS:
        return out
    # The last whole days: the end of the reference is what is carried on.
    daily = weight[:, hours - 24 * count :].reshape(series, count, 24)
    total = daily.sum(axis=2)
    mean = (daily * rest_kw[:, hours - 24 * count :].reshape(series, count, 24)).sum(axis=2) / np.maximum(total, 1e-9)
    held = total >= _DAY_WEIGHT
    days = first_day + (hours - 24 * count) / 24.0 + np.arange(count) + 0.5
    part = ((days / _YEAR_DAYS % 1.0) * _PARTS).astype(np.int64)
    seen = np.stack([held[:, part == k].sum(axis=1) for k in range(_PARTS)], axis=1)
    known = (held.sum(axis=1) >= _MIN_YEAR_DAYS) & (seen >= _MIN_PART_DAYS).all(axis=1)
    if not known.any():
        return out
    trend = (np.arange(count) - count / 2.0) / count
    design = np.column_stack([np.ones(count), trend, seasons(days)])
    flag = held[known].astype(np.float64)
    products = (design[:, :, None] * design[:, None, :]).reshape(count, -1)
    gram = (flag @ products).reshape(-1, design.shape[1], design.shape[1])
    target = (flag * mean[known]) @ design
    out[known] = np.linalg.solve(gram + 1e-6 * np.eye(design.shape[1]), target[..., None])[:, 2:, 0]
    return out


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
