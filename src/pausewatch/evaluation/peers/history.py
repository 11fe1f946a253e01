"""What a peer is given: one lane of a batch of sites by local day and hour, the reference first, then the pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from pausewatch.detection.detector import Detector
from pausewatch.detection.drift_test import MIN_DAY_HOURS
from pausewatch.detection.reference import Frozen, learn, learnable, series_keys, testable
from pausewatch.evaluation.world import World
from pausewatch.fleet import Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import Lane, Panel
from pausewatch.telemetry.timeline import Timeline, cutoffs_us

Floats = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1)
# Peers see the two meters; the balance of both is this program's own idea.
PEER_LANES = (Lane.UTILITY, Lane.IT_LOAD)


@dataclass(frozen=True)
class History:
    """One lane of S sites over D local days, the pause's last.

    Args:
        site_ids: the sites, in order.
        lane: utility or IT load.
        has_meter: whether each site has the lane, shape (S,).
        first_day: the first day.
        reference_days: how many of the days lie before the pause.
        load_kw: mean load by day and local hour, NaN where unseen, shape (S, D, 24).
        residual_kw: daily mean of what the ridge baseline leaves, held out in the reference, NaN where unseen, (S, D).
    """

    site_ids: tuple[str, ...]
    lane: Lane
    has_meter: npt.NDArray[np.bool_]
    first_day: date
    reference_days: int
    load_kw: Floats
    residual_kw: Floats

    @property
    def daily_kw(self) -> Floats:
        """Mean load of each day that was seen for long enough, shape (S, D)."""
        return daily_mean(self.load_kw)

    def until(self, days: int) -> History:
        """Return the first days alone."""
        return History(
            self.site_ids,
            self.lane,
            self.has_meter,
            self.first_day,
            self.reference_days,
            self.load_kw[:, :days],
            self.residual_kw[:, :days],
        )

    def only(self, sites: Sequence[int]) -> History:
        """Return some of the sites."""
        at = np.asarray(sites, dtype=np.intp)
        return History(
            tuple(self.site_ids[i] for i in at),
            self.lane,
            self.has_meter[at],
            self.first_day,
            self.reference_days,
            self.load_kw[at],
            self.residual_kw[at],
        )


def daily_mean(load_kw: Floats) -> Floats:
    """Return the mean over the last axis where ten hours of it were seen, NaN elsewhere."""
    seen = np.isfinite(load_kw)
    count = seen.sum(axis=-1)
    total = np.where(seen, load_kw, 0.0).sum(axis=-1)
    return np.where(count >= MIN_DAY_HOURS, total / np.maximum(count, 1), np.nan)


def histories(world: World, sites: Sequence[Site]) -> list[History]:
    """Return what peers are given of a batch of sites, lane by lane."""
    fleet, pause = world.fleet, world.pause
    frozen = learn(fleet, world.lake, sites, pause, Detector())
    start = pause.reference_end - timedelta(days=world.plan.reference_days)
    days = [(start + timedelta(days=i)).date() for i in range(world.plan.reference_days + world.plan.pause_days)]
    last = cutoffs_us(sites, days[-1:], fleet.cutoff_hours)
    end = pause.start + timedelta(days=world.plan.pause_days + 1)
    panel = Timeline.load(world.lake, sites, start, end, days[-1:], last).advance()
    return [_history(panel, frozen, sites, lane, days, world.plan.reference_days) for lane in PEER_LANES]


def _history(
    panel: Panel, frozen: Frozen, sites: Sequence[Site], lane: Lane, days: Sequence[date], reference_days: int
) -> History:
    first = (days[0] - _EPOCH).days
    in_reference = panel.grid.local_day < first + reference_days
    # Declared training, works and commissioning are left out of the reference for peers too.
    seen = np.where(testable(panel, lane), panel.lanes[lane].load_kw, np.nan)
    load = np.where(in_reference, learnable(panel, sites, lane), seen)
    shape = (len(days), 24)
    keys = series_keys(sites)
    series = [keys.index(f"{site.id}/{lane}") for site in sites]
    many = panel.grid.subset([*range(len(sites))] * (len(keys) // len(sites)))
    temperature = np.concatenate([panel.temperature_c] * (len(keys) // len(sites)))
    residual = load - frozen.baselines.expected(many, temperature).mean_kw[series]
    heldout = frozen.baselines.heldout
    assert heldout is not None  # noqa: S101  # just learned
    apart = _by_day(heldout.residual_kw[series], heldout.grid.subset(series), first, shape)
    inside = daily_mean(_by_day(residual, panel.grid, first, shape))
    inside[:, :reference_days] = daily_mean(apart)[:, :reference_days]
    return History(
        tuple(site.id for site in sites),
        lane,
        np.asarray(panel.lanes[lane].has_meter),
        days[0],
        reference_days,
        _by_day(load, panel.grid, first, shape),
        inside,
    )


def _by_day(values: Floats, grid: HourGrid, first: int, shape: tuple[int, int]) -> Floats:
    """Lay hours out by local day and hour, shape (S, H) -> (S, D, 24); of an hour that comes twice the later stands."""
    out = np.full((len(values), *shape), np.nan)
    day, hour = grid.local_day - first, grid.local_hour
    for s in range(len(values)):
        inside = (day[s] >= 0) & (day[s] < shape[0])
        out[s, day[s][inside], hour[s][inside]] = values[s][inside]
    return out
