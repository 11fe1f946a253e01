"""A batch whose series have different models: each is asked for its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, FittedBaseline, Floats
from pausewatch.baselines.registry import candidate
from pausewatch.telemetry.grid import HourGrid


@dataclass(frozen=True)
class Member:
    """The series of a batch that one model was fitted to.

    Args:
        index: their places in the batch.
        fitted: the model, fitted to them alone.
    """

    index: npt.NDArray[np.int64]
    fitted: FittedBaseline


@dataclass(frozen=True)
class FittedMixed:
    """A fitted batch; `members` by model name. Series of no member are predicted as NaN."""

    members: Mapping[str, Member]

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict every series by its own model; a component that a model doesn't have is zero."""
        shape = (len(grid.zones), grid.hours)
        mean, sd, level = (np.full(shape, np.nan) for _ in range(3))
        parts: dict[str, Floats] = {}
        for member in self.members.values():
            told = member.fitted.predict(grid.subset(member.index.tolist()), temperature_c[member.index])
            mean[member.index], sd[member.index] = told.mean_kw, told.sd_kw
            level[member.index] = told.level_sd_kw
            for name, part in told.components.items():
                parts.setdefault(name, np.zeros(shape))[member.index] = part
        return Expected(mean, sd, level, parts)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fits as plain arrays, each name led by its model's."""
        out: dict[str, npt.NDArray[Any]] = {}
        for name, member in self.members.items():
            out[f"{name}.index"] = member.index
            out |= {f"{name}.{k}": v for k, v in member.fitted.state().items()}
        return out

    @staticmethod
    def from_state(state: Mapping[str, npt.NDArray[Any]]) -> FittedMixed:
        """Rebuild a fitted batch."""
        members: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for key, value in state.items():
            name, _, inner = key.partition(".")
            members.setdefault(name, {})[inner] = value
        return FittedMixed(
            {name: Member(part.pop("index"), candidate(name).from_state(part)) for name, part in members.items()}
        )
