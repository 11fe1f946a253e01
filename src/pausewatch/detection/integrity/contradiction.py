"""A contradiction: a span of telemetry that can't be right, with what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pausewatch.telemetry.panel import Lane


class Flaw(StrEnum):
    """What is wrong with telemetry."""

    STUCK = "stuck"
    COPIED = "copied"
    REPEATED = "repeated"
    IT_ABOVE_SITE = "it_above_site"
    NOISE_CHANGED = "noise_changed"
    RESCALED = "rescaled"
    UNCOUPLED = "uncoupled"
    CLOCK_SHIFTED = "clock_shifted"

    @property
    def leaves_levels(self) -> bool:
        """Whether levels and daily sums hold all the same: a clock that is off moves load by an hour."""
        return self is Flaw.CLOCK_SHIFTED

    @property
    def is_left_out(self) -> bool:
        """Whether what was wrong is screened out anyway: it makes no edge, and what was read around it stands."""
        return self is Flaw.STUCK


@dataclass(frozen=True)
class Contradiction:
    """A span of telemetry that can't be right.

    Args:
        flaw: what is wrong.
        lanes: the lanes that can't be trusted.
        start_hour: first hour.
        end_hour: first hour that is right again, or None while it lasts.
        detail: number that shows it: identical hours, hours back, ratio, factor or minutes.
        facts: further numbers it rests on, by name.
    """

    flaw: Flaw
    lanes: tuple[Lane, ...]
    start_hour: int
    end_hour: int | None
    detail: float
    facts: Mapping[str, float] = field(default_factory=dict)

    def overlaps(self, other: Contradiction) -> bool:
        """Return whether two spans share an hour."""
        ends = [float("inf") if c.end_hour is None else c.end_hour for c in (self, other)]
        return self.start_hour < ends[1] and other.start_hour < ends[0]
