"""What matters in a judge of findings, as counts of every site, so that two judges can be compared site by site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pausewatch.evaluation.bootstrap import Measure, gain_of, rate_of, share_of
from pausewatch.evaluation.outcomes import EventOutcome, FindingOutcome
from pausewatch.evaluation.reliability import probabilities
from pausewatch.evaluation.site_scores import DISHONEST, SiteScore, is_big_run, is_visible_training

Part = tuple[float, float]


@dataclass(frozen=True)
class Matter:
    """A measure that is a ratio of two sums over sites.

    Args:
        name: what is measured.
        of_site: a site's part in both sums: events found over events, false alarms over site-years.
        is_more_better: whether more of it is better.
        is_rate: per site-year, not a share.
        may_lose: whether a judge may lose some of it to chance. Of missed runs none may be lost.
        of_restless: whether it is asked of restless sites, or of the others.
    """

    name: str
    of_site: Callable[[SiteScore], Part]
    is_more_better: bool
    is_rate: bool = False
    may_lose: bool = True
    of_restless: bool = False

    def asked_of(self, sites: Sequence[SiteScore]) -> list[SiteScore]:
        """Return the sites it is asked of."""
        return [s for s in sites if s.is_restless == self.of_restless]

    def parts(self, sites: Sequence[SiteScore]) -> tuple[list[float], list[float]]:
        """Return every site's part in both sums."""
        told = [self.of_site(s) for s in sites]
        return [top for top, _ in told], [base for _, base in told]

    def measure(self, sites: Sequence[SiteScore]) -> Measure:
        """Measure it over sites."""
        tops, bases = self.parts(sites)
        return rate_of(tops, bases) if self.is_rate else share_of(tops, bases)


def _events(of: Callable[[EventOutcome], bool], hit: Callable[[EventOutcome], bool]) -> Callable[[SiteScore], Part]:
    def parts(site: SiteScore) -> Part:
        mine = [o for o in site.events if of(o)]
        return float(sum(hit(o) for o in mine)), float(len(mine))

    return parts


def _at_honest_sites(hit: Callable[[FindingOutcome], bool]) -> Callable[[SiteScore], Part]:
    def parts(site: SiteScore) -> Part:
        return (float(sum(hit(f) for f in site.findings)), site.trial.years) if site.is_honest else (0.0, 0.0)

    return parts


def _squared_errors(site: SiteScore) -> Part:
    said = probabilities(site.trial)
    return float(sum((s.probability - s.is_training) ** 2 for s in said)), float(len(said))


def _is_found(outcome: EventOutcome) -> bool:
    return outcome.is_found


def _is_typed(outcome: EventOutcome) -> bool:
    return outcome.is_typed


def _is_visible_and_found(outcome: EventOutcome) -> bool:
    return is_visible_training(outcome) and outcome.is_found


def _is_called_training(found: FindingOutcome) -> bool:
    return found.was_called_training


RUNS_FOUND = Matter(
    "untampered runs of 5 % and 5 days: found", _events(is_big_run, _is_found), is_more_better=True, may_lose=False
)
RUNS_TYPED = Matter(
    "of those found: training_like in the end",
    _events(lambda o: is_big_run(o) and o.is_found, _is_typed),
    is_more_better=True,
)
ALL_FOUND = Matter("all visible training: found", _events(is_visible_training, _is_found), is_more_better=True)
ALL_TYPED = Matter(
    "all visible training: training_like in the end", _events(_is_visible_and_found, _is_typed), is_more_better=True
)
FALSE_TRAINING = Matter(
    "false training_like per site-year, at sites without training",
    _at_honest_sites(_is_called_training),
    is_more_better=False,
    is_rate=True,
)
FALSE_OPEN = Matter(
    "false open findings (nothing behind them) per site-year, at sites without training",
    _at_honest_sites(lambda f: f.was_open and f.behind is None),
    is_more_better=False,
    is_rate=True,
)
BENIGN = Matter(
    "benign events called training",
    _events(lambda o: o.event.group == "benign", lambda o: o.was_called_training),
    is_more_better=False,
)
HONEST = Matter(
    "evasions and tampering: found, cannot_conclude, or below the stated line",
    _events(lambda o: o.event.group in DISHONEST, lambda o: o.is_honest),
    is_more_better=True,
)
BRIER = Matter("Brier score of the training probability", _squared_errors, is_more_better=False)
RESTLESS_FOUND = Matter(
    "sites as restless as a grid zone: visible training found",
    _events(is_visible_training, _is_found),
    is_more_better=True,
    of_restless=True,
)
RESTLESS_TYPED = Matter(
    "at restless sites, of those found: training_like in the end",
    _events(_is_visible_and_found, _is_typed),
    is_more_better=True,
    of_restless=True,
)
RESTLESS_FALSE = Matter(
    "at restless sites without training: false training_like per site-year",
    _at_honest_sites(_is_called_training),
    is_more_better=False,
    is_rate=True,
    of_restless=True,
)

MATTERS: tuple[Matter, ...] = (
    *(RUNS_FOUND, RUNS_TYPED, ALL_FOUND, ALL_TYPED, FALSE_TRAINING, FALSE_OPEN, BENIGN, HONEST, BRIER),
    *(RESTLESS_FOUND, RESTLESS_TYPED, RESTLESS_FALSE),
)
"""Everything a judge is compared in."""


def gains(mine: Sequence[SiteScore], theirs: Sequence[SiteScore]) -> dict[str, Measure]:
    """Return by how much one judge is better than another in each measure, in pairs of the same sites.

    A gain is above 0 where the first is better, in whatever direction better lies; NaN where there was nothing to
    measure.
    """
    out = {}
    for matter in MATTERS:
        ours, other = matter.parts(matter.asked_of(mine)), matter.parts(matter.asked_of(theirs))
        out[matter.name] = gain_of(ours, other) if matter.is_more_better else gain_of(other, ours)
    return out
