"""What testing sites together finds of split runs, beside testing each site alone, and whom it accuses wrongly.

python benchmarks/coordinated.py                           # split fleets, then honest ones
python benchmarks/coordinated.py --presets split --seeds 311 312 --sites 240
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from pausewatch.detection.coordination import Quiet
from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import LANES, learn
from pausewatch.detection.watch import Watch
from pausewatch.findings.coordinated import members_of
from pausewatch.findings.model import Finding, Verdict
from pausewatch.fleet import load_fleet
from pausewatch.pipeline.coordinating import together, view_document, views_of
from pausewatch.pipeline.learning import learning_batches
from pausewatch.simulation.simulator import PAUSE_START, simulate
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

RESULTS = Path(__file__).parent / "results" / "coordinated.json"
_SIZES = ((2, 3), (4, 7), (8, 19), (20, 50))
_SHARES = ((0.01, 0.02), (0.02, 0.05), (0.05, 0.2))
_NEAR = timedelta(days=3)


def inspected(folder: Path, preset: str, sites: int, days: int, seed: int) -> dict[str, Any]:
    """Return a fleet's truth, when each site's own tests saw an episode, and every coordinated load that was told."""
    made = simulate(
        folder / "fleet", preset=preset, sites=sites, reference_days=150, pause_days=days, interval_min=60, seed=seed
    )
    fleet = load_fleet(made.fleet_path)
    lake = Lake.open(str(folder / "lake"))
    collect(fleet, lake)
    pause, detector = fleet.pauses[0], Detector()
    last = PAUSE_START.date() + timedelta(days=days - 1)
    watches, quiet, alone = [], {}, defaultdict(list)
    for _, ids in learning_batches(fleet):
        mine = [fleet.site(i) for i in ids]
        frozen = learn(fleet, lake, mine, pause, detector)
        watches.append((mine, frozen, Watch.open(fleet, pause, mine, frozen, lake, last, detector)))
    known: list[Finding] = []
    told = []
    for number in range(days):
        views = {}
        for mine, frozen, watch in watches:
            day = PAUSE_START.date() + timedelta(days=number)
            seen = watch.advance()
            while seen.day < day:
                seen = watch.advance()
            for position, site in enumerate(mine):
                view = seen.shared(position)
                if view is not None:
                    views |= views_of({site.id: {"shared": view_document(view)}})
                    row = LANES.index(view.lane) * len(mine) + position
                    quiet[site.id] = Quiet(frozen.quiet.first_block, frozen.quiet.z[row])
                if seen.day == last:
                    one = seen.site(position)
                    alone[site.id] = [
                        (one.grid.hour_start(0, e.start_hour), e.alarm_day)
                        for lane in one.lanes.values()
                        for e in lane.episodes
                    ]
        found = together(fleet, pause, list(fleet.sites), views, quiet, known)
        known = [Finding(str(i), said, day, day) for i, said in enumerate(found)]
        told += [(number, said) for said in found]
    return {"fleet": fleet, "truth": made.truth, "alone": alone, "told": told}


def runs_of(made: dict[str, Any], days: int) -> list[dict[str, Any]]:
    """Return every split run with what was found of it and when, by its sites alone and together."""
    groups = defaultdict(list)
    for site in made["truth"]["sites"]:
        for event in site["events"]:
            if event["name"] == "split":
                groups[made["fleet"].site(site["site_id"]).owner].append((site, event))
    out = []
    for owner, parts in sorted(groups.items()):
        start = min(datetime.fromisoformat(e["start"]) for _, e in parts)
        day0 = (start - PAUSE_START).days
        if len(parts) < 2 or day0 > days - 3:
            continue
        ids = [site["site_id"] for site, _ in parts]
        alone = {}
        for site_id in ids:
            near = [alarm for begin, alarm in made["alone"][site_id] if abs(begin - start) <= _NEAR]
            if near:
                alone[site_id] = min(near) - (PAUSE_START.date() - date(1970, 1, 1)).days - day0
        asking = [
            (number - day0, said)
            for number, said in made["told"]
            if said.verdict in (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)
            and abs(said.start - start) <= _NEAR
            and set(members_of(said)) & set(ids)
        ]
        together_ = {
            i: min(n for n, said in asking if i in members_of(said))
            for i in ids
            if any(i in members_of(said) for _, said in asking)
        }
        honest = {m for _, said in asking for m in members_of(said)} - set(ids)
        last = asking[-1][1] if asking else None
        out.append(
            {
                "owner": owner,
                "sites": len(ids),
                "share": sum(e["mw_it"] / s["it_capacity_mw"] for s, e in parts) / len(parts),
                "alone": alone,
                "together": together_,
                "honest_members": len(honest),
                "typed": last is not None and last.verdict is Verdict.TRAINING_LIKE,
                "excess_over_truth": None
                if last is None
                else last.excess_mw.estimate / sum(e["mw_it"] for _, e in parts),
            }
        )
    return out


def false_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Return coordinated loads that no member's training stood behind, each once."""
    training = {
        site["site_id"]: [datetime.fromisoformat(e["start"]) for e in site["events"] if e["is_training"]]
        for site in made["truth"]["sites"]
    }
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for number, said in made["told"]:
        real = [m for m in members_of(said) if any(abs(t - said.start) <= _NEAR for t in training[m])]
        if not real:
            group = said.evidence["group"]
            key = (group["by"], group["name"], f"{said.start:%Y-%m}-{said.start.day // 4}")
            seen[key] = {
                "group": list(key[:2]),
                "start": said.start.isoformat(),
                "first_day": seen.get(key, {}).get("first_day", number),
                "verdict": said.verdict.value,
                "test": said.evidence["test"],
                "members": len(members_of(said)),
            }
    return list(seen.values())


def table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, by size of the group and share of each site, what was found of the runs and of their parts."""
    out = []
    for low, high in _SIZES:
        for from_, to in _SHARES:
            some = [r for r in runs if low <= r["sites"] <= high and from_ <= r["share"] < to]
            if not some:
                continue
            parts = sum(r["sites"] for r in some)
            both = [
                {**r["together"], **{k: min(v, r["together"].get(k, v)) for k, v in r["alone"].items()}} for r in some
            ]
            out.append(
                {
                    "sites": f"{low}-{high}",
                    "share": f"{from_:.0%}-{to:.0%}",
                    "runs": len(some),
                    "parts": parts,
                    "parts_found_alone": round(sum(len(r["alone"]) for r in some) / parts, 3),
                    "parts_found_together": round(sum(len(r["together"]) for r in some) / parts, 3),
                    "parts_found": round(sum(len(b) for b in both) / parts, 3),
                    "runs_found_together": sum(bool(r["together"]) for r in some),
                    "runs_typed": sum(r["typed"] for r in some),
                    "median_days_alone": _median([v for r in some for v in r["alone"].values()]),
                    "median_days_together": _median([v for r in some for v in r["together"].values()]),
                }
            )
    return out


def _median(values: list[int]) -> float | None:
    return float(median(values)) if values else None


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["split", "honest", "benign"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[311, 312, 313, 314])
    parser.add_argument("--sites", type=int, default=240)
    parser.add_argument("--days", type=int, default=60)
    args = parser.parse_args()
    runs, false, owner_years = [], [], 0.0
    for preset in args.presets:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                made = inspected(Path(folder), preset, args.sites, args.days, seed)
            runs += runs_of(made, args.days)
            mine = [{"preset": preset, "seed": seed, **one} for one in false_of(made)]
            false += mine
            owner_years += len({s.owner for s in made["fleet"].sites}) * args.days / 365.25
            print(json.dumps({"preset": preset, "seed": seed, "runs": len(runs), "false": mine}), flush=True)
    asked = [one for one in false if one["verdict"] in ("training_like", "unexplained")]
    result = {
        "command": f"python benchmarks/coordinated.py --presets {' '.join(args.presets)} --seeds "
        f"{' '.join(map(str, args.seeds))} --sites {args.sites} --days {args.days}",
        "table": table(runs),
        "honest_members_of_found_runs": sum(r["honest_members"] for r in runs),
        "members_of_found_runs": sum(len(r["together"]) for r in runs),
        "median_excess_over_truth": _median([r["excess_over_truth"] for r in runs if r["excess_over_truth"]]),
        "owner_years": round(owner_years, 2),
        "false_open": len(asked),
        "false_open_per_owner_year": round(len(asked) / owner_years, 4),
        "false": false,
        "runs": runs,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({k: v for k, v in result.items() if k != "runs"}, indent=1))


if __name__ == "__main__":
    main()
