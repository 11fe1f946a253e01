"""Runs from the MLPerf H100 trace laid over real load: 11 zones of EIA-930 taken as sites, with real weather.

    python benchmarks/real_load.py [--data ../shared/data] [--years 2022 2023 2024] [--starts 6] [--workers 2]

Each zone's demand, as it was reported, is scaled to a site that peaks at 50 to 300 MW; the grid connection is 1.25
times the peak of the year before, the IT capacity that over 1.3. Each year is a pause, learned from the year before.
Weather is of the nearest place there is weather of. There is no IT meter: the utility's, hourly, is all that is seen.

Six times a year the watch is forked, and every zone gets a run of its own: 2 to 80 % of its IT capacity for
7, 14, 30 or 60 days, from a random hour of the next days on, of the shape that is composed in first_light/ (three
trainings of GPT-3 on 512 H100, one after the other), times a PUE of 1.2. False findings are those of the watch without
any run. Shares are over all runs, with 90 % intervals from resampling zones. The same findings are weighed by the rule
and by the shipped champion, or by --model. Prints tables; writes benchmarks/results/real_load.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from first_light.make_eia_fleet import Run, composed_hours
from real_zones import ZONES, write_year

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.watch import Watch, WatchDay
from pausewatch.evaluation.bootstrap import Measure, pooled, rate_of, share_of
from pausewatch.evaluation.injection import added_kw, forked
from pausewatch.evaluation.outcomes import EventOutcome, FindingOutcome, event_outcomes, finding_outcomes
from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.tables import number, percent, table
from pausewatch.evaluation.tracking import Tracker
from pausewatch.evaluation.trial import InspectedDay, SiteTrial
from pausewatch.evaluation.truth import TrueEvent, TrueSite
from pausewatch.findings.assess import assess
from pausewatch.findings.model import DayStatus
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.signatures.registry import RULE, champion, load, shipped_models
from pausewatch.signatures.rule import Explainer, explain
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

RESULTS = Path(__file__).parent / "results" / "real_load.json"
SHARES = (0.02, 0.05, 0.10, 0.20, 0.40, 0.80)
DAYS = (7, 14, 30, 60)
PUE = 1.2
# Days a fork goes on after its run has ended, and between the fork and the earliest start.
_AFTER_DAYS, _LEAD_DAYS = 8, 2
_SEED = 20260905


@dataclass
class Story:
    """What is told of one site from day to day."""

    tracker: Tracker
    days: list[InspectedDay]


@dataclass(frozen=True)
class YearDone:
    """One year: every zone without a run, and every run with what was stated as detectable before it."""

    year: int
    alone: list[SiteTrial]
    runs: list[tuple[SiteTrial, float]]


def one_year(data: Path, year: int, starts: int) -> YearDone:
    """Watch a year without runs, and fork it with runs."""
    with tempfile.TemporaryDirectory() as name:
        fleet = load_fleet(write_year(data, Path(name), year))
        lake = Lake.open(str(Path(name) / "lake"))
        collect(fleet, lake)
        sites, pause, detector = fleet.sites, fleet.pauses[0], Detector()
        last = date(year, 12, 30)
        watch = Watch.open(fleet, pause, sites, learn(fleet, lake, sites, pause, detector), lake, last, detector)
        told = [Story(Tracker(site.id), []) for site in sites]
        forks = [int(d) for d in np.linspace(20, len(watch.timeline.days) - 75, starts)]
        rng = np.random.default_rng([_SEED, year])
        # Sizes and lengths in turn, so that each comes as often at every zone over the years.
        grid = [(share, days) for share in SHARES for days in DAYS]
        runs: list[tuple[SiteTrial, float]] = []
        for position in range(len(watch.timeline.days)):
            seen = watch.advance()
            take(fleet, seen, told)
            if position in forks:
                offset = (year * starts + forks.index(position)) * 7
                chosen = [grid[(offset + 3 * i) % len(grid)] for i in range(len(sites))]
                runs += forked_runs(data, fleet, watch, seen.day, told, chosen, rng)
        alone = [trial_of(fleet, year, i, story, ()) for i, story in enumerate(told)]
    return YearDone(year, alone, runs)


def take(fleet: Fleet, seen: WatchDay, told: Sequence[Story]) -> None:
    """Add a day to every site's story."""
    for position, site in enumerate(fleet.sites):
        if fleet.pause_for(site, seen.day) is None:
            continue
        said, found = assess(seen.site(position), keeps_looks=True)
        told[position].tracker.take(seen.day, found)
        start, end = site.day_bounds(seen.day)
        told[position].days.append(InspectedDay(said, start, end, site.cutoff(seen.day, fleet.cutoff_hours)))


def forked_runs(
    data: Path,
    fleet: Fleet,
    watch: Watch,
    day: date,
    told: Sequence[Story],
    chosen: Sequence[tuple[float, int]],
    rng: np.random.Generator,
) -> list[tuple[SiteTrial, float]]:
    """Lay a run over every zone, watch it to its end and beyond, and return the trials with the lines stated before."""
    grid = watch.timeline.grid
    loads, events, lines = {}, [], []
    for position, (site, (share, days)) in enumerate(zip(fleet.sites, chosen, strict=True)):
        begin = site.day_bounds(day + timedelta(days=_LEAD_DAYS))[0] + timedelta(hours=int(rng.integers(72)))
        start = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        mw = share * site.it_capacity_mw
        hours = composed_hours(data, Run(site.id, mw, days, start, PUE))
        at = grid.hour_index(start)
        load = np.zeros(grid.hours)
        load[at : at + len(hours)] = 1e3 * hours[: max(grid.hours - at, 0)]
        loads[position] = load
        end = start + timedelta(days=days)
        events.append(TrueEvent("composed_run", "violation", start, end, mw, float(hours.sum()), True, True))
        lines.append(told[position].days[-1].said.detectable_mw_7d)
    fork = forked(watch, added_kw(watch, loads, dict.fromkeys(loads, PUE)))
    own = deepcopy(list(told))
    until = max(event.end for event in events).date() + timedelta(days=_AFTER_DAYS)
    while fork.day < min(until, fork.timeline.days[-1]):
        take(fleet, fork.advance(), own)
    return [
        (trial_of(fleet, day.year, i, own[i], (event,)), line)
        for i, (event, line) in enumerate(zip(events, lines, strict=True))
    ]


def trial_of(fleet: Fleet, year: int, position: int, story: Story, events: tuple[TrueEvent, ...]) -> SiteTrial:
    """Return a site's story as a trial."""
    site = fleet.sites[position]
    truth = TrueSite(site.id, "grid zone", site.it_capacity_mw, bool(events), events)
    histories = tuple(story.tracker.histories.values())
    return SiteTrial("real", truth, fleet.pauses[0].start, tuple(story.days), histories, str(year))


class Table:
    """Measures over runs, resampled by zone."""

    def __init__(self, years: Sequence[YearDone], judge: Explainer) -> None:
        self.runs: dict[str, list[tuple[EventOutcome, float]]] = {z.site_id: [] for z in ZONES}
        self.alone: dict[str, list[SiteTrial]] = {z.site_id: [] for z in ZONES}
        for year in years:
            for trial, line in year.runs:
                self.runs[trial.truth.site_id] += [(o, line) for o in event_outcomes(rejudged(trial, judge))]
            for trial in year.alone:
                self.alone[trial.truth.site_id].append(rejudged(trial, judge))

    def share(self, of: Callable[[EventOutcome, float], bool], hit: Callable[[EventOutcome, float], bool]) -> Measure:
        """Measure a share of runs."""
        mine = [[run for run in runs if of(*run)] for runs in self.runs.values()]
        return share_of([sum(hit(*run) for run in each) for each in mine], [len(each) for each in mine])

    def rate(self, hit: Callable[[FindingOutcome], bool]) -> Measure:
        """Measure findings per site-year, without any run."""
        counts = [sum(hit(f) for t in trials for f in finding_outcomes(t)) for trials in self.alone.values()]
        return rate_of(counts, [sum(t.years for t in trials) for trials in self.alone.values()])

    def delay(self, of: Callable[[EventOutcome, float], bool]) -> Measure:
        """Measure the median delay of the runs that were found."""
        values = [[o.delay_days for o, line in runs if of(o, line) and o.delay_days] for runs in self.runs.values()]
        return pooled(values, lambda v: float(np.median(v)))

    def cannot_conclude(self) -> Measure:
        """Measure the share of days without any run that are `cannot_conclude`."""
        days = [[d.said.status for t in trials for d in t.days] for trials in self.alone.values()]
        return share_of([sum(s is DayStatus.CANNOT_CONCLUDE for s in each) for each in days], [len(d) for d in days])

    def document(self) -> dict[str, Any]:
        """Return every measure as JSON values."""

        def row(of: Callable[[EventOutcome, float], bool]) -> dict[str, Any]:
            return {
                "found": self.share(of, lambda o, _: o.is_found).document(),
                "told": self.share(of, lambda o, _: o.is_told).document(),
                "typed": self.share(lambda o, line: of(o, line) and o.is_found, lambda o, _: o.is_typed).document(),
                "energy_held": self.share(
                    lambda o, line: of(o, line) and o.is_energy_held is not None, lambda o, _: bool(o.is_energy_held)
                ).document(),
                "delay_days": self.delay(of).document(),
            }

        def sized(share: float) -> Callable[[EventOutcome, float], bool]:
            return lambda o, _: abs(o.share - share) < 0.005

        return {
            "all runs": row(lambda o, _: True),
            "above the stated line": row(lambda o, line: o.event.mw_it >= line),
            "below the stated line": row(lambda o, line: o.event.mw_it < line),
            "by size": {f"{share:g}": row(sized(share)) for share in SHARES},
            "found by size and days": {
                f"{share:g}": {
                    str(days): self.share(
                        lambda o, line, s=share, d=days: (
                            sized(s)(o, line) and abs((o.event.end - o.event.start).days - d) < 1
                        ),
                        lambda o, _: o.is_found,
                    ).document()
                    for days in DAYS
                }
                for share in SHARES
            },
            "false training_like per site-year": self.rate(lambda f: f.was_called_training).document(),
            "false open findings per site-year": self.rate(lambda f: f.was_open).document(),
            "cannot_conclude days": self.cannot_conclude().document(),
        }

    def zones(self) -> list[dict[str, Any]]:
        """Return what each zone's line was, and what was found there."""
        out = []
        for site_id, runs in self.runs.items():
            trials = self.alone[site_id]
            said = [d.said for t in trials for d in t.days]
            out.append(
                {
                    "site_id": site_id,
                    "it_capacity_mw": trials[0].truth.it_capacity_mw,
                    "line_share_of_it_capacity": round(
                        float(np.median([d.detectable_mw_7d for d in said])) / trials[0].truth.it_capacity_mw, 4
                    ),
                    "runs": len(runs),
                    "found": sum(o.is_found for o, _ in runs),
                    "above_line": sum(o.event.mw_it >= line for o, line in runs),
                    "above_line_found": sum(o.event.mw_it >= line and o.is_found for o, line in runs),
                    "false_open": sum(f.was_open for t in trials for f in finding_outcomes(t)),
                }
            )
        return out

    def false_findings(self) -> list[dict[str, Any]]:
        """Return every finding on load of the watch without runs, for a person to look at."""
        out = []
        for trials in self.alone.values():
            for trial in trials:
                for found in finding_outcomes(trial):
                    last = found.history.last
                    out.append(
                        {
                            "site_id": trial.truth.site_id,
                            "id": found.history.id,
                            "kind": last.kind.value,
                            "verdict": last.verdict.value,
                            "was_open": found.was_open,
                            "was_called_training": found.was_called_training,
                            "is_withdrawn": found.history.is_withdrawn,
                            "first_reported_on": found.history.first_reported_on.isoformat(),
                            "start": last.start.isoformat(),
                            "end": None if last.end is None else last.end.isoformat(),
                            "excess_mw": [round(v, 2) for v in (last.excess_mw.low, last.excess_mw.high)],
                            "hypotheses": {h.name: round(h.probability, 3) for h in last.hypotheses[:3]},
                            "facts": list(last.facts),
                        }
                    )
        return out


def tables(document: dict[str, Any], judge: str) -> str:
    """Return one judge's tables as Markdown."""

    def shown(told: dict[str, Any], as_share: bool = True) -> str:
        measure = Measure(*(float("nan") if told[k] is None else told[k] for k in ("value", "low", "high", "count")))
        return percent(measure) if as_share else number(measure)

    measured = document["judges"][judge]
    rows = [(name, measured[name]) for name in ("all runs", "above the stated line", "below the stated line")]
    rows += [(f"{100 * float(share):g} % of IT capacity", row) for share, row in measured["by size"].items()]
    columns = ("found", "typed", "energy_held")
    body = [(name, *[shown(r[c]) for c in columns], shown(r["delay_days"], as_share=False)) for name, r in rows]
    first = table(("runs", "found", "typed training_like", "energy held", "delay, days"), body)
    cells = measured["found by size and days"]
    second = table(
        ("size", *[f"{d} days" for d in DAYS]),
        [(f"{100 * float(s):g} %", *[shown(cells[s][str(d)]) for d in DAYS]) for s in cells],
    )
    rates = [
        (name, shown(measured[name], as_share=name.startswith("cannot")))
        for name in ("false training_like per site-year", "false open findings per site-year", "cannot_conclude days")
    ]
    zones = table(
        ("zone", "IT capacity, MW", "median line, % of it", "runs found", "of those above the line", "false open"),
        [
            (
                z["site_id"],
                f"{z['it_capacity_mw']:g}",
                f"{100 * z['line_share_of_it_capacity']:.1f}",
                f"{z['found']} of {z['runs']}",
                f"{z['above_line_found']} of {z['above_line']}",
                str(z["false_open"]),
            )
            for z in document["zones"]
        ],
    )
    return "\n".join((first, second, table(("without any run", ""), rates), zones))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--years", type=int, nargs="+", default=[2022, 2023, 2024])
    parser.add_argument("--starts", type=int, default=6, help="forks a year")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--model", default="", help="a challenger, instead of the champion")
    parser.add_argument("--models", type=Path, default=shipped_models(), help="where it lies")
    options = parser.parse_args()
    judges: dict[str, Explainer] = {RULE: explain}
    promoted = champion(shipped_models())
    if options.model:
        judges[options.model] = load(options.models, options.model)[0].explain
    elif promoted is not None:
        judges[promoted.name] = promoted.model.explain
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(one_year, options.data, year, options.starts) for year in options.years]
        done = [w.result() for w in waiting]
    told = {name: Table(done, cache(judge)) for name, judge in judges.items()}
    last = told[list(judges)[-1]]
    document = {
        "what": __doc__,
        "made_at": datetime.now(UTC).date().isoformat(),
        "took_s": round(time.perf_counter() - began),
        "years": options.years,
        "starts": options.starts,
        "judges": {name: of.document() for name, of in told.items()},
        "zones": last.zones(),
        "findings_without_runs": last.false_findings(),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name in judges:
        print(f"\nJudged by {name}\n\n{tables(document, name)}")


if __name__ == "__main__":
    main()
