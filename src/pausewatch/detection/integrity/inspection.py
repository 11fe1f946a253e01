"""Inspecting the integrity of a batch of sites: every test that looks at more than an hour and its neighbours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.integrity.coupling import uncoupled
from pausewatch.detection.integrity.fine_noise import fine_noise
from pausewatch.detection.integrity.habits import Habits
from pausewatch.detection.integrity.noise_floor import noise_changes
from pausewatch.detection.integrity.repeats import Repeat, nearest, repeats
from pausewatch.detection.integrity.scale_and_clock import uncoupled_meters
from pausewatch.detection.whitening import Whitener
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A copy's half days must lie nearer to their source than to anything else, and about as near as it says.
_LEAST_ALIKE = 0.8


def inspect_integrity(
    observed_kw: Floats,
    residual_kw: Floats,
    temperature_c: Floats,
    habits: Habits,
    whitener: Whitener,
    has_meter: Mapping[Lane, Bools],
    end_hour: npt.NDArray[np.int64],
    first_hour: int,
) -> list[tuple[Contradiction, ...]]:
    """Return what can't be right at each of S sites and reaches past `first_hour`, oldest first.

    Computed from the panel alone: another day's answer isn't needed for this one's.

    Args:
        observed_kw: load of the utility lanes, then of the IT lanes, shape (2 S, H), NaN where unseen.
        residual_kw: the same, less what is expected.
        temperature_c: outdoor temperature, shape (S, H).
        habits: of the same series.
        whitener: of the same series.
        has_meter: whether each site has the lane, shape (S,) each.
        end_hour: first hour after the report day at each site, shape (S,).
        first_hour: what ended before it isn't told.
    """
    sites = len(end_hour)
    now = np.tile(end_hour, 2)
    due = np.arange(residual_kw.shape[1])[None, :] < now[:, None]
    noise = np.where(due, fine_noise(residual_kw, whitener), np.nan)
    found: list[list[Contradiction]] = [[] for _ in range(sites)]
    for series, of in enumerate(repeats(noise, habits.repeat_score, first_hour)):
        lane = (Lane.UTILITY, Lane.IT_LOAD)[series // sites]
        for one in of:
            told = _confirmed(lane, observed_kw[series, : now[series]], one)
            if told is not None:
                found[series % sites].append(told)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = observed_kw / (observed_kw - residual_kw)
    meters = {lane: has_meter[lane] for lane in (Lane.UTILITY, Lane.IT_LOAD)}
    changes = noise_changes(noise, habits.noise, whitener.innovation_sd_kw, share, meters, first_hour)
    for site, of_site in enumerate(changes):
        # What is played back or made up has a noise of its own: said once.
        found[site] += [c for c in of_site if not any(c.overlaps(o) and c.lanes == o.lanes for o in found[site])]
    # An hour of which a meter dropped a part is that meter's clock put off for an hour.
    told_well = np.where(due & np.isfinite(residual_kw), observed_kw, np.nan)
    utility_kw, it_load_kw = np.split(told_well, 2)
    spans = uncoupled(utility_kw, it_load_kw, temperature_c, habits.coupling, habits.coupling_by_day, first_hour)
    for site, of_spans in enumerate(spans):
        for span in of_spans:
            told = uncoupled_meters(span, share[[site, site + sites]], int(end_hour[site]))
            # A wrong scale or clock explains odd noise on its meters, and a copy why they don't move together.
            if not any(c.flaw is Flaw.REPEATED and c.overlaps(told) for c in found[site]):
                found[site] = [c for c in found[site] if not c.overlaps(told)]
                found[site].append(told)
    return [tuple(sorted(of, key=lambda c: (c.start_hour, c.flaw, c.lanes))) for of in found]


def _confirmed(lane: Lane, load_kw: Floats, one: Repeat) -> Contradiction | None:
    """Return a repeat as a contradiction if the load's own half days lie nearest to the source it names."""
    lag, alike = nearest(load_kw, one)
    if lag != one.lag_hours or alike < _LEAST_ALIKE:
        return None
    # A copy that goes on is told apart from chance with the next whole day.
    end = None if one.end_hour >= len(load_kw) - 1 else one.end_hour
    facts = {"correlation": one.correlation, "score": one.score}
    return Contradiction(Flaw.REPEATED, (lane,), one.start_hour, end, float(one.lag_hours), facts)
