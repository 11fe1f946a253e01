"""One site's part in every measure, and which of its events count in which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pausewatch.evaluation.bootstrap import Measure, rate_of, share_of
from pausewatch.evaluation.outcomes import EventOutcome, FindingOutcome, event_outcomes, finding_outcomes
from pausewatch.evaluation.trial import SiteTrial

DISHONEST = ("evasion", "tamper")
RESTLESS = "restless"
"""The preset of sites as restless as grid zones, which are measured apart."""
_BIG_SHARE, _BIG_DAYS = 0.05, 5.0


@dataclass(frozen=True)
class SiteScore:
    """One site's part in every measure."""

    trial: SiteTrial
    events: tuple[EventOutcome, ...]
    findings: tuple[FindingOutcome, ...]

    @staticmethod
    def of(trial: SiteTrial) -> SiteScore:
        """Return what became of a site's events and findings."""
        return SiteScore(trial, tuple(event_outcomes(trial)), tuple(finding_outcomes(trial)))

    @property
    def is_restless(self) -> bool:
        """Whether its load wanders as far as a grid zone's."""
        return self.trial.preset == RESTLESS

    @property
    def is_honest(self) -> bool:
        """Whether nothing was hidden there: no training and no telemetry that was tampered with."""
        return not self.trial.truth.violates and all(e.group != "tamper" for e in self.trial.truth.events)


def is_big_run(outcome: EventOutcome) -> bool:
    """Tell whether an event is an untampered, visible run of 5 % of the IT capacity and 5 days at least."""
    event = outcome.event
    return (
        event.is_training
        and event.group == "violation"
        and event.is_visible
        and outcome.share >= _BIG_SHARE
        and outcome.days >= _BIG_DAYS
    )


def is_visible_training(outcome: EventOutcome) -> bool:
    """Tell whether an event is training that a meter could show."""
    return outcome.event.is_training and outcome.event.is_visible


def share(
    sites: Sequence[SiteScore], of: Callable[[EventOutcome], bool], hit: Callable[[EventOutcome], bool]
) -> Measure:
    """Measure the share of events of a sort for which something holds."""
    chosen = [[o for o in s.events if of(o)] for s in sites]
    return share_of([sum(hit(o) for o in mine) for mine in chosen], [len(mine) for mine in chosen])


def rate(sites: Sequence[SiteScore], hit: Callable[[FindingOutcome], bool]) -> Measure:
    """Measure findings per site-year."""
    return rate_of([sum(hit(f) for f in s.findings) for s in sites], [s.trial.years for s in sites])


def without_restless(trials: Sequence[SiteTrial]) -> list[SiteTrial]:
    """Return trials less those of restless sites, which are measured apart; all where there are no others."""
    return [t for t in trials if t.preset != RESTLESS] or list(trials)
