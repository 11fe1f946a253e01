"""From IT load to the utility's meter: distribution losses, fans and pumps, and cooling that follows the weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pausewatch.simulation.truth import Floats


@dataclass(frozen=True)
class Facility:
    """How a building turns IT load into a draw.

    Args:
        fixed_mw: lighting, offices, transformers at no load.
        loss_share: power distribution losses in proportion to the IT load.
        cooling_share: cooling per IT load below the free-cooling threshold.
        free_cooling_c: threshold above which compressors run.
        compressor_share_per_c: further cooling per IT load and degree above it.
        lag_h: thermal lag of the building.
    """

    fixed_mw: float
    loss_share: float
    cooling_share: float
    free_cooling_c: float
    compressor_share_per_c: float
    lag_h: float

    @staticmethod
    def draw(it_capacity_mw: float, rng: np.random.Generator) -> Facility:
        """Draw a facility with a PUE between about 1.08 and 1.6."""
        return Facility(
            fixed_mw=it_capacity_mw * float(rng.uniform(0.005, 0.03)),
            loss_share=float(rng.uniform(0.03, 0.08)),
            cooling_share=float(rng.uniform(0.03, 0.2)),
            free_cooling_c=float(rng.uniform(10, 20)),
            compressor_share_per_c=float(rng.uniform(0.002, 0.012)),
            lag_h=float(rng.uniform(0.5, 3.0)),
        )

    @staticmethod
    def of_pue(pue: float, it_mean_mw: float, temperature_c: Floats, rng: np.random.Generator) -> Facility:
        """Draw a facility whose PUE over all of this weather, at this mean IT load, is as given.

        What isn't IT is split at random over what is fixed, what is lost in distribution, cooling at any weather and
        compressors; yearly means of real sites lie between 1.05 and 1.6 (Uptime Institute's surveys; hyperscalers'
        own reports at the low end).
        """
        overhead = pue - 1.0
        parts = rng.dirichlet([2.0, 2.0, 3.0, 4.0])
        free_cooling_c = float(rng.uniform(10, 20))
        above = float(np.maximum(temperature_c - free_cooling_c, 0.0).mean())
        by_degree = min(overhead * float(parts[3]) / max(above, 1e-6), 0.02)
        always = overhead * float(parts[2] + parts[3]) - by_degree * above
        return Facility(
            fixed_mw=it_mean_mw * overhead * float(parts[0]),
            loss_share=overhead * float(parts[1]),
            cooling_share=always,
            free_cooling_c=free_cooling_c,
            compressor_share_per_c=by_degree,
            lag_h=float(rng.uniform(0.5, 6.0)),
        )

    def utility_mw(self, it_mw: Floats, temperature_c: Floats, step_s: float) -> Floats:
        """Return the draw at the utility's meter, MW."""
        return np.asarray(self.fixed_mw + it_mw * self.marginal_pue(temperature_c, step_s))

    def marginal_pue(self, temperature_c: Floats, step_s: float) -> Floats:
        """Return what a megawatt more of IT load adds at the utility's meter."""
        from scipy.signal import lfilter

        rho = np.exp(-step_s / (self.lag_h * 3600.0))
        start = [temperature_c[0] * rho]
        lagged, _ = lfilter([1 - rho], [1, -rho], temperature_c, zi=start)
        above = np.maximum(lagged - self.free_cooling_c, 0.0)
        return np.asarray(1 + self.loss_share + self.cooling_share + self.compressor_share_per_c * above)
