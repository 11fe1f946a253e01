"""The simulator: a fleet in the contract's format with the truth beside it, the same bytes for the same seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from pausewatch.errors import SimulationError
from pausewatch.progress import Progress, Silent
from pausewatch.simulation.documents import fleet_document
from pausewatch.simulation.events import EVENTS, Occurrence, name_of
from pausewatch.simulation.kinds import KINDS
from pausewatch.simulation.places import iso
from pausewatch.simulation.plans import PRESETS, SitePlan
from pausewatch.simulation.requests import load_request_rates
from pausewatch.simulation.site import Frame, SimulatedSite, make_site

__all__ = ["PAUSE_START", "PRESETS", "Occurrence", "SimulatedFleet", "SitePlan", "simulate", "simulate_sites"]

PAUSE_START = datetime(2026, 9, 1, tzinfo=UTC)
TELEMETRY_FORMATS = ("csv", "parquet")
INTERVALS_MIN = (1, 5, 10, 15, 30, 60)


@dataclass(frozen=True)
class SimulatedFleet:
    """Where a simulated fleet was written, and its truth."""

    folder: Path
    fleet_path: Path
    truth: dict[str, Any]


def simulate(
    out: Path,
    *,
    preset: str = "mixed",
    sites: int = 8,
    reference_days: int = 150,
    pause_days: int = 21,
    interval_min: int | None = 15,
    seed: int = 1,
    plans: Sequence[SitePlan] | None = None,
    missing_share: float | None = None,
    request_rates: Path | None = None,
    telemetry_format: str = "csv",
    progress: Progress | None = None,
) -> SimulatedFleet:
    """Write a labelled fleet: `fleet.yaml`, `telemetry/*.csv` and `truth.json`.

    A site's data depend on the seed and its own number alone, not on how many sites there are.

    Args:
        out: folder to write to.
        preset: what the fleet is made of, by name.
        sites: how many.
        reference_days: days before the pause.
        pause_days: days of the pause.
        interval_min: minutes of a reading; None draws each wide site's own.
        seed: another seed, another fleet.
        plans: what each site is, instead of the preset.
        missing_share: share of readings that are missing; None is 0.2 % at usual sites and drawn at wide ones.
        request_rates: a CSV of real services' request rates (`t` in seconds, `rate`, `model`) for inference to follow.
        telemetry_format: csv or parquet.
        progress: told of each site.

    Raises:
        SimulationError: a parameter is out of range, or the folder holds something else.
    """
    _validate_folder(out)
    if telemetry_format not in TELEMETRY_FORMATS:
        remedy = f"use {' or '.join(TELEMETRY_FORMATS)}"
        raise SimulationError(f"no telemetry format {telemetry_format!r}", remedy=remedy)
    made = simulate_sites(
        preset=preset,
        sites=sites,
        reference_days=reference_days,
        pause_days=pause_days,
        interval_min=interval_min,
        seed=seed,
        plans=plans,
        missing_share=missing_share,
        request_rates=request_rates,
        suffix=telemetry_format,
    )
    told = progress or Silent()
    told.stage("simulating sites", len(plans) if plans else sites)
    telemetry = out / "telemetry"
    telemetry.mkdir(parents=True, exist_ok=True)
    for earlier in telemetry.glob("sim-*.*"):
        if earlier.suffix.removeprefix(".") in TELEMETRY_FORMATS:
            earlier.unlink()
    documents, truths = [], []
    for site in made:
        _write(site.table, telemetry / f"{site.document['id']}.{telemetry_format}")
        documents.append(site.document)
        truths.append(site.truth)
        told.advance()
    fleet_path = out / "fleet.yaml"
    fleet = fleet_document(f"simulated {preset}", PAUSE_START.timestamp(), documents)
    fleet_path.write_text(yaml.dump(fleet, Dumper=_DUMPER, sort_keys=False, width=120), encoding="utf-8")
    truth_document = {
        "version": 1,
        "preset": preset,
        "seed": seed,
        "pause_start": iso(PAUSE_START.timestamp()),
        "sites": truths,
    }
    (out / "truth.json").write_text(json.dumps(truth_document, indent=1) + "\n", encoding="utf-8")
    return SimulatedFleet(out, fleet_path, truth_document)


def simulate_sites(
    *,
    preset: str = "mixed",
    sites: int = 8,
    reference_days: int = 150,
    pause_days: int = 21,
    interval_min: int | None = 15,
    seed: int = 1,
    plans: Sequence[SitePlan] | None = None,
    missing_share: float | None = None,
    request_rates: Path | None = None,
    suffix: str = "csv",
) -> Iterator[SimulatedSite]:
    """Yield the sites of a fleet one by one, in memory: the same as `simulate` would write.

    Raises:
        SimulationError: at once, if a parameter is out of range.
    """
    _validate(preset, sites, reference_days, pause_days, interval_min)
    _validate_plans(plans or (), missing_share)
    rates = load_request_rates(request_rates) if request_rates else ()
    chosen = list(plans) if plans else PRESETS[preset](sites, np.random.default_rng([seed, 0]))
    start_s = PAUSE_START.timestamp()
    frame = Frame(seed, start_s, reference_days, pause_days, interval_min, missing_share, rates, suffix)
    return (make_site(number, plan, frame) for number, plan in enumerate(chosen))


_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _write(table: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ", float_precision=3)


def _validate(preset: str, sites: int, reference_days: int, pause_days: int, interval_min: int | None) -> None:
    if preset not in PRESETS:
        raise SimulationError(f"no preset {preset!r}", remedy=f"use one of {', '.join(PRESETS)}")
    for name, value, low in (
        ("sites", sites, 1),
        ("reference days", reference_days, 14),
        ("pause days", pause_days, 1),
    ):
        if value < low:
            raise SimulationError(f"{name}: {value} is too few", remedy=f"use at least {low}")
    if interval_min is not None and interval_min not in INTERVALS_MIN:
        raise SimulationError(f"an interval of {interval_min} min", remedy="use 1, 5, 10, 15, 30 or 60")


def _validate_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise SimulationError("a file stands where the folder is to be", where=str(out), remedy="name a folder")
    if out.exists() and any(out.iterdir()) and not (out / "truth.json").exists():
        raise SimulationError("the folder holds something else", where=str(out), remedy="name an empty folder")


def _validate_plans(plans: Sequence[SitePlan], missing_share: float | None) -> None:
    if missing_share is not None and not 0 <= missing_share < 1:
        raise SimulationError(f"a missing share of {missing_share}", remedy="use 0 or more, and less than 1")
    for plan in plans:
        if plan.kind not in KINDS:
            raise SimulationError(f"no kind of site {plan.kind!r}", remedy=f"use one of {', '.join(KINDS)}")
        for what in plan.events:
            if name_of(what) not in EVENTS:
                raise SimulationError(f"no event {name_of(what)!r}", remedy=f"use one of {', '.join(EVENTS)}")
            if isinstance(what, Occurrence) and (unknown := what.unknown()):
                raise SimulationError(f"event {what.name} has no parameter {unknown[0]!r}", remedy="see its function")
