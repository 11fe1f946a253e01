"""Collecting: from sources into the lake, as often as you like, with the same result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Fleet, Measure, Meter, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.progress import Progress, Silent
from pausewatch.sources import Batch, open_source
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.plausibility import screen

# Rows held before they are committed: enough for large files, little enough for memory.
_COMMIT_ROWS = 3_000_000


@dataclass
class CollectSummary:
    """What a collect did.

    `failures` holds the error of each meter that could not be read; the others were collected all the same.
    """

    readings: int = 0
    rejects: int = 0
    ingests: int = 0
    unchanged: int = 0
    failures: list[SourceError] = field(default_factory=list)


@dataclass
class _Pending:
    readings: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)
    ingests: list[dict[str, object]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(len(r) for r in self.readings)


def collect(
    fleet: Fleet,
    lake: Lake,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    site_ids: Sequence[str] | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> CollectSummary:
    """Pull every meter's readings into the lake.

    Idempotent: a file that was read before is skipped by its hash, a reading the lake holds is not written again. The
    record of an ingest is written after its rows, so that an interrupted collect is simply done again.

    Args:
        fleet: what to collect.
        lake: where to.
        since: only intervals that start at or after.
        until: only intervals that start before.
        site_ids: only these sites.
        progress: told one unit a meter.
        now: the time of collecting; the clock's by default. A value that changed at a source that doesn't say when
            could not be known before it.
    """
    told = progress or Silent()
    moment = now or datetime.now(UTC)
    sites = fleet.selected(site_ids)
    summary = CollectSummary()
    known = set(lake.ingests([s.id for s in sites]).select("ingest_id").collect()["ingest_id"].to_list())
    held = _held_meters(lake, sites)
    told.stage("collecting meters", sum(len(site.meters) for site in sites))
    pending = _Pending()
    for site in sites:
        for meter in site.meters:
            try:
                for batch in open_source(site, meter).read(since, until):
                    ingest_id = _ingest_id(site, meter, batch, since, until)
                    if ingest_id in known:
                        summary.unchanged += 1
                        continue
                    known.add(ingest_id)
                    fresh = (site.id, meter.id) not in held
                    _take(batch, site, meter, ingest_id, lake, moment, pending, fresh)
                    held.add((site.id, meter.id))
            except SourceError as error:
                summary.failures.append(error)
            told.advance()
        # Meters of one site may correct each other's files only once they are in the lake.
        if pending.rows >= _COMMIT_ROWS:
            _commit(pending, lake, summary)
            pending = _Pending()
    _commit(pending, lake, summary)
    lake.tidy()
    return summary


def _held_meters(lake: Lake, sites: Sequence[Site]) -> set[tuple[str, str]]:
    frame = lake.readings(site_ids=[s.id for s in sites]).select("site_id", "meter_id").unique().collect()
    rejected = lake.rejects([s.id for s in sites]).select("site_id", "meter_id").unique().collect()
    return set(frame.rows()) | set(rejected.rows())


def _ingest_id(site: Site, meter: Meter, batch: Batch, since: datetime | None, until: datetime | None) -> str:
    parts = (site.id, site.grid_connection_mw, meter.model_dump_json(), batch.origin, batch.sha256, since, until)
    return hashlib.sha256("|".join(str(p) for p in parts).encode()).hexdigest()[:24]


def _take(
    batch: Batch,
    site: Site,
    meter: Meter,
    ingest_id: str,
    lake: Lake,
    moment: datetime,
    pending: _Pending,
    fresh: bool,
) -> None:
    readings, rejects = screen(batch, site, meter)
    held = readings
    count, rejected = len(readings), len(rejects)
    if not fresh or any(r["meter_id"] == meter.id and r["site_id"] == site.id for r in pending.ingests):
        readings = _news(readings, site, meter, lake, pending, moment)
        rejects = _new_rejects(rejects, site, meter, lake, batch.origin)
    unit = "degC" if meter.measures is Measure.OUTDOOR_TEMPERATURE else "kW"
    identity = [pl.lit(site.id).alias("site_id"), pl.lit(meter.id).alias("meter_id")]
    rows = readings.with_columns(
        *identity,
        pl.lit(unit).alias("unit"),
        pl.lit(batch.origin).alias("source"),
        pl.lit(ingest_id).alias("ingest_id"),
        pl.col("interval_start").dt.strftime("%Y-%m").alias("month"),
    )
    pending.readings.append(rows)
    pending.rejects.append(
        rejects.with_columns(*identity, pl.lit(batch.origin).alias("source"), pl.lit(ingest_id).alias("ingest_id"))
    )
    # The record tells what the file held, whoever wrote its rows: done again after an interruption, it says the same.
    news = held if rows.is_empty() else rows
    pending.ingests.append(
        {
            "ingest_id": ingest_id,
            "site_id": site.id,
            "meter_id": meter.id,
            "source": batch.origin,
            "sha256": batch.sha256,
            "readings": count,
            "rejects": rejected,
            "first_interval": news["interval_start"].min(),
            "last_interval": news["interval_start"].max(),
            "first_available_at": news["available_at"].min(),
            "collected_at": moment,
        }
    )


def _news(
    readings: pl.DataFrame, site: Site, meter: Meter, lake: Lake, pending: _Pending, moment: datetime
) -> pl.DataFrame:
    """Return what the lake doesn't hold yet: new intervals, and corrections from the moment they could be known."""
    if readings.is_empty():
        return readings
    columns = ["interval_start", "value", "quality", "available_at"]
    first, last = readings["interval_start"].min(), readings["interval_start"].max()
    stored = (
        lake.readings(site_ids=[site.id], meter_id=meter.id, since=first)  # type: ignore[arg-type]
        .filter(pl.col("interval_start") <= last)
        .select(columns)
        .collect()
    )
    waiting = [
        rows.filter((pl.col("site_id") == site.id) & (pl.col("meter_id") == meter.id)).select(columns)
        for rows in pending.readings
    ]
    held = pl.concat([stored, *waiting])
    same = ["interval_start", "value", "quality"]
    latest = (
        held.sort(["interval_start", "available_at", "value"])
        .unique("interval_start", keep="last")
        .with_columns((pl.col("available_at") + pl.duration(microseconds=1)).alias("after_held"))
    )
    if isinstance(meter.source, CsvSpec) and meter.source.available_column is not None:
        arrival = ["interval_start", "available_at"]
        fresh = readings.join(held.unique([*same, "available_at"]), on=[*same, "available_at"], how="anti")
        new = fresh.join(held.unique(arrival), on=arrival, how="anti")
        # A value that changed under an arrival the lake knows was rewritten: that could not be known before now.
        # Only the source's last word on an interval is a correction.
        last_word = readings.filter(pl.col("available_at") == pl.col("available_at").max().over("interval_start"))
        rewritten = fresh.join(held.unique(arrival), on=arrival, how="semi").join(last_word, on=arrival, how="semi")
        corrected = _corrections(rewritten, latest, moment)
        return pl.concat([new, corrected]).sort(arrival)
    is_known = readings["interval_start"].is_in(latest["interval_start"].implode())
    return pl.concat([readings.filter(~is_known), _corrections(readings.filter(is_known), latest, moment)]).sort(
        "interval_start"
    )


def _corrections(readings: pl.DataFrame, latest: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return readings that differ from what the lake holds, known from now on and after what they correct."""
    same = ["interval_start", "value", "quality"]
    now = pl.lit(moment).cast(readings.schema["available_at"])
    return (
        readings.join(latest.select(same), on=same, how="anti")
        .join(latest.select("interval_start", "after_held"), on="interval_start", how="left")
        .with_columns(pl.max_horizontal("available_at", now, "after_held").alias("available_at"))
        .drop("after_held")
    )


def _new_rejects(rejects: pl.DataFrame, site: Site, meter: Meter, lake: Lake, origin: str) -> pl.DataFrame:
    if rejects.is_empty():
        return rejects
    what = ["where", "raw", "reason"]
    mine = (pl.col("meter_id") == meter.id) & (pl.col("source") == origin)
    stored = lake.rejects([site.id]).filter(mine).select(what).collect()
    return rejects.join(stored.unique(), on=what, how="anti", nulls_equal=True)


def _commit(pending: _Pending, lake: Lake, summary: CollectSummary) -> None:
    """Write rows first and the record of the ingest last: an ingest on record is complete."""
    if not pending.ingests:
        return
    readings = pl.concat(pending.readings).sort(["month", "site_id", "meter_id", "interval_start", "available_at"])
    rejects = pl.concat(pending.rejects)
    lake.append("readings", readings)
    lake.append("rejects", rejects)
    lake.append("ingests", pl.DataFrame(pending.ingests, infer_schema_length=None))
    summary.readings += len(readings)
    summary.rejects += len(rejects)
    summary.ingests += len(pending.ingests)
