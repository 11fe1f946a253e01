"""The marginal PUE: what a megawatt more at the IT load adds at the utility's meter, with its 90 % interval."""

from __future__ import annotations

from dataclasses import dataclass

_Z90 = 1.6448536
# Nothing that cools or feeds IT load gives energy back.
_LEAST = 1.0


@dataclass(frozen=True)
class MarginalPue:
    """Marginal PUE of a site.

    Fixed losses don't grow with load, so it lies below the average PUE. Where a site's own reference doesn't tell it,
    the defaults hold from liquid cooling to old chilled water.

    Args:
        central: estimate.
        low: end of the 90 % interval.
        high: end of the 90 % interval.
        is_told: whether the site's own meters tell it.
    """

    central: float = 1.2
    low: float = 1.02
    high: float = 1.5
    is_told: bool = False

    @staticmethod
    def told(mean: float, sd: float) -> MarginalPue:
        """Return what a site's energy balance says."""
        low, central, high = (max(mean + z * sd, _LEAST) for z in (-_Z90, 0.0, _Z90))
        return MarginalPue(central, low, high, True)
