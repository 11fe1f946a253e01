"""Looks: a load as it looked a day before, two days before, and so on, told from what had been seen by then.

Days are days of the load: what is over looks the same ever after, and tells nothing new. A load of the same size that
was there before it comes before its first day.
"""

from __future__ import annotations

from base64 import b85decode, b85encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from pausewatch.detection.episodes import Episode
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.recurrence import Loads, same_before
from pausewatch.findings.verdicts import weighed
from pausewatch.signatures.features import Features, measure
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer
from pausewatch.telemetry.panel import Lane

_DAY = 24
_FLAGS = ("is_it_metered", "is_utility_metered")


def looks(day: SiteWatchDay, loads: Loads, index: int) -> Iterator[Features]:
    """Give the looks of a load before now, the latest first; each is measured when it is asked for.

    Args:
        day: the site as seen on the report day.
        loads: of the site, oldest first.
        index: the one that is asked about.
    """
    episode = loads[index][0]
    last = day.grid.hours if episode.end_hour is None else min(episode.end_hour, day.grid.hours)
    for hour in range(last - _DAY, episode.start_hour + _DAY - 1, -_DAY):
        earlier = episode.until(hour)
        if hour <= 0 or earlier is None:
            break
        seen = day.until(hour)
        sized = _sized(seen, earlier)
        if sized.main.excess_kw <= 0:
            break
        yield measure(seen, sized)
    for its in same_before(loads, index):
        for _ in range(int(its.raised_days)):
            yield its


def trainings(judge: Explainer, circumstances: Circumstances, seen: Iterable[Features]) -> Iterator[float]:
    """Give the probability of training of each look; by then the load was still there."""
    then = replace(circumstances, is_over=False)
    for one in seen:
        yield probability(weighed(judge, one, then), Cause.TRAINING)


def packed(seen: Sequence[Features]) -> str:
    """Return looks as a text that `unpacked` reads: a trial keeps nine of each load and day, and evidence is JSON."""
    rows = [[float(value) for value in one.document().values()] for one in seen]
    return b85encode(np.array(rows, dtype=np.float64).tobytes()).decode()


def unpacked(kept: str) -> Iterator[Features]:
    """Give the looks that `packed` kept."""
    names = Features.names()
    for row in np.frombuffer(b85decode(kept)).reshape(-1, len(names)).tolist():
        told = dict(zip(names, row, strict=True))
        yield Features.from_document(told | {name: bool(told[name]) for name in _FLAGS})


def _sized(seen: SiteWatchDay, episode: SiteEpisode) -> SiteEpisode:
    """Return an episode with the mean load of the hours seen by then."""
    parts = (episode.utility, episode.it_load, episode.balance)
    utility, it_load, balance = (e if e is None else _mean_of(seen, e) for e in parts)
    return SiteEpisode(utility, it_load, balance, episode.pue)


def _mean_of(seen: SiteWatchDay, part: Episode) -> Episode:
    above = seen.lane(Lane(part.lane)).residual_kw - part.level_kw
    inside = part.raised(len(above)) & np.isfinite(above)
    if part.is_sized_by_edge or not inside.any():
        return part
    return replace(part, excess_kw=max(float(above[inside].mean()), 0.0))
