"""What a site is built as: its size, its PUE, its meters and what they miss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

INTERVALS_MIN = (1, 5, 15, 30, 60)
_INTERVAL_WEIGHTS = (0.1, 0.15, 0.4, 0.2, 0.15)


@dataclass(frozen=True)
class SiteDesign:
    """A site as it is built.

    Args:
        it_capacity_mw: what its IT can draw.
        interval_min: length of its meters' intervals.
        utility_accuracy_pct: class of the utility's meter.
        it_accuracy_pct: class of the IT meter.
        missing_share: share of the readings that are missing.
        clumped_share: how much of that is in stretches of hours and days instead of single intervals.
        pue: over all of the weather, or None where the facility is drawn as usual.
        has_it_meter: whether the IT load is metered.
        has_temperature: whether it has a thermometer.
        solar_share: peak of on-site generation over the mean IT load; 0 without.
        battery_share: power of a battery over the mean IT load; 0 without.
    """

    it_capacity_mw: float
    interval_min: int
    utility_accuracy_pct: float = 0.5
    it_accuracy_pct: float = 1.0
    missing_share: float = 0.002
    clumped_share: float = 0.0
    pue: float | None = None
    has_it_meter: bool = True
    has_temperature: bool = True
    solar_share: float = 0.0
    battery_share: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return it for the truth."""
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}

    @staticmethod
    def draw_wide(
        rng: np.random.Generator,
        *,
        interval_min: int | None,
        missing_share: float | None,
        needs_it_meter: bool,
        size_at: float | None,
    ) -> SiteDesign:
        """Draw a site over the whole test matrix.

        Args:
            rng: random numbers.
            interval_min: of its meters; drawn without it.
            missing_share: of its readings; drawn without it: mostly little, at one site in ten 5 to 20 %.
            needs_it_meter: whether what happens to it needs an IT meter.
            size_at: where between 1 and 1,000 MW on a log scale, 0 to 1; drawn without it.
        """
        size = float(rng.random()) if size_at is None else (float(rng.random()), size_at)[1]
        interval = int(rng.choice(INTERVALS_MIN, p=_INTERVAL_WEIGHTS))
        missing = (float(rng.uniform(0, 0.005)), float(rng.uniform(0.005, 0.05)), float(rng.uniform(0.05, 0.2)))
        which = int(rng.choice(3, p=(0.6, 0.3, 0.1)))
        lacks_it, lacks_temperature, solar, battery = rng.random(4)
        clumped = float(rng.uniform(0, 0.8))
        classes = rng.uniform(0.2, 1.0, 2)
        shares = rng.uniform(0.05, 0.4, 2)
        return SiteDesign(
            it_capacity_mw=round(float(10 ** (3 * size)), 1),
            interval_min=interval if interval_min is None else interval_min,
            utility_accuracy_pct=round(float(classes[0]), 2),
            it_accuracy_pct=round(float(classes[1]), 2),
            missing_share=missing[which] if missing_share is None else missing_share,
            clumped_share=clumped,
            pue=float(rng.uniform(1.05, 1.6)),
            has_it_meter=bool(needs_it_meter or lacks_it >= 0.12),
            has_temperature=bool(lacks_temperature >= 0.12),
            solar_share=float(shares[0]) if solar < 0.1 else 0.0,
            battery_share=float(shares[1]) if battery < 0.08 else 0.0,
        )
