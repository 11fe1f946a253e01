"""Collecting: from sources into the lake, as often as you like, with the same result."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Fleet, Meter, Site
from pausewatch.progress import Progress, Silent
from pausewatch.sources import Files, open_source
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.news import Taken, news
from pausewatch.telemetry.plausibility import delivery_hint, screen, swap_hint

# Rows held before they are committed: enough for large files, little enough for memory.
_COMMIT_ROWS = 3_000_000


@dataclass
class CollectSummary:
    """What a collect did.

    `failures` holds the error of each meter that could not be read; the others were collected all the same.
    `warnings` says what looks wrong in what was newly read: nothing in it, a wrong unit, swapped meters.
    """

    readings: int = 0
    rejects: int = 0
    ingests: int = 0
    unchanged: int = 0
    failures: list[SourceError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Delivery:
    """What one meter newly delivered in this collect."""

    is_whole: bool
    readings: int = 0
    total: float = 0.0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, readings: pl.DataFrame, rejects: pl.DataFrame) -> None:
        """Count what a file or response held."""
        self.readings += len(readings)
        self.total += float(readings["value"].sum())
        if len(rejects):
            self.rejected.update(rejects["reason"].to_list())

    @property
    def mean(self) -> float | None:
        return self.total / self.readings if self.readings else None

    def hint(self, site: Site, meter: Meter, unchanged: int) -> str | None:
        """Return what looks wrong. That a part of what the meter has to give is empty is nothing wrong."""
        if not self.readings and not self.rejected and (unchanged or not self.is_whole):
            return None
        told = delivery_hint(site, meter, self.readings, self.mean, self.rejected)
        return f"site {site.id}, meter {meter.id}: {told}" if told else None


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
    files = Files()
    told.stage("collecting meters", sum(len(site.meters) for site in sites))
    taken: list[Taken] = []
    rows = 0
    for site in sites:
        means: dict[str, float | None] = {}
        for meter in site.meters:
            delivery = _Delivery(is_whole=since is None and until is None)
            identity = _Identity(site, meter, since, until, known)
            try:
                for batch in open_source(site, meter, files).read(since, until, identity.is_known):
                    ingest_id = identity.of(batch.origin, batch.sha256)
                    known.add(ingest_id)
                    readings, rejects = screen(batch, site, meter)
                    taken.append(Taken(site, meter, ingest_id, batch.origin, batch.sha256, readings, rejects))
                    rows += len(readings)
                    delivery.add(readings, rejects)
                hint = delivery.hint(site, meter, identity.unchanged)
                summary.warnings += [hint] if hint else []
            except SourceError as error:
                summary.failures.append(error)
            summary.unchanged += identity.unchanged
            means[meter.id] = delivery.mean
            told.advance()
        swapped = swap_hint(site, means)
        summary.warnings += [swapped] if swapped else []
        # Meters of one site may correct each other's files only once they are in the lake.
        if rows >= _COMMIT_ROWS:
            _commit(taken, lake, moment, summary)
            taken, rows = [], 0
    _commit(taken, lake, moment, summary)
    lake.tidy()
    return summary


class _Identity:
    """The identity of a meter's ingests: what was read, as what, and between which bounds."""

    def __init__(
        self, site: Site, meter: Meter, since: datetime | None, until: datetime | None, known: set[str]
    ) -> None:
        self._before = (site.id, site.grid_connection_mw, meter.model_dump_json())
        self._after = (since, until)
        self._known = known
        self.unchanged = 0

    def of(self, origin: str, sha256: str) -> str:
        parts = (*self._before, origin, sha256, *self._after)
        return hashlib.sha256("|".join(str(p) for p in parts).encode()).hexdigest()[:24]

    def is_known(self, origin: str, sha256: str) -> bool:
        found = self.of(origin, sha256) in self._known
        self.unchanged += found
        return found


def _commit(taken: list[Taken], lake: Lake, moment: datetime, summary: CollectSummary) -> None:
    """Write rows first and the record of the ingest last: an ingest on record is complete."""
    if not taken:
        return
    fresh, rejects = news(taken, lake, moment)
    readings = fresh.with_columns(pl.col("interval_start").dt.strftime("%Y-%m").alias("month")).sort(
        ["month", "site_id", "meter_id", "interval_start", "available_at"]
    )
    lake.append("readings", readings)
    lake.append("rejects", rejects)
    lake.append("ingests", _record(taken, fresh, moment))
    summary.readings += len(readings)
    summary.rejects += len(rejects)
    summary.ingests += len(taken)


def _record(taken: list[Taken], fresh: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return the record of the ingests: what each file held, and when what it brought lies."""
    span = [
        pl.col("interval_start").min().alias("first_interval"),
        pl.col("interval_start").max().alias("last_interval"),
        pl.col("available_at").min().alias("first_available_at"),
    ]
    brought = fresh.group_by("taken").agg(span)
    spans: dict[int, tuple[object, ...]] = {row[0]: row[1:] for row in brought.rows()}
    # The record tells what the file held, whoever wrote its rows: done again after an interruption, it says the same.
    rows = []
    for i, one in enumerate(taken):
        first, last, arrived = spans.get(i) or one.readings.select(span).row(0)
        rows.append(
            {
                "ingest_id": one.ingest_id,
                "site_id": one.site.id,
                "meter_id": one.meter.id,
                "source": one.origin,
                "sha256": one.sha256,
                "readings": len(one.readings),
                "rejects": len(one.rejects),
                "first_interval": first,
                "last_interval": last,
                "first_available_at": arrived,
                "collected_at": moment,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
