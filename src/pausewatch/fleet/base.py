"""The shape all declared things share: immutable, complete, and deaf to unknown keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


class Declared(BaseModel):
    """Base of every model of the fleet file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An instant given with an offset, kept in UTC."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
"""An id: lower-case letters, digits and hyphens."""


def _known_zone(value: str) -> str:
    zones = available_timezones()
    if value not in zones:
        from rapidfuzz import process

        near = process.extractOne(value, sorted(zones))
        raise ValueError(f"{value!r} is not an IANA zone; did you mean {near[0]}?")
    return value


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""
