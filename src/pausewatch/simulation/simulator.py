"""The simulator: a fleet in the contract's format with the truth beside it, the same bytes for the same seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import yaml

from pausewatch.errors import SimulationError
from pausewatch.progress import Progress, Silent
from pausewatch.simulation.cooling import Facility
from pausewatch.simulation.events import BENIGN, EVASIONS, EVENTS, VIOLATIONS, Event, Floats, SiteTruth
from pausewatch.simulation.load import KINDS, SiteLoad
from pausewatch.simulation.weather import temperature_c

PAUSE_START = datetime(2026, 9, 1, tzinfo=UTC)

# Each place: zone, country, jurisdiction, latitude and longitude.
PLACES = (
    ("Europe/London", "GB", "GB", 51.5, -0.6),
    ("America/Chicago", "US", "US-TX", 32.8, -96.8),
    ("Asia/Kolkata", "IN", "IN-MH", 19.1, 72.9),
    ("Europe/Berlin", "DE", "DE", 50.1, 8.7),
    ("America/New_York", "US", "US-VA", 39.0, -77.5),
    ("Asia/Singapore", "SG", "SG", 1.3, 103.9),
    ("Australia/Sydney", "AU", "AU-NSW", -33.8, 151.2),
    ("America/Los_Angeles", "US", "US-OR", 45.6, -121.2),
)


@dataclass(frozen=True)
class SitePlan:
    """What one simulated site is to be: its kind, and the events that happen to it."""

    kind: str
    events: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class SimulatedFleet:
    """Where a simulated fleet was written, and its truth."""

    folder: Path
    fleet_path: Path
    truth: dict[str, Any]


_DEMO = (
    SitePlan("mixed", ("plain_run",), "Slough One"),
    SitePlan("cloud", ("not_stopped",), "Dallas North"),
    SitePlan("inference", ("inference_growth",), "Mumbai East"),
    SitePlan("colocation", ("telemetry_outage",), "Frankfurt Rhein"),
    SitePlan("science", ("declared_science",), "Ashburn Lab"),
    SitePlan("colocation", ("new_tenant",), "Jurong Park"),
    SitePlan("cloud", (), "Sydney West"),
    SitePlan("mixed", ("declared_training_stopped",), "The Dalles"),
)


def _demo(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [_DEMO[i % len(_DEMO)] for i in range(count)]


def _honest(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [
        SitePlan(_kind(rng), tuple(rng.choice(list(BENIGN), size=rng.integers(0, 3), replace=False).tolist()))
        for _ in range(count)
    ]


def _quiet(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [SitePlan(_kind(rng), ()) for _ in range(count)]


def _violations(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [SitePlan(_kind(rng), (str(rng.choice(list(VIOLATIONS))),)) for _ in range(count)]


def _mixed(count: int, rng: np.random.Generator) -> list[SitePlan]:
    out = []
    for _ in range(count):
        group = [VIOLATIONS, EVASIONS, BENIGN, {}][rng.choice(4, p=[0.25, 0.25, 0.35, 0.15])]
        out.append(SitePlan(_kind(rng), (str(rng.choice(list(group))),) if group else ()))
    return out


def _kind(rng: np.random.Generator) -> str:
    return str(rng.choice(list(KINDS)))


PRESETS = {"demo": _demo, "honest": _honest, "quiet": _quiet, "violations": _violations, "mixed": _mixed}
"""Plans by name: what a fleet of so many sites is made of."""


def simulate(
    out: Path,
    *,
    preset: str = "mixed",
    sites: int = 8,
    reference_days: int = 150,
    pause_days: int = 21,
    interval_min: int = 15,
    seed: int = 1,
    plans: Sequence[SitePlan] | None = None,
    missing_share: float = 0.002,
    progress: Progress | None = None,
) -> SimulatedFleet:
    """Write a labelled fleet: `fleet.yaml`, `telemetry/*.csv` and `truth.json`.

    A site's data depend on the seed and its own number alone, not on how many sites there are.

    Raises:
        SimulationError: a parameter is out of range, or the folder holds something else.
    """
    _validate(out, preset, sites, reference_days, pause_days, interval_min)
    _validate_plans(plans or (), missing_share)
    told = progress or Silent()
    chosen = list(plans) if plans else PRESETS[preset](sites, np.random.default_rng([seed, 0]))
    told.stage("simulating sites", len(chosen))
    telemetry = out / "telemetry"
    telemetry.mkdir(parents=True, exist_ok=True)
    for earlier in telemetry.glob("sim-*.csv"):
        earlier.unlink()
    documents, truths = [], []
    for number, plan in enumerate(chosen):
        rng = np.random.default_rng([seed, 1, number])
        document, truth, table = _site(number, plan, rng, reference_days, pause_days, interval_min, missing_share)
        table.write_csv(telemetry / f"{document['id']}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ", float_precision=3)
        documents.append(document)
        truths.append(truth)
        told.advance()
    fleet = {
        "fleet": f"simulated {preset}",
        "pauses": [{"id": "accord-2026", "jurisdictions": ["*"], "start": _iso(PAUSE_START.timestamp())}],
        "sites": documents,
    }
    fleet_path = out / "fleet.yaml"
    fleet_path.write_text(yaml.safe_dump(fleet, sort_keys=False, width=120), encoding="utf-8")
    truth_document = {
        "version": 1,
        "preset": preset,
        "seed": seed,
        "pause_start": _iso(PAUSE_START.timestamp()),
        "sites": truths,
    }
    (out / "truth.json").write_text(json.dumps(truth_document, indent=1) + "\n", encoding="utf-8")
    return SimulatedFleet(out, fleet_path, truth_document)


def _validate(out: Path, preset: str, sites: int, reference_days: int, pause_days: int, interval_min: int) -> None:
    if preset not in PRESETS:
        raise SimulationError(f"no preset {preset!r}", remedy=f"use one of {', '.join(PRESETS)}")
    for name, value, low in (
        ("sites", sites, 1),
        ("reference days", reference_days, 14),
        ("pause days", pause_days, 1),
    ):
        if value < low:
            raise SimulationError(f"{name}: {value} is too few", remedy=f"use at least {low}")
    if interval_min not in (1, 5, 10, 15, 30, 60):
        raise SimulationError(f"an interval of {interval_min} min", remedy="use 1, 5, 10, 15, 30 or 60")
    if out.exists() and not out.is_dir():
        raise SimulationError("a file stands where the folder is to be", where=str(out), remedy="name a folder")
    if out.exists() and any(out.iterdir()) and not (out / "truth.json").exists():
        raise SimulationError("the folder holds something else", where=str(out), remedy="name an empty folder")


def _validate_plans(plans: Sequence[SitePlan], missing_share: float) -> None:
    if not 0 <= missing_share < 1:
        raise SimulationError(f"a missing share of {missing_share}", remedy="use 0 or more, and less than 1")
    for plan in plans:
        if plan.kind not in KINDS:
            raise SimulationError(f"no kind of site {plan.kind!r}", remedy=f"use one of {', '.join(KINDS)}")
        unknown = [name for name in plan.events if name not in EVENTS]
        if unknown:
            raise SimulationError(f"no event {unknown[0]!r}", remedy=f"use one of {', '.join(EVENTS)}")


def _site(
    number: int,
    plan: SitePlan,
    rng: np.random.Generator,
    reference_days: int,
    pause_days: int,
    interval_min: int,
    missing_share: float,
) -> tuple[dict[str, Any], dict[str, Any], pl.DataFrame]:
    zone, country, jurisdiction, latitude, longitude = PLACES[number % len(PLACES)]
    it_capacity_mw = round(float(np.exp(rng.uniform(np.log(5), np.log(200)))), 1)
    step_s = interval_min * 60.0
    start_s = PAUSE_START.timestamp() - reference_days * 86_400.0
    count = round((reference_days + pause_days + 1) * 86_400.0 / step_s)
    epoch_s: Floats = np.asarray(start_s + step_s * np.arange(count), dtype=np.float64)
    local_s = epoch_s + _utc_offsets(zone, epoch_s)
    weather = temperature_c(epoch_s, latitude, longitude, rng)
    ordinary = SiteLoad.draw(plan.kind, it_capacity_mw, rng)
    facility = Facility.draw(it_capacity_mw, rng)
    zero = np.zeros(count)
    truth = SiteTruth(
        epoch_s, local_s, it_capacity_mw, PAUSE_START.timestamp(), ordinary.it_mw(local_s, rng), zero, zero.copy()
    )
    events = [EVENTS[name](truth, rng) for name in plan.events]
    it_all = np.minimum(truth.it_mw + truth.hidden_mw, it_capacity_mw * 1.3)
    utility = facility.utility_mw(it_all, weather, step_s) + truth.extra_mw
    seen = {
        "utility_kw": _metered(utility * 1e3, 0.005, rng, missing_share),
        "it_kw": _metered((it_all - truth.hidden_mw) * 1e3, 0.01, rng, missing_share),
        "temperature_c": weather + 0.2 * rng.standard_normal(count),
    }
    for tamper in truth.tampering:
        tamper(seen)
    site_id = f"sim-{number + 1:03d}"
    document = _document(
        site_id, plan, number, (zone, country, jurisdiction, latitude, longitude), it_capacity_mw, interval_min, rng
    )
    declarations = [_declaration(site_id, i, d) for i, d in enumerate(truth.declarations)]
    if declarations:
        document["declarations"] = declarations
    label = {
        "site_id": site_id,
        "kind": plan.kind,
        "it_capacity_mw": it_capacity_mw,
        "violates": any(e.is_training for e in events),
        "parameters": asdict(ordinary),
        "events": [_event(e) for e in events],
    }
    time = pl.from_epoch(pl.Series("time_utc", epoch_s.astype(np.int64)), time_unit="s").dt.replace_time_zone("UTC")
    table = pl.DataFrame({"time_utc": time, **seen}, nan_to_null=True)
    rows = table.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in seen))
    return document, label, rows


def _metered(kw: Floats, accuracy: float, rng: np.random.Generator, missing_share: float) -> Floats:
    """Return what a meter of an accuracy class says: a gain of its own, a little noise, and some intervals missing."""
    gain = 1 + rng.normal(0, accuracy / 2)
    said = kw * gain * (1 + rng.standard_normal(len(kw)) * accuracy / 10)
    said[rng.random(len(kw)) < missing_share] = np.nan
    return said


def _utc_offsets(zone: str, epoch_s: Floats) -> Floats:
    tz = ZoneInfo(zone)
    hours = np.arange(epoch_s[0], epoch_s[-1] + 3600, 3600.0)
    offsets = np.array([datetime.fromtimestamp(h, tz).utcoffset().total_seconds() for h in hours])  # type: ignore[union-attr]
    return np.asarray(offsets[((epoch_s - epoch_s[0]) // 3600).astype(np.int64)])


def _document(
    site_id: str,
    plan: SitePlan,
    number: int,
    place: tuple[str, str, str, float, float],
    it_capacity_mw: float,
    interval_min: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    zone, country, jurisdiction, latitude, longitude = place

    def meter(name: str, measures: str, unit: str, owner: str, accuracy: float) -> dict[str, Any]:
        source = {
            "kind": "csv",
            "path": f"telemetry/{site_id}.csv",
            "time_column": "time_utc",
            "value_column": f"{name}",
        }
        return {
            "id": name.split("_", maxsplit=1)[0],
            "measures": measures,
            "unit": unit,
            "interval": f"{interval_min}min" if interval_min < 60 else "1h",
            "accuracy_pct": accuracy,
            "owner": owner,
            "source": source,
        }

    return {
        "id": site_id,
        "name": plan.name or f"Simulated site {number + 1}",
        "owner": f"Operator {chr(65 + number % 5)}",
        "jurisdiction": jurisdiction,
        "timezone": zone,
        "country": country,
        "latitude": latitude,
        "longitude": longitude,
        "grid_connection_mw": round(it_capacity_mw * 1.6, 1),
        "it_capacity_mw": it_capacity_mw,
        "accelerators": [{"model": "H100-SXM", "count": max(int(it_capacity_mw * 0.6e6 / 1275), 8)}],
        "meters": [
            meter("utility_kw", "utility_import", "kW", "utility", 0.5),
            meter("it_kw", "it_load", "kW", "operator", 1.0),
            meter("temperature_c", "outdoor_temperature", "degC", "operator", 1.0),
        ],
    }


def _declaration(site_id: str, index: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{site_id}-d{index + 1}",
        "activity": given["activity"],
        "start": _iso(given["start_s"]),
        "end": _iso(given["end_s"]),
        "expected_mw": round(float(given["expected_mw"]), 2),
        "filed_at": _iso(given["start_s"] - given["filed_days"] * 86_400.0),
        "reference": f"notice {index + 1}/2026",
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "class": event.group,
        "start": _iso(event.start_s),
        "end": _iso(event.end_s),
        "mw_it": round(event.mw_it, 3),
        "energy_mwh": round(event.energy_mwh, 1),
        "is_training": event.is_training,
        "visible": event.is_visible,
    }


def _iso(epoch_s: float) -> str:
    moment = datetime.fromtimestamp(round(epoch_s / 60.0) * 60, UTC)
    return (moment + timedelta(0)).strftime("%Y-%m-%dT%H:%M:%SZ")
