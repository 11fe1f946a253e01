"""The shape all declared things share: immutable, complete, and deaf to unknown keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
)


class Declared(BaseModel):
    """Base of every model of the fleet file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _not_a_number(value: Any) -> Any:
    """Refuse `20260901` and the like: read as seconds since 1970 it would be a silent mistake."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
        raise ValueError(f"{value!r} is not an ISO 8601 time with an offset; write it like 2026-09-01T00:00:00Z")
    return value


_NUMBER = re.compile(r"[-+]?[0-9.]+")

UtcDatetime = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_to_utc)]
"""An instant given with an offset, kept in UTC."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
"""An id: lower-case letters, digits and hyphens."""


@cache
def _zones() -> frozenset[str]:
    """Return the IANA zones: listing them walks a folder, too slow to do for each site."""
    return frozenset(available_timezones())


def _known_zone(value: str) -> str:
    zones = _zones()
    if value not in zones:
        from rapidfuzz import process

        near = process.extractOne(value, sorted(zones))
        raise ValueError(f"{value!r} is not an IANA zone; did you mean {near[0]}?")
    return value


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""Name of an IANA time zone."""


def _without_secret(value: str) -> str:
    if _USER_INFO.match(value):
        raise ValueError("holds a user name or password; take it out and name the secret under `credentials`")
    return value


_USER_INFO = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://[^/?#]*[^/?#:@]*:[^/?#@]*@")

Address = Annotated[str, AfterValidator(_without_secret)]
"""A path or URL that carries no secret."""


def _secret_name(value: Any) -> str:
    if not isinstance(value, str) or not _SECRET_NAME.fullmatch(value):
        raise ValueError("not the name of a secret: letters, digits, hyphens and underscores; never the secret itself")
    return value


_SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

SecretName = Annotated[str, BeforeValidator(_secret_name)]
"""Name of a secret that is kept elsewhere; what was given instead is never shown."""
