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
from pausewatch.progress import Progress, Silent
from pausewatch.sources import open_source
from pausewatch.telemetry.plausibility import delivery_hint, screen, swap_hint


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
        swapped = swap_hint(site, {c.meter_id: c.mean for c in mine})
        if swapped:
            warnings.append(swapped)
        warnings += _without_a_past(fleet, site, mine)
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
    if everything.is_empty():
        return MeterCheck(
            site.id,
            meter.id,
            interval_s=meter.interval_s,
            rejected=dict(sorted(rejected.items())),
            error=f"site {site.id}, meter {meter.id}: {delivery_hint(site, meter, 0, None, rejected)}",
        )
    interval_s = meter.interval_s or int(everything["interval_s"].mode().sort()[0])
    first: datetime = everything["interval_start"].min()  # type: ignore[assignment]
    last: datetime = everything["interval_start"].max()  # type: ignore[assignment]
    expected = int((last - first).total_seconds() // interval_s) + 1
    mean = float(everything["value"].mean() or 0.0)  # type: ignore[arg-type]
    hint = delivery_hint(site, meter, len(everything), mean, rejected)
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


def _without_a_past(fleet: Fleet, site: Site, checks: Sequence[MeterCheck]) -> list[str]:
    """Return a sentence for each pause before which a site has no reading of its load: nothing can be learned."""
    lanes = {m.id for measure in (Measure.UTILITY_IMPORT, Measure.IT_LOAD) for m in site.meters_of(measure)}
    firsts = [c.first for c in checks if c.meter_id in lanes and c.first is not None]
    if not firsts:
        return []
    first = min(firsts)
    return [
        f"site {site.id}: no reading of its load is from before {reference_end:%Y-%m-%d}, when pause {pause.id} was "
        f"announced or began (the first is from {first:%Y-%m-%d}): no baseline can be learned; are the dates right?"
        for pause in fleet.pauses
        if pause.holds_in(site.jurisdiction) and (reference_end := pause.reference_end) <= first
    ]
