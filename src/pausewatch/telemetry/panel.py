"""The panel: hourly lanes of a batch of sites, with what was seen of each hour and what can't be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pausewatch.fleet import Measure, Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.meter_hours import MeterHours
from pausewatch.telemetry.screening import Screening, spikes, stuck

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# EU 2018/2066 (monitoring and reporting): an hour is valid with 80 % of its samples.
VALID_SHARE = 0.8
# Half an hour's samples still estimate its mean well enough to test with, though not to learn from.
USABLE_SHARE = 0.5


class Lane(StrEnum):
    """One view of a site's load."""

    UTILITY = "utility"
    IT_LOAD = "it_load"
    BALANCE = "balance"
    """What the site draws beyond its IT load: utility less IT load."""


METERED = (Lane.UTILITY, Lane.IT_LOAD)
"""The lanes that are measured; the balance is what lies between them."""

# What each measure adds to a lane: the site's own load is what it imports and makes, less what it sends out.
_SIGNS: Mapping[Lane, Mapping[Measure, int]] = {
    Lane.UTILITY: {
        Measure.UTILITY_IMPORT: 1,
        Measure.UTILITY_EXPORT: -1,
        Measure.ONSITE_GENERATION: 1,
        Measure.BATTERY: 1,
    },
    Lane.IT_LOAD: {Measure.IT_LOAD: 1},
}
_CORE: Mapping[Lane, Measure] = {
    Lane.UTILITY: Measure.UTILITY_IMPORT,
    Lane.IT_LOAD: Measure.IT_LOAD,
}


_LOADS = (Measure.UTILITY_IMPORT, Measure.IT_LOAD, Measure.COOLING_LOAD)


@dataclass(frozen=True)
class MeterIndex:
    """The meters of a batch of sites as rows: which site each belongs to and what it measures."""

    keys: tuple[tuple[str, str], ...]
    series: npt.NDArray[np.intp]
    measures: tuple[Measure, ...]
    interval_s: npt.NDArray[np.int64]

    @staticmethod
    def of(sites: Sequence[Site]) -> MeterIndex:
        """Index every meter of the sites, in fleet order."""
        rows = [(s, site, meter) for s, site in enumerate(sites) for meter in site.meters]
        return MeterIndex(
            keys=tuple((site.id, meter.id) for _, site, meter in rows),
            series=np.asarray([s for s, _, _ in rows], dtype=np.intp),
            measures=tuple(meter.measures for _, _, meter in rows),
            interval_s=np.asarray([meter.interval_s or 3600 for _, _, meter in rows], dtype=np.int64),
        )


@dataclass(frozen=True)
class LaneHours:
    """One lane of every site of the batch; all arrays (S, H).

    Args:
        load_kw: mean load of usable hours (half their samples seen, none screened out); NaN otherwise.
        coverage: share of the hour's samples seen on the lane's worst meter, 0 to 1.
        is_valid: whether 80 % of the samples were seen and none was screened out.
        is_screened: whether something arrived that can't be taken as a measurement (stuck, spike).
        has_meter: whether the site has this lane at all, shape (S,).
    """

    load_kw: Floats
    coverage: Floats
    is_valid: Bools
    is_screened: Bools
    has_meter: Bools


@dataclass(frozen=True)
class Panel:
    """Aligned hours of a batch of sites."""

    site_ids: tuple[str, ...]
    grid: HourGrid
    lanes: Mapping[Lane, LaneHours]
    temperature_c: Floats


def site_grid(sites: Sequence[Site], grid_span: HourGrid) -> HourGrid:
    """Return the grid of `grid_span` with the zones and countries of the sites."""
    return HourGrid(
        grid_span.start,
        grid_span.hours,
        tuple(site.timezone for site in sites),
        tuple(site.country for site in sites),
    )


def build_panel(
    sites: Sequence[Site],
    grid: HourGrid,
    index: MeterIndex,
    hours: MeterHours,
    screening: Screening | None = None,
) -> Panel:
    """Combine meter hours into lanes.

    A lane's hour is as good as its worst meter: a missing generation meter can't make the load look smaller.
    """
    rules = screening or Screening()
    mean = hours.mean_kw()
    coverage = hours.coverage()
    is_temperature = np.asarray([m is Measure.OUTDOOR_TEMPERATURE for m in index.measures], dtype=np.bool_)
    # A generator that stands still, or a site that sends nothing out, rightly says nothing but zero for months; a load
    # doesn't. A lone hour of generation or of a battery is what they are for, a load's is a spike.
    loads = np.asarray([m in _LOADS for m in index.measures], dtype=np.bool_)
    bad = stuck(mean, rules.stuck_hours) & ((mean != 0.0) | (loads | is_temperature)[:, None])
    bad[loads] |= spikes(mean[loads], rules.spike_share)
    # A meter slower than an hour repeats one value by its nature.
    slow = index.interval_s > 3600
    bad[slow] = False
    lanes = {lane: _lane(len(sites), index, mean, coverage, bad, signs, _CORE[lane]) for lane, signs in _SIGNS.items()}
    temperature = np.full((len(sites), grid.hours), np.nan)
    for row in np.flatnonzero(is_temperature):
        temperature[index.series[row]] = np.where(bad[row], np.nan, mean[row])
    return Panel(tuple(s.id for s in sites), grid, lanes, temperature)


def _lane(
    sites: int,
    index: MeterIndex,
    mean_kw: Floats,
    coverage: Floats,
    bad: Bools,
    signs: Mapping[Measure, int],
    core: Measure,
) -> LaneHours:
    hours = mean_kw.shape[1]
    load = np.zeros((sites, hours))
    seen = np.ones((sites, hours))
    screened = np.zeros((sites, hours), dtype=np.bool_)
    has_meter = np.zeros(sites, dtype=np.bool_)
    for row, measure in enumerate(index.measures):
        if measure not in signs:
            continue
        s = index.series[row]
        has_meter[s] |= measure is core
        load[s] += signs[measure] * mean_kw[row]
        seen[s] = np.minimum(seen[s], coverage[row])
        screened[s] |= bad[row]
    seen[~has_meter] = 0.0
    usable = (seen >= USABLE_SHARE - 1e-9) & ~screened & has_meter[:, None]
    return LaneHours(
        load_kw=np.where(usable, load, np.nan),
        coverage=seen,
        is_valid=usable & (seen >= VALID_SHARE - 1e-9),
        is_screened=screened,
        has_meter=has_meter,
    )
