"""What the balance lane is worth: the same simulated fleets inspected with it and without it.

python benchmarks/balance.py                                  # every case below
python benchmarks/balance.py --case hidden_1pct --sites 15    # one of them
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.detection.detector import Detector
from pausewatch.detection.evidence import Evidence
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Assessment, Kind
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.simulation import Occurrence, SitePlan, simulate
from pausewatch.simulation.simulator import PAUSE_START
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

RESULTS = Path(__file__).parent / "results" / "balance.json"
KINDS = ("cloud", "colocation", "inference", "science", "mixed")
_RUN = {"days": (15.0, 15.0)}
CASES: dict[str, tuple[Occurrence | str, ...]] = {
    "hidden_1pct": (Occurrence("hidden_from_it_meter", {"share": (0.01, 0.01), **_RUN}),),
    "hidden_3pct": (Occurrence("hidden_from_it_meter", {"share": (0.03, 0.03), **_RUN}),),
    "battery_3pct": (Occurrence("battery_smoothing", {"share": (0.03, 0.03), **_RUN}),),
    "behind_the_meter": ("behind_the_meter",),
    "replayed": ("replayed",),
    "scaled": ("scaled",),
    "inference_growth": ("inference_growth",),
    "chiller_fault": ("chiller_fault",),
    "heat_wave": ("heat_wave",),
    "quiet": (),
}
_NOT_LOAD = (Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY)
# Findings this near each other are about the same thing.
_SAME = timedelta(days=5)

Told = dict[str, list[tuple[date, Assessment]]]


def told_of(fleet: Fleet, lake: Lake, days: int, uses: Evidence) -> Told:
    """Return each site's findings on load in the order they began: the day they were first told, and the last state."""
    pause, detector = fleet.pauses[0], Detector(uses=uses)
    last = PAUSE_START.date() + timedelta(days=days - 1)
    watch = Watch.open(
        fleet, pause, fleet.sites, learn(fleet, lake, fleet.sites, pause, detector), lake, last, detector
    )
    out: Told = {site.id: [] for site in fleet.sites}
    for _ in range(days + 2):
        seen = watch.advance()
        for position, site in enumerate(fleet.sites):
            for found in (a for a in assess(seen.site(position))[1] if a.kind not in _NOT_LOAD):
                known = out[site.id]
                same = next((i for i, (_, a) in enumerate(known) if abs(a.start - found.start) < _SAME), None)
                if same is None:
                    known.append((seen.day, found))
                else:
                    known[same] = (known[same][0], found)
        if seen.day >= last:
            break
    return out


def scored(truth: list[dict[str, Any]], told: Told, days: int) -> dict[str, Any]:
    """Return how many runs were found, how soon and how large, and what else was told."""
    delays, sizes, kinds, other = [], [], Counter[str](), Counter[str]()
    runs = 0
    for site in truth:
        spans = [e for e in site["events"] if e["is_training"]]
        runs += len(spans)
        for first, found in told[site["site_id"]]:
            hit = next((e for e in spans if _about(found, e)), None)
            name = f"{found.kind.value}, {found.verdict.value}"
            if hit is None:
                other[f"{name}: {found.hypotheses[0].name}"] += 1
                continue
            kinds[name] += 1
            spans.remove(hit)
            delays.append((first - datetime.fromisoformat(hit["start"]).date()).days)
            sizes.append(found.excess_mw.estimate / hit["mw_it"])
    return {
        "runs": runs,
        "found": len(delays),
        "delay_days_median": float(np.median(delays)) if delays else None,
        "size_over_true_median": round(float(np.median(sizes)), 2) if sizes else None,
        "as": dict(kinds),
        "told_beside": dict(other),
        "site_years": round(len(truth) * days / 365.25, 2),
    }


def _about(found: Assessment, event: dict[str, Any]) -> bool:
    start, end = (datetime.fromisoformat(event[k]) for k in ("start", "end"))
    return start - timedelta(days=3) < found.start < end and (found.end is None or found.end > start)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=sorted(CASES), action="append")
    parser.add_argument("--sites", type=int, default=30)
    parser.add_argument("--days", type=int, default=25)
    parser.add_argument("--seed", type=int, default=301)
    args = parser.parse_args()
    out: dict[str, Any] = {"sites": args.sites, "days": args.days, "seed": args.seed, "cases": {}}
    for case in args.case or CASES:
        with tempfile.TemporaryDirectory() as folder:
            plans = [SitePlan(KINDS[i % len(KINDS)], CASES[case]) for i in range(args.sites)]
            made = simulate(
                Path(folder),
                plans=plans,
                reference_days=150,
                pause_days=args.days,
                interval_min=60,
                seed=args.seed,
            )
            fleet, lake = load_fleet(made.fleet_path), Lake.open(f"{folder}/lake")
            collect(fleet, lake)
            whole = Evidence()
            out["cases"][case] = {
                name: scored(made.truth["sites"], told_of(fleet, lake, args.days, uses), args.days)
                for name, uses in (("with", whole), ("without", whole.without("balance_lane")))
            }
        print(json.dumps({case: out["cases"][case]}), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(out, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
