"""How often quiet sites are accused: findings on load at simulated sites at which nothing happens, against the budget.

python benchmarks/quiet.py                # 4 fleets of 60 sites, 59 days each
python benchmarks/quiet.py --fleets 24    # what docs/method.md quotes
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import timedelta
from pathlib import Path

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch
from pausewatch.findings.load import load_findings
from pausewatch.fleet import load_fleet
from pausewatch.simulation.simulator import PAUSE_START, simulate
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

RESULTS = Path(__file__).parent / "results" / "quiet.json"


def accused(folder: Path, sites: int, days: int, seed: int) -> tuple[dict[str, str], float]:
    """Return the sites of one quiet fleet that had a finding on load, with its first verdict; and the budget."""
    made = simulate(
        folder, preset="quiet", sites=sites, reference_days=150, pause_days=days, interval_min=60, seed=seed
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
    args = parser.parse_args()
    rows, budget = [], 0.0
    for seed in range(1, args.fleets + 1):
        with tempfile.TemporaryDirectory() as folder:
            found, budget = accused(Path(folder), args.sites, args.days, seed)
        rows.append({"seed": seed, "sites_accused": found})
        print(json.dumps(rows[-1]))
    years = args.fleets * args.sites * args.days / 365.25
    count = sum(len(row["sites_accused"]) for row in rows)
    result = {
        "site_years": round(years, 1),
        "accused": count,
        "allowed": round(budget * years, 2),
        "per_site_year": round(count / years, 4),
        "fleets": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
