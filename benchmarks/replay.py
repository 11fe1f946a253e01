"""How long a replay takes: simulate a fleet, replay it from CSV to a report a day, write the seconds and the machine.

python benchmarks/replay.py                       # 50 sites x 270 reference days + 75 pause days at 15 minutes
python benchmarks/replay.py --sites 8 --pause-days 20
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from pausewatch.pipeline import Workplace, replay
from pausewatch.simulation.simulator import PAUSE_START, simulate

RESULTS = Path(__file__).parent / "results" / "replay.json"


class Stages:
    """A progress that keeps the time at which each stage began."""

    def __init__(self) -> None:
        self.began: list[tuple[str, float]] = []

    def stage(self, name: str, total: int) -> None:
        """Note that a stage begins."""
        self.began.append((name, time.perf_counter()))

    def advance(self, units: int = 1) -> None:
        """Do nothing."""


def main() -> None:
    """Measure one replay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--reference-days", type=int, default=270)
    parser.add_argument("--pause-days", type=int, default=75)
    parser.add_argument("--interval", type=int, default=15)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(
            Path(folder) / "fleet",
            preset="mixed",
            sites=args.sites,
            reference_days=args.reference_days,
            pause_days=args.pause_days,
            interval_min=args.interval,
            seed=args.seed,
        )
        stages = Stages()
        begin = time.perf_counter()
        first = PAUSE_START.date()
        last = first + timedelta(days=args.pause_days - 1)
        place = Workplace.at(made.fleet_path, Path(folder) / "home")
        out = replay(place, first, last, Path(folder) / "out", stages)
        end = time.perf_counter()
        reports = len(list((out / "reports").iterdir()))
    ends = [*(at for _, at in stages.began[1:]), end]
    result = {
        "sites": args.sites,
        "reference_days": args.reference_days,
        "pause_days": args.pause_days,
        "interval_min": args.interval,
        "reports": reports,
        "replay_s": round(end - begin, 1),
        "stages_s": {name: round(after - at, 1) for (name, at), after in zip(stages.began, ends, strict=True)},
        "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
