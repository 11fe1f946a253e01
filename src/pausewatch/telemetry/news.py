"""What a collect read that the lake doesn't hold: new intervals and corrections, of many meters at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from pausewatch.fleet import Measure, Meter, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.telemetry.lake import Lake

_METER = ["site_id", "meter_id"]
_INTERVAL = [*_METER, "interval_start"]
_ARRIVAL = [*_INTERVAL, "available_at"]
_SAME = [*_INTERVAL, "value", "quality"]
_REJECT = [*_METER, "source", "where", "raw", "reason"]
_TAKEN = "taken"


@dataclass(frozen=True)
class Taken:
    """One file or response of a meter, read and screened, not yet written."""

    site: Site
    meter: Meter
    ingest_id: str
    origin: str
    sha256: str
    readings: pl.DataFrame
    rejects: pl.DataFrame

    @property
    def says_when(self) -> bool:
        """Whether the source states when each reading arrived."""
        return isinstance(self.meter.source, CsvSpec) and self.meter.source.available_column is not None


def news(taken: list[Taken], lake: Lake, moment: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the readings and rejects of the batches that the lake doesn't hold, with `taken` naming each's batch.

    A reading that differs from what is held is a correction, known from `moment` on and after what it corrects; one
    whose source says when it arrived is believed. A later batch of a meter corrects an earlier one.

    Args:
        taken: in the order of reading.
        lake: what is held.
        moment: the time of collecting.
    """
    about = _about(taken)
    readings = _with_meters([t.readings for t in taken], about)
    rejects = _with_meters([t.rejects for t in taken], about)
    return _new_readings(readings, _rounds(taken), lake, moment), _new_rejects(rejects, lake)


def _about(taken: list[Taken]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            _TAKEN: pl.Series(range(len(taken)), dtype=pl.UInt32),
            "site_id": [t.site.id for t in taken],
            "meter_id": [t.meter.id for t in taken],
            "unit": ["degC" if t.meter.measures is Measure.OUTDOOR_TEMPERATURE else "kW" for t in taken],
            "source": [t.origin for t in taken],
            "ingest_id": [t.ingest_id for t in taken],
            "says_when": [t.says_when for t in taken],
        }
    )


def _with_meters(frames: list[pl.DataFrame], about: pl.DataFrame) -> pl.DataFrame:
    lengths = pl.DataFrame({"n": [len(frame) for frame in frames]}, schema={"n": pl.UInt32})
    number = lengths.with_row_index(_TAKEN).select(pl.col(_TAKEN).repeat_by("n").explode(empty_as_null=False))
    return pl.concat([pl.concat(frames), number], how="horizontal").join(
        about, on=_TAKEN, how="left", maintain_order="left"
    )


def _rounds(taken: list[Taken]) -> pl.DataFrame:
    """Number the batches so that one that may correct another of the same meter comes a round later."""
    earlier: dict[tuple[str, str], list[tuple[datetime, datetime, int]]] = {}
    numbers = []
    for one in taken:
        times = one.readings["interval_start"]
        if times.is_empty():
            numbers.append(0)
            continue
        first, last = times[0], times[-1]
        spans = earlier.setdefault((one.site.id, one.meter.id), [])
        number = max((n + 1 for f, to, n in spans if f <= last and first <= to), default=0)
        spans.append((first, last, number))
        numbers.append(number)
    return pl.DataFrame({"round": numbers}, schema={"round": pl.UInt32}).with_row_index(_TAKEN)


def _new_readings(readings: pl.DataFrame, rounds: pl.DataFrame, lake: Lake, moment: datetime) -> pl.DataFrame:
    if readings.is_empty():
        return readings
    meters = readings.select(_METER).unique()
    columns = [*_ARRIVAL, "value", "quality"]
    first, last = readings["interval_start"].min(), readings["interval_start"].max()
    held = (
        lake.readings(
            site_ids=meters["site_id"].unique().sort().to_list(),
            since=first,  # type: ignore[arg-type]
            until=last + timedelta(microseconds=1),  # type: ignore[operator,arg-type]
        )
        .select(columns)
        .collect()
        .join(meters, on=_METER, how="semi")
    )
    numbered = readings.join(rounds, on=_TAKEN, how="left", maintain_order="left").sort("round", maintain_order=True)
    out = []
    for rows in numbered.partition_by("round", maintain_order=True, include_key=False):
        fresh = _unheld(rows, held, moment)
        held = pl.concat([held, fresh.select(columns)])
        out.append(fresh)
    return pl.concat(out)


def _unheld(readings: pl.DataFrame, held: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return those of one round's readings that are new or correct what is held."""
    if held.is_empty():
        return readings
    latest = (
        held.sort([*_ARRIVAL, "value"])
        .unique(_INTERVAL, keep="last")
        .with_columns((pl.col("available_at") + pl.duration(microseconds=1)).alias("after_held"))
    )
    told = readings.filter("says_when")
    untold = readings.filter(~pl.col("says_when"))
    fresh = told.join(held.unique([*_SAME, "available_at"]), on=[*_SAME, "available_at"], how="anti")
    arrivals = held.unique(_ARRIVAL).select(_ARRIVAL)
    # A value that changed under an arrival the lake knows was rewritten: that could not be known before now.
    # Only the source's last word on an interval is a correction.
    last_word = told.filter(pl.col("available_at") == pl.col("available_at").max().over([*_INTERVAL, _TAKEN]))
    rewritten = fresh.join(arrivals, on=_ARRIVAL, how="semi").join(last_word, on=_ARRIVAL, how="semi")
    return pl.concat(
        [
            untold.join(latest, on=_INTERVAL, how="anti"),
            fresh.join(arrivals, on=_ARRIVAL, how="anti"),
            _corrections(pl.concat([untold.join(latest, on=_INTERVAL, how="semi"), rewritten]), latest, moment),
        ]
    )


def _corrections(readings: pl.DataFrame, latest: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return readings that differ from what the lake holds, known from now on and after what they correct."""
    now = pl.lit(moment).cast(readings.schema["available_at"])
    return (
        readings.join(latest.select(_SAME), on=_SAME, how="anti")
        .join(latest.select([*_INTERVAL, "after_held"]), on=_INTERVAL, how="left")
        .with_columns(pl.max_horizontal("available_at", now, "after_held").alias("available_at"))
        .drop("after_held")
    )


def _new_rejects(rejects: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    if rejects.is_empty():
        return rejects
    stored = lake.rejects(rejects["site_id"].unique().sort().to_list()).select(_REJECT).collect()
    return rejects.join(stored.unique(), on=_REJECT, how="anti", nulls_equal=True, maintain_order="left")
