"""What the detector carries from one report day to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from pausewatch.detection.changes import Change
from pausewatch.detection.creep import Drift
from pausewatch.detection.drift_test import DriftState
from pausewatch.detection.onsets import BLOCK_H, Onsets


@dataclass
class DetectorState:
    """What is carried from day to day: the accepted changes of each series, the drift test, the drifts it found, and
    how strongly each quarter of a day looks like an onset."""

    changes: list[list[Change]]
    drift: DriftState
    drifts: list[list[Drift]]
    onsets: Onsets
    past: list[tuple[int, DriftState]] = field(default_factory=list)

    @staticmethod
    def fresh(series: int, start_hour: int = 0) -> DetectorState:
        """Return the state before the first day; `start_hour` is of the grid's first, since the epoch."""
        return DetectorState(
            [[] for _ in range(series)],
            DriftState.fresh(series),
            [[] for _ in range(series)],
            Onsets.fresh(series, start_hour // BLOCK_H),
        )
