"""Which peers there are, and the scores of all of them on one fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from pausewatch.evaluation.peers.discord import Discord
from pausewatch.evaluation.peers.fixed_threshold import FixedThreshold
from pausewatch.evaluation.peers.forest import Forest
from pausewatch.evaluation.peers.history import History, histories
from pausewatch.evaluation.peers.prophet_interval import ProphetInterval, ProphetRule
from pausewatch.evaluation.peers.protocol import Floats, Peer, Scores, limits
from pausewatch.evaluation.peers.ridge_cusum import RidgeCusum
from pausewatch.evaluation.peers.rolling_score import RollingScore
from pausewatch.evaluation.world import World
from pausewatch.fleet import Site

PEERS: tuple[Peer, ...] = (
    FixedThreshold(),
    RollingScore(),
    RidgeCusum(),
    Discord(),
    Forest(),
    ProphetInterval(),
    ProphetRule(),
)


@dataclass(frozen=True)
class LaneScores:
    """A peer's scores of one lane of one site over the pause.

    Args:
        peer: its name.
        fleet: names the fleet.
        site_id: the site.
        first_day: the first day of the pause.
        score: by day, NaN where there is none, shape (P,).
        since: days before each day at which it began, shape (P,).
        limit: what a score may be at the alarm budget.
        scale: of the limit's tail, to raise it by.
    """

    peer: str
    fleet: str
    site_id: str
    first_day: date
    score: Floats
    since: Floats
    limit: float
    scale: float

    def alarms(self, more: float) -> list[tuple[int, int]]:
        """Return the days with an alarm and those on which it began, as positions, the limit raised by scales."""
        with np.errstate(invalid="ignore"):
            loud = np.flatnonzero(self.score >= self.limit + more * self.scale)
        return [(int(day), int(day - self.since[day])) for day in loud]


def peer_scores(world: World, peers: Sequence[Peer] = PEERS) -> list[LaneScores]:
    """Return every peer's scores of every site it is tried on, lane by lane."""
    out = []
    for sites in world.batches():
        lanes = histories(world, sites)
        known: dict[tuple[Any, str], Scores] = {}
        for peer in peers:
            out += _scores(world, sites, lanes, peer, known)
    return out


def _scores(
    world: World,
    sites: Sequence[Site],
    lanes: Sequence[History],
    peer: Peer,
    known: dict[tuple[Any, str], Scores],
) -> list[LaneScores]:
    tried = range(min(peer.sites_of_fleet or len(sites), len(sites)))
    meters = np.stack([h.has_meter for h in lanes])
    out = []
    for k, lane in enumerate(lanes):
        # A peer that looks at one meter takes the outermost that is there.
        earlier = meters[:k].sum(axis=0)
        mine = [s for s in tried if lane.has_meter[s] and earlier[s] < peer.lanes]
        if not mine:
            continue
        share = np.minimum(meters[:, mine].sum(axis=0), peer.lanes)
        # Two ways to take the same scores cost one.
        key = (type(peer).scores, lane.lane.value)
        if key not in known:
            known[key] = peer.scores(lane.only(mine))
        told = known[key]
        bounds = limits(told.reference, world.fleet.false_alarms_per_site_year / share, peer.limit, told.least_scale)
        limit, since = bounds.at(), told.since
        for i, s in enumerate(mine):
            out.append(
                LaneScores(
                    peer=peer.name,
                    fleet=world.name,
                    site_id=sites[s].id,
                    first_day=date.fromordinal(lane.first_day.toordinal() + lane.reference_days),
                    score=told.pause[i],
                    since=np.zeros(told.pause.shape[1]) if since is None else since[i].astype(np.float64),
                    limit=float(limit[i]),
                    scale=float(bounds.scale[i]),
                )
            )
    return out
