"""Texture of a load: what tells work that is switched from load that lives with its site, at the lane's own noise.

A switched block adds a constant: it neither follows the site's daily shape nor scales its noise. Load of the site's own
kind multiplies: it does both. A staircase climbs in steps, batch work keeps to the clock, a run dips where it is
interrupted. Each is measured on the load above the level before, against the same measure of the month before; with
little evidence every measure stays near the value that says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.signatures.multiples import PRIOR_SD, as_multiple
from pausewatch.telemetry.order_statistics import row_medians

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MIN_HOURS = 24
_BEFORE_HOURS = 28 * 24
_WEEK_HOURS = 7 * 24
_MAX_MEMORY = 0.97
_EDGE_SD = 3.5
_AROUND = 3
_DIP_SD = 5.0
_DIP_SHARE = 0.04


@dataclass(frozen=True)
class Texture:
    """What a load is made of; the defaults say nothing.

    Args:
        shape_share: how much of the site's own daily shape it has: 0 a constant, 1 a multiple of the site's load; drawn
            towards one half where the noise doesn't let it be told.
        shape_evidence: log likelihood ratio of a multiple against a constant, nats, within ±20.
        day_share: the same share by whole days: the mean of each day's slope on the site's expected shape.
        day_evidence: log likelihood ratio of a multiple against a constant by whole days, against the scatter of the
            days before, nats, within ±20.
        noise_growth: growth of the hourly noise over what a multiple would make of it: 0 a constant, 1 a multiple.
        clock_share: share of its variation between start and now that the hour of the day explains; 0 before 3 days.
        climb_share: sum of its daily steps up beyond the noise, over its mean.
        fall_share: sum of its daily steps down beyond the noise, over its mean.
        creep_share: rise of the level in the week before its start over the weeks before that, over its mean.
        wander_share: spread of its daily levels about a straight line beyond the site's own, over its mean.
        dips_per_day: short dips beyond the noise less short bumps, and less those of the month before.
        dip_sight: a tenth of its mean over the noise: whether dips could be seen.
    """

    shape_share: float = 0.5
    shape_evidence: float = 0.0
    day_share: float = 0.5
    day_evidence: float = 0.0
    noise_growth: float = 0.5
    clock_share: float = 0.0
    climb_share: float = 0.0
    fall_share: float = 0.0
    creep_share: float = 0.0
    wander_share: float = 0.0
    dips_per_day: float = 0.0
    dip_sight: float = 0.0


def texture(
    residual_kw: Floats,
    level_kw: float,
    expected_kw: Floats,
    raised: Bools,
    start: int,
    end: int,
    mean_kw: float,
    local_hour: npt.NDArray[np.integer],
    masked: Bools,
) -> Texture:
    """Measure the texture of a load.

    Args:
        residual_kw: observed less expected of the lane, NaN where unseen, shape (H,).
        level_kw: residual level before it.
        expected_kw: expected load, shape (H,).
        raised: hours at which it was there, shape (H,).
        start: first hour.
        end: first hour after it, or now.
        mean_kw: mean load above the level while raised.
        local_hour: hour of the day, shape (H,).
        masked: hours that belong to another load, not to be compared with, shape (H,).
    """
    above = residual_kw - level_kw
    seen = np.isfinite(above) & np.isfinite(expected_kw)
    inside = raised & seen
    before = month_before(start, len(above)) & seen & ~masked & ~raised
    mean = max(mean_kw, 1e-9)
    memory = _memory(above, before)
    shape_share, shape_evidence = _shape(above, expected_kw, inside, before, memory, mean)
    day_share, day_evidence = _by_days(above, expected_kw, inside, before, start, end, mean)
    span = np.zeros_like(inside)
    span[max(start, 0) : end] = True
    climb, fall, wander = _days(above, inside, before, start, end, mean)
    dips, sight = _dips(above, inside, before, mean)
    return Texture(
        shape_share=shape_share,
        shape_evidence=shape_evidence,
        day_share=day_share,
        day_evidence=day_evidence,
        noise_growth=_noise_growth(above, expected_kw, inside, before, memory, mean),
        clock_share=_clock(above, span & seen & ~masked, local_hour),
        climb_share=climb,
        fall_share=fall,
        creep_share=_creep(above, before, start, mean),
        wander_share=wander,
        dips_per_day=dips,
        dip_sight=sight,
    )


def month_before(start: int, hours: int) -> Bools:
    """Return the hours of the four weeks before a load, shape (hours,)."""
    out = np.zeros(hours, dtype=np.bool_)
    out[max(start - _BEFORE_HOURS, 0) : max(start - 2, 0)] = True
    return out


def _memory(above: Floats, before: Bools) -> float:
    """Return the lag-one autocorrelation of the load before, 0 to 0.97."""
    pair = before[1:] & before[:-1]
    if pair.sum() < 4 * _MIN_HOURS:
        return 0.8
    centre = float(np.median(above[before]))
    a, b = above[1:][pair] - centre, above[:-1][pair] - centre
    scale = float(np.sqrt((a**2).mean() * (b**2).mean()))
    return float(np.clip((a * b).mean() / scale, 0.0, _MAX_MEMORY)) if scale > 0 else 0.0


def _whitened(values: Floats, where: Bools, memory: float) -> tuple[Floats, Bools]:
    pair = where[1:] & where[:-1]
    return values[1:] - memory * values[:-1], pair


def _slope(above: Floats, expected: Floats, where: Bools, memory: float) -> tuple[float, float]:
    """Return the slope of a load on the site's expected one, and its variance, both whitened."""
    y, pair = _whitened(above, where, memory)
    x, _ = _whitened(expected, where, memory)
    if pair.sum() < _MIN_HOURS:
        return 0.0, np.inf
    x, y = x[pair] - x[pair].mean(), y[pair] - np.median(y[pair])
    # An edge of something else, or an interruption, is no answer to the hour.
    line = _EDGE_SD * _spread(y)
    y = np.clip(y, -line, line) if line > 0 else y
    y = y - y.mean()
    energy = float((x**2).sum())
    if energy <= 0:
        return 0.0, np.inf
    slope = float((x * y).sum() / energy)
    left = y - slope * x
    return slope, float((left**2).sum() / max(len(y) - 3, 1) / energy)


def _shape(
    above: Floats, expected: Floats, inside: Bools, before: Bools, memory: float, mean: float
) -> tuple[float, float]:
    slope, variance = _slope(above, expected, inside, memory)
    own, own_variance = _slope(above, expected, before, memory)
    if np.isfinite(own_variance):
        slope, variance = slope - own, variance + own_variance
    ordinary = float(expected[inside].mean()) if inside.any() else 0.0
    return as_multiple(slope, variance, mean / ordinary) if ordinary > 0 else (0.5, 0.0)


def _by_days(
    above: Floats, expected: Floats, inside: Bools, before: Bools, start: int, end: int, mean: float
) -> tuple[float, float]:
    ordinary = float(expected[inside].mean()) if inside.any() else 0.0
    mine = _day_slopes(above, expected, inside, start, end)
    own = _day_slopes(above, expected, before, start - _BEFORE_HOURS, start)
    if not len(mine) or len(own) < 5 or ordinary <= 0:
        return 0.5, 0.0
    scatter = _spread(own)
    if len(mine) >= 5:
        scatter = max(scatter, _spread(mine))
    slope = float(np.median(mine) - np.median(own))
    # A median of n values is as sure as a mean of 2 n / pi.
    return as_multiple(slope, scatter**2 * (np.pi / 2) * (1.0 / len(mine) + 1.0 / len(own)), mean / ordinary)


def _day_slopes(above: Floats, expected: Floats, where: Bools, start: int, end: int) -> Floats:
    """Return the slope of each whole day on the expected shape, a straight line through the day taken off."""
    days = (end - max(start, 0)) // 24
    if days < 1:
        return np.empty(0)
    begin = end - days * 24 if start < 0 else start
    block = slice(begin, begin + days * 24)
    seen = where[block].reshape(days, 24)
    whole = seen.sum(axis=1) >= 20
    if not whole.any():
        return np.empty(0)
    seen = seen[whole]
    y = np.where(seen, above[block].reshape(days, 24)[whole], 0.0)
    x = np.where(seen, expected[block].reshape(days, 24)[whole], 0.0)
    at = np.where(seen, np.linspace(-1.0, 1.0, 24), 0.0)
    count = seen.sum(axis=1, keepdims=True)
    x, y, at = (np.where(seen, v - v.sum(axis=1, keepdims=True) / count, 0.0) for v in (x, y, at))
    run = (at**2).sum(axis=1, keepdims=True)
    x, y = (v - at * (at * v).sum(axis=1, keepdims=True) / run for v in (x, y))
    energy = (x**2).sum(axis=1)
    known = energy > 0
    return np.asarray((x * y).sum(axis=1)[known] / energy[known])


def _spread(values: Floats) -> float:
    return float(np.median(np.abs(values - np.median(values))) * 1.4826)


def _noise_growth(above: Floats, expected: Floats, inside: Bools, before: Bools, memory: float, mean: float) -> float:
    y, pair = _whitened(above, inside, memory)
    _, pair_before = _whitened(above, before, memory)
    ordinary = float(expected[inside].mean()) if inside.any() else 0.0
    if pair.sum() < _MIN_HOURS or pair_before.sum() < 4 * _MIN_HOURS or ordinary <= 0:
        return 0.5
    own = _spread(y[pair_before])
    if own <= 0:
        return 0.5
    grown = np.log(max(_spread(y[pair]), 1e-9) / own)
    due = float(np.log1p(mean / ordinary))
    # The spread of n hours is known to about 0.8 / sqrt(n).
    sd = 0.8 * np.sqrt(1.0 / pair.sum() + 1.0 / pair_before.sum()) / due
    weight = PRIOR_SD**2 / (PRIOR_SD**2 + sd**2)
    return float(np.clip(0.5 + weight * (grown / due - 0.5), -1.0, 3.0))


def _clock(above: Floats, span: Bools, local_hour: npt.NDArray[np.integer]) -> float:
    count = np.bincount(local_hour[span], minlength=24)[:24]
    if span.sum() < 3 * _MIN_HOURS or (count < 3).any():
        return 0.0
    values, at = above[span], local_hour[span]
    means = np.bincount(at, weights=values, minlength=24)[:24] / count
    left = values - means[at]
    total = float(values.var())
    if total <= 0:
        return 0.0
    between = float(means.var() - (left**2).mean() / count.mean())
    return float(np.clip(between / total, 0.0, 1.0))


def _days(above: Floats, inside: Bools, before: Bools, start: int, end: int, mean: float) -> tuple[float, float, float]:
    """Return steps up, steps down and wandering of the levels of whole days since the start."""
    levels = _levels(above, inside, start, end)
    own = _levels(above, before, start - (_BEFORE_HOURS // 24) * 24, start)
    ordinary_step = _spread(np.diff(own)) if len(own) >= 5 else 0.0
    steps = np.diff(levels)
    climb = float(np.maximum(steps - 2.0 * ordinary_step, 0.0).sum() / mean)
    fall = float(np.maximum(-steps - 2.0 * ordinary_step, 0.0).sum() / mean)
    if len(levels) < 4:
        return min(climb, 5.0), min(fall, 5.0), 0.0
    mine, site = _about_a_line(levels), _about_a_line(own) if len(own) >= 5 else 0.0
    return min(climb, 5.0), min(fall, 5.0), float(np.sqrt(max(mine**2 - site**2, 0.0)) / mean)


def _levels(above: Floats, where: Bools, start: int, end: int) -> Floats:
    """Return the median of each whole day that was mostly seen, from a start on."""
    begin = max(start, 0)
    days = (end - begin) // 24
    if days < 1:
        return np.empty(0)
    block = np.where(where, above, np.nan)[begin : begin + days * 24].reshape(days, 24)
    block = block[np.isfinite(block).sum(axis=1) >= 12]
    return row_medians(block, np.isfinite(block))


def _about_a_line(levels: Floats) -> float:
    at = np.linspace(-1.0, 1.0, len(levels))
    centred = levels - levels.mean()
    return float((centred - at * (at * centred).sum() / (at**2).sum()).std())


def _creep(above: Floats, before: Bools, start: int, mean: float) -> float:
    at = np.arange(len(above))
    week, month = before & (at >= start - _WEEK_HOURS), before & (at < start - _WEEK_HOURS)
    if week.sum() < 2 * _MIN_HOURS or month.sum() < 7 * _MIN_HOURS:
        return 0.0
    return float(np.clip((np.median(above[week]) - np.median(above[month])) / mean, -2.0, 2.0))


def _dips(above: Floats, inside: Bools, before: Bools, mean: float) -> tuple[float, float]:
    """Return short dips a day less bumps, beyond the month before, and whether they could be seen."""
    near = np.lib.stride_tricks.sliding_window_view(
        np.pad(np.where(inside | before, above, np.nan), _AROUND, constant_values=np.nan), 2 * _AROUND + 1
    )
    known = np.isfinite(near).sum(axis=1) >= _AROUND + 2
    away = np.full(len(above), np.nan)
    usable = known & (inside | before)
    if usable.any():
        away[usable] = above[usable] - row_medians(near[usable], np.isfinite(near[usable]))
    mine, own = away[inside & usable], away[before & usable]
    if len(mine) < _MIN_HOURS or len(own) < 4 * _MIN_HOURS:
        return 0.0, 0.0
    noise = _spread(own)
    line = max(_DIP_SD * noise, _DIP_SHARE * mean)

    def dips(values: Floats) -> float:
        return 24.0 * float((values < -line).mean() - (values > line).mean())

    return float(np.clip(dips(mine) - dips(own), -3.0, 6.0)), float(np.clip(0.1 * mean / max(noise, 1e-9), 0.0, 20.0))
