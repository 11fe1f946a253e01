"""CUSUM on the ridge baseline's daily residual (Page 1954), as control charts use it: no memory is taken out of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.evaluation.peers.history import Floats, History
from pausewatch.evaluation.peers.protocol import Scores

# Half of the shift it is tuned to, in standard deviations: the textbook's.
_SHIFT = 0.5


class RidgeCusum:
    """Alarms while the sum of what the day is above expectation, less half a standard deviation a day, stands high."""

    name: ClassVar[str] = "CUSUM on ridge residual"
    about: ClassVar[str] = "Page's cumulative sum of the daily residual of this program's own baseline"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = None
    lanes: ClassVar[int] = 2

    def scores(self, history: History) -> Scores:
        """Score a day by the sum up to it."""
        residual = history.residual_kw
        reference = residual[:, : history.reference_days]
        seen = np.isfinite(reference)
        count = np.maximum(seen.sum(axis=1), 1)
        mean = np.where(seen, reference, 0.0).sum(axis=1) / count
        sd = np.sqrt((np.where(seen, reference - mean[:, None], 0.0) ** 2).sum(axis=1) / count)
        standard = (residual - mean[:, None]) / np.where(sd > 0, sd, 1.0)[:, None]
        apart, _ = _sums(standard[:, : history.reference_days])
        known = np.isfinite(reference)
        inside, since = _sums(standard[:, history.reference_days :])
        # Siegmund (1985): the sum of white noise passes h at a rate that falls as exp(-2 x shift x h).
        return Scores(np.where(known, apart, np.nan), inside, since, least_scale=1.0 / (2.0 * _SHIFT))


def _sums(standard: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the cumulative sum after each day, begun at zero, and for how many days it has been above zero."""
    out, since = np.zeros_like(standard), np.zeros(standard.shape, dtype=np.int64)
    total, age = np.zeros(len(standard)), np.zeros(len(standard), dtype=np.int64)
    for day in range(standard.shape[1]):
        step = np.where(np.isfinite(standard[:, day]), standard[:, day] - _SHIFT, 0.0)
        total = np.maximum(total + step, 0.0)
        age = np.where(total > 0, age + 1, 0)
        out[:, day], since[:, day] = total, np.maximum(age - 1, 0)
    return out, since
