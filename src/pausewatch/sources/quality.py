"""Quality codes of a reading, and which of them count as a measurement."""

from __future__ import annotations

from enum import StrEnum


class Quality(StrEnum):
    """What is known of how a value came to be."""

    MEASURED = "measured"
    """Read from the meter, as far as the source says."""
    DERIVED = "derived"
    """Computed from other measurements by the source."""
    ESTIMATED = "estimated"
    """Estimated or substituted by the source: kept, shown, never fitted on."""
    SUSPECT = "suspect"
    """Failed a validation, or two values were sent for one interval: kept, never fitted on."""

    @property
    def is_usable(self) -> bool:
        """Whether it counts as a measurement."""
        return self in (Quality.MEASURED, Quality.DERIVED)


USABLE = tuple(q.value for q in Quality if q.is_usable)
