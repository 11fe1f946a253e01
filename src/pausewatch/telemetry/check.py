"""Check: read every source without storing, and say what each meter delivers and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Fleet, Measure, Meter, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.progress import Progress, Silent
from pausewatch.sources import Reason, open_source
from pausewatch.telemetry.plausibility import screen, unit_hint


@dataclass(frozen=True)
class MeterCheck:
    """What one meter delivers.

    `coverage` is the share of the intervals between first and last that have a reading, 0 to 1.
    """

    site_id: str
    meter_id: str
    readings: int = 0
    first: datetime | None = None
    last: datetime | None = None
    interval_s: int | None = None
    coverage: float = 0.0
    rejected: dict[str, int] = field(default_factory=dict)
    mean: float | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class CheckReport:
    """Every meter of a fleet."""

    meters: tuple[MeterCheck, ...]
    warnings: tuple[str, ...]

    @property
    def has_errors(self) -> bool:
        """Whether a meter could not be read at all."""
        return any(m.error is not None for m in self.meters)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "meters": [
                {
                    "site_id": m.site_id,
                    "meter_id": m.meter_id,
                    "readings": m.readings,
                    "first": m.first.isoformat() if m.first else None,
                    "last": m.last.isoformat() if m.last else None,
                    "interval_s": m.interval_s,
                    "coverage": round(m.coverage, 6),
                    "rejected": m.rejected,
                    "warnings": list(m.warnings),
                    "error": m.error,
                }
                for m in self.meters
            ],
            "warnings": list(self.warnings),
        }


def check(fleet: Fleet, *, site_ids: Sequence[str] | None = None, progress: Progress | None = None) -> CheckReport:
    """Read every source of the fleet and judge it; nothing is stored."""
    told = progress or Silent()
    sites = fleet.selected(site_ids)
    told.stage("checking meters", sum(len(site.meters) for site in sites))
    meters: list[MeterCheck] = []
    warnings = [str(problem) for problem in fleet.warnings]
    for site in sites:
        mine = []
        for meter in site.meters:
            mine.append(_check_meter(site, meter))
            told.advance()
        meters += mine
        swapped = _swapped(site, mine)
        if swapped:
            warnings.append(swapped)
    return CheckReport(tuple(meters), tuple(warnings))


def _check_meter(site: Site, meter: Meter) -> MeterCheck:
    frames: list[pl.DataFrame] = []
    rejected: Counter[str] = Counter()
    try:
        for batch in open_source(site, meter).read(None, None):
            readings, rejects = screen(batch, site, meter)
            frames.append(readings)
            rejected.update(rejects["reason"].to_list())
    except SourceError as error:
        return MeterCheck(site.id, meter.id, interval_s=meter.interval_s, error=str(error))
    everything = pl.concat(frames).unique("interval_start", keep="last") if frames else pl.DataFrame()
    beyond = rejected[Reason.BEYOND_GRID_CONNECTION.value]
    if everything.is_empty():
        hint = unit_hint(site, meter, 0, None, beyond)
        nothing = "no readings: the source holds no row for this meter"
        if isinstance(meter.source, CsvSpec) and meter.source.where:
            chosen = ", ".join(f"{column}: {value}" for column, value in meter.source.where.items())
            nothing += f"; does a row have {chosen}?"
        error_line = (hint or "no readings: every row was rejected") if rejected else nothing
        return MeterCheck(
            site.id,
            meter.id,
            interval_s=meter.interval_s,
            rejected=dict(sorted(rejected.items())),
            error=f"site {site.id}, meter {meter.id}: {error_line}",
        )
    interval_s = meter.interval_s or int(everything["interval_s"].mode().sort()[0])
    first: datetime = everything["interval_start"].min()  # type: ignore[assignment]
    last: datetime = everything["interval_start"].max()  # type: ignore[assignment]
    expected = int((last - first).total_seconds() // interval_s) + 1
    mean = float(everything["value"].mean() or 0.0)  # type: ignore[arg-type]
    hint = unit_hint(site, meter, len(everything), mean, beyond)
    return MeterCheck(
        site.id,
        meter.id,
        readings=len(everything),
        first=first,
        last=last,
        interval_s=interval_s,
        coverage=min(len(everything) / expected, 1.0),
        rejected=dict(sorted(rejected.items())),
        mean=mean,
        warnings=(hint,) if hint else (),
    )


def _swapped(site: Site, checks: list[MeterCheck]) -> str | None:
    """Return a sentence if the IT load is above what the site draws: the meters may be swapped."""
    mean = {m.id: c.mean for m, c in zip(site.meters, checks, strict=True)}

    def total(measure: Measure) -> float | None:
        values = [mean[m.id] for m in site.meters_of(measure)]
        return None if not values or any(v is None for v in values) else sum(v for v in values if v is not None)

    utility, it_load = total(Measure.UTILITY_IMPORT), total(Measure.IT_LOAD)
    made = sum(total(m) or 0.0 for m in (Measure.ONSITE_GENERATION, Measure.BATTERY))
    if utility is None or it_load is None or it_load <= (utility + made) * 1.02:
        return None
    return (
        f"site {site.id}: the IT load averages {it_load:.0f} kW and the utility import {utility:.0f} kW; "
        "IT can't draw more than the site: are the two meters swapped, or is a unit wrong?"
    )
