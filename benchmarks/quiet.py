"""How often quiet sites are accused: findings on load at simulated sites at which nothing happens, against the budget.

python benchmarks/quiet.py                # 4 fleets of 60 sites, 59 days each
python benchmarks/quiet.py --fleets 24    # what docs/method.md quotes, 150 days of reference
python benchmarks/quiet.py --fleets 6 --reference-days 380    # the same where a whole year is known
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch
from pausewatch.findings.load import load_findings
from pausewatch.fleet import load_fleet
from pausewatch.simulation.simulator import PAUSE_START, simulate
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

RESULTS = Path(__file__).parent / "results"
_REFERENCE_DAYS = 150


def accused(seed: int, sites: int, days: int, reference_days: int) -> tuple[dict[str, str], float]:
    """Return the sites of one quiet fleet that had a finding on load, with its first verdict; and the budget."""
    with tempfile.TemporaryDirectory() as folder:
        return _accused(Path(folder), sites, days, seed, reference_days)


def _accused(folder: Path, sites: int, days: int, seed: int, reference_days: int) -> tuple[dict[str, str], float]:
    made = simulate(
        folder, preset="quiet", sites=sites, reference_days=reference_days, pause_days=days, interval_min=60, seed=seed
    )
    fleet = load_fleet(made.fleet_path)
    lake = Lake.open(str(folder / "lake"))
    collect(fleet, lake)
    pause, detector = fleet.pauses[0], Detector()
    frozen = learn(fleet, lake, fleet.sites, pause, detector)
    last = PAUSE_START.date() + timedelta(days=days - 1)
    watch = Watch.open(fleet, pause, fleet.sites, frozen, lake, last, detector)
    found: dict[str, str] = {}
    while True:
        seen = watch.advance()
        for position, site in enumerate(fleet.sites):
            one = seen.site(position)
            if site.id not in found and any(lane.episodes for lane in (*one.lanes.values(), one.balance)):
                said = load_findings(one, [])
                if said:
                    found[site.id] = said[0].verdict.value
        if seen.day >= last:
            return found, fleet.false_alarms_per_site_year


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleets", type=int, default=4)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--days", type=int, default=59)
    parser.add_argument("--reference-days", type=int, default=_REFERENCE_DAYS)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    rows, budgets = [], []
    one = partial(accused, sites=args.sites, days=args.days, reference_days=args.reference_days)
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        for seed, (found, budget) in enumerate(pool.map(one, range(1, args.fleets + 1)), 1):
            budgets.append(budget)
            rows.append({"seed": seed, "sites_accused": found})
            print(json.dumps(rows[-1]), flush=True)
    years = args.fleets * args.sites * args.days / 365.25
    count = sum(len(row["sites_accused"]) for row in rows)
    result = {
        "reference_days": args.reference_days,
        "site_years": round(years, 1),
        "accused": count,
        "allowed": round(budgets[0] * years, 2),
        "per_site_year": round(count / years, 4),
        "fleets": rows,
    }
    name = "quiet.json" if args.reference_days == _REFERENCE_DAYS else f"quiet_{args.reference_days}_days.json"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
