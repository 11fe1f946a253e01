"""A site: where it stands, what it could draw, what it holds, its meters and its declarations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from pausewatch.fleet.accelerators import known_model
from pausewatch.fleet.base import Declared, Slug, ZoneName
from pausewatch.fleet.declarations import Declaration
from pausewatch.fleet.meters import Measure, Meter


class Inventory(Declared):
    """Accelerators of one model."""

    model: Annotated[str, AfterValidator(known_model)] = Field(description="name in the accelerator catalogue")
    count: int = Field(gt=0, description="how many")


class Site(Declared):
    """A datacenter site under watch."""

    id: Slug = Field(description="unique in the fleet")
    name: str = Field(min_length=1, description="name on every report")
    owner: str = Field(min_length=1, description="sites of one owner are also judged together")
    jurisdiction: str = Field(min_length=1, description="decides which pauses hold")
    timezone: ZoneName = Field(description="IANA zone; decides weekday, hour, holiday and report day")
    country: str | None = Field(None, description="ISO country of its holiday calendar")
    latitude: float | None = Field(None, ge=-90, le=90, description="degrees north")
    longitude: float | None = Field(None, ge=-180, le=180, description="degrees east")
    grid_connection_mw: float = Field(gt=0, description="what it may draw from the grid")
    it_capacity_mw: float = Field(gt=0, description="what its IT equipment can draw")
    accelerators: tuple[Inventory, ...] = Field((), description="the declared inventory")
    meters: tuple[Meter, ...] = Field(min_length=1, description="its meters")
    declarations: tuple[Declaration, ...] = Field((), description="what the operator filed")

    @cached_property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.timezone)

    def day_bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return the UTC start and end of a local day: 23 or 25 hours apart when the clocks change."""
        start = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        following = day + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=self.zone)
        return start.astimezone(UTC), end.astimezone(UTC)

    def cutoff(self, day: date, cutoff_hours: float) -> datetime:
        """Return the UTC instant until which readings may arrive to be seen on a report day."""
        return self.day_bounds(day)[1] + timedelta(hours=cutoff_hours)

    def meters_of(self, measure: Measure) -> tuple[Meter, ...]:
        """Return its meters of one measure."""
        return tuple(m for m in self.meters if m.measures is measure)
