"""Changes: the steps that have been accepted in one series, and the excess load they add up to.

Sequential: each day the step test looks at what the accepted steps don't explain yet. A step younger than the search
span is still re-dated and re-estimated as more of it is seen, and withdrawn if what follows contradicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pausewatch.detection.step_test import StepWindows, scan_steps
from pausewatch.detection.whitening import ORDER, Innovations

Floats = npt.NDArray[np.float64]

# A step that later data leave with less than this share of the threshold is withdrawn.
_WITHDRAW_SHARE = 0.6
# Falling back from a known excess is expected sooner or later and needs less proof than a rise.
_DOWN_SHARE = 0.8
_REDATE_HOURS = 36
_PER_DAY = 4
# A step this old has shown all it will: its date and size stand.
_SETTLED_HOURS = 5 * 24
# Edges younger than the test's persistence that are taken out before the rest is judged.
_YOUNG_EDGES = 4
# Beside an edge this far over the threshold, a step of less than this share of it may be what the edge's ramp left.
_LOUD = 4.0
_CRUMB_SHARE = 0.15


@dataclass(frozen=True)
class Change:
    """One accepted step of a series.

    Args:
        hour: grid hour of the first hour at the new level.
        step_kw: change of level, positive or negative.
        sd_kw: standard deviation of `step_kw`.
        z: standard score when last estimated.
        accepted_day: number of the report day on which it was accepted.
        is_learned: it happened within the reference, and was taken out of what is expected.
    """

    hour: int
    step_kw: float
    sd_kw: float
    z: float
    accepted_day: int
    is_learned: bool = False


@dataclass(frozen=True)
class StepTuning:
    """What the step test of one series needs: its signature, unit, threshold, level prior and an onset's doubt."""

    step_response: Floats
    innovation_sd_kw: float
    threshold: float
    level_precision: float
    doubt: Floats | None = None


def update_changes(
    known: Sequence[Change],
    window: Innovations,
    first_hour: int,
    day: int,
    tuning: StepTuning,
    reach: StepWindows,
) -> list[Change]:
    """Return the changes of one series after one more day.

    Args:
        known: the changes accepted so far, in time order.
        window: the last `reach.total` hours of innovations of this series, shape (1, total).
        first_hour: grid hour of the window's first hour.
        day: number of the report day.
        tuning: of this series.
        reach: the windows of the step test.
    """
    search_from = max(first_hour + reach.before, first_hour + reach.total - _SETTLED_HOURS)
    changes = sorted(known, key=lambda c: c.hour)
    for i in [i for i, c in enumerate(changes) if c.hour >= search_from and not c.is_learned]:
        others = changes[:i] + changes[i + 1 :]
        again = _refit(changes[i], others, window, first_hour, tuning, reach)
        changes[i] = again
    changes = [
        c for c in changes if c.is_learned or c.hour < search_from or abs(c.z) >= _WITHDRAW_SHARE * tuning.threshold
    ]
    for _ in range(_PER_DAY):
        found = _strongest(changes, window, first_hour, day, tuning, reach)
        if found is None:
            break
        changes = sorted([*changes, found], key=lambda c: c.hour)
    return changes


def unexplained(window: Innovations, changes: Sequence[Change], first_hour: int, tuning: StepTuning) -> Innovations:
    """Return the window's innovations less what the changes explain."""
    total = window.score.shape[1]
    step = np.zeros(total)
    response = tuning.step_response
    plateau = response[-1]
    for change in changes:
        at = change.hour - first_hour
        if at >= total:
            continue
        size = change.step_kw / tuning.innovation_sd_kw
        begin = max(at, 0)
        step[begin:] += size * plateau
        edge = np.arange(max(0, -at), min(ORDER, total - at))
        step[at + edge] += size * (response[edge] - plateau)
    return Innovations(window.score - window.weight * step[None, :], window.weight)


def excess_kw(changes: Sequence[Change], hours: int) -> Floats:
    """Return the sum of accepted steps at each hour, shape (hours,)."""
    out = np.zeros(hours)
    for change in changes:
        if change.hour < hours:
            out[max(change.hour, 0) :] += change.step_kw
    return out


def _refit(
    change: Change,
    others: Sequence[Change],
    window: Innovations,
    first_hour: int,
    tuning: StepTuning,
    reach: StepWindows,
) -> Change:
    """Re-date and re-estimate one change, all others taken as they are."""
    rest = unexplained(window, others, first_hour, tuning)
    scan = scan_steps(rest, tuning.step_response[None], reach, np.array([tuning.level_precision]), tuning.doubt)
    origin = first_hour + reach.before
    at = change.hour - origin
    # Stay clear of the neighbouring changes: each keeps its own edge.
    low = max([0, at - _REDATE_HOURS, *[c.hour - origin + 2 for c in others if c.hour < change.hour]])
    high = min(
        [
            reach.search,
            at + _REDATE_HOURS + 1,
            *[c.hour - origin - 1 for c in others if c.hour > change.hour],
        ]
    )
    sign = np.sign(change.step_kw)
    z = sign * scan.z[0, low:high]
    if not len(z) or z.max() <= 0:
        return replace(change, z=0.0)
    best = low + int(z.argmax())
    return _as_change(scan.step[0, best], scan.z[0, best], origin + best, change.accepted_day, tuning)


def _strongest(
    changes: Sequence[Change],
    window: Innovations,
    first_hour: int,
    day: int,
    tuning: StepTuning,
    reach: StepWindows,
) -> Change | None:
    """Return the strongest step that can be judged, or None.

    Onsets too young to be judged are first taken out as if they were accepted: their hours would otherwise be told as a
    step at the nearest older hour, with a wrong date.
    """
    origin = first_hour + reach.before
    provisional: list[Change] = []
    for _ in range(_YOUNG_EDGES + 1):
        known = [*changes, *provisional]
        scan = scan_steps(
            unexplained(window, known, first_hour, tuning),
            tuning.step_response[None],
            reach,
            np.array([tuning.level_precision]),
            tuning.doubt,
        )
        score = scan.raw_z[0].copy()
        for change in known:
            # An edge already taken isn't taken twice.
            near = change.hour - origin
            score[max(near - 2, 0) : max(near + 3, 0)] = 0.0
        loud = [abs(c.step_kw) for c in known if abs(c.z) >= _LOUD * tuning.threshold and c.hour >= first_hour]
        score[np.abs(scan.step[0]) * tuning.innovation_sd_kw < _CRUMB_SHARE * max(loud, default=0.0)] = 0.0
        judged = score[: reach.search - reach.persistence + 1]
        level = excess_kw(changes, first_hour + reach.total)[origin:][: len(judged)]
        limit = np.where((judged < 0) & (level > 0), _DOWN_SHARE, 1.0) * tuning.threshold
        best = int((np.abs(judged) / limit).argmax())
        if abs(judged[best]) < limit[best]:
            return None
        young = int(np.abs(score).argmax())
        if young <= len(judged) - 1:
            return _as_change(scan.step[0, best], judged[best], origin + best, day, tuning)
        provisional.append(_as_change(scan.step[0, young], score[young], origin + young, day, tuning))
    return None


def _as_change(step: float, z: float, hour: int, day: int, tuning: StepTuning) -> Change:
    step_kw = float(step) * tuning.innovation_sd_kw
    return Change(
        hour=int(hour),
        step_kw=step_kw,
        sd_kw=abs(step_kw / z) if z else 0.0,
        z=float(z),
        accepted_day=day,
    )
