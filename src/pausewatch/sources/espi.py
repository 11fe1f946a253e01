"""ESPI: a Green Button feed taken apart, streamed with a parser that refuses entities and bombs."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from pausewatch.errors import SourceError
from pausewatch.sources.protocol import Reason
from pausewatch.sources.quality import Quality

# ESPI QualityOfReading.
_QUALITY = {
    0: Quality.MEASURED,
    7: Quality.ESTIMATED,
    8: Quality.ESTIMATED,
    9: Quality.ESTIMATED,
    10: Quality.SUSPECT,
    11: Quality.DERIVED,
    12: Quality.ESTIMATED,
    13: Quality.SUSPECT,
    14: Quality.MEASURED,
    15: Quality.SUSPECT,
    16: Quality.DERIVED,
    17: Quality.MEASURED,
    18: Quality.MEASURED,
    19: Quality.MEASURED,
    20: Quality.SUSPECT,
}


@dataclass(frozen=True)
class ReadingType:
    """What the values of a stream mean, as ESPI codes them."""

    uom: int | None
    power_of_ten: int
    flow: int | None
    accumulation: int | None


class Row(NamedTuple):
    """One interval reading as it stands in the feed, with the reason it can't be taken where there is one."""

    start: int | None
    duration: int
    value: float | None
    quality: str
    point: str
    meter_reading: str
    number: int
    raw: str
    flaw: str | None

    @property
    def stream(self) -> tuple[str, str]:
        """Usage point and meter reading it belongs to."""
        return self.point, self.meter_reading


@dataclass
class Feed:
    """The parts of a feed that say what was measured."""

    types: dict[str, ReadingType] = field(default_factory=dict)
    type_of_meter_reading: dict[str, str] = field(default_factory=dict)
    usage_points: set[str] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)


def parse_feed(content: bytes, at: str) -> Feed:
    """Stream the feed entry by entry.

    Raises:
        SourceError: it is empty, not well-formed, or holds entities.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    if not content.strip():
        raise SourceError("the file is empty", where=at, remedy="fetch it again")
    feed = Feed()
    entries = 0
    try:
        for _, element in iterparse(io.BytesIO(content), events=("end",), forbid_dtd=True):
            if _tag(element) == "entry":
                _take_entry(element, feed, entries)
                entries += 1
                element.clear()
    except ParseError as error:
        raise SourceError("not well-formed XML", where=at, why=str(error), remedy="fetch the file again") from error
    except DefusedXmlException as error:
        raise SourceError("refused: it declares entities or a DTD", where=at, why=type(error).__name__) from error
    except (ValueError, LookupError) as error:
        raise SourceError("its encoding can't be read", where=at, why=str(error), remedy="ask for UTF-8") from error
    except _BadFieldError as error:
        raise SourceError(f"{error.tag} is no sensible number: {error.text!r}", where=at) from error
    if not entries:
        raise SourceError("no Atom entry in it: not a Green Button feed", where=at)
    return feed


class _BadFieldError(Exception):
    def __init__(self, tag: str, text: str) -> None:
        self.tag, self.text = tag, text
        super().__init__(tag)


def _tag(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]


def _find(element: Element, *names: str) -> Element | None:
    here: Element | None = element
    for name in names:
        here = next((child for child in here if _tag(child) == name), None) if here is not None else None
    return here


def _integer(element: Element, *names: str) -> int | None:
    found = _find(element, *names)
    if found is None or not (found.text or "").strip():
        return None
    text = str(found.text).strip()
    try:
        return int(text)
    except ValueError:
        raise _BadFieldError(names[-1], text) from None


def _power_of_ten(reading_type: Element) -> int:
    power = _integer(reading_type, "powerOfTenMultiplier") or 0
    if abs(power) > 12:
        raise _BadFieldError("powerOfTenMultiplier", str(power))
    return power


def _take_entry(entry: Element, feed: Feed, number: int) -> None:
    links: dict[str, list[str]] = {}
    for child in entry:
        if _tag(child) == "link":
            links.setdefault(child.get("rel", ""), []).append(child.get("href", "").rstrip("/"))
    own = (links.get("self") or [f"entry {number}"])[0]
    content: Any = _find(entry, "content")
    for item in list(content) if content is not None else []:
        name = _tag(item)
        if name == "ReadingType":
            feed.types[own] = ReadingType(
                _integer(item, "uom"),
                _power_of_ten(item),
                _integer(item, "flowDirection"),
                _integer(item, "accumulationBehaviour"),
            )
        elif name == "UsagePoint":
            feed.usage_points.add(own)
        elif name == "MeterReading":
            for related in links.get("related", []):
                if "/ReadingType" in related:
                    feed.type_of_meter_reading[own] = related
        elif name == "IntervalBlock":
            meter_reading = (links.get("up") or [own])[0].removesuffix("/IntervalBlock")
            point = meter_reading.split("/MeterReading")[0]
            for reading in item:
                if _tag(reading) == "IntervalReading":
                    _take_reading(reading, feed, point, meter_reading)


def _take_reading(reading: Element, feed: Feed, point: str, meter_reading: str) -> None:
    given = [_text(reading, "timePeriod", "start"), _text(reading, "timePeriod", "duration"), _text(reading, "value")]
    start, duration, value = _whole(given[0], _LATEST_S), _whole(given[1] or "0", _LONGEST_S), _number(given[2])
    flaw = None
    if start is None or duration is None:
        flaw = Reason.UNPARSEABLE_TIME.value
    elif not given[2]:
        flaw = Reason.MISSING_VALUE.value
    elif value is None:
        flaw = Reason.UNPARSEABLE_VALUE.value
    codes = [_whole(_text(q, "quality"), 1000) for q in reading if _tag(q) == "ReadingQuality"]
    # A code that ESPI doesn't know vouches for nothing.
    kinds = [Quality.SUSPECT if code is None else _QUALITY.get(code, Quality.SUSPECT) for code in codes]
    quality = max(kinds, key=lambda kind: _SEVERITY[kind], default=Quality.MEASURED)
    raw = ",".join(text for text in given if text)
    feed.rows.append(
        Row(start, duration or 0, value, quality.value, point, meter_reading, len(feed.rows) + 1, raw, flaw)
    )


def _text(element: Element, *names: str) -> str:
    found = _find(element, *names)
    return "" if found is None else (found.text or "").strip()


def _whole(text: str, most: int) -> int | None:
    """Return a whole number from 0 to `most`, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


# 2100 and 32 days: a reading beyond them is a mistake.
_LATEST_S, _LONGEST_S = 4_102_444_800, 32 * 86_400
_SEVERITY = {Quality.MEASURED: 0, Quality.DERIVED: 1, Quality.ESTIMATED: 2, Quality.SUSPECT: 3}
