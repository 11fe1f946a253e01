"""How much: excess load, energy and compute of an episode at the IT load, each with its 90 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.compute import efficiency
from pausewatch.detection.episodes import Episode
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.model import Bounds
from pausewatch.fleet import Measure, Site
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

_Z90 = 1.6448536
# What the balance alone shows is cooled by nobody knows what: its marginal PUE may differ from the site's by so much.
_OTHER_PATH_SD = 0.02
_CORE = {
    Lane.UTILITY: Measure.UTILITY_IMPORT,
    Lane.IT_LOAD: Measure.IT_LOAD,
    Lane.BALANCE: Measure.UTILITY_IMPORT,
}


@dataclass(frozen=True)
class Quantities:
    """Size of an episode at the IT load.

    Args:
        lane: the lane it was measured on.
        excess_mw: mean excess while raised.
        energy_mwh: energy above expectation; its high end includes what unseen hours could have held.
        flop: compute that energy could have bought.
        unseen_hours: raised hours that weren't seen.
        shed_hours: raised hours in which the site had switched off much of its load.
    """

    lane: Lane
    excess_mw: Bounds
    energy_mwh: Bounds
    flop: Bounds
    unseen_hours: int
    shed_hours: int


def quantities(day: SiteWatchDay, episode: SiteEpisode) -> Quantities:
    """Size an episode of a site as seen on a report day.

    On the lane it is judged by, with what that lane can't show: what the IT meter shows and what only the balance
    tells add up.
    """
    main = _of_lane(day, episode.main)
    rest = episode.rest
    if rest is None:
        return main
    more = _of_lane(day, rest)
    # One estimate errs without the other, so their distances to the ends add up in squares.
    energy = _sum(main.energy_mwh, more.energy_mwh)
    return Quantities(
        main.lane,
        _sum(main.excess_mw, more.excess_mw),
        energy,
        flop_of(day.site, energy),
        max(main.unseen_hours, more.unseen_hours),
        max(main.shed_hours, more.shed_hours),
    )


def _sum(one: Bounds, other: Bounds) -> Bounds:
    estimate = one.estimate + other.estimate
    below = float(np.hypot(one.estimate - one.low, other.estimate - other.low))
    above = float(np.hypot(one.high - one.estimate, other.high - other.estimate))
    return Bounds(estimate, max(estimate - below, 0.0), estimate + above)


def _of_lane(day: SiteWatchDay, part: Episode) -> Quantities:
    view = day.lane(Lane(part.lane))
    low_share, share, high_share = _at_it(view.lane, day.marginal_pue)
    hours = day.grid.hours
    raised = part.raised(hours)
    # Load is forbidden from the pause's start on: what an episode drew before that is no part of what was hidden.
    raised[: max(day.grid.hour_index(day.pause.start), 0)] = False
    above, on_top = _without_later(day, part)
    seen = raised & np.isfinite(above)
    shed = raised & view.is_shed & np.isfinite(view.observed_kw)
    unseen_hours = int((raised & ~seen & ~shed).sum())
    excess_kw = part.excess_kw
    if (seen & on_top).any() and not part.is_sized_by_edge:
        excess_kw = max(float(above[seen].mean()), 0.0)
    sd_kw = float(np.hypot(part.sd_kw, excess_kw * _accuracy(day.site, view.lane)))
    excess = Bounds(
        estimate=excess_kw * share / 1e3,
        low=max(excess_kw - _Z90 * sd_kw, 0.0) * low_share / 1e3,
        high=(excess_kw + _Z90 * sd_kw) * high_share / 1e3,
    )
    summed_kwh = excess_kw * int(seen.sum()) if part.is_sized_by_edge else float(above[seen].sum())
    measured_mwh = max(summed_kwh, 0.0) / 1e3
    spread_mwh = _Z90 * sd_kw * int(seen.sum()) / 1e3
    # Of load that is mostly switched off, what is left may be all of it or none.
    left_mwh = float(np.minimum(view.observed_kw[shed], excess_kw).sum()) / 1e3
    energy = Bounds(
        estimate=(measured_mwh + 0.5 * left_mwh) * share + unseen_hours * excess.estimate,
        low=max(measured_mwh - spread_mwh, 0.0) * low_share,
        high=(measured_mwh + left_mwh + spread_mwh) * high_share
        + unseen_hours * max(free_capacity_mw(day), excess.high),
    )
    return Quantities(view.lane, excess, energy, flop_of(day.site, energy), unseen_hours, int(shed.sum()))


def _without_later(day: SiteWatchDay, part: Episode) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return an episode's load above the level before it, less loads that came on top of it later, and the hours of
    those: each is a finding of its own, and no energy is told twice.
    """
    lane = day.lane(Lane(part.lane))
    above = lane.residual_kw - part.level_kw
    on_top = np.zeros(len(above), dtype=np.bool_)
    for later in lane.episodes:
        if later.start_hour > part.start_hour and later.overlaps(part) and later.level_kw > part.level_kw:
            inside = later.raised(len(above)) & ~on_top
            above[inside] -= np.maximum(lane.residual_kw[inside] - later.level_kw, 0.0)
            on_top |= inside
    return above, on_top


def flop_of(site: Site, energy_mwh: Bounds) -> Bounds:
    """Return the compute an amount of energy at the IT load could have bought on the declared chips."""
    bought = efficiency(site)
    return Bounds(
        estimate=energy_mwh.estimate * bought.central,
        low=energy_mwh.low * bought.low,
        high=energy_mwh.high * bought.high,
    )


def free_capacity_mw(day: SiteWatchDay) -> float:
    """Return the IT load the site could have added to what is expected of it, MW."""
    for lane in (Lane.IT_LOAD, Lane.UTILITY):
        view = day.lanes[lane]
        if not view.refusals:
            recent = view.expected.mean_kw[0][-24 * 7 :]
            at_it = float(np.nanmean(recent)) / (1.0 if lane is Lane.IT_LOAD else day.marginal_pue.high)
            return max(day.site.it_capacity_mw - at_it / 1e3, 0.0)
    return day.site.it_capacity_mw


def _at_it(lane: Lane, pue: MarginalPue) -> tuple[float, float, float]:
    """Return the factors from a lane's load to the IT load: low, central, high."""
    if lane is Lane.IT_LOAD:
        return 1.0, 1.0, 1.0
    return 1 / pue.high, 1 / pue.central, 1 / pue.low


def _accuracy(site: Site, lane: Lane) -> float:
    """Return the class error of a lane's meter as a relative standard deviation: the class is a limit of 2 sd."""
    classes = [m.accuracy_pct for m in site.meters_of(_CORE[lane]) if m.accuracy_pct is not None]
    of_meter = max(classes, default=1.0) / 200.0
    return float(np.hypot(of_meter, _OTHER_PATH_SD)) if lane is Lane.BALANCE else of_meter
