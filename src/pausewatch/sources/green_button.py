"""Green Button: ESPI Atom XML as utilities send it, from files or a data custodian.

What a reading means is spread over the feed: an IntervalBlock links up to a MeterReading, that to a ReadingType (unit,
power of ten, flow direction, accumulation) and to a UsagePoint. Feeds come whole or in pieces; where no reading type is
given the meter's `unit` stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Measure, Meter, Unit
from pausewatch.fleet.sources import GreenButtonSpec
from pausewatch.sources.espi import Feed, ReadingType, parse_feed
from pausewatch.sources.files import Files, read_bytes
from pausewatch.sources.protocol import Batch, Known, Reason, unknown
from pausewatch.sources.quality import Quality
from pausewatch.sources.schema import UTC_US, empty_rejects
from pausewatch.sources.units import to_canonical

# ESPI UomType: watts and watt-hours; VA and VAR are no measure of the energy a load takes.
_UOM = {38: Unit.W, 72: Unit.WH}
_SCALED = {
    (Unit.W, 3): Unit.KW,
    (Unit.W, 6): Unit.MW,
    (Unit.WH, 3): Unit.KWH,
    (Unit.WH, 6): Unit.MWH,
}
_FORWARD, _REVERSE = 1, 19
_FLOW_OF = {Measure.UTILITY_EXPORT: _REVERSE, Measure.ONSITE_GENERATION: _REVERSE}
# ESPI AccumulationKind: 1 bulk quantity, 3 cumulative: a register's reading, not an interval's energy.
_REGISTER = (1, 3)


@dataclass(frozen=True)
class GreenButtonSource:
    """Interval blocks of one meter in Green Button files, or at a data custodian."""

    site_id: str
    meter: Meter
    spec: GreenButtonSpec
    files: Files = field(default_factory=Files)

    @property
    def _where(self) -> str:
        return f"site {self.site_id}, meter {self.meter.id}"

    def read(self, since: datetime | None, until: datetime | None, is_known: Known = unknown) -> Iterator[Batch]:
        """Yield one batch a file; see `Source.read`."""
        for url, content, digest in self._contents():
            if is_known(url, digest):
                continue
            feed = parse_feed(content, f"{self._where}, {url}")
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
            for url in self.files.listed(self.spec.path, self._where):
                content, digest = read_bytes(url, self._where)
                yield url, content, digest
            return
        yield self._download()

    def _download(self) -> tuple[str, bytes, str]:
        import hashlib
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter

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

        troubles = (URLError, TimeoutError, ConnectionError, HTTPException)

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, troubles) and not (isinstance(error, HTTPError) and error.code < 500)

        @retry(
            retry=retry_if_exception(may_pass),
            stop=stop_after_attempt(4),
            wait=wait_exponential_jitter(multiplier=0.5, max=20),
            reraise=True,
        )
        def fetch() -> bytes:
            with urlopen(Request(url, headers=headers), timeout=60) as response:  # noqa: S310
                body: bytes = response.read()
            return body

        try:
            content = fetch()
        except HTTPError as error:
            error.close()
            remedy = (
                "check its credentials and the subscription" if error.code in (401, 403, 404) else "try again later"
            )
            why = f"{error.code} {error.reason}"
            raise SourceError(
                "the data custodian refused", where=f"{self._where}, {url}", why=why, remedy=remedy
            ) from None
        except troubles as error:
            why = str(getattr(error, "reason", error))
            raise SourceError("the data custodian did not answer", where=f"{self._where}, {url}", why=why) from None
        return url, content, hashlib.sha256(content).hexdigest()

    def _readings(self, feed: Feed, url: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        at = f"{self._where}, {url}"
        wanted_flow = _FLOW_OF.get(self.meter.measures, _FORWARD)
        streams = sorted({row.stream for row in feed.rows})
        measured = [s for s in streams if self._has_unit(feed, s)]
        fitting = [s for s in measured if self._flows(feed, s, wanted_flow)]
        chosen = self._best(feed, fitting, at)
        points = sorted({point for point, _ in chosen})
        if len(points) > 1:
            raise SourceError(
                f"{len(points)} usage points in one file",
                where=at,
                why=", ".join(points[:4]),
                remedy="export one usage point a file: which of them feed the site can't be guessed",
            )
        if not chosen:
            seen = "no interval readings in it"
            if measured:
                seen = f"{len(measured)} streams, none in the wanted flow direction"
            elif streams:
                seen = f"{len(streams)} streams, none in W or Wh"
            raise SourceError("nothing to read for this meter", where=at, why=seen, remedy="ask for interval data")
        frames = [self._stream(feed, stream, url, at) for stream in chosen]
        both = pl.concat(frames).sort(["interval_start", "value", "where"], descending=[False, True, False])
        return _split(both, empty_rejects())

    def _has_unit(self, feed: Feed, stream: tuple[str, str]) -> bool:
        kind = self._type(feed, stream)
        return kind is None or kind.uom is None or kind.uom in _UOM

    def _flows(self, feed: Feed, stream: tuple[str, str], flow: int) -> bool:
        kind = self._type(feed, stream)
        return kind is None or (kind.flow or _FORWARD) == flow

    def _best(self, feed: Feed, streams: list[tuple[str, str]], at: str) -> list[tuple[str, str]]:
        """Leave out registers, and demand where the energy of the intervals stands beside it."""
        kinds = {stream: self._type(feed, stream) for stream in streams}
        intervals = [s for s, kind in kinds.items() if kind is None or kind.accumulation not in _REGISTER]
        if streams and not intervals:
            raise SourceError(
                "readings of a register, not of intervals", where=at, remedy="ask the utility for interval (delta) data"
            )
        energy = [s for s in intervals if (kind := kinds[s]) is not None and _UOM.get(kind.uom or 0) is Unit.WH]
        return energy or intervals

    @staticmethod
    def _type(feed: Feed, stream: tuple[str, str]) -> ReadingType | None:
        known = feed.types.get(feed.type_of_meter_reading.get(stream[1], ""))
        return known or (next(iter(feed.types.values())) if len(feed.types) == 1 else None)

    def _stream(self, feed: Feed, stream: tuple[str, str], url: str, at: str) -> pl.DataFrame:
        kind = self._type(feed, stream)
        unit = self._unit(kind, at)
        power = kind.power_of_ten if kind is not None else 0
        rows = [r for r in feed.rows if r.stream == stream]
        frame = pl.DataFrame(
            {
                "start": [r.start for r in rows],
                "duration": [r.duration for r in rows],
                "given": [r.value for r in rows],
                "quality": [r.quality for r in rows],
                "number": [r.number for r in rows],
                "raw": [r.raw for r in rows],
                "flaw": [r.flaw for r in rows],
            },
            schema={
                "start": pl.Int64,
                "duration": pl.Int64,
                "given": pl.Float64,
                "quality": pl.Utf8,
                "number": pl.Int64,
                "raw": pl.Utf8,
                "flaw": pl.Utf8,
            },
        )
        start = (pl.col("start") * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        zero = pl.when(pl.col("duration") <= 0).then(pl.lit(Reason.ZERO_DURATION.value))
        name = url.rsplit("/", 1)[-1]
        # A clock going back is sent by some utilities as one reading of twice the interval, going on as one of 0 s.
        return frame.select(
            start.alias("interval_start"),
            pl.col("duration").cast(pl.Int32).alias("interval_s"),
            to_canonical(pl.col("given") * 10.0**power, unit, pl.col("duration").clip(lower_bound=1)).alias("value"),
            "quality",
            (start + pl.duration(seconds=pl.col("duration"))).alias("available_at"),
            pl.format("{}: reading {}", pl.lit(name), "number").alias("where"),
            "raw",
            pl.coalesce("flaw", zero).alias("reason"),
        )

    def _unit(self, kind: ReadingType | None, at: str) -> Unit:
        declared = self.meter.unit
        stated = _UOM.get(kind.uom) if kind is not None and kind.uom is not None else None
        if stated is None and declared is None:
            raise SourceError(
                "no unit: the file has no reading type", where=at, remedy="give the meter's unit in the fleet file"
            )
        if kind is not None and stated is not None and declared is not None:
            scaled = _SCALED.get((stated, kind.power_of_ten), stated)
            if declared not in (stated, scaled):
                raise SourceError(
                    f"the file states {scaled}, the fleet file {declared}",
                    where=at,
                    remedy="correct or drop the meter's unit",
                )
        return stated or declared or Unit.WH


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
