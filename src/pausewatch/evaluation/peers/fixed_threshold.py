"""A fixed threshold: the day's mean load against a limit set once, as every meter platform offers it."""

from __future__ import annotations

from typing import ClassVar

from pausewatch.evaluation.peers.history import History
from pausewatch.evaluation.peers.protocol import Scores


class FixedThreshold:
    """Alarms while the day's mean is above the site's limit."""

    name: ClassVar[str] = "fixed threshold"
    about: ClassVar[str] = "the day's mean load above a limit"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = None
    lanes: ClassVar[int] = 2

    def scores(self, history: History) -> Scores:
        """Score a day by its mean load."""
        daily = history.daily_kw
        return Scores(daily[:, : history.reference_days], daily[:, history.reference_days :])
