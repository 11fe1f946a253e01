"""History: daily means of a reference that holds a plateau, kept with the freeze so that its rise can be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Floats


@dataclass(frozen=True)
class History:
    """Daily means over the reference of the series that hold a plateau.

    Args:
        start_s: first hour of the first day, seconds since the epoch.
        series: their places in the batch, (N,).
        observed_kw: mean load of each day, (N, D), NaN where half of it was unseen or not learned from.
        expected_kw: what the baseline says of each day, learned without the plateau, (N, D).
    """

    start_s: int
    series: npt.NDArray[np.int64]
    observed_kw: Floats
    expected_kw: Floats

    @staticmethod
    def of(start_s: int, series: Sequence[int], load_kw: Floats, expected_kw: Floats) -> History:
        """Return the history of some series of a batch; load and expectation are hourly, (S, H)."""
        rows = np.asarray(series, dtype=np.int64)
        return History(start_s, rows, _daily(load_kw[rows]), _daily(expected_kw[rows]))

    def hourly(self, series: int, begin_s: int, end_s: int) -> tuple[int, Floats, Floats] | None:
        """Return observed and expected from a whole day at or before `begin_s` until `end_s`, a day's mean an hour.

        Returns:
            The first hour in seconds since the epoch and both, or None where the series has no plateau.
        """
        at = np.flatnonzero(self.series == series)
        first = max((begin_s - self.start_s) // 86_400, 0)
        hours = (end_s - self.start_s) // 3600 - 24 * first
        if not len(at) or hours <= 0:
            return None
        days = slice(first, first - (-hours // 24))
        observed, expected = (np.repeat(v[at[0], days], 24)[:hours] for v in (self.observed_kw, self.expected_kw))
        return self.start_s + 86_400 * first, observed, expected

    def state(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the history as plain arrays."""
        return {
            "start_s": np.array([self.start_s], dtype=np.float64),
            "series": self.series.astype(np.float64),
            "observed_kw": self.observed_kw,
            "expected_kw": self.expected_kw,
        }

    @staticmethod
    def from_state(state: Mapping[str, npt.NDArray[np.float64]]) -> History:
        """Rebuild a history from `state`."""
        rows = state["series"].astype(np.int64)
        return History(int(state["start_s"][0]), rows, state["observed_kw"], state["expected_kw"])


def _daily(values: Floats) -> Floats:
    days = values.shape[1] // 24
    whole = values[:, : 24 * days].reshape(len(values), days, 24)
    seen = np.isfinite(whole)
    count = seen.sum(axis=2)
    means = np.where(seen, whole, 0.0).sum(axis=2) / np.maximum(count, 1)
    return np.where(count >= 12, means, np.nan)
