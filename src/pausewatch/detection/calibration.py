"""Calibration: what the tests of a batch of series learned from held-out residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.drift_test import DriftModel
from pausewatch.detection.whitening import Whitener

Floats = npt.NDArray[np.float64]

# Standard deviations of the level's stated error that it is believed to lie within.
LEVEL_PRIOR = 2.0


@dataclass(frozen=True)
class Calibration:
    """Everything the detector learned from held-out residuals of S series.

    Args:
        whitener: the autoregressions.
        step_threshold: standard score at which a step is accepted, shape (S,).
        score_spread: what a standard score falls short of its mean by, one time in ten, shape (S,).
        drift: the calibrated drift test.
        alarms_per_year: the budget each of the two tests of a series was given, shape (S,).
        heldout_days: days the thresholds rest on, shape (S,).
    """

    whitener: Whitener
    step_threshold: Floats
    score_spread: Floats
    drift: DriftModel
    alarms_per_year: Floats
    heldout_days: npt.NDArray[np.int64]

    def state(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the calibration as plain arrays."""
        return {
            "lag_weights": self.whitener.lag_weights,
            "innovation_sd_kw": self.whitener.innovation_sd_kw,
            "stationary_sd_kw": self.whitener.stationary_sd_kw,
            "step_threshold": self.step_threshold,
            "score_spread": self.score_spread,
            "daily_sd_kw": self.drift.daily_sd_kw,
            "daily_rho": self.drift.daily_rho,
            "drift_threshold": self.drift.threshold,
            "alarms_per_year": self.alarms_per_year,
            "heldout_days": self.heldout_days.astype(np.float64),
        }

    @staticmethod
    def from_state(state: dict[str, npt.NDArray[np.float64]]) -> Calibration:
        """Rebuild a calibration from `state`."""
        return Calibration(
            Whitener(state["lag_weights"], state["innovation_sd_kw"], state["stationary_sd_kw"]),
            state["step_threshold"],
            state["score_spread"],
            DriftModel(state["daily_sd_kw"], state["daily_rho"], state["drift_threshold"]),
            state["alarms_per_year"],
            state["heldout_days"].astype(np.int64),
        )

    def subset(self, series: npt.NDArray[np.intp]) -> Calibration:
        """Return the calibration of some of the series."""
        return Calibration.from_state({name: values[series] for name, values in self.state().items()})

    @staticmethod
    def joined(parts: list[Calibration]) -> Calibration:
        """Return several batches as one."""
        states = [part.state() for part in parts]
        return Calibration.from_state({k: np.concatenate([s[k] for s in states]) for k in states[0]})


def level_precision(whitener: Whitener, level_sd_kw: Floats) -> Floats:
    """Return how much the frozen level still says, in units of an innovation's precision, shape (S,)."""
    spread = np.sqrt((0.5 * whitener.stationary_sd_kw) ** 2 + (LEVEL_PRIOR * level_sd_kw) ** 2)
    return (whitener.innovation_sd_kw / spread) ** 2
