"""Eleven zones of EIA-930 as sites of 50 to 300 MW, a fleet a year: each year a pause, learned from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import yaml

CONNECTION_OVER_PEAK, CONNECTION_OVER_IT = 1.25, 1.3
_STAMP = pl.col("time_utc").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("time_utc")
WEST, CENTRAL, EAST = "America/Los_Angeles", "America/Chicago", "America/New_York"


@dataclass(frozen=True)
class Zone:
    """A zone, where it is, and the place its weather is taken from: the nearest there is."""

    region: str
    timezone: str
    latitude: float
    longitude: float
    place: str

    @property
    def site_id(self) -> str:
        """Id in the fleet file."""
        return self.region.lower()


ZONES = (
    Zone("AZPS", "America/Phoenix", 33.45, -112.07, "US-CAL-CISO"),
    Zone("CHPD", WEST, 47.42, -120.31, "US-CAL-CISO"),
    Zone("DOPD", WEST, 47.42, -120.29, "US-CAL-CISO"),
    Zone("GCPD", WEST, 47.23, -119.85, "US-CAL-CISO"),
    Zone("SCL", WEST, 47.61, -122.33, "US-CAL-CISO"),
    Zone("TPWR", WEST, 47.25, -122.44, "US-CAL-CISO"),
    Zone("ERCO-COAS", CENTRAL, 29.76, -95.37, "US-TEX-ERCO"),
    Zone("ERCO-NCEN", CENTRAL, 32.78, -96.80, "US-TEX-ERCO"),
    Zone("NYIS-ZONJ", EAST, 40.71, -74.01, "US-NY-NYIS"),
    Zone("PJM-DOM", EAST, 37.54, -77.44, "US-MIDA-PJM"),
    Zone("PJM-PS", EAST, 40.74, -74.17, "US-MIDA-PJM"),
)
# Peaks the zones are scaled to, MW, in the order above.
PEAKS_MW = np.round(np.geomspace(50, 300, len(ZONES)), 1)


def write_year(data: Path, out: Path, year: int) -> Path:
    """Write the fleet of a year and return its file."""
    telemetry = out / "telemetry"
    telemetry.mkdir(parents=True, exist_ok=True)
    since, start, end = (datetime(y, 1, 1, tzinfo=UTC) for y in (year - 1, year, year + 1))
    within = pl.col("time_utc").is_between(since, end, closed="both")
    load = pl.read_parquet(data / "grid_load" / "eia930_hourly_2020_2024.parquet").filter(within)
    weather = pl.read_parquet(data / "weather" / "hourly_2020_2024.parquet").filter(within)
    sites = []
    for zone, peak_mw in zip(ZONES, PEAKS_MW, strict=True):
        mine = load.filter(pl.col("region").cast(pl.Utf8) == zone.region).sort("time_utc")
        # The peak is of the screened year: as reported it may be a typing error of a million megawatts.
        whole = float(mine.filter(pl.col("time_utc") < start)["cleaned_mw"].max())  # type: ignore[arg-type]
        scaled = mine.select(_STAMP, mw=pl.col("raw_mw") * (peak_mw / whole)).drop_nulls()
        scaled.write_csv(telemetry / f"{zone.site_id}.csv", float_precision=4)
        there = weather.filter(pl.col("place").cast(pl.Utf8) == zone.place).sort("time_utc")
        there.select(_STAMP, pl.col("temperature_c").round(1)).write_csv(telemetry / f"{zone.site_id}-weather.csv")
        sites.append(_site(zone, CONNECTION_OVER_PEAK * float(peak_mw)))
    pause = {"id": f"year-{year}", "jurisdictions": ["*"], "start": start.isoformat(), "end": end.isoformat()}
    path = out / "fleet.yaml"
    document = {"fleet": f"real load {year}", "pauses": [pause], "sites": sites}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def _site(zone: Zone, connection_mw: float) -> dict[str, object]:
    def meter(name: str, measures: str, unit: str, path: str, column: str) -> dict[str, object]:
        source = {"kind": "csv", "path": path, "time_column": "time_utc", "value_column": column}
        about = {"id": name, "measures": measures, "unit": unit, "interval": "1h", "owner": "utility"}
        return {**about, "source": source}

    return {
        "id": zone.site_id,
        "name": zone.region,
        "owner": zone.region,
        "jurisdiction": "US",
        "timezone": zone.timezone,
        "country": "US",
        "latitude": zone.latitude,
        "longitude": zone.longitude,
        "grid_connection_mw": round(connection_mw, 1),
        "it_capacity_mw": round(connection_mw / CONNECTION_OVER_IT, 1),
        "meters": [
            meter("utility", "utility_import", "MW", f"telemetry/{zone.site_id}.csv", "mw"),
            meter("weather", "outdoor_temperature", "degC", f"telemetry/{zone.site_id}-weather.csv", "temperature_c"),
        ],
    }
