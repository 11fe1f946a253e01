"""Green Button feeds for tests, as utilities send them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

_NS = 'xmlns="http://www.w3.org/2005/Atom"'
_ESPI = 'xmlns="http://naesb.org/espi"'
_ROOT = "/espi/1_1/resource"


def reading(
    start: datetime | int | str, value: object, duration: object = 900, qualities: Sequence[object] = ()
) -> str:
    """Return one interval reading; None leaves an element out."""
    begun = int(start.timestamp()) if isinstance(start, datetime) else start
    marks = "".join(f"<ReadingQuality><quality>{q}</quality></ReadingQuality>" for q in qualities)
    long = "" if duration is None else f"<duration>{duration}</duration>"
    amount = "" if value is None else f"<value>{value}</value>"
    return f"<IntervalReading>{marks}<timePeriod>{long}<start>{begun}</start></timePeriod>{amount}</IntervalReading>"


def stream(
    readings: Iterable[str],
    *,
    point: int = 1,
    number: int = 1,
    uom: int | None = 72,
    power: int | str = 0,
    flow: int | None = 1,
    accumulation: int | None = 4,
    has_type: bool = True,
) -> str:
    """Return the entries of one meter reading: its type, itself, and a block of readings."""
    here = f"{_ROOT}/UsagePoint/{point}/MeterReading/{number}"
    type_of = f"{_ROOT}/ReadingType/{point}{number}"
    fields = {
        "accumulationBehaviour": accumulation,
        "flowDirection": flow,
        "powerOfTenMultiplier": power,
        "uom": uom,
    }
    inside = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if v is not None)
    entries = [
        f'<link rel="self" href="{_ROOT}/UsagePoint/{point}"/><content><UsagePoint {_ESPI}/></content>',
        f'<link rel="self" href="{here}"/><link rel="related" href="{type_of}"/>'
        f"<content><MeterReading {_ESPI}/></content>",
        f'<link rel="self" href="{here}/IntervalBlock/1"/><link rel="up" href="{here}/IntervalBlock"/>'
        f"<content><IntervalBlock {_ESPI}>{''.join(readings)}</IntervalBlock></content>",
    ]
    if has_type:
        entries.append(
            f'<link rel="self" href="{type_of}"/><content><ReadingType {_ESPI}>{inside}</ReadingType></content>'
        )
    return "".join(f"<entry>{entry}</entry>" for entry in entries)


def feed(*streams: str) -> str:
    """Return a whole feed."""
    return f'<?xml version="1.0" encoding="UTF-8"?><feed {_NS}>{"".join(streams)}</feed>'
