"""Write a fleet of four real grid zones taken as sites, alone or with one training run composed into one of them.

    python benchmarks/first_light/make_eia_fleet.py --data ../shared/data --out DIR
        [--run-in DOPD --mw 12 --days 21 --start 2023-05-08T16:00:00Z] [--only DOPD] [--no-weather]

Load: EIA-930 demand as it was reported, errors and all (`raw_mw`), hourly, 2022 and 2023; 2023 is the pause, so 2022 is
what the baselines learn from. Weather: the nearest of the places there is weather of.

What nobody declared is chosen by one rule for all zones, from 2022 alone: the grid connection is 1.25 times the year's
peak, rounded up to two digits, and the IT capacity is that over a PUE of 1.3. No chips are declared.

The run: all three MLPerf v4.0 GPT-3 runs of 512 H100 (AC power of 64 nodes, 2 s), one after the other, over and over,
each with its own start and end, scaled to `--mw` at the IT load and multiplied by `--pue` at the utility's meter. It is
added to the zone's load; nothing is taken away for it. DIR/truth.json tells what was composed.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

PAUSE_START = datetime(2023, 1, 1, 8, tzinfo=UTC)  # midnight in Washington State
PAUSE_END = datetime(2024, 1, 1, 8, tzinfo=UTC)
SINCE, UNTIL = datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
CONNECTION_OVER_PEAK, CONNECTION_OVER_IT = 1.25, 1.3
RUN_START = datetime(2023, 5, 8, 16, tzinfo=UTC)  # a Monday, 9 in the morning in Washington State
NODE_H100S, H100_FLOPS = 8, 989e12
UTILISATION = 0.40  # assumed: the trace holds no count of FLOP
_SAMPLE_S = 2
_PER_HOUR = 3600 // _SAMPLE_S


@dataclass(frozen=True)
class Zone:
    """A zone of EIA-930 taken as a site."""

    region: str
    name: str
    jurisdiction: str
    timezone: str
    latitude: float
    longitude: float

    @property
    def site_id(self) -> str:
        """Id in the fleet file."""
        return self.region.lower()


ZONES = (
    Zone("GCPD", "Grant County PUD (Quincy)", "US-WA", "America/Los_Angeles", 47.23, -119.85),
    Zone("DOPD", "Douglas County PUD (East Wenatchee)", "US-WA", "America/Los_Angeles", 47.42, -120.29),
    Zone("CHPD", "Chelan County PUD (Wenatchee)", "US-WA", "America/Los_Angeles", 47.42, -120.31),
    Zone("ERCO-NCEN", "ERCOT North Central (Dallas)", "US-TX", "America/Chicago", 32.78, -96.80),
)


@dataclass(frozen=True)
class Run:
    """A training run to compose.

    Args:
        region: the zone it is added to.
        mw: its mean at the IT load.
        days: how long it lasts.
        start: when it begins, on a whole hour.
        pue: what a megawatt of it adds at the utility's meter.
    """

    region: str
    mw: float = 12.0
    days: int = 21
    start: datetime = RUN_START
    pue: float = 1.2


def write_fleet(
    data: Path,
    out: Path,
    run: Run | None = None,
    only: tuple[str, ...] = (),
    *,
    has_weather: bool = True,
    told: Callable[[str], None] = print,
) -> Path:
    """Write fleet.yaml, telemetry and truth.json; return the fleet file.

    Args:
        data: the shared data folder.
        out: folder to write to.
        run: the run to compose, if any.
        only: zones to keep; all without it.
        has_weather: whether the sites have a temperature meter.
        told: is given a line for each site and each composed run.
    """
    telemetry = out / "telemetry"
    telemetry.mkdir(parents=True, exist_ok=True)
    load = pl.read_parquet(data / "grid_load" / "eia930_hourly_2020_2024.parquet").filter(
        pl.col("time_utc").is_between(SINCE, UNTIL, closed="left")
    )
    zones = [zone for zone in ZONES if not only or zone.region in only]
    truth = []
    sites = []
    for zone in zones:
        mine = load.filter(pl.col("region") == zone.region).sort("time_utc").select("time_utc", mw="raw_mw")
        peak_mw = float(mine.filter(pl.col("time_utc") < PAUSE_START)["mw"].max())
        if run is not None and run.region == zone.region:
            it_mw = composed_hours(data, run)
            mine = _with_run(mine, run, it_mw)
            truth.append(_truth(data, zone, run, it_mw))
        mine.select(_stamp(), "mw").write_csv(telemetry / f"{zone.site_id}.csv")
        weather = "no weather"
        if has_weather:
            place, distance_km = _weather(data, zone, telemetry / f"{zone.site_id}-weather.csv")
            weather = f"weather of {place}, {distance_km:.0f} km away"
        sites.append(_site(zone, peak_mw, has_weather))
        told(
            f"{zone.region}: {mine.height} hours, 2022 peak {peak_mw:.0f} MW, grid connection "
            f"{sites[-1]['grid_connection_mw']:g} MW, {weather}"
        )
    fleet = {
        "fleet": "first-light" + (f"-run-in-{run.region.lower()}" if run is not None else ""),
        "pauses": [
            {
                "id": "year-2023",
                "jurisdictions": sorted({zone.jurisdiction for zone in zones}),
                "start": PAUSE_START.isoformat(),
                "end": PAUSE_END.isoformat(),
            }
        ],
        "sites": sites,
    }
    path = out / "fleet.yaml"
    path.write_text(yaml.safe_dump(fleet, sort_keys=False), encoding="utf-8")
    (out / "truth.json").write_text(json.dumps({"runs": truth}, indent=2) + "\n", encoding="utf-8")
    for one in truth:
        told(json.dumps(one))
    return path


def composed_hours(data: Path, run: Run) -> npt.NDArray[np.float64]:
    """Return the run's load at the IT racks, MW, one value an hour, shape (24 x days,)."""
    shape = np.concatenate(_traces(data))
    samples = np.resize(shape, run.days * 24 * _PER_HOUR)
    hours = samples.reshape(-1, _PER_HOUR).mean(axis=1)
    return np.asarray(hours * run.mw / hours.mean())


def _traces(data: Path) -> list[npt.NDArray[np.float64]]:
    """Return the mean node power of each GPT-3 run, W, every 2 s."""
    power = pl.read_parquet(data / "training_power" / "mlperf_v40_h100x512_node_power.parquet").filter(
        (pl.col("submission") == "smc-ac-power") & (pl.col("benchmark") == "gpt3")
    )
    out = []
    for (_,), rows in power.sort("run", "time_ms").group_by("run", maintain_order=True):
        first = rows["time_ms"].min()
        ticks = (
            rows.group_by(tick=(pl.col("time_ms") - first) // (1000 * _SAMPLE_S))
            .agg(pl.col("power_w").mean(), nodes=pl.col("node").n_unique())
            .filter(pl.col("nodes") >= 60)
            .sort("tick")
        )
        out.append(ticks["power_w"].to_numpy().astype(np.float64))
    return out


def _with_run(load: pl.DataFrame, run: Run, it_mw: npt.NDArray[np.float64]) -> pl.DataFrame:
    added = pl.DataFrame(
        {"time_utc": [run.start + timedelta(hours=i) for i in range(len(it_mw))], "added": it_mw * run.pue},
        schema_overrides={"time_utc": load.schema["time_utc"]},
    )
    # The zone reports whole megawatts, and goes on doing so.
    return (
        load.join(added, on="time_utc", how="left")
        .with_columns(mw=(pl.col("mw") + pl.col("added").fill_null(0.0)).round(0))
        .sort("time_utc")
    )


def _truth(data: Path, zone: Zone, run: Run, it_mw: npt.NDArray[np.float64]) -> dict[str, object]:
    node_w = float(np.concatenate(_traces(data)).mean())
    flop_per_joule = NODE_H100S * H100_FLOPS * UTILISATION / node_w
    energy_mwh = float(it_mw.sum())
    return {
        "site_id": zone.site_id,
        "start": run.start.isoformat(),
        "end": (run.start + timedelta(days=run.days)).isoformat(),
        "it_mw": round(float(it_mw.mean()), 3),
        "it_hourly_sd_mw": round(float(it_mw.std()), 3),
        "utility_mw": round(float(it_mw.mean() * run.pue), 3),
        "it_energy_mwh": round(energy_mwh, 1),
        "h100s": round(run.mw * 1e6 / node_w * NODE_H100S),
        "flop_at_40pct_utilisation": float(f"{energy_mwh * 3.6e9 * flop_per_joule:.3g}"),
    }


def _weather(data: Path, zone: Zone, path: Path) -> tuple[str, float]:
    """Write the temperature of the nearest place; return its name and how far away it is."""
    places = pl.read_csv(data / "weather" / "places.csv").to_dicts()
    far = {p["place"]: _distance_km(zone.latitude, zone.longitude, p["latitude"], p["longitude"]) for p in places}
    place = min(far, key=lambda name: far[name])
    weather = pl.read_parquet(data / "weather" / "hourly_2020_2024.parquet").filter(
        (pl.col("place") == place) & pl.col("time_utc").is_between(SINCE, UNTIL, closed="left")
    )
    weather.sort("time_utc").select(_stamp(), pl.col("temperature_c").round(1)).write_csv(path)
    return place, far[place]


def _distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    a, b, c, d = map(math.radians, (latitude, longitude, other_latitude, other_longitude))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))


def _stamp() -> pl.Expr:
    return pl.col("time_utc").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("time_utc")


def _round_up(value: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit


def _site(zone: Zone, peak_mw: float, has_weather: bool) -> dict[str, object]:
    connection_mw = _round_up(CONNECTION_OVER_PEAK * peak_mw)
    meters = [
        _meter("utility", "utility_import", "MW", f"telemetry/{zone.site_id}.csv", "mw"),
        _meter("weather", "outdoor_temperature", "degC", f"telemetry/{zone.site_id}-weather.csv", "temperature_c"),
    ]
    return {
        "id": zone.site_id,
        "name": zone.name,
        "owner": zone.name,
        "jurisdiction": zone.jurisdiction,
        "timezone": zone.timezone,
        "country": "US",
        "latitude": zone.latitude,
        "longitude": zone.longitude,
        "grid_connection_mw": connection_mw,
        "it_capacity_mw": round(connection_mw / CONNECTION_OVER_IT),
        "meters": meters if has_weather else meters[:1],
    }


def _meter(meter_id: str, measures: str, unit: str, path: str, column: str) -> dict[str, object]:
    return {
        "id": meter_id,
        "measures": measures,
        "unit": unit,
        "interval": "1h",
        "owner": "utility",
        "source": {"kind": "csv", "path": path, "time_column": "time_utc", "value_column": column},
    }


def main() -> None:
    """Write the fleet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the shared data folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--only", nargs="*", default=[], choices=[z.region for z in ZONES], help="keep these zones")
    parser.add_argument("--no-weather", action="store_true", help="give the sites no temperature meter")
    parser.add_argument("--run-in", choices=[z.region for z in ZONES], help="zone to compose a training run into")
    parser.add_argument("--mw", type=float, default=12.0, help="mean of the run at the IT load")
    parser.add_argument("--days", type=int, default=21, help="length of the run")
    parser.add_argument("--start", default=RUN_START.isoformat(), help="start of the run, ISO 8601 with an offset")
    parser.add_argument("--pue", type=float, default=1.2, help="what a megawatt at the IT load adds at the meter")
    options = parser.parse_args()
    run = None
    if options.run_in:
        start = datetime.fromisoformat(options.start).astimezone(UTC)
        run = Run(options.run_in, options.mw, options.days, start, options.pue)
    path = write_fleet(options.data, options.out, run, tuple(options.only), has_weather=not options.no_weather)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
