"""The envelope check: is a load of just the size that is stated as detectable really found nine times out of ten?

Sites at which nothing happens are watched. On many days of the pause the watch is forked, and a constant IT load of a
multiple of what the day before said would be found is laid over each site's meters, at a random minute of the day. The
real detector goes on, and a run counts as found when a report until the day it ends, at the latest, holds a finding on
load about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from pausewatch.detection.detector import Detector
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.reference import learn
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.detection.watch import Watch, WatchDay
from pausewatch.evaluation.bootstrap import Measure, share_of
from pausewatch.evaluation.injection import added_kw, constant_kw, forked
from pausewatch.evaluation.outcomes import EARLIEST, LOAD_KINDS, OPEN_VERDICTS
from pausewatch.evaluation.world import World
from pausewatch.findings.assess import assess
from pausewatch.findings.model import DayStatus
from pausewatch.findings.status import detectable_90d_mw
from pausewatch.fleet import Site
from pausewatch.progress import Progress, Silent
from pausewatch.telemetry.panel import Lane

MULTIPLES = (0.5, 0.75, 1.0, 1.5, 2.0)
# Runs of months are few: they are laid where they tell most.
LONG_MULTIPLES, LONG_DAYS = (0.5, 1.0, 1.5), 90
PROMISED = (0.85, 0.95)
_LEAD_DAYS = 3
_SEED = 20260903


@dataclass(frozen=True)
class Injected:
    """One run that was laid over a site, and whether it was found.

    Args:
        fleet: names the fleet.
        site_id: the site.
        kind: of the site.
        lane: the one that its detectable load was stated by.
        days: how long it ran.
        multiple: its size over what was stated as detectable.
        mw: its size at the IT load.
        share: its size over the site's IT capacity.
        marginal_pue: what a megawatt of it added at the utility's meter.
        is_found: a report until the day it ended told of load about it, whatever the verdict.
        is_asked: one of them asked about it: training_like or unexplained.
        delay_days: from its start until the end of the first report day that told of it; None if none did.
    """

    fleet: str
    site_id: str
    kind: str
    lane: str
    days: float
    multiple: float
    mw: float
    share: float
    marginal_pue: float
    is_found: bool
    is_asked: bool
    delay_days: float | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class EnvelopeRow:
    """All runs of one length and multiple: how many were told of, and how many of them asked about."""

    days: float
    multiple: float
    found: Measure
    asked: Measure

    @property
    def is_kept(self) -> bool | None:
        """Whether the promise holds: at the stated size 85 to 95 % are found; None at other sizes."""
        return PROMISED[0] <= self.found.value <= PROMISED[1] if self.multiple == 1.0 else None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "days": self.days,
            "multiple": self.multiple,
            "found": self.found.document(),
            "asked": self.asked.document(),
            "kept": self.is_kept,
        }


def envelope_rows(injected: Iterable[Injected]) -> list[EnvelopeRow]:
    """Return the shares found, by length and multiple, with intervals over sites."""
    runs = list(injected)
    out = []
    for days, multiple in sorted({(r.days, r.multiple) for r in runs}):
        by_site: dict[str, list[Injected]] = {}
        for run in runs:
            if (run.days, run.multiple) == (days, multiple):
                by_site.setdefault(f"{run.fleet}/{run.site_id}", []).append(run)
        count = [len(mine) for mine in by_site.values()]
        found = share_of([sum(r.is_found for r in mine) for mine in by_site.values()], count)
        asked = share_of([sum(r.is_asked for r in mine) for mine in by_site.values()], count)
        out.append(EnvelopeRow(days, multiple, found, asked))
    return out


def check_envelope(
    world: World,
    days: int = 7,
    every: int = 7,
    multiples: Sequence[float] | None = None,
    progress: Progress | None = None,
) -> list[Injected]:
    """Inject runs all over a fleet's pause and return what became of them.

    Args:
        world: a fleet at which nothing happens.
        days: length of the runs.
        every: days between one fork and the next.
        multiples: sizes to draw from, over what is stated as detectable; by default those for such a length.
        progress: told of the forks.
    """
    told = progress or Silent()
    sizes = multiples or (LONG_MULTIPLES if days >= LONG_DAYS else MULTIPLES)
    return [run for sites in world.batches() for run in _batch(world, sites, days, every, sizes, told)]


def _batch(
    world: World, sites: Sequence[Site], days: int, every: int, multiples: Sequence[float], told: Progress
) -> list[Injected]:
    detector = Detector()
    frozen = learn(world.fleet, world.lake, sites, world.pause, detector)
    watch = Watch.open(world.fleet, world.pause, sites, frozen, world.lake, world.last, detector)
    rng = np.random.default_rng([_SEED, world.plan.seed, days])
    fork_at = range(_LEAD_DAYS, len(watch.timeline.days) - days - 2, every)
    told.stage(f"injecting runs of {days} days", len(fork_at))
    out: list[Injected] = []
    for position in range(len(watch.timeline.days)):
        seen = watch.advance()
        if position in fork_at:
            out += _injected(world, watch, seen, days, multiples, rng)
            told.advance()
    return out


def _injected(
    world: World, watch: Watch, seen: WatchDay, days: int, multiples: Sequence[float], rng: np.random.Generator
) -> list[Injected]:
    """Fork a watch with a run at every site of which something was promised."""
    grid = watch.timeline.grid
    it_kw, pue, runs, lanes = {}, {}, {}, {}
    for position, site in enumerate(watch.sites):
        multiple, minute = float(rng.choice(multiples)), int(rng.integers(1440))
        view = seen.site(position)
        said, _ = assess(view)
        if said.status is not DayStatus.CONSISTENT or said.detectable_mw_7d >= site.it_capacity_mw:
            continue
        # The day that follows begins after all that is known by now.
        start = site.day_bounds(seen.day + timedelta(days=2))[0] + timedelta(minutes=minute)
        end = start + timedelta(days=days)
        mw = multiple * (detectable_90d_mw(view) if days >= LONG_DAYS else said.detectable_mw_7d)
        it_kw[position] = constant_kw(grid, position, start, end, mw)
        pue[position] = world.truth[site.id].marginal_pue
        runs[position] = (multiple, mw, start, end)
        lanes[position] = min(view.lanes.values(), key=_at_it).lane.value
    fork = forked(watch, added_kw(watch, it_kw, pue))
    told: dict[int, tuple[date, bool]] = {}
    asked: set[int] = set()
    for _ in range(days + 2):
        later = fork.advance()
        for position, (_, _, start, end) in runs.items():
            if watch.sites[position].day_bounds(later.day)[0] >= end:
                continue
            verdicts = _about(later.site(position), start, end)
            if verdicts and position not in told:
                told[position] = (later.day, True)
            if any(verdicts):
                asked.add(position)
    return [
        Injected(
            fleet=world.name,
            site_id=site.id,
            kind=world.truth[site.id].kind,
            lane=lanes[position],
            days=float(days),
            multiple=multiple,
            mw=mw,
            share=mw / site.it_capacity_mw,
            marginal_pue=pue[position],
            is_found=position in told,
            is_asked=position in asked,
            delay_days=(site.day_bounds(told[position][0])[1] - start) / timedelta(days=1)
            if position in told
            else None,
        )
        for position, (multiple, mw, start, _) in runs.items()
        for site in [watch.sites[position]]
    ]


def _about(day: SiteWatchDay, start: datetime, end: datetime) -> list[bool]:
    """Return, for each finding on load about a run, whether it asks."""
    if not any(view.episodes for view in (*day.lanes.values(), day.balance)):
        return []
    return [
        a.verdict in OPEN_VERDICTS
        for a in assess(day)[1]
        if a.kind in LOAD_KINDS and start - EARLIEST <= a.start < end and (a.end is None or a.end > start)
    ]


def _at_it(view: LaneDay) -> float:
    return view.detectable_kw / (1.0 if view.lane is Lane.IT_LOAD else MarginalPue().central)
