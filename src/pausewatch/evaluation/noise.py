"""A site's own noise, lane by lane, as its watch was calibrated: what bounds any test's delay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.reference import LANES, Frozen
from pausewatch.telemetry.panel import Lane

_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class LaneNoise:
    """Noise of one lane.

    Args:
        lane: utility or IT load.
        innovation_sd_kw: standard deviation of an hourly innovation.
        daily_sd_kw: standard deviation of a daily mean residual.
        daily_rho: its autocorrelation at one day.
        alarms_per_year: the budget each of its tests has.
    """

    lane: Lane
    innovation_sd_kw: float
    daily_sd_kw: float
    daily_rho: float
    alarms_per_year: float

    def lorden_days(self, it_mw: float, marginal_pue: float = MarginalPue().central) -> float:
        """Return the least mean delay of any test that keeps the budget, for a step of IT load, days.

        Lorden (1971): no test with a mean time T between false alarms has a worst mean delay below log(T) / I as T
        grows, I the Kullback-Leibler information an observation brings. A lasting step brings that of its edge at once
        (the whole step in one innovation), then day by day that of a mean with memory: AR(1) of the daily residual.
        """
        kw = 1e3 * it_mw * (1.0 if self.lane is Lane.IT_LOAD else marginal_pue)
        need = float(np.log(_DAYS_PER_YEAR / self.alarms_per_year))
        edge = kw**2 / (2.0 * self.innovation_sd_kw**2)
        a_day = kw**2 * (1.0 - self.daily_rho) / ((1.0 + self.daily_rho) * 2.0 * self.daily_sd_kw**2)
        return max(need - edge, 0.0) / max(a_day, 1e-12)


def noises(frozen: Frozen, sites: int) -> list[tuple[LaneNoise, ...]]:
    """Return the noise of each site's lanes that have a baseline."""
    calibration, refusals = frozen.calibration, frozen.baselines.refusals
    return [
        tuple(
            LaneNoise(
                lane,
                float(calibration.whitener.innovation_sd_kw[series]),
                float(calibration.drift.daily_sd_kw[series]),
                float(calibration.drift.daily_rho[series]),
                float(calibration.alarms_per_year[series]),
            )
            for k, lane in enumerate(LANES)
            for series in [k * sites + position]
            if not refusals[series]
        )
        for position in range(sites)
    ]
