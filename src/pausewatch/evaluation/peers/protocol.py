"""The protocol of a peer: a score a day, higher is stranger, calibrated on the reference and told by what had come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from pausewatch.detection.extremes import WEEKS_PER_YEAR, weekly_maxima
from pausewatch.evaluation.peers.history import History

Floats = npt.NDArray[np.float64]
_EULER = 0.5772156649
# A threshold needs as many weeks.
_LEAST_WEEKS = 4


@dataclass(frozen=True)
class Scores:
    """A peer's scores of S series.

    Args:
        reference: of days of the reference, as far as they can be held against it; NaN where there is none, (S, R).
        pause: of each day of the pause, from what was known by its end; NaN where there is none, shape (S, P).
        since: how many days before each day of the pause the strangeness began, 0 for that day, shape (S, P).
        least_scale: scale of the tail that theory gives the score's maxima, where it gives one.
    """

    reference: Floats
    pause: Floats
    since: npt.NDArray[np.int64] | None = None
    least_scale: float = 0.0


class Peer(Protocol):
    """A way to find sustained load that a user could pick instead.

    `limit` is a threshold its users take as it is; None asks for one that holds the alarm budget on the reference.
    `sites_of_fleet` bounds how many sites of a fleet it is tried on, where it is costly.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    limit: ClassVar[float | None]
    sites_of_fleet: ClassVar[int | None]
    lanes: ClassVar[int]

    def scores(self, history: History) -> Scores:
        """Score the days of one lane."""
        ...


@dataclass(frozen=True)
class Limits:
    """How high a score may be, series by series, shape (S,): at the budget it is `mode + reach * scale`.

    Args:
        mode: of the weekly maximum of the score in the reference.
        scale: of its Gumbel tail.
        reach: scales above the mode; infinite where the reference is too short to tell.
    """

    mode: Floats
    scale: Floats
    reach: Floats

    def at(self, more: float = 0.0) -> Floats:
        """Return the limits, raised by so many scales."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self.reach), self.mode + (self.reach + more) * self.scale, np.inf)


def limits(reference: Floats, alarms_per_year: Floats, fixed: float | None = None, least_scale: float = 0.0) -> Limits:
    """Return limits that a score's weekly maxima pass at the budget: Gumbel's tail by its moments (block maxima).

    Args:
        reference: scores of reference days, shape (S, R), NaN where there is none.
        alarms_per_year: the budget of each series, shape (S,).
        fixed: a limit to take as it is.
        least_scale: of the tail.
    """
    series = len(reference)
    if fixed is not None:
        return Limits(np.full(series, fixed), np.full(series, 0.1 * max(abs(fixed), 1e-9)), np.zeros(series))
    maxima = weekly_maxima(reference)
    seen = np.isfinite(maxima)
    count = seen.sum(axis=1)
    filled = np.where(seen, maxima, 0.0)
    mean = filled.sum(axis=1) / np.maximum(count, 1)
    variance = (np.where(seen, maxima - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(count - 1, 1)
    scale = np.maximum(np.sqrt(6.0 * variance) / np.pi, max(least_scale, 1e-9))
    chance = np.minimum(alarms_per_year / WEEKS_PER_YEAR, 0.5)
    reach = np.where(count >= _LEAST_WEEKS, -np.log(-np.log1p(-chance)), np.inf)
    return Limits(mean - _EULER * scale, scale, reach)
