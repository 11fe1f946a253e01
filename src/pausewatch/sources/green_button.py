"""Green Button: ESPI Atom XML as utilities send it, streamed with a parser that refuses entities and bombs.

What a reading means is spread over the feed: an IntervalBlock links up to a MeterReading, that to a ReadingType (unit,
power of ten, flow direction, accumulation) and to a UsagePoint. Feeds come whole or in pieces; where no reading type is
given the meter's `unit` stands.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Measure, Meter, Unit
from pausewatch.fleet.sources import GreenButtonSpec
from pausewatch.sources.files import list_files, read_bytes
from pausewatch.sources.protocol import Batch, Reason
from pausewatch.sources.quality import Quality
from pausewatch.sources.schema import UTC_US, empty_rejects
from pausewatch.sources.units import to_canonical

# ESPI UomType: watts and watt-hours; VA and VAR are no measure of the energy a load takes.
_UOM = {38: Unit.W, 72: Unit.WH}
_FORWARD, _REVERSE = 1, 19
_FLOW_OF = {Measure.UTILITY_EXPORT: _REVERSE, Measure.ONSITE_GENERATION: _REVERSE}
# ESPI AccumulationKind: 1 bulk quantity, 3 cumulative: a register's reading, not an interval's energy.
_REGISTER = (1, 3)
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
class _ReadingType:
    uom: int | None
    power_of_ten: int
    flow: int | None
    accumulation: int | None


@dataclass
class _Feed:
    types: dict[str, _ReadingType] = field(default_factory=dict)
    type_of_meter_reading: dict[str, str] = field(default_factory=dict)
    usage_points: set[str] = field(default_factory=set)
    rows: list[tuple[int, int, float | None, int | None, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class GreenButtonSource:
    """Interval blocks of one meter in Green Button files, or at a data custodian."""

    site_id: str
    meter: Meter
    spec: GreenButtonSpec

    @property
    def _where(self) -> str:
        return f"site {self.site_id}, meter {self.meter.id}"

    def read(self, since: datetime | None, until: datetime | None) -> Iterator[Batch]:
        """Yield one batch a file; see `Source.read`."""
        for url, content, digest in self._contents():
            feed = _parse(content, f"{self._where}, {url}")
            readings, rejects = self._readings(feed, url)
            inside = pl.lit(True)
            if since is not None:
                inside = inside & (pl.col("interval_start") >= since)
            if until is not None:
                inside = inside & (pl.col("interval_start") < until)
            yield Batch(
                readings.filter(inside), rejects.filter(pl.col("interval_start").is_null() | inside), url, digest
            )

    def _contents(self) -> Iterator[tuple[str, bytes, str]]:
        if self.spec.path is not None:
            for url in list_files(self.spec.path, self._where):
                content, digest = read_bytes(url, self._where)
                yield url, content, digest
            return
        yield self._download()

    def _download(self) -> tuple[str, bytes, str]:
        import hashlib
        from urllib.error import URLError
        from urllib.request import Request, urlopen

        from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

        spec = self.spec
        url = f"{str(spec.url).rstrip('/')}/Batch/Subscription/{spec.subscription}"
        if not url.startswith(("https://", "http://")):
            raise SourceError("not a web address", where=f"{self._where}, {url}", remedy="give an https:// url")
        headers = {"Accept": "application/atom+xml"}
        if spec.credentials:
            name = f"PAUSEWATCH_CREDENTIALS_{spec.credentials.upper().replace('-', '_')}"
            token = os.environ.get(name)
            if not token:
                raise SourceError("its credentials are not set", where=self._where, remedy=f"set {name}")
            headers["Authorization"] = f"Bearer {token}"

        @retry(
            retry=retry_if_exception_type((URLError, TimeoutError, ConnectionError)),
            stop=stop_after_attempt(4),
            wait=wait_exponential_jitter(initial=0.5, max=20),
            reraise=True,
        )
        def fetch() -> bytes:
            with urlopen(Request(url, headers=headers), timeout=60) as response:  # noqa: S310
                body: bytes = response.read()
            return body

        try:
            content = fetch()
        except (URLError, TimeoutError, ConnectionError) as error:
            why = str(getattr(error, "reason", error))
            raise SourceError("the data custodian did not answer", where=f"{self._where}, {url}", why=why) from None
        return url, content, hashlib.sha256(content).hexdigest()

    def _readings(self, feed: _Feed, url: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        at = f"{self._where}, {url}"
        wanted_flow = _FLOW_OF.get(self.meter.measures, _FORWARD)
        streams = sorted({(row[4], row[5]) for row in feed.rows})
        chosen = [s for s in streams if self._fits(feed, s, wanted_flow)]
        points = sorted({point for point, _ in chosen})
        if len(points) > 1:
            raise SourceError(
                f"{len(points)} usage points in one file",
                where=at,
                why=", ".join(points[:4]),
                remedy="export one usage point a file: which of them feed the site can't be guessed",
            )
        if not chosen:
            seen = (
                f"{len(streams)} streams, none in the wanted flow direction"
                if streams
                else "no interval readings in it"
            )
            raise SourceError("nothing to read for this meter", where=at, why=seen, remedy="ask for interval data")
        frames = [self._stream(feed, stream, at) for stream in chosen]
        both = pl.concat(frames).sort(["interval_start", "value", "where"], descending=[False, True, False])
        return _split(both, empty_rejects())

    def _fits(self, feed: _Feed, stream: tuple[str, str], flow: int) -> bool:
        kind = self._type(feed, stream)
        if kind is None:
            return True
        right_unit = kind.uom is None or kind.uom in _UOM
        return right_unit and (kind.flow or _FORWARD) in (flow, 0)

    @staticmethod
    def _type(feed: _Feed, stream: tuple[str, str]) -> _ReadingType | None:
        known = feed.types.get(feed.type_of_meter_reading.get(stream[1], ""))
        return known or (next(iter(feed.types.values())) if len(feed.types) == 1 else None)

    def _stream(self, feed: _Feed, stream: tuple[str, str], at: str) -> pl.DataFrame:
        kind = self._type(feed, stream)
        unit = self._unit(kind, at)
        if kind is not None and kind.accumulation in _REGISTER:
            raise SourceError(
                "readings of a register, not of intervals", where=at, remedy="ask the utility for interval (delta) data"
            )
        power = kind.power_of_ten if kind is not None else 0
        rows = [r for r in feed.rows if (r[4], r[5]) == stream]
        frame = pl.DataFrame(
            {
                "start": [r[0] for r in rows],
                "duration": [r[1] for r in rows],
                "given": [r[2] for r in rows],
                "code": [r[3] for r in rows],
            },
            schema={"start": pl.Int64, "duration": pl.Int64, "given": pl.Float64, "code": pl.Int64},
        )
        usual = self.meter.interval_s or int(frame["duration"].filter(frame["duration"] > 0).mode().sort()[0])
        start = (pl.col("start") * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        quality = pl.col("code").replace_strict(_QUALITY, default=Quality.MEASURED.value, return_dtype=pl.Utf8)
        reason = (
            pl.when(pl.col("given").is_null())
            .then(pl.lit(Reason.MISSING_VALUE.value))
            .when(pl.col("duration") <= 0)
            .then(pl.lit(Reason.ZERO_DURATION.value))
        )
        # A clock going back is sent by some utilities as one reading of twice the interval, going on as one of 0 s.
        return frame.select(
            start.alias("interval_start"),
            pl.when(pl.col("duration") > 0).then("duration").otherwise(usual).cast(pl.Int32).alias("interval_s"),
            to_canonical(pl.col("given") * 10.0**power, unit, pl.col("duration").clip(lower_bound=1)).alias("value"),
            quality.alias("quality"),
            (start + pl.duration(seconds=pl.col("duration"))).alias("available_at"),
            (pl.lit("reading ") + (pl.int_range(pl.len()) + 1).cast(pl.Utf8)).alias("where"),
            pl.concat_str(
                [pl.col("start").cast(pl.Utf8), pl.col("duration").cast(pl.Utf8), pl.col("given").cast(pl.Utf8)],
                separator=",",
                ignore_nulls=True,
            ).alias("raw"),
            reason.alias("reason"),
        )

    def _unit(self, kind: _ReadingType | None, at: str) -> Unit:
        declared = self.meter.unit
        stated = _UOM.get(kind.uom) if kind is not None and kind.uom is not None else None
        if stated is None and declared is None:
            raise SourceError(
                "no unit: the file has no reading type", where=at, remedy="give the meter's unit in the fleet file"
            )
        if stated is not None and declared is not None and _is_energy(stated) != _is_energy(declared):
            raise SourceError(
                f"the file states {stated}, the fleet file {declared}",
                where=at,
                remedy="correct or drop the meter's unit",
            )
        return stated or declared or Unit.WH


def _is_energy(unit: Unit) -> bool:
    return unit in (Unit.WH, Unit.KWH, Unit.MWH)


def _split(both: pl.DataFrame, none: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    good = both.filter(pl.col("reason").is_null())
    repeat = pl.int_range(pl.len()).over("interval_start") > 0
    same = (pl.col("value") - pl.col("value").first().over("interval_start")).abs() <= 1e-9
    marked = good.with_columns(
        pl.when(repeat & same)
        .then(pl.lit(Reason.DUPLICATE.value))
        .when(repeat)
        .then(pl.lit(Reason.CONFLICTING_DUPLICATE.value))
        .alias("reason"),
        pl.when((~same).any().over("interval_start"))
        .then(pl.lit(Quality.SUSPECT.value))
        .otherwise("quality")
        .alias("quality"),
    )
    columns = ["where", "raw", "reason", pl.col("interval_start").cast(UTC_US)]
    rejects = pl.concat(
        [
            none,
            both.filter(pl.col("reason").is_not_null()).select(columns),
            marked.filter(pl.col("reason").is_not_null()).select(columns),
        ]
    )
    readings = marked.filter(pl.col("reason").is_null()).select(
        pl.col("interval_start").cast(UTC_US), "interval_s", "value", "quality", pl.col("available_at").cast(UTC_US)
    )
    return readings, rejects


def _parse(content: bytes, at: str) -> _Feed:
    """Stream the feed entry by entry.

    Raises:
        SourceError: it is empty, not well-formed, or holds entities.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    if not content.strip():
        raise SourceError("the file is empty", where=at, remedy="fetch it again")
    feed = _Feed()
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
    except _BadFieldError as error:
        raise SourceError(f"{error.tag} is not a number: {error.text!r}", where=at) from error
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


def _take_entry(entry: Element, feed: _Feed, number: int) -> None:
    links: dict[str, list[str]] = {}
    for child in entry:
        if _tag(child) == "link":
            links.setdefault(child.get("rel", ""), []).append(child.get("href", "").rstrip("/"))
    own = (links.get("self") or [f"entry {number}"])[0]
    content: Any = _find(entry, "content")
    for item in list(content) if content is not None else []:
        name = _tag(item)
        if name == "ReadingType":
            feed.types[own] = _ReadingType(
                _integer(item, "uom"),
                _integer(item, "powerOfTenMultiplier") or 0,
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


def _take_reading(reading: Element, feed: _Feed, point: str, meter_reading: str) -> None:
    start = _integer(reading, "timePeriod", "start")
    if start is None:
        return
    duration = _integer(reading, "timePeriod", "duration")
    value = _integer(reading, "value")
    codes = [_integer(q, "quality") for q in reading if _tag(q) == "ReadingQuality"]
    worst = [c for c in codes if c is not None]
    code = max(worst, key=lambda c: _SEVERITY[_QUALITY.get(c, Quality.MEASURED)]) if worst else None
    feed.rows.append(
        (
            start,
            0 if duration is None else duration,
            None if value is None else float(value),
            code,
            point,
            meter_reading,
        )
    )


_SEVERITY = {Quality.MEASURED: 0, Quality.DERIVED: 1, Quality.ESTIMATED: 2, Quality.SUSPECT: 3}
