"""What collecting a fleet's day costs: a day of every site's files into a lake that holds the days before.

python benchmarks/collect.py                       # 1,200 sites, a tenth of the world
python benchmarks/collect.py --sites 12000         # all of it; needs some 3 GB of disk for the files
python benchmarks/collect.py --sites 200 --profile # in one process, under cProfile

Each site has a utility meter, an IT meter and a thermometer at 15 minutes. Four sites in five send one CSV file a day
with a column a meter; of the fifth the utility meter comes as Green Button XML. The lake holds the days before as
collecting left it. The day's files arrive, and batches of sites are collected over two worker processes, as the DAG
maps them: first the new day, then all again, when nothing is new. Seconds are wall time and CPU time: on a shared
machine only the latter says what the work costs. Files are written before the clock starts and are in the page cache.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import os
import platform
import pstats
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# One thread a worker: two workers are the two cores. Set before anything loads its thread pools; workers inherit it.
for _name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from pausewatch.pipeline.collecting import collect_sites  # noqa: E402
from pausewatch.pipeline.workplace import Workplace  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "collect.json"
WORLD_SITES, TARGET_S = 12_000, 120
FIRST = datetime(2026, 8, 1, tzinfo=UTC)
QUARTERS = 96
GREEN_EVERY = 5


def write_fleet(folder: Path, sites: int) -> Path:
    """Write the fleet file of so many sites."""
    lines = ["fleet: collect", "pauses:", "  - {id: all, jurisdictions: ['*'], start: 2026-09-01T00:00:00Z}", "sites:"]
    for i in range(sites):
        csv = f"source: {{kind: csv, path: 'telemetry/site-{i:05d}-*.csv', time_column: time_utc, value_column"
        green = f"source: {{kind: green_button, path: 'telemetry/site-{i:05d}-*.xml'}}"
        utility = green if i % GREEN_EVERY == 0 else f"{csv}: utility_kw}}"
        lines += [
            f"  - id: site-{i:05d}",
            f"    name: Site {i}",
            "    owner: Somebody",
            "    jurisdiction: GB",
            "    timezone: Europe/London",
            "    latitude: 51.5",
            "    longitude: 0.0",
            "    grid_connection_mw: 60",
            "    it_capacity_mw: 40",
            "    meters:",
            f"      - {{id: utility, measures: utility_import, unit: kW, interval: 15min, {utility}}}",
            f"      - {{id: it, measures: it_load, unit: kW, interval: 15min, {csv}: it_kw}}}}",
            f"      - {{id: temp, measures: outdoor_temperature, unit: degC, interval: 15min, {csv}: outdoor_c}}}}",
        ]
    path = folder / "fleet.yaml"
    path.write_text("\n".join(lines).replace("unit: kW, interval: 15min, source: {kind: green", GREEN) + "\n")
    return path


# A Green Button file states its own unit.
GREEN = "interval: 15min, source: {kind: green"


def write_day(folder: Path, sites: int, day: int) -> None:
    """Write the files of a day of every site."""
    rng = np.random.default_rng([3, day])
    hour = np.arange(QUARTERS) / 4.0
    stamps = [FIRST + timedelta(days=day, minutes=15 * q) for q in range(QUARTERS)]
    texts = [stamp.strftime("%Y-%m-%dT%H:%M:%SZ") for stamp in stamps]
    for i in range(sites):
        it = 9_000 + 5_000 * (i % 7) + 600 * np.sin(2 * np.pi * hour / 24) + 60 * rng.standard_normal(QUARTERS)
        outdoor = 15 + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.2 * rng.standard_normal(QUARTERS)
        utility = 1.2 * it + 40 * rng.standard_normal(QUARTERS)
        is_green = i % GREEN_EVERY == 0
        name = folder / f"site-{i:05d}-{day:03d}"
        columns = {"time_utc": texts} | ({} if is_green else {"utility_kw": utility.round(1)})
        columns |= {"it_kw": it.round(1), "outdoor_c": outdoor.round(2)}
        pl.DataFrame(columns).write_csv(name.with_suffix(".csv"))
        if is_green:
            name.with_suffix(".xml").write_text(green_button(stamps, utility))


def green_button(stamps: list[datetime], utility_kw: np.ndarray) -> str:
    """Return a day of a utility meter as ESPI XML, in Wh."""
    readings = "".join(
        f"<IntervalReading><timePeriod><duration>900</duration><start>{int(stamp.timestamp())}</start></timePeriod>"
        f"<value>{round(kw * 250)}</value></IntervalReading>"
        for stamp, kw in zip(stamps, utility_kw, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        '<entry><link rel="self" href="/ReadingType/1"/><content><ReadingType xmlns="http://naesb.org/espi">'
        "<flowDirection>1</flowDirection><intervalLength>900</intervalLength><powerOfTenMultiplier>0</powerOfTenMultiplier>"
        "<uom>72</uom></ReadingType></content></entry>"
        '<entry><link rel="self" href="/UsagePoint/1/MeterReading/1"/><link rel="related" href="/ReadingType/1"/>'
        '<content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>'
        '<entry><link rel="self" href="/UsagePoint/1/MeterReading/1/IntervalBlock/1"/>'
        '<link rel="up" href="/UsagePoint/1/MeterReading/1/IntervalBlock"/><content>'
        f'<IntervalBlock xmlns="http://naesb.org/espi">{readings}</IntervalBlock></content></entry></feed>\n'
    )


_PLACES: dict[tuple[str, str], Workplace] = {}


def work(task: tuple[str, str, list[str]]) -> dict[str, float]:
    """Collect one batch in a worker process; the fleet file is read once a process."""
    fleet, home, ids = task
    before = time.process_time()
    if (fleet, home) not in _PLACES:
        _PLACES[fleet, home] = Workplace.at(fleet, home)
    loaded = time.process_time()
    done = collect_sites(_PLACES[fleet, home], ids)
    return {"cpu_s": time.process_time() - before, "fleet_cpu_s": loaded - before, "readings": done["readings"]}


def collect_all(fleet: Path, home: Path, sites: int, batch: int, workers: int) -> dict[str, float]:
    """Collect every site, batch by batch over the workers."""
    ids = [f"site-{i:05d}" for i in range(sites)]
    tasks = [(str(fleet), str(home), ids[i : i + batch]) for i in range(0, sites, batch)]
    begin = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = list(pool.map(work, tasks))
    return {
        "wall_s": round(time.perf_counter() - begin, 2),
        "cpu_s": round(sum(d["cpu_s"] for d in done), 2),
        "fleet_cpu_s": round(sum(d["fleet_cpu_s"] for d in done), 2),
        "readings": int(sum(d["readings"] for d in done)),
    }


def main() -> None:
    """Measure and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=1200)
    parser.add_argument("--days", type=int, default=2, help="days the lake holds before")
    parser.add_argument("--batch", type=int, default=500, help="sites a task")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "telemetry").mkdir()
        fleet, home = write_fleet(folder, args.sites), folder / "home"
        for day in range(args.days):
            write_day(folder / "telemetry", args.sites, day)
        if args.profile:
            ids = [f"site-{i:05d}" for i in range(args.sites)]
            work((str(fleet), str(home), ids))
            write_day(folder / "telemetry", args.sites, args.days)
            profile = cProfile.Profile(time.process_time)
            profile.enable()
            print(work((str(fleet), str(home), ids)))
            profile.disable()
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
            return
        result: dict[str, Any] = {"sites": args.sites, "days_before": args.days, "batch": args.batch}
        result["before"] = collect_all(fleet, home, args.sites, args.batch, args.workers)
        write_day(folder / "telemetry", args.sites, args.days)
        result["day"] = collect_all(fleet, home, args.sites, args.batch, args.workers)
        result["again"] = collect_all(fleet, home, args.sites, args.batch, args.workers)
    factor = WORLD_SITES / args.sites
    result["world"] = {
        "sites": WORLD_SITES,
        "is_extrapolated": factor != 1,
        "day_s": round(result["day"]["wall_s"] * factor, 1),
        "day_cpu_s_over_workers": round(result["day"]["cpu_s"] * factor / args.workers, 1),
        "target_s": TARGET_S,
    }
    result["machine"] = {
        "cpus": os.cpu_count(),
        "workers": args.workers,
        "load_average": round(os.getloadavg()[0], 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
