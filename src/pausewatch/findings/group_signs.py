"""Signs of a group's load: what else its sites show that tells one job from a coincidence or a shared cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.detection.coordination import Coordinated
from pausewatch.detection.onsets import BLOCK_H
from pausewatch.detection.pooled_test import windowed
from pausewatch.detection.shared_view import SharedView
from pausewatch.fleet import Site
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

# Weather and grids are shared this far; sites of other owners there are the control.
_REGION_KM = 500.0
_EARTH_KM = 6371.0
_ENOUGH_CONTROLS = 5
# Spread of a quiet site's rise from one half day to another: what a few controls show by chance is taken off.
_RISE_SD = 0.8
_DAY_BLOCKS = 24 // BLOCK_H
_BEFORE, _AFTER = 7 * _DAY_BLOCKS, 3 * _DAY_BLOCKS


@dataclass(frozen=True)
class Signs:
    """What else the members show.

    Args:
        alike: spread of the members' shares of their IT capacity over its mean.
        swing: half the daily swing of the excess over its mean, 0 to 1.
        elsewhere: the rise of the controls over that of the members, 0 to 1.
        controls: sites of other owners in the region of the members.
        warmer_c: change of the temperature at the members, three days after on the week before.
        warmed: 0 to 1.
        utility_share: share of the members seen at the utility alone, which the weather reaches.
        shared_dips: pairs of members that dipped in one hour.
        expected_dips: pairs to expect.
        dips_chance: probability of so many.
    """

    alike: float
    swing: float
    elsewhere: float
    controls: int
    warmer_c: float
    warmed: float
    utility_share: float
    shared_dips: int
    expected_dips: float
    dips_chance: float

    def document(self) -> dict[str, Any]:
        """Return it as evidence."""
        return {
            "capacity_share_spread": round(self.alike, 3),
            "daily_swing_share": round(self.swing, 3),
            "rise_elsewhere_share": round(self.elsewhere, 3),
            "control_sites": self.controls,
            "temperature_change_c": round(self.warmer_c, 1),
            "shared_dips": self.shared_dips,
            "shared_dips_expected": round(self.expected_dips, 2),
            "shared_dips_chance": float(f"{self.dips_chance:.2g}"),
        }


def signs_of(load: Coordinated, sites: Sequence[Site], views: Mapping[str, SharedView]) -> Signs:
    """Return the signs of a coordinated load from what its sites and their region said of the day."""
    mine = [views[sites[member.site].id] for member in load.rises]
    shares = np.array([m.step_mw / sites[m.site].it_capacity_mw for m in load.rises])
    warmer = _change([view.temperature_c for view in mine], [load.start_block - v.first_block for v in mine])
    elsewhere, controls = _elsewhere(load, sites, views)
    shared, expected, chance = _dips(load, mine)
    return Signs(
        alike=float(shares.std() / shares.mean()) if len(shares) > 1 else 1.0,
        swing=_swing(load, mine),
        elsewhere=elsewhere,
        controls=controls,
        warmer_c=warmer,
        warmed=_warmed(warmer),
        utility_share=float(np.mean([view.lane is Lane.UTILITY for view in mine])),
        shared_dips=shared,
        expected_dips=expected,
        dips_chance=chance,
    )


def signs_by(signs: Signs, load: Coordinated, views: Sequence[SharedView]) -> Signs:
    """Return the signs of a load as its members showed them by an earlier time; those of its onset stay as they are.

    Args:
        signs: of today.
        load: the load, as it went on then.
        views: of its members up to that time, in their order.
    """
    warmer = _change([view.temperature_c for view in views], [load.start_block - v.first_block for v in views])
    shared, expected, chance = _dips(load, views)
    return replace(
        signs,
        swing=_swing(load, views),
        warmer_c=warmer,
        warmed=_warmed(warmer),
        shared_dips=shared,
        expected_dips=expected,
        dips_chance=chance,
    )


def _warmed(warmer_c: float) -> float:
    return float(np.clip(warmer_c / 6.0, 0.0, 1.0))


def _change(values: Sequence[Floats], at: Sequence[int]) -> float:
    """Return the mean change over an onset of what is known of each site; 0 where nothing is."""
    changes = []
    for one, k in zip(values, at, strict=True):
        before, after = one[max(k - _BEFORE, 0) : max(k, 0)], one[max(k, 0) : k + _AFTER]
        if np.isfinite(before).any() and np.isfinite(after).any():
            changes.append(float(np.nanmean(after) - np.nanmean(before)))
    return float(np.mean(changes)) if changes else 0.0


def pooled_residual_mw(views: Sequence[SharedView]) -> tuple[int, Floats]:
    """Return the first block and the sum of the sites' load above expectation, NaN where fewer than all were seen."""
    first = max(view.first_block for view in views)
    last = min(view.end_block for view in views)
    parts = [view.residual_mw[first - view.first_block : last - view.first_block] for view in views]
    return first, np.sum(parts, axis=0)


def _swing(load: Coordinated, views: Sequence[SharedView]) -> float:
    """Return half the daily swing that came with the load, over the load; the swing before it taken off."""
    first, pooled = pooled_residual_mw(views)
    begin = load.start_block - first
    end = len(pooled) if load.end_block is None else load.end_block - first

    def swing(values: Floats, phase: int) -> tuple[float, float]:
        of_day = [values[(-phase + q) % _DAY_BLOCKS :: _DAY_BLOCKS] for q in range(_DAY_BLOCKS)]
        known = [one[np.isfinite(one)] for one in of_day]
        if any(len(one) < 3 for one in known):
            return 0.0, 0.0
        means = np.array([one.mean() for one in known])
        noise = float(np.mean([one.var() / len(one) for one in known]))
        return float(means.var()), noise

    after, noise_after = swing(pooled[max(begin, 0) : end], max(begin, 0) + first)
    before, noise_before = swing(pooled[max(begin - _BEFORE, 0) : max(begin, 0)], max(begin - _BEFORE, 0) + first)
    came = max(after - before - 2 * (noise_after + noise_before), 0.0)
    return float(np.clip(np.sqrt(2.0 * came) / max(load.rise_mw, 1e-9), 0.0, 1.0))


def _elsewhere(load: Coordinated, sites: Sequence[Site], views: Mapping[str, SharedView]) -> tuple[float, int]:
    """Return the mean rise of sites of other owners in the region over that of the members, and their number."""
    places = np.radians([[s.latitude or 0.0, s.longitude or 0.0] for s in sites])
    has_place = np.array([s.latitude is not None and s.longitude is not None for s in sites])
    risen = [member.site for member in load.rises]
    mine = np.array(risen)
    owners = {sites[i].owner for i in risen}
    is_other = np.array([s.owner not in owners and s.id in views for s in sites]) & has_place
    lat, lon = places.T
    near = np.zeros(len(sites), dtype=np.bool_)
    for i in mine[has_place[mine]]:
        half = np.sin((lat - lat[i]) / 2) ** 2 + np.cos(lat) * np.cos(lat[i]) * np.sin((lon - lon[i]) / 2) ** 2
        near |= 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))) <= _REGION_KM
    found = np.flatnonzero(near & is_other & ~np.isin(np.arange(len(sites)), load.group.sites))
    controls = [int(i) for i in found]
    if len(controls) < _ENOUGH_CONTROLS:
        return 0.0, len(controls)
    rises = [_rise(views[sites[i].id], load.start_block) for i in controls]
    at = float(np.mean(rises)) - 2.0 * _RISE_SD / np.sqrt(len(rises))
    members = float(np.mean([_rise(views[sites[i].id], load.start_block) for i in risen]))
    return float(np.clip(at / max(members, 1e-9), 0.0, 1.0)), len(controls)


def _rise(view: SharedView, block: int) -> float:
    """Return a site's score at a block above what it usually is."""
    up = windowed(np.clip(view.z, -5.0, 5.0)[None])[0]
    around = np.maximum(up[1:], up[:-1])
    k = block - view.first_block
    return float(around[k - 1] - np.median(around)) if 0 < k <= len(around) else 0.0


def _dips(load: Coordinated, views: Sequence[SharedView]) -> tuple[int, float, float]:
    """Return pairs of members that dipped in one hour, pairs to expect, and the probability of so many."""
    first = load.start_block * BLOCK_H + BLOCK_H
    end_block = min(view.end_block for view in views) if load.end_block is None else load.end_block
    hours = end_block * BLOCK_H - first
    if hours <= 0 or len(views) < 2:
        return 0, 0.0, 1.0
    table = np.zeros((len(views), hours), dtype=np.bool_)
    for row, view in zip(table, views, strict=True):
        inside = view.dips[(view.dips >= first) & (view.dips < first + hours)] - first
        row[inside] = True
    at_once = table.sum(axis=0).astype(np.int64)
    each = table.sum(axis=1).astype(np.int64)
    shared = int((at_once * (at_once - 1) // 2).sum())
    expected = float((each.sum() ** 2 - (each**2).sum()) / 2 / hours)
    from scipy.stats import poisson

    return shared, expected, float(poisson.sf(shared - 1, max(expected, 1e-9))) if shared else 1.0
