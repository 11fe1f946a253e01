"""Recurrence: load that comes back at the same size has been seen for all the days it was there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pausewatch.detection.lanes import SiteEpisode
from pausewatch.findings.quantities import Quantities
from pausewatch.signatures.features import Features

# The same load again: its size differs by no more than this factor.
_SAME_SIZE = 1.6

Loads = Sequence[tuple[SiteEpisode, Features, Quantities]]


def same_before(loads: Loads, index: int) -> Iterator[Features]:
    """Give loads of about the size of one that came and went before it at the same site, the latest first.

    Args:
        loads: of one site, oldest first.
        index: the one that is asked about.
    """
    episode, _, size = loads[index]
    mw = size.excess_mw.estimate
    for before, features, its in reversed(loads[:index]):
        is_over = before.end_hour is not None and before.end_hour <= episode.start_hour
        if is_over and mw / _SAME_SIZE <= its.excess_mw.estimate <= mw * _SAME_SIZE:
            yield features


def earlier_days(loads: Loads, index: int) -> float:
    """Return for how many days loads of about the size of one were there before it."""
    return round(float(sum(features.raised_days for features in same_before(loads, index))), 4)
