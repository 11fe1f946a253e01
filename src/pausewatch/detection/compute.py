"""Compute: how many FLOP an amount of energy at the IT load could have bought, from the declared chips.

Energy bounds compute. The low end takes the least efficient declared chip at 20 % model FLOP utilisation, the high
end the
most efficient at 45 % and counts the idle power that training displaces: idle chips draw 0.3 to 0.5 of training
power, so what is seen above the baseline is only part of what the chips drew.
"""

from __future__ import annotations

from dataclasses import dataclass

from pausewatch.fleet import Site
from pausewatch.fleet.accelerators import (
    IDLE_SHARE_LOW,
    REFERENCE_MODEL,
    UTILISATION_CENTRAL,
    UTILISATION_HIGH,
    UTILISATION_LOW,
    Accelerator,
    lookup,
)

_J_PER_MWH = 3.6e9


@dataclass(frozen=True)
class Efficiency:
    """FLOP bought by one MWh at the IT load: low, central and high."""

    low: float
    central: float
    high: float


def declared_chips(site: Site) -> list[tuple[Accelerator, int]]:
    """Return the declared chips and their counts; the reference chip where none are declared."""
    chips = [(chip, e.count) for e in site.accelerators if (chip := lookup(e.model)) is not None]
    if chips:
        return chips
    reference = lookup(REFERENCE_MODEL)
    assert reference is not None  # noqa: S101  # the catalogue holds its own reference
    return [(reference, 0)]


def efficiency(site: Site) -> Efficiency:
    """Return the FLOP per MWh of a site's declared inventory."""
    chips = declared_chips(site)
    total = sum(count for _, count in chips) or 1
    weights = [count / total for _, count in chips] if sum(c for _, c in chips) else [1.0]
    central = sum(w / chip.joule_per_flop(UTILISATION_CENTRAL) for (chip, _), w in zip(chips, weights, strict=True))
    return Efficiency(
        low=_J_PER_MWH / max(chip.joule_per_flop(UTILISATION_LOW) for chip, _ in chips),
        central=_J_PER_MWH * central,
        high=_J_PER_MWH / min(chip.joule_per_flop(UTILISATION_HIGH) for chip, _ in chips) / (1 - IDLE_SHARE_LOW),
    )


def days_to_quantity(site: Site, quantity_flop: float) -> float | None:
    """Return the days in which the declared inventory, all of it, could reach a quantity; None if none is declared."""
    rate = sum(chip.peak_dense_bf16_flops * n for chip, n in declared_chips(site)) * UTILISATION_HIGH
    return quantity_flop / rate / 86_400.0 if rate > 0 else None
