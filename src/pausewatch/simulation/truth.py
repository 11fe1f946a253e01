"""One site's truth while it is made, and the labels of what happens to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Span = tuple[float, float]
"""A range a parameter is drawn from uniformly, (low, high); equal ends pin it."""

DAY_S = 86_400.0


@dataclass
class SiteTruth:
    """One site's truth while it is made; arrays over its intervals.

    `it_mw` is what the IT draws through its meter, `hidden_mw` IT load wired around that meter, `carried_mw` the IT
    load that an unmetered supply carries with its losses and cooling, `extra_mw` draw at the utility that is no IT
    (less than nothing where a battery gives), `tampering` what changes readings once the truth is settled, given them
    by column (NaN is missing).
    """

    epoch_s: Floats
    local_s: Floats
    it_capacity_mw: float
    pause_start_s: float
    it_mw: Floats
    hidden_mw: Floats
    extra_mw: Floats
    carried_mw: Floats
    temperature_c: Floats
    ceiling_mw: float = np.inf
    starts_late: bool = False
    """Whether what is longer than the pause may start until its middle, instead of at once."""
    declarations: list[dict[str, Any]] = field(default_factory=list)
    tampering: list[Callable[[dict[str, Floats]], None]] = field(default_factory=list)
    twice: Mask | None = None
    """Intervals whose rows are written twice."""

    @property
    def step_s(self) -> float:
        """Length of an interval, s."""
        return float(self.epoch_s[1] - self.epoch_s[0])

    @property
    def end_s(self) -> float:
        """End of the data."""
        return float(self.epoch_s[-1]) + self.step_s

    @property
    def hour(self) -> Floats:
        """Local hour of the day at each interval."""
        return np.asarray((self.local_s / 3600.0) % 24.0)

    def inside(self, start_s: float, end_s: float) -> Mask:
        """Return the intervals that start in [start_s, end_s)."""
        return (self.epoch_s >= start_s) & (self.epoch_s < end_s)

    def room_mw(self, start_s: float, end_s: float) -> float:
        """Return the IT load that still fits throughout [start_s, end_s); at least 2 % of the site's capacity."""
        low, high = np.searchsorted(self.epoch_s, [start_s, end_s])
        used = self.it_mw[low:high] + self.hidden_mw[low:high]
        room = self.ceiling_mw - float(used.max()) if len(used) else 0.0
        return max(room, 0.02 * self.it_capacity_mw)

    def add_it(self, added: Floats, *, is_hidden: bool = False) -> Floats:
        """Add load at the IT, or around its meter; return what fitted under what the equipment can draw."""
        used = self.it_mw + self.hidden_mw
        if float((used + added).max()) > self.ceiling_mw:
            added = np.minimum(added, np.maximum(self.ceiling_mw - used, 0.0))
        if is_hidden:
            self.hidden_mw = self.hidden_mw + added
        else:
            self.it_mw = self.it_mw + added
        return added

    def declare(self, activity: str, start_s: float, end_s: float, expected_mw: float, filed_days: float) -> None:
        """File a declaration so many days before its start."""
        self.declarations.append(
            {
                "activity": activity,
                "start_s": start_s,
                "end_s": end_s,
                "expected_mw": expected_mw,
                "filed_days": filed_days,
            }
        )


@dataclass(frozen=True)
class Event:
    """A label.

    Args:
        name: what happened.
        group: violation, evasion, benign or tamper.
        start_s: when it begins; of training, not before the pause.
        end_s: when it ends, at the end of the data at the latest.
        mw_it: mean load it adds at the IT over [start_s, end_s).
        energy_mwh: sum of that.
        is_training: whether it is training the pause forbids.
        is_visible: whether any meter could show it.
        tampers: whether it makes meters say what is not so, or nothing.
        began_s: when the load began, where that is before its start.
        details: drawn parameters, by name.
    """

    name: str
    group: str
    start_s: float
    end_s: float
    mw_it: float
    energy_mwh: float
    is_training: bool
    is_visible: bool = True
    tampers: bool = False
    began_s: float | None = None
    details: dict[str, float] = field(default_factory=dict)


def label(
    truth: SiteTruth,
    name: str,
    group: str,
    added: Floats,
    start_s: float,
    end_s: float,
    training: bool,
    *,
    visible: bool = True,
    tampers: bool = False,
    began_s: float | None = None,
    details: dict[str, float] | None = None,
) -> Event:
    """Return the label of load added at the IT, of which only [start_s, end_s) counts."""
    hours = truth.step_s / 3600.0
    mask = truth.inside(start_s, end_s)
    mean = float(added[mask].mean()) if mask.any() else 0.0
    energy = float(added[mask].sum() * hours)
    return Event(name, group, start_s, end_s, mean, energy, training, visible, tampers, began_s, details or {})


def span_in_pause(
    truth: SiteTruth, rng: np.random.Generator, days: Span, earliest: float = 1.0, at: Span = (0.0, 1.0)
) -> Span:
    """Draw a start in the pause and an end.

    Args:
        truth: the site.
        rng: random numbers.
        days: length; cut at the end of the data.
        earliest: first start, in days from the pause's.
        at: where between the first and the last start that still fits, as shares.
    """
    last = truth.epoch_s[-1] + truth.step_s
    length = rng.uniform(*days) * DAY_S
    first = min(truth.pause_start_s + earliest * DAY_S, last - DAY_S / 2)
    latest = max(last - length, first + (0.5 * (last - first) if truth.starts_late else 1))
    low, high = first + at[0] * (latest - first), first + at[1] * (latest - first)
    start = rng.uniform(low, high)
    return float(start), float(min(start + length, last))


def before_pause(truth: SiteTruth, rng: np.random.Generator, days: Span) -> float:
    """Draw an instant so many days before the pause, at the data's first at the earliest."""
    return float(max(truth.pause_start_s - rng.uniform(*days) * DAY_S, truth.epoch_s[0]))
