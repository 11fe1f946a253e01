"""A simulated site as the fleet file and the truth tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pausewatch.simulation.design import SiteDesign
from pausewatch.simulation.places import Place, iso
from pausewatch.simulation.truth import DAY_S, Event

MEASURES = {
    "utility_kw": ("utility_import", "utility"),
    "it_kw": ("it_load", "operator"),
    "temperature_c": ("outdoor_temperature", "operator"),
    "generation_kw": ("onsite_generation", "operator"),
    "battery_kw": ("battery", "operator"),
}
"""Measure and owner of each column."""

PAUSE_ID = "accord-2026"


def site_document(
    site_id: str,
    name: str,
    owner: str,
    place: Place,
    design: SiteDesign,
    grid_connection_mw: float,
    columns: Sequence[str],
    suffix: str,
) -> dict[str, Any]:
    """Return a site for the fleet file, with a meter for each column of its telemetry."""
    accuracy = {"utility_kw": design.utility_accuracy_pct, "it_kw": design.it_accuracy_pct}

    def meter(column: str) -> dict[str, Any]:
        measures, whose = MEASURES[column]
        return {
            "id": column.split("_", maxsplit=1)[0],
            "measures": measures,
            "unit": "degC" if column == "temperature_c" else "kW",
            "interval": f"{design.interval_min}min" if design.interval_min < 60 else "1h",
            "accuracy_pct": accuracy.get(column, 1.0),
            "owner": whose,
            "source": {
                "kind": "csv",
                "path": f"telemetry/{site_id}.{suffix}",
                "time_column": "time_utc",
                "value_column": column,
            },
        }

    return {
        "id": site_id,
        "name": name,
        "owner": owner,
        "jurisdiction": place.jurisdiction,
        "timezone": place.zone,
        "country": place.country,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "grid_connection_mw": grid_connection_mw,
        "it_capacity_mw": design.it_capacity_mw,
        "accelerators": [{"model": "H100-SXM", "count": max(int(design.it_capacity_mw * 0.6e6 / 1275), 8)}],
        "meters": [meter(column) for column in columns],
    }


def declaration_document(site_id: str, index: int, given: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration for the fleet file."""
    return {
        "id": f"{site_id}-d{index + 1}",
        "activity": given["activity"],
        "start": iso(given["start_s"]),
        "end": iso(given["end_s"]),
        "expected_mw": round(float(given["expected_mw"]), 2),
        "filed_at": iso(given["start_s"] - given["filed_days"] * DAY_S),
        "reference": f"notice {index + 1}/2026",
    }


def event_document(event: Event) -> dict[str, Any]:
    """Return a label for the truth."""
    document: dict[str, Any] = {
        "name": event.name,
        "class": event.group,
        "start": iso(event.start_s),
        "end": iso(event.end_s),
        "mw_it": round(event.mw_it, 3),
        "energy_mwh": round(event.energy_mwh, 1),
        "is_training": event.is_training,
        "visible": event.is_visible,
        "tampers": event.tampers,
    }
    if event.began_s is not None:
        document["began"] = iso(event.began_s)
    if event.details:
        document["details"] = {key: round(value, 5) for key, value in event.details.items()}
    return document


def fleet_document(name: str, pause_start_s: float, sites: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a fleet file's content of these sites under one pause."""
    return {
        "fleet": name,
        "pauses": [{"id": PAUSE_ID, "jurisdictions": ["*"], "start": iso(pause_start_s)}],
        "sites": list(sites),
    }
