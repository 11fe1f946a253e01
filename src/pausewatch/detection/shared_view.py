"""What a site leaves of its day for tests over many sites: small, and all that such a test may know of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.onsets import BLOCK_H, Onsets, as_tenths, block_means, dip_hours, from_tenths
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

BLOCK_S = BLOCK_H * 3600
# Days before the watch that tell the level before, and how far back a site's day tells of.
_LEVEL_DAYS = 8
_LONGEST_DAYS = 110


@dataclass(frozen=True)
class SharedView:
    """One site as seen on a report day, by blocks of six hours; arrays (K,), loads at the IT load.

    Args:
        lane: the lane it is seen on: the IT load where there is one with a baseline, which the weather doesn't blur.
        first_block: number of the first block since the epoch.
        z: standard score of a step in the block.
        step_mw: size of that step.
        residual_mw: mean load above expectation, NaN where unseen.
        temperature_c: mean outdoor temperature, NaN where unknown.
        dips: hours since the epoch in which the load dipped.
    """

    lane: Lane
    first_block: int
    z: Floats
    step_mw: Floats
    residual_mw: Floats
    temperature_c: Floats
    dips: npt.NDArray[np.int64]

    @property
    def end_block(self) -> int:
        """First block after the last."""
        return self.first_block + len(self.z)

    def until(self, block: int) -> SharedView:
        """Return what it showed before a block."""
        kept = slice(0, max(block - self.first_block, 0))
        return SharedView(
            self.lane,
            self.first_block,
            self.z[kept],
            self.step_mw[kept],
            self.residual_mw[kept],
            self.temperature_c[kept],
            self.dips[self.dips < block * BLOCK_H],
        )


def shared_view(
    lane: Lane,
    onsets: Onsets,
    series: int,
    residual_kw: Floats,
    temperature_c: Floats,
    start_hour: int,
    since: datetime,
) -> SharedView:
    """Return what one series of a watch says to a test over many sites.

    Args:
        lane: of the series.
        onsets: of the watch.
        series: which of its series.
        residual_kw: observed less expected up to the end of the day, shape (H,).
        temperature_c: at the site, shape (H,).
        start_hour: hours from the epoch to the first.
        since: what is told of begins _LEVEL_DAYS before.
    """
    end = -(-(start_hour + len(residual_kw)) // BLOCK_H)
    begin = max(block_of(since) - _LEVEL_DAYS * 24 // BLOCK_H, end - _LONGEST_DAYS * 24 // BLOCK_H, onsets.first_block)
    columns = slice(begin - onsets.first_block, end - onsets.first_block)
    z = from_tenths(as_tenths(_padded(onsets.z[series, columns], end - begin)))
    step_kw = _padded(onsets.step_kw[series, columns], end - begin)
    at_it = 1.0 if lane is Lane.IT_LOAD else 1.0 / MarginalPue().central
    return SharedView(
        lane=lane,
        first_block=begin,
        z=z,
        step_mw=_half(np.where(z != 0, step_kw, 0.0) * at_it / 1e3),
        residual_mw=_half(block_means(residual_kw, start_hour, begin, end - begin) * at_it / 1e3),
        temperature_c=_half(block_means(temperature_c, start_hour, begin, end - begin)),
        dips=dip_hours(onsets.dips[series, columns], begin),
    )


def block_of(moment: datetime) -> int:
    """Return the block that holds an instant."""
    return int(moment.timestamp() // BLOCK_S)


def block_start(block: int) -> datetime:
    """Return the UTC start of a block."""
    return datetime.fromtimestamp(block * BLOCK_S, UTC)


def _padded(values: npt.NDArray[np.float64], size: int) -> Floats:
    return np.pad(values, (0, size - len(values)))


def _half(values: Floats) -> Floats:
    """Return values to the three digits that are kept of them."""
    return values.astype(np.float16).astype(np.float64)
