"""Small fleets and files for tests: what a test doesn't mention has an ordinary value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from pausewatch.fleet import Fleet, Meter, Site, load_fleet


def at(text: str) -> datetime:
    """Return an instant; without an offset it is UTC."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def csv_source(path: str = "meter.csv", **more: Any) -> dict[str, Any]:
    """Return a csv source."""
    return {"kind": "csv", "path": path, "time_column": "time", "value_column": "kw", **more}


def meter_data(**more: Any) -> dict[str, Any]:
    """Return a utility meter at 15 minutes in kW."""
    return {
        "id": "utility",
        "measures": "utility_import",
        "unit": "kW",
        "interval": "15min",
        "owner": "utility",
        "source": csv_source(),
        **more,
    }


def site_data(**more: Any) -> dict[str, Any]:
    """Return a site of 60 MW near London with one meter."""
    return {
        "id": "slough-1",
        "name": "Slough 1",
        "owner": "Example Cloud",
        "jurisdiction": "GB",
        "timezone": "Europe/London",
        "country": "GB",
        "latitude": 51.5,
        "longitude": -0.6,
        "grid_connection_mw": 60,
        "it_capacity_mw": 40,
        "accelerators": [{"model": "H100-SXM", "count": 20000}],
        "meters": [meter_data()],
        **more,
    }


def pause_data(**more: Any) -> dict[str, Any]:
    """Return an open-ended pause in GB."""
    return {"id": "accord", "jurisdictions": ["GB"], "start": "2026-09-01T00:00:00Z", **more}


def declaration_data(**more: Any) -> dict[str, Any]:
    """Return a declared training run before the pause."""
    return {
        "id": "d1",
        "activity": "training",
        "start": "2026-05-01T00:00:00Z",
        "end": "2026-09-01T00:00:00Z",
        "expected_mw": 18,
        "filed_at": "2026-04-20T09:00:00Z",
        **more,
    }


def fleet_data(**more: Any) -> dict[str, Any]:
    """Return a fleet of one site and one pause."""
    return {"fleet": "demo", "pauses": [pause_data()], "sites": [site_data()], **more}


def write_fleet(folder: Path, data: Mapping[str, Any] | str | None = None) -> Path:
    """Write a fleet file and return its path."""
    text = data if isinstance(data, str) else yaml.safe_dump(data or fleet_data(), sort_keys=False)
    path = folder / "fleet.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fleet_of(folder: Path, *sites: dict[str, Any], **more: Any) -> Fleet:
    """Return a loaded fleet of the given sites."""
    return load_fleet(write_fleet(folder, fleet_data(sites=list(sites) or [site_data()], **more)))


def a_site(**more: Any) -> Site:
    """Return a site."""
    return Site.model_validate(site_data(**more))


def a_meter(**more: Any) -> Meter:
    """Return a meter."""
    return Meter.model_validate(meter_data(**more))


def csv_text(
    start: datetime,
    values: Iterable[object],
    *,
    every: timedelta = timedelta(minutes=15),
    header: str = "time,kw",
) -> str:
    """Return a CSV of regular intervals from `start`, stamped in UTC."""
    lines = [header]
    lines += [f"{(start + i * every).isoformat()},{value}" for i, value in enumerate(values)]
    return "\n".join(lines) + "\n"
