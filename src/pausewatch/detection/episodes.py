"""Episodes: spans of load above what is expected, made of accepted steps or of drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pausewatch.detection.changes import Change

# An episode is over when less than this share of its peak is left.
_LEFT_SHARE = 0.35
# A rise of this share of the peak, this long after the start, is an episode of its own on top.
_STACK_SHARE = 0.4
_STACK_HOURS = 14 * 24


@dataclass(frozen=True)
class Episode:
    """Load above expectation in one lane.

    Args:
        lane: name of the lane.
        is_drift: found by the drift test (slow) instead of the step test (abrupt).
        start_hour: grid hour it began.
        end_hour: first grid hour after it, or None while it lasts.
        excess_kw: size: sum of its steps, or mean excess of a drift.
        sd_kw: standard deviation of `excess_kw`.
        base_kw: accepted excess it stands on.
        strength: test statistic over its threshold when strongest.
        alarm_day: number of the report day on which it was first seen.
    """

    lane: str
    is_drift: bool
    start_hour: int
    end_hour: int | None
    excess_kw: float
    sd_kw: float
    base_kw: float
    strength: float
    alarm_day: int

    def overlaps(self, other: Episode) -> bool:
        """Return whether the two share an hour."""
        return (other.end_hour is None or self.start_hour < other.end_hour) and (
            self.end_hour is None or other.start_hour < self.end_hour
        )


def episodes_of(lane: str, changes: Sequence[Change], threshold: float) -> list[Episode]:
    """Turn the accepted steps of one series into episodes, oldest first.

    A rise that only recovers from a drop is no excess. A later rise on top of an old episode is a new one.
    """
    done: list[Episode] = []
    stack: list[Episode] = []
    level = 0.0
    for change in sorted(changes, key=lambda c: c.hour):
        before = level
        level += change.step_kw
        if change.step_kw > 0:
            floor = max(before, 0.0)
            rise = level - floor
            if rise < 0.5 * change.step_kw:
                continue
            top = stack[-1] if stack else None
            is_new = top is None or (
                rise > _STACK_SHARE * top.excess_kw and change.hour - top.start_hour > _STACK_HOURS
            )
            if is_new:
                stack.append(
                    Episode(
                        lane,
                        False,
                        change.hour,
                        None,
                        rise,
                        change.sd_kw,
                        floor,
                        change.z / threshold,
                        change.accepted_day,
                    )
                )
            elif top is not None:
                stack[-1] = replace(top, excess_kw=max(top.excess_kw, level - top.base_kw))
            continue
        while stack and level - stack[-1].base_kw <= _LEFT_SHARE * stack[-1].excess_kw:
            done.append(replace(stack.pop(), end_hour=change.hour))
    return sorted([*done, *stack], key=lambda e: e.start_hour)
