"""A rolling z-score: the day's mean against the mean and the spread of the four weeks before it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pausewatch.evaluation.peers.history import History
from pausewatch.evaluation.peers.protocol import Scores

_DAYS = 28
_LEAST = 14


class RollingScore:
    """Alarms while the day lies far above the last four weeks, which then learn it."""

    name: ClassVar[str] = "rolling z-score"
    about: ClassVar[str] = "the day's mean, in standard deviations of the 28 days before"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = None
    lanes: ClassVar[int] = 2

    def scores(self, history: History) -> Scores:
        """Score a day by its distance from the days before."""
        daily = history.daily_kw
        before = np.pad(daily, ((0, 0), (_DAYS, 0)), constant_values=np.nan)[:, :-1]
        window = sliding_window_view(before, _DAYS, axis=1)
        seen = np.isfinite(window)
        count = seen.sum(axis=2)
        mean = np.where(seen, window, 0.0).sum(axis=2) / np.maximum(count, 1)
        variance = (np.where(seen, window - mean[:, :, None], 0.0) ** 2).sum(axis=2) / np.maximum(count - 1, 1)
        usable = (count >= _LEAST) & (variance > 0)
        score = np.where(usable, (daily - mean) / np.sqrt(np.where(usable, variance, 1.0)), np.nan)
        return Scores(score[:, : history.reference_days], score[:, history.reference_days :])
