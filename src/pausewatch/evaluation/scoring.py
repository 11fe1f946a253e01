"""Scoring: the measures of issue and inspector, from what was said of every site and what really happened there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pausewatch.evaluation.bootstrap import Measure, mean_of, pooled, rate_of
from pausewatch.evaluation.matters import (
    ALL_FOUND,
    ALL_TYPED,
    BENIGN,
    FALSE_OPEN,
    FALSE_TRAINING,
    HONEST,
    RESTLESS_FALSE,
    RESTLESS_FOUND,
    RESTLESS_TYPED,
    RUNS_FOUND,
    RUNS_TYPED,
    Matter,
)
from pausewatch.evaluation.outcomes import EventOutcome
from pausewatch.evaluation.reliability import Reliability, probabilities, reliability
from pausewatch.evaluation.site_scores import (
    DISHONEST,
    SiteScore,
    is_big_run,
    is_visible_training,
    rate,
    share,
)
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.findings.model import DayStatus

SIZES = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 10.0))
DURATIONS = ((1.0, 5.0), (5.0, 14.0), (14.0, 30.0), (30.0, 10_000.0))
# Benign events that are of a meter, not of load: what it says for their time can't be concluded from.
METER_FAULTS = ("unit_change", "ct_ratio_change", "meter_drift", "clock_change", "duplicates")


@dataclass(frozen=True)
class Headline:
    """A measure with what it should reach.

    Args:
        name: what is measured.
        measure: the number.
        target: what it should reach; None where nothing was asked.
        is_floor: the target is the least, not the most.
    """

    name: str
    measure: Measure
    target: float | None = None
    is_floor: bool = True

    @property
    def is_met(self) -> bool | None:
        """Whether the number reaches its target; None without a target or a number."""
        if self.target is None or np.isnan(self.measure.value):
            return None
        return self.measure.value >= self.target if self.is_floor else self.measure.value <= self.target


@dataclass(frozen=True)
class EventRow:
    """All that became of one kind of event."""

    name: str
    group: str
    count: int
    found: Measure
    typed: Measure
    called_training: Measure
    honest: Measure
    delay_days: Measure


@dataclass(frozen=True)
class Cell:
    """Detection probability of one class of training by size and duration."""

    group: str
    size: tuple[float, float]
    days: tuple[float, float]
    found: Measure


@dataclass(frozen=True)
class Scores:
    """Everything an evaluation says."""

    sites: int
    site_years: float
    headlines: tuple[Headline, ...]
    cells: tuple[Cell, ...]
    events: tuple[EventRow, ...]
    kinds: tuple[tuple[str, Measure, Measure], ...]
    reliability: Reliability

    def headline(self, name: str) -> Headline:
        """Return one headline."""
        return next(h for h in self.headlines if h.name == name)

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "sites": self.sites,
            "site_years": round(self.site_years, 3),
            "headlines": [
                {"name": h.name, **h.measure.document(), "target": h.target, "met": h.is_met} for h in self.headlines
            ],
            "detection": [
                {"class": c.group, "size_share": list(c.size), "days": list(c.days), **c.found.document()}
                for c in self.cells
            ],
            "events": [
                {
                    "name": row.name,
                    "class": row.group,
                    "events": row.count,
                    "found": row.found.document(),
                    "typed": row.typed.document(),
                    "called_training": row.called_training.document(),
                    "honest": row.honest.document(),
                    "delay_days": row.delay_days.document(),
                }
                for row in self.events
            ],
            "kinds": [
                {"kind": kind, "found": found.document(), "false_open_per_site_year": false.document()}
                for kind, found, false in self.kinds
            ],
            "reliability": self.reliability.document(),
        }


def score_trials(trials: Iterable[SiteTrial]) -> Scores:
    """Score what was said of every site."""
    return score_sites([SiteScore.of(trial) for trial in trials])


def score_sites(everywhere: Sequence[SiteScore]) -> Scores:
    """Score what became of every site; restless ones apart, where there are others."""
    sites = [s for s in everywhere if not s.is_restless] or list(everywhere)
    restless = [s for s in everywhere if s.is_restless] if len(sites) < len(everywhere) else []
    names = sorted({(o.event.group, o.event.name) for s in sites for o in s.events})
    return Scores(
        sites=len(sites),
        site_years=sum(s.trial.years for s in sites),
        headlines=(*_headlines(sites), *_of_restless(restless)),
        cells=tuple(_cells(sites)),
        events=tuple(_event_row(sites, group, name) for group, name in names),
        kinds=tuple(_kind_row(sites, kind) for kind in sorted({s.trial.truth.kind for s in sites})),
        reliability=reliability([probabilities(s.trial) for s in sites]),
    )


def median_of(sites: Sequence[SiteScore], values: Callable[[EventOutcome], float | None]) -> Measure:
    """Measure the median of a value of events, where they have one."""
    return pooled([[v for o in s.events if (v := values(o)) is not None] for s in sites], lambda v: float(np.median(v)))


def _headlines(sites: Sequence[SiteScore]) -> list[Headline]:
    honest = [s for s in sites if s.is_honest]
    return [
        _headline(RUNS_FOUND, sites, 0.98),
        Headline(
            "of those whose start the telemetry holds: found",
            share(sites, lambda o: is_big_run(o) and o.has_edge, lambda o: o.is_found),
        ),
        Headline(
            "untampered runs of 5 % and 5 days: report day less start day, median",
            median_of(sites, lambda o: o.delay_report_days if is_big_run(o) else None),
            2.0,
            is_floor=False,
        ),
        Headline(
            "untampered runs of 5 % and 5 days: days from start until the report can be read, median",
            median_of(sites, lambda o: o.delay_days if is_big_run(o) else None),
        ),
        _headline(RUNS_TYPED, sites, 0.9),
        Headline(
            "of those found whose start the telemetry holds: training_like in the end",
            share(sites, lambda o: is_big_run(o) and o.has_edge and o.is_found, lambda o: o.is_typed),
        ),
        _headline(ALL_FOUND, sites),
        _headline(ALL_TYPED, sites),
        Headline(
            "evasions that a meter can show: found",
            share(
                sites,
                lambda o: is_visible_training(o) and o.event.group == "evasion",
                lambda o: o.is_found,
            ),
        ),
        _headline(FALSE_TRAINING, sites, 0.05),
        Headline(
            "of those with nothing behind them, per site-year",
            rate(honest, lambda f: f.was_called_training and f.behind is None),
            0.05,
            is_floor=False,
        ),
        Headline(
            "benign events planted at these sites, per site-year",
            rate_of(
                [sum(o.event.group == "benign" for o in s.events) for s in honest], [s.trial.years for s in honest]
            ),
        ),
        _headline(FALSE_OPEN, sites, 0.5),
        Headline(
            "the same, still open in the end",
            rate(honest, lambda f: f.stands_open and f.behind is None),
        ),
        _headline(BENIGN, sites, 0.05),
        _headline(HONEST, sites, 0.95),
        Headline(
            "cannot_conclude days, at sites where nothing was hidden",
            _cannot_conclude(honest),
            0.03,
            is_floor=False,
        ),
        Headline(
            "the same, at such sites without a faulty meter",
            _cannot_conclude([s for s in honest if all(e.name not in METER_FAULTS for e in s.trial.truth.events)]),
        ),
        Headline(
            "true energy inside the 90 % interval, of training that was found",
            share(
                sites, lambda o: o.event.is_training and o.is_energy_held is not None, lambda o: bool(o.is_energy_held)
            ),
            0.85,
        ),
    ]


def _headline(matter: Matter, sites: Sequence[SiteScore], target: float | None = None) -> Headline:
    return Headline(matter.name, matter.measure(sites), target, is_floor=matter.is_more_better)


def _of_restless(sites: Sequence[SiteScore]) -> list[Headline]:
    """Return the measures of restless sites, where there are any: they are no part of the others."""
    if not sites:
        return []
    return [_headline(matter, sites) for matter in (RESTLESS_FOUND, RESTLESS_TYPED, RESTLESS_FALSE)]


def _cannot_conclude(sites: Sequence[SiteScore]) -> Measure:
    return mean_of(
        [sum(d.said.status is DayStatus.CANNOT_CONCLUDE for d in s.trial.days) for s in sites],
        [len(s.trial.days) for s in sites],
    )


def _cells(sites: Sequence[SiteScore]) -> list[Cell]:
    out = []
    for group in ("violation", "evasion"):
        for size in SIZES:
            for days in DURATIONS:

                def of(o: EventOutcome, group: str = group, size: Any = size, days: Any = days) -> bool:
                    return (
                        is_visible_training(o)
                        and o.event.group == group
                        and size[0] <= o.share < size[1]
                        and days[0] <= o.days < days[1]
                    )

                found = share(sites, of, lambda o: o.is_found)
                if found.count:
                    out.append(Cell(group, size, days, found))
    return out


def _event_row(sites: Sequence[SiteScore], group: str, name: str) -> EventRow:
    def of(o: EventOutcome) -> bool:
        return o.event.name == name and o.event.group == group

    return EventRow(
        name=name,
        group=group,
        count=sum(of(o) for s in sites for o in s.events),
        found=share(sites, of, lambda o: o.is_found),
        typed=share(sites, lambda o: of(o) and o.is_found, lambda o: o.is_typed),
        called_training=share(sites, of, lambda o: o.was_called_training),
        honest=share(sites, lambda o: of(o) and group in DISHONEST, lambda o: o.is_honest),
        delay_days=median_of(sites, lambda o: o.delay_days if of(o) else None),
    )


def _kind_row(sites: Sequence[SiteScore], kind: str) -> tuple[str, Measure, Measure]:
    mine = [s for s in sites if s.trial.truth.kind == kind]
    return (
        kind,
        share(mine, lambda o: o.event.is_training and o.event.is_visible, lambda o: o.is_found),
        rate([s for s in mine if s.is_honest], lambda f: f.was_open and f.behind is None),
    )
