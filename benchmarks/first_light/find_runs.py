"""Compose one run at a time into a real grid zone, replay the days around its start, and tell whether it was found.

    python benchmarks/first_light/find_runs.py --data ../shared/data --work DIR --run-in DOPD
        --mw 12 50 100 200 300 [--start 2023-05-08T16:00:00Z ... | --monthly] [--days 21] [--look-days 30]
        [--no-weather]

One line a run: what was composed, what the tool said could have gone unseen that day, and the finding that overlaps the
run, as the last replayed day tells it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from make_eia_fleet import RUN_START, ZONES, Run, write_fleet

from pausewatch.pipeline import Workplace, replay


def find(data: Path, work: Path, run: Run, look_days: int, *, has_weather: bool = True) -> str:
    """Compose a run, replay from the day after it began, and return what is to be said of it.

    A load is judged once it has lasted 30 hours: on the day it begins nothing could be found yet.
    """
    shutil.rmtree(work, ignore_errors=True)
    fleet = write_fleet(data, work / "fleet", run, (run.region,), has_weather=has_weather, told=lambda _: None)
    first = run.start.date() + timedelta(days=1)
    last = min(first + timedelta(days=look_days - 1), datetime(2023, 12, 31, tzinfo=UTC).date())
    out = replay(Workplace.at(fleet, work / "home"), first, last, work / "out")
    said = pl.read_csv(out / "site_days.csv", try_parse_dates=True).filter(pl.col("date") == first)
    composed = (
        f"{run.mw:g} MW from {run.start:%Y-%m-%d %H:%M}Z (detectable in 7 days: {said['detectable_mw_7d'][0]:.0f} MW)"
    )
    end = run.start + timedelta(days=run.days)
    found = [f for f in json.loads((out / "findings.json").read_text())["findings"] if _overlaps(f, run.start, end)]
    if not found:
        return f"{composed}: not found by {last}"
    return f"{composed}: " + "; ".join(_told(f, run) for f in found)


def _overlaps(finding: dict, start: datetime, end: datetime) -> bool:
    ended = datetime.fromisoformat(finding["end"]) if finding["end"] else end
    return datetime.fromisoformat(finding["start"]) < end and ended > start


def _told(finding: dict, run: Run) -> str:
    late = (datetime.fromisoformat(finding["first_reported_on"]).date() - run.start.date()).days
    size, energy, flop = (finding[k] for k in ("excess_mw", "energy_mwh", "flop"))
    state = "" if finding["is_open"] or finding["end"] else f", withdrawn on {finding['last_updated_on']}"
    return (
        f"{finding['kind']}, {finding['verdict']} ({finding['training_probability']:.2f}), report day +{late}, "
        f"{finding['start'][:16]} to {(finding['end'] or 'now')[:16]}, "
        f"{size['estimate']:.0f} MW ({size['low']:.0f} to {size['high']:.0f}), "
        f"{energy['estimate']:.0f} MWh ({energy['low']:.0f} to {energy['high']:.0f}), "
        f"{flop['estimate']:.1e} FLOP ({flop['low']:.1e} to {flop['high']:.1e}){state}"
    )


def main() -> None:
    """Try every size at every start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the shared data folder")
    parser.add_argument("--work", type=Path, required=True, help="folder to work in; it is emptied for each run")
    parser.add_argument("--run-in", default="DOPD", choices=[z.region for z in ZONES])
    parser.add_argument("--mw", type=float, nargs="+", default=[12.0], help="means of the run at the IT load")
    parser.add_argument("--start", nargs="+", default=[RUN_START.isoformat()], help="starts, ISO 8601 with an offset")
    parser.add_argument("--monthly", action="store_true", help="start on the 8th of every month of 2023 instead")
    parser.add_argument("--days", type=int, default=21, help="length of the run")
    parser.add_argument("--look-days", type=int, default=30, help="days to replay")
    parser.add_argument("--no-weather", action="store_true", help="give the zone no temperature meter")
    options = parser.parse_args()
    starts = [f"2023-{month:02}-08T16:00:00Z" for month in range(1, 13)] if options.monthly else options.start
    for mw, start in itertools.product(options.mw, starts):
        run = Run(options.run_in, mw, options.days, datetime.fromisoformat(start).astimezone(UTC))
        line = find(options.data, options.work / "one", run, options.look_days, has_weather=not options.no_weather)
        print(line, flush=True)


if __name__ == "__main__":
    main()
