"""What a fleet costs: write a lake, fit every site's baselines, inspect a day of every site, and say what it took.

python benchmarks/scale.py                                 # 240 sites x 400 days at 15 minutes, and smaller
python benchmarks/scale.py --sites 1200 --sizes 300 1200   # larger; 12000 needs some 30 GB of disk
python benchmarks/scale.py --stage inspect --profile       # one stage in one process, under cProfile
python benchmarks/scale.py --rivals 4                      # what Prophet and statsforecast take for some sites

The lake is written directly, in the lake's own schema and layout, by commits as large as collecting makes them. Then
three stages run as Airflow would map them, batches over two worker processes of one thread each: `refit` fits, tests
and freezes every site; `rebuild` inspects the day before the last with nothing carried; `inspect` inspects the last day
with the state of the day before. Seconds are given as wall time and as CPU time: on a shared machine only the latter
says what the work costs. The year's total for 12,000 sites is an extrapolation and is named so.

Rivals fit a series each and forecast 30 days, once; a refit here also backtests six candidates in nine folds, chooses,
and calibrates every test. Prophet runs in this environment, statsforecast in its own (`rivals/environments.py`).
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import os
import platform
import pstats
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

# One thread a worker: two workers are the two cores. Set before anything loads its thread pools; workers inherit it.
for _name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from pausewatch.pipeline import Workplace, fit_baselines, inspect_sites  # noqa: E402
from pausewatch.pipeline.due import inspection_parts  # noqa: E402
from pausewatch.pipeline.learning import learning_batches  # noqa: E402
from pausewatch.telemetry.lake import Lake  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent / "rivals"))
import environments  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "scale.json"
WORLD_SITES = 12_000
TARGETS = {"refit_s": 300, "inspect_s": 60, "peak_gb": 4}
PAUSE_DAYS = 35
FIRST = datetime(2025, 8, 1, tzinfo=UTC)
ZONES = (("Europe/London", "GB"), ("America/Chicago", "US"), ("Asia/Singapore", "SG"), ("Europe/Berlin", "DE"))
METERS = (("utility", "utility_import", "kW"), ("it", "it_load", "kW"), ("temp", "outdoor_temperature", "degC"))
COMMIT_ROWS = 3_000_000
QUARTERS = 96


def write_fleet(folder: Path, sites: int, days: int) -> Path:
    """Write the fleet file of a lake of so many sites and days; the last PAUSE_DAYS are under a pause."""
    start = FIRST + timedelta(days=days - PAUSE_DAYS)
    lines = ["fleet: scale", "pauses:", "  - id: scale", '    jurisdictions: ["*"]', f"    start: {start.isoformat()}"]
    lines.append("sites:")
    for i in range(sites):
        zone, country = ZONES[i % len(ZONES)]
        lines += [
            f"  - id: {site_id(i)}",
            f"    name: Site {i}",
            f"    owner: Owner {i % 50}",
            f"    jurisdiction: {country}",
            f"    timezone: {zone}",
            f"    country: {country}",
            "    latitude: 50.0",
            "    longitude: 0.0",
            "    grid_connection_mw: 60",
            "    it_capacity_mw: 40",
            "    accelerators: [{model: H100-SXM, count: 2000}]",
            "    meters:",
        ]
        for meter, measures, unit in METERS:
            lines += [
                f"      - id: {meter}",
                f"        measures: {measures}",
                f"        unit: {unit}",
                "        interval: 15min",
                "        source: {kind: csv, path: none.csv, time_column: t, value_column: v}",
            ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fleet.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def site_id(number: int) -> str:
    """Return the id of a site by its number."""
    return f"site-{number:05d}"


def write_lake(root: Path, sites: int, first_day: int, last_day: int, days: int, seed: int = 7) -> int:
    """Append days [first_day, last_day) of every site to a lake, by commits of COMMIT_ROWS; return the rows written."""
    lake = Lake.open(str(root))
    together = max(COMMIT_ROWS // ((last_day - first_day) * QUARTERS * len(METERS)), 1)
    rows = 0
    for begin in range(0, sites, together):
        numbers = range(begin, min(begin + together, sites))
        frame = pl.concat([_site_rows(i, first_day, last_day, days, seed) for i in numbers])
        frame = frame.sort(["month", "site_id", "meter_id", "interval_start", "available_at"])
        lake.append("readings", frame)
        first, last = frame["interval_start"].min(), frame["interval_start"].max()
        lake.append(
            "ingests",
            pl.DataFrame(
                [
                    {
                        "ingest_id": f"{i}-{meter}-{first_day}",
                        "site_id": site_id(i),
                        "meter_id": meter,
                        "source": "benchmark",
                        "sha256": "0" * 64,
                        "readings": (last_day - first_day) * QUARTERS,
                        "rejects": 0,
                        "first_interval": first,
                        "last_interval": last,
                        "first_available_at": first + timedelta(minutes=15),
                        "collected_at": last + timedelta(hours=1),
                    }
                    for i in numbers
                    for meter, _, _ in METERS
                ]
            ),
        )
        rows += len(frame)
    lake.tidy()
    return rows


def _site_rows(number: int, first_day: int, last_day: int, days: int, seed: int) -> pl.DataFrame:
    """Return a site's readings: daily, weekly and yearly shape, weather, and noise that remembers."""
    rng = np.random.default_rng([seed, number])
    steps = np.arange(days * QUARTERS)
    hour = steps / 4.0
    # Weather and load wander by the hour; the quarters of an hour follow.
    wander = np.interp(hour, np.arange(days * 24), _memory(rng, days * 24, 0.97))
    weather = 12 + 8 * np.sin(2 * np.pi * (hour / 24 + 120) / 365.25) + 4 * np.sin(2 * np.pi * (hour - 9) / 24)
    temperature = weather + 2.5 * np.interp(hour, np.arange(days * 24), _memory(rng, days * 24, 0.98))
    scale = rng.uniform(4_000, 30_000)
    shape = 1 + 0.08 * np.sin(2 * np.pi * (hour - 8) / 24) + 0.03 * (np.mod(hour / 24, 7) < 5)
    it = scale * (shape + 0.01 * wander + 0.002 * rng.standard_normal(len(steps)))
    utility = it * (1.2 + 0.006 * np.maximum(temperature - 14, 0)) + 0.003 * scale * rng.standard_normal(len(steps))
    part = slice(first_day * QUARTERS, last_day * QUARTERS)
    start_us = np.int64(FIRST.timestamp() * 1e6) + steps[part] * np.int64(900_000_000)
    time_type = pl.Datetime("us", "UTC")
    base = pl.DataFrame({"interval_start": pl.Series(start_us).cast(time_type)})
    out = []
    for (meter, _, unit), values in zip(METERS, (utility, it, temperature), strict=True):
        out.append(
            base.select(
                pl.lit(site_id(number)).alias("site_id"),
                pl.lit(meter).alias("meter_id"),
                "interval_start",
                pl.lit(900, pl.Int32).alias("interval_s"),
                pl.Series("value", np.round(values[part], 2)),
                pl.lit(unit).alias("unit"),
                pl.lit("measured").alias("quality"),
                pl.lit(f"telemetry/{site_id(number)}.csv").alias("source"),
                pl.lit(f"{number}-{meter}-{first_day}").alias("ingest_id"),
                (pl.col("interval_start") + pl.duration(minutes=15)).alias("available_at"),
                pl.col("interval_start").dt.strftime("%Y-%m").alias("month"),
            )
        )
    return pl.concat(out)


def _memory(rng: np.random.Generator, size: int, rho: float) -> np.ndarray:
    from scipy.signal import lfilter

    return np.asarray(lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.standard_normal(size)))


def last_report_day(days: int) -> date:
    """Return the last day whose cut-off the lake reaches everywhere."""
    return (FIRST + timedelta(days=days - 2)).date()


def work(task: tuple[str, str, str, str | None, list[str]]) -> dict[str, float]:
    """Do one batch in a worker process; return its CPU seconds, its peak memory and what it read."""
    fleet, home, stage, day, ids = task
    before, read = time.process_time(), _bytes_read()
    place = _place(fleet, home)
    loaded = time.process_time()
    if stage == "refit":
        fit_baselines(place, ids)
    else:
        assert day is not None
        inspect_sites(place, date.fromisoformat(day), ids)
    return {
        "cpu_s": time.process_time() - before,
        "fleet_cpu_s": loaded - before,
        "peak_gb": _peak_gb(),
        "read_gb": (_bytes_read() - read) / 1e9,
        "pid": os.getpid(),
    }


_PLACES: dict[tuple[str, str], Workplace] = {}


def _place(fleet: str, home: str) -> Workplace:
    """Return the workplace, the fleet file read once a process."""
    if (fleet, home) not in _PLACES:
        _PLACES[fleet, home] = Workplace.at(fleet, home)
    return _PLACES[fleet, home]


def _peak_gb() -> float:
    """Return this process's peak memory; on Linux its own, since what getrusage says is handed down to a child."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return int(text.split("VmHWM:")[1].split()[0]) / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _bytes_read() -> int:
    """Return the bytes this process asked the system for, cached or not (Linux; 0 elsewhere)."""
    try:
        return int(Path("/proc/self/io").read_text(encoding="ascii").split("rchar:")[1].split()[0])
    except OSError:
        return 0


def tasks_of(place: Workplace, fleet: Path, home: Path, stage: str, day: date | None, size: int) -> list[Any]:
    """Return the batches of a stage, as the DAGs map them."""
    if stage == "refit":
        return [(str(fleet), str(home), stage, None, ids) for _, ids in learning_batches(place.fleet, size)]
    assert day is not None
    parts = inspection_parts(place.fleet, [day], size)
    return [(str(fleet), str(home), stage, day.isoformat(), list(part["site_ids"])) for part in parts]


def measure_stage(tasks: list[Any], workers: int) -> dict[str, float]:
    """Run a stage's batches over worker processes; return seconds, peak memory of all, and bytes read."""
    context = multiprocessing.get_context("spawn")
    begin = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        done = list(pool.map(work, tasks))
    wall = time.perf_counter() - begin
    peaks: dict[float, float] = {}
    for one in done:
        peaks[one["pid"]] = max(peaks.get(one["pid"], 0.0), one["peak_gb"])
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(sum(one["cpu_s"] for one in done), 2),
        "fleet_cpu_s": round(sum(one["fleet_cpu_s"] for one in done), 2),
        "peak_gb": round(sum(peaks.values()), 3),
        "read_gb": round(sum(one["read_gb"] for one in done), 3),
    }


def decode_rate(root: Path) -> dict[str, float]:
    """Return how fast this machine decodes the columns an inspection needs from the lake's own files."""
    files = sorted(root.glob("readings/month=*/*.parquet"), key=lambda p: -p.stat().st_size)[:4]
    columns = ["site_id", "meter_id", "interval_start", "interval_s", "value", "quality", "available_at"]
    begin = time.process_time()
    rows = sum(len(pl.read_parquet(path, columns=columns)) for path in files)
    return {"rows_per_cpu_s": round(rows / max(time.process_time() - begin, 1e-9)), "rows": rows}


def measure(sites: int, days: int, folder: Path, batch: int, workers: int) -> dict[str, Any]:
    """Measure one size."""
    fleet, home = write_fleet(folder / "fleet", sites, days), folder / "home"
    lake = home / "lake"
    begin = time.perf_counter()
    last = last_report_day(days)
    # The last day arrives after the day before it was inspected, as it would.
    until = days - 1
    rows = write_lake(lake, sites, 0, until, days)
    written_s = time.perf_counter() - begin
    place = Workplace.at(fleet, home)
    with place.register():
        pass
    out: dict[str, Any] = {"sites": sites, "days": days, "write_s": round(written_s, 1)}
    out["refit"] = measure_stage(tasks_of(place, fleet, home, "refit", None, batch), workers)
    out["rebuild"] = measure_stage(tasks_of(place, fleet, home, "rebuild", last - timedelta(days=1), batch), workers)
    rows += write_lake(lake, sites, until, days, days)
    out["inspect"] = measure_stage(tasks_of(place, fleet, home, "inspect", last, batch), workers)
    out["readings"] = rows
    out["lake_gb"] = round(sum(p.stat().st_size for p in lake.rglob("*.parquet")) / 1e9, 4)
    out["lake_files"] = len(list(lake.glob("readings/**/*.parquet")))
    out["state_gb"] = round(sum(p.stat().st_size for p in (home / "state").rglob("*") if p.is_file()) / 1e9, 4)
    out["decode"] = decode_rate(lake)
    return out


def profiled(sites: int, days: int, folder: Path, stage: str, batch: int) -> None:
    """Run one stage in this process under cProfile and print where its CPU time goes."""
    fleet, home = write_fleet(folder / "fleet", sites, days), folder / "home"
    write_lake(home / "lake", sites, 0, days - 1, days)
    place, last = Workplace.at(fleet, home), last_report_day(days)
    order = ("refit", "rebuild", "inspect")
    for step in order[: order.index(stage) + 1]:
        if step == "inspect":
            write_lake(home / "lake", sites, days - 1, days, days)
        day = None if step == "refit" else last - timedelta(days=1) if step == "rebuild" else last
        tasks = tasks_of(place, fleet, home, step, day, batch)
        if step != stage:
            for task in tasks:
                work(task)
            continue
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        done = [work(task) for task in tasks]
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        print(f"{stage}: {sum(d['cpu_s'] for d in done):.2f} CPU seconds for {sites} sites")


def rivals(sites: int, days: int, scratch: Path) -> dict[str, Any]:
    """Return what rivals take for both lanes of some sites, and what 12,000 sites would take at that."""
    out: dict[str, Any] = {"sites": sites, "series": 2 * sites, "is_extrapolated": True}
    hourly = []
    for number in range(sites):
        rows = _site_rows(number, 0, days, days, 7).filter(pl.col("meter_id") != "temp")
        means = rows.group_by_dynamic("interval_start", every="1h", group_by="meter_id").agg(pl.col("value").mean())
        hourly += [means.filter(pl.col("meter_id") == meter) for meter in ("utility", "it")]
    learned = (days - PAUSE_DAYS) * 24
    spent = [_prophet_s(of.head(learned), ZONES[i // 2 % len(ZONES)][1]) for i, of in enumerate(hourly)]
    out["prophet"] = _of_the_world(float(np.mean(spent)), "CPU seconds of it and its children")
    name = "statsforecast MSTL + AutoETS"
    python, why = environments.make(name, scratch)
    if python is None:
        return out | {"statsforecast": {"left_out": why}}
    loads = np.stack([of["value"].head(learned).to_numpy() for of in hourly])
    given = {
        "load_kw": loads,
        "temperature_c": np.zeros((len(loads), learned + 30 * 24)),
        "start_s": np.asarray(int(FIRST.timestamp())),
    }
    told = environments.ask(name, python, given, {"series": [{"key": "", "zone": "UTC", "country": "GB"}] * len(loads)})
    return out | {"statsforecast": _of_the_world(told.seconds, "wall seconds") | {"version": told.version}}


def _prophet_s(hourly: pl.DataFrame, country: str) -> float:
    """Return CPU seconds of Prophet as its quick start uses it on one series: holidays, fit, 30 days ahead."""
    import logging
    import warnings

    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    frame = hourly.select(pl.col("interval_start").dt.replace_time_zone(None).alias("ds"), pl.col("value").alias("y"))
    begin = os.times()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Prophet(interval_width=0.9)
        model.add_country_holidays(country)
        model.fit(frame.to_pandas(), seed=1)
        model.predict(model.make_future_dataframe(30 * 24, freq="h", include_history=False))
    return sum(os.times()[:4]) - sum(begin[:4])


def _of_the_world(series_s: float, what: str) -> dict[str, Any]:
    """Return seconds a series, and of both lanes of 12,000 sites on two cores."""
    return {"s_a_series": round(series_s, 2), "measured": what, "refit_s": round(series_s * 2 * WORLD_SITES / 2)}


def growth(sizes: list[dict[str, Any]], stage: str) -> dict[str, float]:
    """Return CPU seconds a site and before the first, a straight line through the sizes."""
    if len(sizes) < 2:
        return {"cpu_s_a_site": round(sizes[0][stage]["cpu_s"] / sizes[0]["sites"], 5), "cpu_s_fixed": 0.0}
    slope, fixed = np.polyfit([s["sites"] for s in sizes], [s[stage]["cpu_s"] for s in sizes], 1)
    return {"cpu_s_a_site": round(float(slope), 5), "cpu_s_fixed": round(float(fixed), 2)}


def extrapolated(sizes: list[dict[str, Any]], workers: int) -> dict[str, Any]:
    """Return what 12,000 sites would take at the cost of a site between the smallest and largest size measured."""
    out: dict[str, Any] = {"sites": WORLD_SITES, "is_extrapolated": True}
    for stage in ("refit", "rebuild", "inspect"):
        line = growth(sizes, stage)
        out[f"{stage}_cpu_s"] = round(line["cpu_s_a_site"] * WORLD_SITES + max(line["cpu_s_fixed"], 0.0), 1)
        out[f"{stage}_s"] = round(out[f"{stage}_cpu_s"] / workers, 1)
    return out


def main() -> None:
    """Measure two or three sizes and write what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=240, help="the largest size")
    parser.add_argument("--sizes", type=int, nargs="*", help="sizes to measure; a quarter, half and all by default")
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--batch", type=int, default=100, help="sites a task, a multiple of 100")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stage", choices=("refit", "rebuild", "inspect"), help="with --profile")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--rivals", type=int, metavar="SITES", help="time the rivals on so many sites instead")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "pausewatch-rivals")
    parser.add_argument("--folder", type=Path, help="work here and leave it; a temporary folder by default")
    args = parser.parse_args()
    if args.profile:
        with tempfile.TemporaryDirectory() as temporary:
            profiled(args.sites, args.days, args.folder or Path(temporary), args.stage or "inspect", args.batch)
        return
    if args.rivals:
        told = rivals(args.rivals, args.days, args.scratch)
        known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps(known | {"rivals": told}, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(told, indent=2))
        return
    sizes = []
    for count in args.sizes or sorted({max(args.sites // 4, 1), max(args.sites // 2, 1), args.sites}):
        folder = Path(tempfile.mkdtemp()) if args.folder is None else args.folder / str(count)
        try:
            sizes.append(measure(count, args.days, folder, args.batch, args.workers))
        finally:
            if args.folder is None:
                shutil.rmtree(folder)
        print(json.dumps(sizes[-1]))
    largest = sizes[-1]
    result = {
        "sites": largest["sites"],
        "days": args.days,
        "refit_s": largest["refit"]["wall_s"],
        "inspect_s": largest["inspect"]["wall_s"],
        "peak_gb": max(largest[stage]["peak_gb"] for stage in ("refit", "rebuild", "inspect")),
        "targets_at_12000": TARGETS,
        "sizes": sizes,
        "growth": {stage: growth(sizes, stage) for stage in ("refit", "rebuild", "inspect")},
        "extrapolation": extrapolated(sizes, args.workers),
        "machine": {
            "cpus": os.cpu_count(),
            "workers": args.workers,
            "load_average": round(os.getloadavg()[0], 1),
            "system": platform.system(),
            "python": platform.python_version(),
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
