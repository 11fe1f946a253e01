"""How fast fleets are simulated: a fleet-year in memory, written as Parquet and written as CSV, on one process.

python benchmarks/simulate.py                # 1,000 sites x 365 days at 15 minutes; needs 2 GB on the disk for a while
python benchmarks/simulate.py --sites 100
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy
import polars

from pausewatch.simulation import simulate, simulate_sites

RESULTS = Path(__file__).parent / "results" / "simulate.json"
TARGET_S = 60.0
REFERENCE_DAYS, PAUSE_DAYS = 270, 94


def main() -> None:
    """Measure in memory, then with writing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=15)
    parser.add_argument("--preset", default="matrix")
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    fleet: dict[str, Any] = {
        "preset": args.preset,
        "sites": args.sites,
        "reference_days": REFERENCE_DAYS,
        "pause_days": PAUSE_DAYS,
        "interval_min": args.interval,
        "seed": args.seed,
    }
    seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    begin, begin_cpu = time.perf_counter(), time.process_time()
    readings = sum(site.table.height * len(site.document["meters"]) for site in simulate_sites(**fleet))
    seconds["in_memory"] = time.perf_counter() - begin
    cpu_seconds["in_memory"] = time.process_time() - begin_cpu
    megabytes: dict[str, float] = {}
    for telemetry_format in ("parquet", "csv"):
        with tempfile.TemporaryDirectory() as folder:
            begin, begin_cpu = time.perf_counter(), time.process_time()
            made = simulate(Path(folder) / "fleet", telemetry_format=telemetry_format, **fleet)
            seconds[f"written_as_{telemetry_format}"] = time.perf_counter() - begin
            cpu_seconds[f"written_as_{telemetry_format}"] = time.process_time() - begin_cpu
            files = (made.folder / "telemetry").iterdir()
            megabytes[telemetry_format] = round(sum(f.stat().st_size for f in files) / 1e6, 1)
            shutil.rmtree(made.folder)
    result = {
        **fleet,
        "readings": readings,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "cpu_seconds": {name: round(value, 1) for name, value in cpu_seconds.items()},
        "cpu_ms_a_site": {name: round(1e3 * value / args.sites, 1) for name, value in cpu_seconds.items()},
        "megabytes": megabytes,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "target_s_for_1000_sites": TARGET_S,
        "machine": {
            "cpus": os.cpu_count(),
            "load_average_before_and_after": [round(LOAD_BEFORE, 1), round(os.getloadavg()[0], 1)],
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "polars": polars.__version__,
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


LOAD_BEFORE = os.getloadavg()[0]

if __name__ == "__main__":
    main()
