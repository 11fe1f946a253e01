"""The comparison: this program and its peers on the same fleets, at the same budget, by the same rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pausewatch.evaluation.bootstrap import Measure
from pausewatch.evaluation.outcomes import EventOutcome
from pausewatch.evaluation.peers.catalogue import PEERS, LaneScores
from pausewatch.evaluation.peers.telling import by_site, told_by
from pausewatch.evaluation.scoring import median_of
from pausewatch.evaluation.site_scores import SiteScore, is_big_run, rate, share
from pausewatch.evaluation.trial import SiteTrial

# Scales of its own noise by which a peer's limit is raised until its false findings keep to the budget.
RAISES = (0.0, *(float(x) for x in np.geomspace(0.5, 200.0, 24)))


@dataclass(frozen=True)
class PeerRow:
    """What one way of finding made of the fleets.

    Args:
        name: of the peer.
        about: what it does.
        raised: scales by which its limits were raised above what its reference asked for.
        sites: how many it was tried on.
        big_found: untampered runs of 5 % and 5 days that it asked about.
        big_delay_days: from their start until the report could be read, median.
        found: all training a meter can show.
        evasions_found: of it, evasions.
        false_open: findings with nothing behind them per site-year, at sites without training.
        benign_asked: share of benign events it asked about.
        typed: of the big runs it found, called training_like; None for what can't type.
    """

    name: str
    about: str
    raised: float
    sites: int
    big_found: Measure
    big_delay_days: Measure
    found: Measure
    evasions_found: Measure
    false_open: Measure
    benign_asked: Measure
    typed: Measure | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        plain = {"name": self.name, "about": self.about, "raised": round(self.raised, 3), "sites": self.sites}
        measures = {k: v.document() for k, v in vars(self).items() if isinstance(v, Measure)}
        return {**plain, **measures, "can_type": self.typed is not None}


def comparison(
    trials: Sequence[SiteTrial], scores: Sequence[LaneScores], budget: float, name: str = "pausewatch"
) -> list[PeerRow]:
    """Return a row of this program, and two of each peer: at the budget of its reference, and where it really holds.

    Args:
        trials: of every site, as this program told them.
        scores: the peers'.
        budget: false findings per site-year.
        name: of this program's row.
    """
    known = {(t.fleet, t.truth.site_id): t for t in trials}
    out = [_row(name, "", 0.0, trials, can_type=True)]
    told = by_site(scores)
    for peer in PEERS:
        lanes = {key: mine for key, mine in told.get(peer.name, {}).items() if key in known}
        if not lanes:
            continue
        out.append(_peer_row(peer.name, peer.about, 0.0, known, lanes))
        if peer.limit is None and out[-1].false_open.value > budget:
            out.append(_holding(peer.name, peer.about, known, lanes, budget))
    return out


def _holding(
    name: str,
    about: str,
    known: Mapping[tuple[str, str], SiteTrial],
    lanes: Mapping[tuple[str, str], Sequence[LaneScores]],
    budget: float,
) -> PeerRow:
    """Return the row of the least raise at which false findings really keep to the budget."""
    row = None
    for more in RAISES[1:]:
        row = _peer_row(f"{name}, raised until it holds", about, more, known, lanes)
        if row.false_open.value <= budget:
            break
    assert row is not None  # noqa: S101  # there are raises
    return row


def _peer_row(
    name: str,
    about: str,
    more: float,
    known: Mapping[tuple[str, str], SiteTrial],
    lanes: Mapping[tuple[str, str], Sequence[LaneScores]],
) -> PeerRow:
    return _row(name, about, more, [told_by(known[key], mine, more) for key, mine in lanes.items()], can_type=False)


def _row(name: str, about: str, raised: float, trials: Sequence[SiteTrial], *, can_type: bool) -> PeerRow:
    sites = [SiteScore.of(t) for t in trials]
    honest = [s for s in sites if s.is_honest]

    def shown(o: EventOutcome) -> bool:
        return o.event.is_training and o.event.is_visible

    return PeerRow(
        name=name,
        about=about,
        raised=raised,
        sites=len(sites),
        big_found=share(sites, is_big_run, lambda o: o.is_found),
        big_delay_days=median_of(sites, lambda o: o.delay_days if is_big_run(o) else None),
        found=share(sites, shown, lambda o: o.is_found),
        evasions_found=share(sites, lambda o: shown(o) and o.event.group == "evasion", lambda o: o.is_found),
        false_open=rate(honest, lambda f: f.was_open and f.behind is None),
        benign_asked=share(sites, lambda o: o.event.group == "benign", lambda o: o.is_found),
        typed=share(sites, lambda o: is_big_run(o) and o.is_found, lambda o: o.is_typed) if can_type else None,
    )
