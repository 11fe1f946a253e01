"""A declaration: work an operator said it expects, before it happens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field, model_validator

from pausewatch.fleet.base import Declared, Slug, UtcDatetime


class Activity(StrEnum):
    """What a declaration says the load is for."""

    TRAINING = "training"
    INFERENCE = "inference"
    SCIENCE = "science"
    MAINTENANCE = "maintenance"
    COMMISSIONING = "commissioning"
    DEMAND_RESPONSE = "demand_response"
    OTHER = "other"


class Declaration(Declared):
    """Declared work: kind, time, expected load at the IT, and when it was filed."""

    id: Slug = Field(description="unique in the fleet")
    activity: Activity = Field(description="what the load is for")
    start: UtcDatetime = Field(description="when it begins")
    end: UtcDatetime | None = Field(None, description="when it ends; open without it")
    expected_mw: float | None = Field(None, ge=0, description="expected load at the IT, MW")
    filed_at: UtcDatetime = Field(description="when it was filed")
    reference: str | None = Field(None, description="the notice it stands in")

    @property
    def is_late(self) -> bool:
        """Whether it was filed only after the work began."""
        return self.filed_at > self.start

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Return whether it is in force at any time of [start, end)."""
        return self.start < end and (self.end is None or self.end > start)

    @model_validator(mode="after")
    def _ends_after_start(self) -> Declaration:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"ends at {self.end.isoformat()}, not after its start {self.start.isoformat()}")
        return self
