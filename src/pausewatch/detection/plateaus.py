"""Plateaus: has load stepped up inside the reference, and stayed, so that it would be learned as normal?

A run that went on undeclared before the pause hides in what is expected. Two weeks before and after every hour of the
reference are compared by the step test, over what the load's weekly shape and the weather leave; a step far beyond the
site's own noise that is still there when the reference ends is taken out before the baseline is learned, so that the
load shows above it like any other. What it was can't be told from the step: that is judged like any episode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Series
from pausewatch.baselines.ridge_shape import Shape
from pausewatch.detection.changes import Change
from pausewatch.detection.episodes import load_spans
from pausewatch.detection.step_test import StepWindows, scan_ends
from pausewatch.detection.whitening import ORDER, Innovations, Whitener, fit_whitener, innovations

Floats = npt.NDArray[np.float64]

# Far above any threshold that noise sets, so that a plateau can't hide behind a threshold it raised itself.
STANDARD_SCORE = 8.0
_WEEK = 7 * 24
_LASTS_SHARE = 0.5
_LEAST_SEEN = 24
# A step whose size, told beside a trend, isn't this many standard deviations is the trend's.
_SURE_SD = 5.0
# A plateau begins with the first of its rises that is no smaller than this share of the largest.
_BULK_SHARE = 0.5
# Hours around an onset that tell nothing of its size: a ramp, and an onset within an hour.
_EDGE_BEFORE, _EDGE_AFTER = 1, 3
_ONSET_HOURS = 6
# The level that noise is measured about, so that steps don't pass for the noise's own memory.
_ABOUT_HOURS = 14 * 24


@dataclass(frozen=True)
class ReferenceStep:
    """A step of the load inside the reference, taken out before the baseline was learned.

    Args:
        start_s: its first hour, seconds since the epoch.
        step_kw: its size; less than nothing where part of a plateau came down.
        sd_kw: standard deviation of that.
        z: standard score of the step.
        onset_share: its first hours over its first fortnight: 1 is a sharp edge, 0 a creeping start.
    """

    start_s: int
    step_kw: float
    sd_kw: float
    z: float
    onset_share: float


def reference_steps(series: Series, shape: Shape, least_kw: Floats, reach: StepWindows) -> list[list[ReferenceStep]]:
    """Return the steps of each series' reference since its oldest plateau, oldest first.

    Args:
        series: the reference, NaN where it must not be learned from.
        shape: what week, weather and holidays say of it.
        least_kw: smallest plateau that matters, shape (S,).
        reach: windows of the step test.
    """
    shapeless = _without_shape(series, shape)
    whitener = fit_whitener(shapeless - _running_mean(shapeless))
    found = _steps(innovations(shapeless, whitener), whitener, reach)
    out: list[list[ReferenceStep]] = [[] for _ in series.keys]
    for s, changes in enumerate(found):
        # Sizing is slow: only where a rise may have stayed.
        if _plateaus(changes, shapeless[s], 0.5 * float(least_kw[s])):
            own = whitener.subset(np.array([s]))
            kept = _lasting(shapeless[s], changes, float(least_kw[s]), own, reach)
            out[s] = [
                ReferenceStep(
                    series.grid.start_s + 3600 * c.hour, c.step_kw, c.sd_kw, c.z, _onset(shapeless[s], c.hour)
                )
                for c in kept
            ]
    return out


def without_steps(series: Series, found: Sequence[Sequence[ReferenceStep]]) -> Series:
    """Return a reference as it would have been without its plateaus."""
    load = series.load_kw.copy()
    for s, of in enumerate(found):
        for one in of:
            load[s, _hour(series, one) :] -= one.step_kw
    return Series(series.keys, series.grid, load, series.temperature_c)


def from_its_bulk(steps: Sequence[ReferenceStep]) -> list[ReferenceStep]:
    """Return a plateau's steps from its bulk on: small rises before half of the largest are told as part of that one.

    What a load is dated by is the step that brought it, not some growth in the weeks before.
    """
    largest = max((one.step_kw for one in steps), default=0.0)
    first = next((i for i, one in enumerate(steps) if one.step_kw >= _BULK_SHARE * largest), 0)
    earlier = sum(one.step_kw for one in steps[:first])
    if not first or earlier <= 0:
        return list(steps)
    return [replace(steps[first], step_kw=steps[first].step_kw + earlier), *steps[first + 1 :]]


def _hour(series: Series, one: ReferenceStep) -> int:
    return (one.start_s - series.grid.start_s) // 3600


def _without_shape(series: Series, shape: Shape) -> Floats:
    """Return the load less its effects of week, weather and holidays: its level, as it wandered, shape (S, H)."""
    level = np.where(np.isfinite(series.load_kw), shape.rest_kw, np.nan)
    # The tests begin at nothing: so must what they are given.
    return np.asarray(level - np.array([[_first_level(row)] for row in level]))


def _first_level(values: Floats) -> float:
    """Return the median of the first fortnight that was seen."""
    seen = values[np.isfinite(values)][: 2 * _WEEK]
    return float(np.median(seen)) if len(seen) else 0.0


def _running_mean(values: Floats) -> Floats:
    """Return the mean of the fortnight around each hour, shape (S, H)."""
    seen = np.isfinite(values)
    zero = ((0, 0), (1, 0))
    total = np.pad(np.cumsum(np.where(seen, values, 0.0), axis=1), zero)
    count = np.pad(np.cumsum(seen, axis=1), zero)
    at = np.arange(values.shape[1])
    low, high = np.maximum(at - _ABOUT_HOURS // 2, 0), np.minimum(at + _ABOUT_HOURS // 2, values.shape[1])
    return np.asarray((total[:, high] - total[:, low]) / np.maximum(count[:, high] - count[:, low], 1))


def _steps(whole: Innovations, whitener: Whitener, reach: StepWindows) -> list[list[Change]]:
    """Return the steps of each series far beyond its noise, up and down, in time order."""
    series, hours = whole.score.shape
    found: list[list[Change]] = [[] for _ in range(series)]
    ends = [*range(hours % _WEEK + _WEEK, hours + 1, _WEEK)]
    for end, scan in zip(ends, scan_ends(whole, ends, whitener.step_response, reach), strict=True):
        # Each hour is judged where most of it is seen on both sides; the last week as it stands.
        size = np.abs(scan.z)
        if end < hours:
            size[:, -_WEEK:] = 0.0
        for s in np.flatnonzero(size.max(axis=1) > STANDARD_SCORE):
            best = int(size[s].argmax())
            step_kw = float(scan.step[s, best] * whitener.innovation_sd_kw[s])
            z = float(scan.z[s, best])
            hour = end - reach.search + best
            if hour >= _LEAST_SEEN:
                found[s].append(Change(hour, step_kw, abs(step_kw / z), z, 0))
    return [_apart(each) for each in found]


def _apart(found: list[Change]) -> list[Change]:
    """Keep the strongest of the steps that lie within two days of each other."""
    kept: list[Change] = []
    for one in sorted(found, key=lambda c: (-abs(c.z), c.hour)):
        if all(abs(one.hour - other.hour) > 48 for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda c: c.hour)


def _lasting(
    level_kw: Floats, found: Sequence[Change], least_kw: float, whitener: Whitener, reach: StepWindows
) -> list[Change]:
    """Size the steps of one series clear of their edges; return those since the first rise that is still there."""
    sized = [_sized(level_kw, c, [o for o in found if o is not c], whitener, reach) for c in found]
    changes = [c for c in sized if c.step_kw]
    first = min(_plateaus(changes, level_kw, least_kw), default=len(level_kw))
    kept = [c for c in changes if c.hour >= first]
    told_kw = sum(c.step_kw for c in kept)
    if told_kw < least_kw:
        return []
    # Steps one upon the other in days tell more than the load rose by: it is the rise that was there.
    share = min(_rise(level_kw, first) / told_kw, 1.0)
    return [replace(c, step_kw=share * c.step_kw, sd_kw=share * c.sd_kw) for c in kept]


def _plateaus(changes: Sequence[Change], level_kw: Floats, least_kw: float) -> list[int]:
    """Return the first hours of the rises that are large enough and still there at the end of the reference."""
    return [
        span.start
        for span in load_spans(changes, STANDARD_SCORE)
        if span.end is None and span.size >= least_kw and _rise(level_kw, span.start) >= _LASTS_SHARE * span.size
    ]


def _sized(
    level_kw: Floats, change: Change, others: Sequence[Change], whitener: Whitener, reach: StepWindows
) -> Change:
    """Return a step measured beside a level and a trend, without the hours of its edge; of no size if it is unsure.

    Generalised least squares in the whitened fortnights around it: load that grows in a straight line has no step.
    """
    end = min(change.hour + reach.search, len(level_kw))
    begin = max(change.hour - reach.before, 0)
    values = level_kw[begin:end].copy()
    for other in others:
        values[max(other.hour - begin, 0) :] -= other.step_kw if other.hour < end else 0.0
    at = change.hour - begin
    hours = np.arange(len(values))
    told = np.stack([values, hours >= at, np.ones(len(values)), (hours - at) / _WEEK])
    told[:, ~np.isfinite(values)] = np.nan
    told[:, max(at - _EDGE_BEFORE, 0) : at + _EDGE_AFTER] = np.nan
    # The first day has no memory, and tells nothing.
    white = innovations(told, whitener.subset(np.zeros(len(told), dtype=np.intp)))
    score, weight = white.score[:, ORDER:], white.weight[0, ORDER:]
    seen = weight > 0
    design = score[1:, seen] / weight[seen]
    information = (design * weight[seen]) @ design.T
    if not seen.any() or np.linalg.cond(information) > 1e12:
        return replace(change, step_kw=0.0, z=0.0)
    covariance = np.linalg.inv(information)
    step_kw = float(covariance[0] @ (design @ score[0, seen]))
    sd_kw = float(np.sqrt(covariance[0, 0]))
    if step_kw * change.step_kw <= 0 or abs(step_kw) < _SURE_SD * sd_kw:
        return replace(change, step_kw=0.0, z=0.0)
    return replace(change, step_kw=step_kw, sd_kw=sd_kw)


def _rise(level_kw: Floats, start: int) -> float:
    """Return the median of the reference's last week less that of the week before an hour; 0 where unseen."""
    before, after = level_kw[max(start - _WEEK, 0) : start], level_kw[start:][-_WEEK:]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < _LEAST_SEEN or len(after) < _LEAST_SEEN:
        return 0.0
    # Medians: a load of a day or two moves a week's mean, and is no plateau.
    return float(np.median(after) - np.median(before))


def _onset(level_kw: Floats, start: int) -> float:
    before = level_kw[max(start - _WEEK, 0) : start]
    early = level_kw[start + 2 : start + 2 + _ONSET_HOURS]
    later = level_kw[start + 2 : start + 2 + 14 * 24]
    before, early, later = (v[np.isfinite(v)] for v in (before, early, later))
    if not len(before) or not len(early) or not len(later):
        return 0.0
    usual = float(np.median(before))
    typical = float(np.median(later)) - usual
    return float(np.clip((early.mean() - usual) / typical, 0.0, 2.0)) if typical > 0 else 0.0


def steps_state(steps: Sequence[Sequence[ReferenceStep]]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the steps of S series as plain arrays, one row a step."""
    rows = [(s, *astuple(one)) for s, of in enumerate(steps) for one in of]
    return {"rows": np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(fields(ReferenceStep)))}


def steps_from_state(
    state: Mapping[str, npt.NDArray[np.float64]], series: int
) -> tuple[tuple[ReferenceStep, ...], ...]:
    """Rebuild the steps of S series from `steps_state`."""
    out: list[list[ReferenceStep]] = [[] for _ in range(series)]
    for s, start_s, *rest in state["rows"].tolist():
        out[int(s)].append(ReferenceStep(int(start_s), *rest))
    return tuple(tuple(of) for of in out)
