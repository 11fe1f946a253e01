"""The balance lane: utility less IT load, against what IT load and weather should draw beyond the racks.

Load that is wired past the IT meter, and IT telemetry that was edited, shows here; growth of honest IT load cancels.
What is tested is the utility's load brought to the reference's mean IT load and median temperature by the energy
balance: its level, its week and its held-out errors are learned and frozen like those of any other lane. What an
inspector is shown is the plain difference of the two meters, and what it should have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Series
from pausewatch.baselines.energy_balance import EnergyBalance, fit_energy_balance
from pausewatch.baselines.freeze import FrozenBaselines, freeze
from pausewatch.fleet import Measure, Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

# A meter's class is a limit of two standard deviations; of a gain that the reference has told, half may have wandered.
_CLASS_SD, _WANDERS = 1 / 200.0, 0.5
_UNSTATED_CLASS_PCT = 1.0
_DAY_H = 24
# Weather is the energy balance's: what is left has a week and a level.
_MODELS = ("ridge", "ridge_recent")


@dataclass(frozen=True)
class FrozenBalance:
    """The balance of a batch of sites at one pause: how the draw follows IT load and weather, and what is left."""

    energy: EnergyBalance
    baselines: FrozenBaselines

    def expected(self, grid: HourGrid, it_load_kw: Floats, temperature_c: Floats, class_sd_kw: Floats) -> Balanced:
        """Return what the sites should draw beyond their IT load, hour by hour.

        Args:
            grid: of the S sites.
            it_load_kw: what the IT meters say, (S, H), NaN where unseen.
            temperature_c: (S, H).
            class_sd_kw: what the meters' classes leave open, (S,).
        """
        columns = self.energy.columns(grid, it_load_kw, temperature_c)
        at_rest = self.baselines.expected(grid, np.full(it_load_kw.shape, np.nan))
        mean = at_rest.mean_kw + self.energy.moved_kw(columns) - it_load_kw
        lasting = np.hypot(_of_the_day(self.energy.doubt_sd_kw(columns)), _WANDERS * class_sd_kw[:, None])
        return Balanced(
            Expected(mean, np.hypot(at_rest.sd_kw, lasting), np.hypot(at_rest.level_sd_kw, lasting), {}), columns
        )

    def save(self) -> dict[str, npt.NDArray[Any]]:
        """Return the balance as plain arrays."""
        content = np.frombuffer(self.baselines.to_bytes({}), dtype=np.uint8)
        return {**self.energy.state(), "baselines": content}

    @staticmethod
    def from_state(state: Mapping[str, npt.NDArray[Any]], where: str) -> FrozenBalance:
        """Rebuild what `save` returned.

        Raises:
            BaselineError: it can't be read.
        """
        baselines, _ = FrozenBaselines.from_bytes(state["baselines"].tobytes(), where)
        return FrozenBalance(EnergyBalance.from_state(state), baselines)


@dataclass(frozen=True)
class Balanced:
    """What is expected of the balance, and the energy balance's columns of the same hours, (S, TERMS, H)."""

    expected: Expected
    columns: Floats


def learn_balance(
    sites: Sequence[Site],
    grid: HourGrid,
    utility_kw: Floats,
    it_load_kw: Floats,
    temperature_c: Floats,
    has: Sequence[bool],
) -> FrozenBalance:
    """Fit, backtest and freeze the balance of a batch of sites on their reference.

    Args:
        sites: the batch.
        grid: its hours.
        utility_kw: what may be learned from, (S, H), NaN elsewhere.
        it_load_kw: likewise.
        temperature_c: (S, H).
        has: whether a site has both meters and its balance is looked at.
    """
    energy = fit_energy_balance(grid, utility_kw, it_load_kw, temperature_c)
    at_rest = energy.at_rest_kw(grid, utility_kw, it_load_kw, temperature_c)
    at_rest[~energy.is_fitted] = np.nan
    keys = tuple(f"{site.id}/{Lane.BALANCE}" for site in sites)
    series = Series(keys, grid, at_rest, np.full(at_rest.shape, np.nan))
    return FrozenBalance(energy, freeze(series, has, _MODELS))


def class_sd_kw(site: Site, utility_kw: float, it_load_kw: float) -> float:
    """Return what two meters of their classes may differ by at such loads, one standard deviation, kW."""
    parts: list[float] = []
    for measure, load in ((Measure.UTILITY_IMPORT, utility_kw), (Measure.IT_LOAD, it_load_kw)):
        stated = [m.accuracy_pct for m in site.meters_of(measure) if m.accuracy_pct is not None]
        parts.append(max(stated, default=_UNSTATED_CLASS_PCT) * _CLASS_SD * load)
    return float(np.linalg.norm(parts))


def _of_the_day(sd_kw: Floats) -> Floats:
    """Return the mean square of the last day of each hour: what lasts, not what swings with the hour."""
    known = np.isfinite(sd_kw)
    total = np.cumsum(np.where(known, sd_kw**2, 0.0), axis=1)
    count = np.cumsum(known, axis=1).astype(np.float64)
    for summed in (total, count):
        summed[:, _DAY_H:] = summed[:, _DAY_H:] - summed[:, :-_DAY_H].copy()
    return np.asarray(np.sqrt(np.maximum(total, 0.0) / np.maximum(count, 1.0)))
