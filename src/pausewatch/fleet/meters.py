"""A meter: what it measures, in which unit and interval, how well, and who could have touched it."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from pausewatch.fleet.base import Declared, Slug
from pausewatch.fleet.sources import SourceSpec

_DAY_S = 86_400
_HOUR_S = 3_600
_SECONDS = {
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86_400,
    "day": 86_400,
}
_PLAIN = re.compile(r"(\d+)\s*(s|sec|m|min|h|hour|d|day)s?", re.IGNORECASE)
_LONGEST = 12  # characters; a longer interval is a mistake, and overflows
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


class Measure(StrEnum):
    """What a meter measures."""

    UTILITY_IMPORT = "utility_import"
    UTILITY_EXPORT = "utility_export"
    ONSITE_GENERATION = "onsite_generation"
    BATTERY = "battery"
    IT_LOAD = "it_load"
    COOLING_LOAD = "cooling_load"
    OUTDOOR_TEMPERATURE = "outdoor_temperature"


class Unit(StrEnum):
    """Unit of a meter's values: mean power over, or energy in, the interval; or temperature."""

    W = "W"
    KW = "kW"
    MW = "MW"
    WH = "Wh"
    KWH = "kWh"
    MWH = "MWh"
    DEG_C = "degC"
    DEG_F = "degF"

    @property
    def is_temperature(self) -> bool:
        """Whether it is a unit of temperature."""
        return self in (Unit.DEG_C, Unit.DEG_F)


class MeterOwner(StrEnum):
    """Who owns a meter, and so could have touched it."""

    UTILITY = "utility"
    OPERATOR = "operator"


def parse_interval(value: Any) -> Any:
    """Return a timedelta for `15min`, `1h`, `1d` or `PT15M`; anything else is an error."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    if len(text) <= _LONGEST and (found := _PLAIN.fullmatch(text)):
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2].lower()])
    if len(text) <= _LONGEST and (found := _ISO.fullmatch(text)) and any(found.groups()):
        days, hours, minutes, seconds = (int(g or 0) for g in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    raise ValueError("write an interval such as 15min, 1h or 1d")


Interval = Annotated[timedelta, BeforeValidator(parse_interval)]


class Meter(Declared):
    """One meter of a site and the source of its readings."""

    id: Slug = Field(description="unique within the site")
    measures: Measure = Field(description="what it measures")
    unit: Unit | None = Field(None, description="unit of its values, unless the source states it")
    interval: Interval | None = Field(None, description="length of its intervals, unless the source states it")
    accuracy_pct: float = Field(1.0, ge=0, le=20, description="meter class, per cent of the reading")
    owner: MeterOwner = Field(MeterOwner.OPERATOR, description="who could have touched it")
    source: SourceSpec = Field(description="where its readings come from")

    @property
    def interval_s(self) -> int | None:
        """Length of its intervals in seconds, or None where only the source knows."""
        return None if self.interval is None else int(self.interval.total_seconds())

    @model_validator(mode="after")
    def _hangs_together(self) -> Meter:
        states_itself = self.source.kind in ("green_button", "redfish", "open_meteo", "eia930")
        if self.unit is None and not states_itself:
            raise ValueError(f"a {self.source.kind} source needs the meter's unit")
        if self.interval is None and not states_itself:
            raise ValueError(f"a {self.source.kind} source needs the meter's interval")
        is_temperature = self.measures is Measure.OUTDOOR_TEMPERATURE
        if self.unit is not None and self.unit.is_temperature != is_temperature:
            wanted = "degC or degF" if is_temperature else "W, kW, MW, Wh, kWh or MWh"
            raise ValueError(f"unit {self.unit} does not fit {self.measures}: use {wanted}")
        seconds = self.interval_s
        if seconds is not None and (seconds <= 0 or (_HOUR_S % seconds and _DAY_S % seconds)):
            raise ValueError(f"an interval of {seconds} s divides neither an hour nor a day")
        return self
