"""A pause: where and from when large training must not run."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, model_validator

from pausewatch.fleet.base import Declared, Slug, UtcDatetime


class Pause(Declared):
    """A declared pause of the training of large AI models."""

    id: Slug = Field(description="unique in the fleet")
    jurisdictions: tuple[str, ...] = Field(min_length=1, description='where it holds; "*" is everywhere')
    announced: UtcDatetime | None = Field(
        None,
        description="when it was announced: data after it may have been prepared for the pause",
    )
    start: UtcDatetime = Field(description="when it begins")
    end: UtcDatetime | None = Field(None, description="when it ends; open without it")

    @property
    def reference_end(self) -> datetime:
        """Return the instant from which nothing may be learned any more."""
        return self.announced or self.start

    def holds_in(self, jurisdiction: str) -> bool:
        """Return whether the pause holds in a jurisdiction."""
        return "*" in self.jurisdictions or jurisdiction in self.jurisdictions

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Return whether it is in force at any time of [start, end)."""
        return self.start < end and (self.end is None or self.end > start)

    @model_validator(mode="after")
    def _in_order(self) -> Pause:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"ends at {self.end.isoformat()}, not after its start {self.start.isoformat()}")
        if self.announced is not None and self.announced > self.start:
            raise ValueError("announced after its start")
        return self
