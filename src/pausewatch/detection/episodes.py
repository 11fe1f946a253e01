"""Episodes: spans of load above what is expected, made of accepted steps or of drift.

The tests accept edges; an inspector asks for spans. Edges are joined into spans, spans that come and go within a week
into
one episode (bursts, nights), and an end is believed only when the load really came down. The size is the mean of what
was measured over the span, less the level before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pausewatch.detection.changes import Change

Floats = npt.NDArray[np.float64]

# A span is over when less than this share of its peak is left.
_LEFT_SHARE = 0.35
# Load that comes back within this time is the same episode.
_JOIN_HOURS = 7 * 24
# A rise of this share of the size, this long after the start and lasting, is an episode of its own on top.
_STACK_SHARE = 0.4
_STACK_HOURS = 14 * 24
_STACK_LASTS_HOURS = 72
_DWARFS = 2.5
_APART_HOURS = 48
# Load that was lower for this long before a rise had no mere dip: works and outages last days.
_SETTLED_HOURS = 5 * 24
# The level before is told by a week, and an end believed after this many hours of lower load.
_LEVEL_HOURS = 7 * 24
_MIN_SEEN = 12
_END_HOURS = 72
# Anything that lasted less than a day isn't sustained.
_MIN_RAISED_HOURS = 24
# An edge alone tells a size this well: runs ramp, and come in several steps.
_EDGE_SHARE = 0.3
# An edge whose load isn't there, by so many standard deviations of what was measured, is none.
_CONTRADICTS_SD = 3.0
_AROUND_HOURS = 48


@dataclass(frozen=True)
class Episode:
    """Load above expectation in one lane.

    Args:
        lane: name of the lane.
        is_drift: found by the drift test (slow) instead of the step test (abrupt).
        parts: [start, end) grid hours at which the load was raised, in order; the last may be open (None).
        level_kw: mean residual in the week before, which `excess_kw` is measured from; 0 where none was seen.
        has_level: whether the level before was seen; else the frozen baseline's stands for it.
        excess_kw: mean load above that level while raised.
        sd_kw: standard deviation of `excess_kw`.
        strength: test statistic over its threshold when strongest.
        alarm_day: number of the report day on which it was first seen.
        is_sized_by_edge: whether its level wanders by more than its size, so that the edge alone tells it.
        is_learned: whether it rose within the reference, and was taken out of what is expected.
        is_declared: whether no test found it: it is training that was declared to end, and nothing came down.
    """

    lane: str
    is_drift: bool
    parts: tuple[tuple[int, int | None], ...]
    level_kw: float
    has_level: bool
    excess_kw: float
    sd_kw: float
    strength: float
    alarm_day: int
    is_sized_by_edge: bool = False
    is_learned: bool = False
    is_declared: bool = False

    @property
    def start_hour(self) -> int:
        """Grid hour it began."""
        return self.parts[0][0]

    @property
    def end_hour(self) -> int | None:
        """First grid hour after it, or None while it lasts."""
        return self.parts[-1][1]

    def raised(self, hours: int) -> npt.NDArray[np.bool_]:
        """Return the hours at which the load was raised, shape (hours,)."""
        out = np.zeros(hours, dtype=np.bool_)
        for start, end in self.parts:
            out[max(start, 0) : hours if end is None else end] = True
        return out

    def until(self, hour: int) -> Episode | None:
        """Return the episode with nothing from an hour on, still going if it reached it; None if it began later."""
        parts = tuple(
            (start, end if end is not None and end < hour else None) for start, end in self.parts if start < hour
        )
        return replace(self, parts=parts) if parts else None

    def overlaps(self, other: Episode) -> bool:
        """Return whether the two share an hour between first start and last end."""
        return (other.end_hour is None or self.start_hour < other.end_hour) and (
            self.end_hour is None or other.start_hour < self.end_hour
        )


@dataclass(frozen=True)
class Noise:
    """What a mean over an episode is uncertain by.

    Args:
        daily_sd_kw: standard deviation of a daily mean residual.
        daily_rho: autocorrelation of daily means at one day.
        level_sd_kw: level error of the frozen baseline at each hour, shape (H,).
    """

    daily_sd_kw: float
    daily_rho: float
    level_sd_kw: Floats

    def of_mean(self, days: float) -> float:
        """Return the standard deviation of a mean over some days."""
        memory = (1 + self.daily_rho) / (1 - self.daily_rho)
        return self.daily_sd_kw * float(np.sqrt(min(memory / max(days, 1.0), 1.0)))


@dataclass(frozen=True)
class LoadSpan:
    """A rise of the load and the fall that undid it.

    Args:
        start: hour of the rise.
        end: hour of the fall, or None while it stands.
        size: its largest height, kW.
        sd: standard deviation of the step it began with.
        strength: standard score of that step over the threshold.
        alarm_day: number of the report day on which it was accepted.
        is_learned: it rose within the reference.
    """

    start: int
    end: int | None
    size: float
    sd: float
    strength: float
    alarm_day: int
    is_learned: bool = False


def step_episodes(
    lane: str, changes: Sequence[Change], threshold: float, residual_kw: Floats, noise: Noise
) -> list[Episode]:
    """Turn the accepted steps of one series into episodes, oldest first.

    Args:
        lane: name of the lane.
        changes: accepted steps.
        threshold: of the step test.
        residual_kw: observed less expected up to now, NaN where unseen, shape (H,).
        noise: of the series.
    """
    groups: list[list[LoadSpan]] = []
    for span in load_spans(changes, threshold):
        home = next((g for g in reversed(groups) if _belongs(g, span)), None)
        if home is None:
            groups.append([span])
        else:
            home.append(span)
    out = []
    for i, group in enumerate(groups):
        episode = _measured(lane, group, _without(residual_kw, groups[i + 1 :]), noise)
        if episode is not None:
            out.append(episode)
    return sorted(out, key=lambda e: e.start_hour)


def load_spans(changes: Sequence[Change], threshold: float) -> list[LoadSpan]:
    """Pair rises with the falls that undo them. A rise that only recovers from a drop is none."""
    done: list[LoadSpan] = []
    stack: list[tuple[LoadSpan, float]] = []
    level = 0.0
    fallen: int | None = None
    for change in sorted(changes, key=lambda c: c.hour):
        before = level
        level += change.step_kw
        if change.step_kw > 0:
            # What came down and stayed down for days is the ordinary load by now; coming back from less is no rise.
            floor = before if fallen is not None and change.hour - fallen >= _SETTLED_HOURS else max(before, 0.0)
            rise = level - floor
            if rise < 0.5 * change.step_kw:
                continue
            span = LoadSpan(
                change.hour,
                None,
                rise,
                change.sd_kw,
                change.z / threshold,
                change.accepted_day,
                change.is_learned,
            )
            top = stack[-1] if stack else None
            if (
                top is None
                or top[0].is_learned != span.is_learned
                or (not span.is_learned and _stands_alone(rise, change.hour, top[0].size, top[0].start))
            ):
                stack.append((span, floor))
            else:
                stack[-1] = (replace(top[0], size=max(top[0].size, level - top[1])), top[1])
            continue
        fallen = change.hour
        while stack and level - stack[-1][1] <= _LEFT_SHARE * stack[-1][0].size:
            done.append(replace(stack.pop()[0], end=change.hour))
    return sorted([*done, *(span for span, _ in stack)], key=lambda s: s.start)


def _stands_alone(size: float, start: int, below: float, below_start: int) -> bool:
    """Return whether a rise on top of another is an episode of its own: far larger, or large and much later."""
    apart = start - below_start
    return (size > _DWARFS * below and apart > _APART_HOURS) or (size > _STACK_SHARE * below and apart > _STACK_HOURS)


def _belongs(group: Sequence[LoadSpan], span: LoadSpan) -> bool:
    """Return whether a span continues an episode instead of beginning one."""
    if group[0].is_learned and any(s.end is None or span.start < s.end for s in group):
        # What rose within the reference is one question, however many parts it came in; what came after is another.
        return span.is_learned
    ends = [s.end for s in group]
    size = max(s.size for s in group)
    if any(end is None for end in ends) or span.start < max(e for e in ends if e is not None):
        lasts = span.end is None or span.end - span.start >= _STACK_LASTS_HOURS
        return not (lasts and _stands_alone(span.size, span.start, size, group[0].start))
    gap = span.start - max(e for e in ends if e is not None)
    return gap <= _JOIN_HOURS and span.size < _DWARFS * size


def _without(residual_kw: Floats, later: Sequence[Sequence[LoadSpan]]) -> Floats:
    """Return the residual without the hours of episodes that stand on top."""
    if not later:
        return residual_kw
    out = residual_kw.copy()
    for span in (s for group in later for s in group):
        out[max(span.start, 0) : span.end] = np.nan
    return out


def _measured(lane: str, group: Sequence[LoadSpan], residual_kw: Floats, noise: Noise) -> Episode | None:
    """Size an episode by what was measured, and end it only where the load came down."""
    now = len(residual_kw)
    start = group[0].start
    is_learned = group[0].is_learned
    # What rose within the reference is measured above a baseline that was learned without it.
    level, has_level = (0.0, False) if is_learned else level_before(residual_kw, start)
    above = residual_kw - level
    size = float(np.median([s.size for s in group]))
    parts: list[tuple[int, int | None]] = []
    for span in sorted(group, key=lambda s: s.start):
        if parts and (parts[-1][1] is None or span.start <= parts[-1][1]):
            last = parts[-1][1]
            parts[-1] = (parts[-1][0], None if last is None or span.end is None else max(last, span.end))
        else:
            parts.append((span.start, span.end))
    size = min(size, _mean(above, parts, now) or size)
    closed: list[tuple[int, int | None]] = []
    for i, (begin, stop) in enumerate(parts):
        following = parts[i + 1][0] if i + 1 < len(parts) else None
        lasts = stop is not None and not _came_down(above, stop, now if following is None else following, size)
        end = following if lasts else stop
        if closed and closed[-1][1] == begin:
            closed[-1] = (closed[-1][0], end)
        else:
            closed.append((begin, end))
    excess = _mean(above, closed, now)
    hours = sum((now if e is None else e) - max(b, 0) for b, e in closed)
    if excess is None or (hours < _MIN_RAISED_HOURS and closed[-1][1] is not None):
        return None
    sd = excess_sd(noise, start, now, hours / 24.0, has_level)
    if is_learned:
        sd = float(np.hypot(sd, np.hypot.reduce([s.sd for s in group])))
    is_by_edge = False
    if excess < sd:
        # The level wanders by more than this load: only an edge that still stands in the step test can tell its size.
        sharpest = max(group, key=lambda span: span.strength)
        by_edge = float(np.median([span.size for span in group]))
        if sharpest.strength < 1.0 or by_edge - excess > _CONTRADICTS_SD * sd or not _rises(above, start, by_edge):
            return None
        begin, end = closed[-1]
        if end is None:
            end = dated_end(above, begin, by_edge)
            closed[-1] = (begin, end)
            if end is not None and end - begin < _MIN_RAISED_HOURS:
                return None
        excess, is_by_edge = by_edge, True
        sd = float(np.hypot(sharpest.sd, _EDGE_SHARE * excess))
    return Episode(
        lane=lane,
        is_drift=False,
        parts=tuple(closed),
        level_kw=level,
        has_level=has_level,
        excess_kw=excess,
        sd_kw=sd,
        strength=max(s.strength for s in group),
        alarm_day=min(s.alarm_day for s in group),
        is_sized_by_edge=is_by_edge,
        is_learned=group[0].is_learned,
    )


def level_before(residual_kw: Floats, start: int) -> tuple[float, bool]:
    """Return the mean residual of the week before an hour, and whether enough of it was seen."""
    before = residual_kw[max(start - _LEVEL_HOURS, 0) : max(start, 0)]
    seen = before[np.isfinite(before)]
    return (float(np.median(seen)), True) if len(seen) >= 2 * _MIN_SEEN else (0.0, False)


def excess_sd(noise: Noise, start: int, now: int, days: float, has_level: bool) -> float:
    """Return the standard deviation of a mean excess over an episode.

    The level before was measured over a week; from then on the frozen level may have moved by the growth of its error.
    """
    last = float(noise.level_sd_kw[min(now, len(noise.level_sd_kw)) - 1])
    first = float(noise.level_sd_kw[min(max(start, 0), len(noise.level_sd_kw) - 1)])
    last, first = (v if np.isfinite(v) else 0.0 for v in (last, first))
    moved = np.sqrt(max(last**2 - first**2, 0.0)) if has_level else last
    before = noise.of_mean(_LEVEL_HOURS / 24.0) if has_level else 0.0
    return float(np.sqrt(moved**2 + before**2 + noise.of_mean(days) ** 2))


def _mean(above: Floats, parts: Sequence[tuple[int, int | None]], now: int) -> float | None:
    values = np.concatenate([above[max(b, 0) : now if e is None else e] for b, e in parts])
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else None


def _rises(above: Floats, start: int, size: float) -> bool:
    """Return whether the days around an edge differ by most of it; coming back from a dip of hours is no rise."""
    before, after = above[max(start - _AROUND_HOURS, 0) : max(start, 0)], above[max(start, 0) : start + _AROUND_HOURS]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < _MIN_SEEN or len(after) < _MIN_SEEN:
        return True
    return float(np.median(after) - np.median(before)) >= 0.5 * size


def dated_end(above: Floats, start: int, size: float) -> int | None:
    """Return the hour that best parts raised from ordinary load after an edge; None if that is about now.

    Args:
        above: load above the level before, NaN where unseen, shape (H,).
        start: hour of the edge.
        size: of the load.
    """
    begin = max(start, 0)
    raised = np.where(np.isfinite(above[begin:]), above[begin:] - 0.5 * size, 0.0)
    if not len(raised):
        return None
    end = begin + int(np.cumsum(raised).argmax()) + 1
    return None if len(above) - end < _END_HOURS else end


def _came_down(above: Floats, end: int, following: int, size: float) -> bool:
    """Return whether the load after an end is really lower; an unseen one is taken at the test's word."""
    after = above[end : min(end + _END_HOURS, following)]
    seen = after[np.isfinite(after)]
    return len(seen) < _MIN_SEEN or float(seen.mean()) < 0.5 * size
