"""The contract every baseline keeps: fit a batch of series on their reference, predict with a distribution.

A *series* is one lane (utility or IT load) of one site, hourly. All arrays are (series, hours).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from pausewatch.telemetry.grid import HourGrid

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Hourly load of a batch of series over one grid.

    Args:
        keys: name of each series, `site_id/lane`.
        grid: the S series' common hours.
        load_kw: mean load, kW, shape (S, H); NaN where it must not be learned from (unseen, substituted,
            rejected, or inside a declared window).
        temperature_c: outdoor temperature, shape (S, H); NaN where unknown (a whole row: no temperature meter).
    """

    keys: tuple[str, ...]
    grid: HourGrid
    load_kw: Floats
    temperature_c: Floats

    def subset(self, index: Sequence[int]) -> Series:
        """Return some of the series."""
        at = list(index)
        keys = tuple(self.keys[i] for i in at)
        return Series(keys, self.grid.subset(at), self.load_kw[at], self.temperature_c[at])


@dataclass(frozen=True)
class Expected:
    """What a frozen baseline says of a batch of hours.

    Args:
        mean_kw: expected load, shape (S, H); NaN for a refused series.
        sd_kw: standard deviation of one hour's error, everything included, shape (S, H). A model states its own here;
            freezing replaces it by what held-out data support.
        level_sd_kw: the part of that error which lasts (level and trend, growing with the horizon), shape (S, H); NaN
            from a model alone, since only a backtest can tell.
        components: additive parts of mean_kw by name, each (S, H), for explanation.
    """

    mean_kw: Floats
    sd_kw: Floats
    level_sd_kw: Floats
    components: Mapping[str, Floats]


class FittedBaseline(Protocol):
    """A batch of fitted series."""

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict the same S series over another grid; never looks at load after the reference."""
        ...

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything `from_state` needs, as plain arrays (no pickle)."""
        ...


class BaselineModel(Protocol):
    """A candidate baseline: a configuration, without state from data."""

    name: ClassVar[str]

    def fit(self, reference: Series) -> FittedBaseline:
        """Fit every series of the batch; must not change its input; same input, same result."""
        ...

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedBaseline:
        """Rebuild a fitted batch from `FittedBaseline.state`."""
        ...
