"""Habits: what a site's own reference says of its telemetry, so that a very regular site isn't accused of being one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.integrity.coupling import CouplingHabits, coupling_habits
from pausewatch.detection.integrity.fine_noise import fine_noise
from pausewatch.detection.integrity.noise_floor import NoiseHabits, noise_habits
from pausewatch.detection.integrity.repeats import habitual_score
from pausewatch.detection.whitening import Whitener

Floats = npt.NDArray[np.float64]

_COUPLING, _BY_DAY = "coupling_", "coupling_by_day_"


@dataclass(frozen=True)
class Habits:
    """What the tests of integrity learned from the references of S series, two lanes of S / 2 sites.

    Args:
        repeat_score: what a repeat must exceed, shape (S,).
        noise: how the noise floor behaves.
        coupling: how the meters follow one another from hour to hour, shape (S / 2,).
        coupling_by_day: the same, less what the day before did.
    """

    repeat_score: Floats
    noise: NoiseHabits
    coupling: CouplingHabits
    coupling_by_day: CouplingHabits

    @staticmethod
    def learned(
        heldout_kw: Floats, whitener: Whitener, alarms_per_year: Floats, load_kw: Floats, temperature_c: Floats
    ) -> Habits:
        """Learn from a reference.

        Args:
            heldout_kw: held-out residuals of the utility lanes, then of the IT lanes, in time order, shape (S, H), NaN
                where unseen.
            whitener: of the same series.
            alarms_per_year: how often honest noise may be taken for a changed noise floor, shape (S,).
            load_kw: the load that was learned from, shape (S, R).
            temperature_c: outdoor temperature at each site, shape (S / 2, R).
        """
        noise = fine_noise(heldout_kw, whitener)
        utility_kw, it_load_kw = np.split(load_kw, 2)
        return Habits(
            habitual_score(noise),
            noise_habits(noise, alarms_per_year),
            coupling_habits(utility_kw, it_load_kw, temperature_c),
            coupling_habits(utility_kw, it_load_kw, temperature_c, by_day=True),
        )

    def state(self) -> dict[str, Floats]:
        """Return the habits as plain arrays."""
        return {
            "repeat_score": self.repeat_score,
            "noise_usual": self.noise.usual,
            "noise_spread": self.noise.spread,
            "noise_threshold": self.noise.threshold,
            **self.coupling.state(_COUPLING),
            **self.coupling_by_day.state(_BY_DAY),
        }

    @staticmethod
    def from_state(state: dict[str, Floats]) -> Habits:
        """Rebuild habits from `state`."""
        noise = NoiseHabits(state["noise_usual"], state["noise_spread"], state["noise_threshold"])
        coupling, by_day = (CouplingHabits.from_state(state, prefix) for prefix in (_COUPLING, _BY_DAY))
        return Habits(state["repeat_score"], noise, coupling, by_day)
