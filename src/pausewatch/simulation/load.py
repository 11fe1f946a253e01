"""IT load of a site by its kind, without training: level, day, week, growth and a noise that remembers.

Utilisation, variation and weekly shape span what UK Power Networks publishes of 48 real data-centre sites: mean
utilisation 0.32, yearly coefficient of variation median 7 % (p10 3 %, p90 27 %), weekends about 4 % under weekdays,
mean absolute one-hour change 1.2 % of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KindRanges:
    """Ranges of one kind of site, each (low, high); shares of the mean load unless said otherwise.

    Args:
        utilisation: mean IT load over IT capacity.
        day_swing: half of the range over the day.
        weekend: weekend's level less weekday's.
        noise_sd: standard deviation of the slow noise.
        memory_h: its time constant, hours.
        rough_sd: standard deviation of the noise from interval to interval.
        growth_month: growth a month.
    """

    utilisation: tuple[float, float]
    day_swing: tuple[float, float]
    weekend: tuple[float, float]
    noise_sd: tuple[float, float]
    memory_h: tuple[float, float]
    rough_sd: tuple[float, float]
    growth_month: tuple[float, float]


KINDS: dict[str, KindRanges] = {
    "colocation": KindRanges(
        (0.2, 0.5), (0.005, 0.03), (-0.03, -0.005), (0.006, 0.02), (36, 90), (0.002, 0.006), (-0.005, 0.01)
    ),
    "cloud": KindRanges(
        (0.3, 0.6), (0.03, 0.09), (-0.06, -0.02), (0.008, 0.025), (36, 90), (0.003, 0.009), (0.0, 0.02)
    ),
    "inference": KindRanges(
        (0.3, 0.6), (0.08, 0.22), (-0.1, -0.02), (0.01, 0.03), (36, 90), (0.004, 0.012), (0.0, 0.04)
    ),
    "science": KindRanges(
        (0.4, 0.7), (0.005, 0.03), (-0.03, 0.0), (0.02, 0.04), (36, 90), (0.004, 0.012), (-0.005, 0.01)
    ),
    "mixed": KindRanges((0.3, 0.6), (0.03, 0.12), (-0.06, -0.02), (0.01, 0.025), (36, 90), (0.003, 0.01), (0.0, 0.02)),
}


@dataclass(frozen=True)
class SiteLoad:
    """Drawn parameters of one site's ordinary load."""

    kind: str
    mean_mw: float
    day_swing: float
    weekend: float
    noise_sd: float
    memory_h: float
    rough_sd: float
    growth_month: float
    peak_hour: float

    @staticmethod
    def draw(kind: str, it_capacity_mw: float, rng: np.random.Generator) -> SiteLoad:
        """Draw a site of a kind."""
        ranges = KINDS[kind]

        def pick(span: tuple[float, float]) -> float:
            return float(rng.uniform(*span))

        return SiteLoad(
            kind,
            it_capacity_mw * pick(ranges.utilisation),
            pick(ranges.day_swing),
            pick(ranges.weekend),
            pick(ranges.noise_sd),
            pick(ranges.memory_h),
            pick(ranges.rough_sd),
            pick(ranges.growth_month),
            pick((13.0, 20.0)),
        )

    def it_mw(self, local_s: Floats, rng: np.random.Generator) -> Floats:
        """Return ordinary IT load at each instant (local wall clock in epoch seconds), MW."""
        from scipy.signal import lfilter

        step_s = float(np.median(np.diff(local_s)))
        hour = (local_s / 3600.0) % 24.0
        weekday = ((local_s // 86_400).astype(np.int64) + 3) % 7
        day = self.day_swing * (
            np.cos(2 * np.pi * (hour - self.peak_hour) / 24) + 0.3 * np.cos(4 * np.pi * (hour - self.peak_hour) / 24)
        )
        weekend = np.where(weekday >= 5, self.weekend, 0.0)
        rho = np.exp(-step_s / (self.memory_h * 3600.0))
        slow = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.standard_normal(len(local_s)))
        rough = rng.standard_normal(len(local_s)) * self.rough_sd
        months = (local_s - local_s[-1]) / (30 * 86_400.0)
        growth = np.exp(np.log1p(self.growth_month) * months)
        return np.asarray(self.mean_mw * growth * np.maximum(1 + day + weekend + self.noise_sd * slow + rough, 0.05))
