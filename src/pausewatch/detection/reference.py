"""The reference: what a batch of sites may be learned from, its baselines and its calibrated tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Series
from pausewatch.baselines.freeze import MIN_DAYS, FrozenBaselines, freeze
from pausewatch.baselines.registry import DEFAULT_CANDIDATES
from pausewatch.baselines.ridge import RidgeBaseline
from pausewatch.baselines.ridge_shape import Shape
from pausewatch.detection.balance import FrozenBalance, learn_balance
from pausewatch.detection.calibration import Calibration
from pausewatch.detection.detector import Detector
from pausewatch.detection.history import History
from pausewatch.detection.integrity.habits import Habits
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.onsets import BLOCK_H, Onsets
from pausewatch.detection.plateaus import ReferenceStep, reference_steps, without_steps
from pausewatch.detection.shedding import shed_lines, without_shed
from pausewatch.fleet import Activity, Fleet, Pause, Site
from pausewatch.telemetry.grid import HOUR_S, HourGrid
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.panel import METERED, Lane, Panel
from pausewatch.telemetry.timeline import Timeline

LANES = METERED
MAX_REFERENCE_DAYS = 400
# Share of each site's alarm budget that is kept for the tests over many sites together.
SHARED_BUDGET = 0.1
NOT_LEARNED = (Activity.TRAINING, Activity.COMMISSIONING, Activity.MAINTENANCE)
# Below this share of strictly valid hours the usable ones are learned from too: a meter that drops every fifth sample
# has few hours with 80 % of them, and many that tell their mean well.
_ENOUGH_VALID = 0.75
# A plateau of less of a site's IT capacity isn't asked about: tenants that come and go make as much.
_LEAST_PLATEAU = 0.04

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Frozen:
    """Baselines and calibration of a batch of sites at one pause.

    Args:
        baselines: of the metered lanes, lane by lane: utility series first, then IT load; learned without the steps.
        balance: of what the sites draw beyond their IT load.
        calibration: of all their series: utility, IT load, balance.
        steps: of each of these series, the steps of its reference since its oldest plateau; empty where it has none.
        shed_kw: of each of these series, how far below its recent level it counts as shed; infinite without the habit.
        quiet: what noise alone shows of onsets on held-out residuals: tests over many sites are calibrated on it.
        history: daily means of the references that hold one.
        habits: of the tests of integrity.
    """

    baselines: FrozenBaselines
    balance: FrozenBalance
    calibration: Calibration
    steps: tuple[tuple[ReferenceStep, ...], ...]
    shed_kw: npt.NDArray[np.float64]
    quiet: Onsets
    history: History
    habits: Habits

    def grown_level_kw(self, now_s: int, days: float) -> npt.NDArray[np.float64]:
        """Return by how much every series' level error will have grown in so many days, in quadrature, shape (S,)."""
        parts = []
        for of in (self.baselines, self.balance.baselines):
            ahead = np.array([0.0, days]) + (now_s - of.reference_end_s) / 86_400.0
            sd = of.level_error.sd_kw(ahead)
            parts.append(np.sqrt(np.maximum(sd[:, 1] ** 2 - sd[:, 0] ** 2, 0.0)))
        return np.concatenate(parts)

    def refusals(self, lane: Lane, position: int) -> tuple[str, ...]:
        """Return why a lane of a site of the batch has no baseline; empty where it has."""
        if lane is Lane.BALANCE:
            return self.balance.baselines.refusals[position]
        return self.baselines.refusals[METERED.index(lane) * len(self.balance.baselines.keys) + position]


def series_keys(sites: Sequence[Site]) -> tuple[str, ...]:
    """Return the name of each series of a batch: every site's utility lane, then every site's IT lane."""
    return tuple(f"{site.id}/{lane}" for lane in LANES for site in sites)


def series_grid(grid: HourGrid) -> HourGrid:
    """Return the grid of the series of a batch: the sites' grid, once a lane."""
    return grid.subset([*range(len(grid.zones))] * len(LANES))


def declared_hours(site: Site, grid: HourGrid, activities: Sequence[Activity], until: datetime | None = None) -> Bools:
    """Return the hours of a grid inside the site's declarations of some activities, shape (H,)."""
    out = np.zeros(grid.hours, dtype=np.bool_)
    for declaration in site.declarations:
        if declaration.activity not in activities:
            continue
        end = declaration.end or datetime.max.replace(tzinfo=UTC)
        if until is not None:
            end = min(end, until)
        if end <= declaration.start:
            continue
        first = grid.hour_index(declaration.start)
        last = grid.hours if end.year > 9000 else grid.hour_index(end - timedelta(microseconds=1)) + 1
        out[max(first, 0) : max(last, 0)] = True
    return out


def reference_of(fleet: Fleet, lake: Lake, sites: Sequence[Site], pause: Pause) -> tuple[Series, list[bool]]:
    """Return what a batch of sites may be learned from for a pause, and whether each series has a meter.

    See `learn` for what is left out; plateaus are still in it.
    """
    freeze_at = pause.reference_end
    first = _first_reading(lake, sites, freeze_at)
    start = max(first, freeze_at - timedelta(days=MAX_REFERENCE_DAYS))
    whole_days = max((freeze_at - start).days, 1)
    start = freeze_at - timedelta(days=whole_days)
    day = (freeze_at - timedelta(microseconds=1)).date()
    cutoff = int((freeze_at + timedelta(hours=fleet.cutoff_hours)).timestamp() * 1e6)
    cutoffs = np.full((len(sites), 1), cutoff, dtype=np.int64)
    timeline = Timeline.load(lake, sites, start, freeze_at, [day], cutoffs, goes_on=False)
    panel = timeline.advance()
    skip = panel.grid.hour_index(start)
    grid = panel.grid.sliced(skip, skip + whole_days * 24)
    span = slice(skip, skip + whole_days * 24)
    load = np.concatenate([learnable(panel, sites, lane)[:, span] for lane in LANES])
    temperature = np.concatenate([panel.temperature_c[:, span]] * len(LANES))
    has_meter = [bool(panel.lanes[lane].has_meter[s]) for lane in LANES for s in range(len(sites))]
    return Series(series_keys(sites), series_grid(grid), load, temperature), has_meter


def learn(
    fleet: Fleet,
    lake: Lake,
    sites: Sequence[Site],
    pause: Pause,
    detector: Detector,
    candidates: Sequence[str] = DEFAULT_CANDIDATES,
) -> Frozen:
    """Choose, fit, backtest, freeze and calibrate the baselines of a batch of sites for a pause.

    Learned only from what was known when the pause was announced (or began), minus declared training, commissioning and
    maintenance, minus what was substituted or screened out.
    A site without readings from before the pause is refused like one with too few.
    """
    whole, metered = reference_of(fleet, lake, sites, pause)
    used = [detector.uses.has_lane(lane) for lane in LANES for _ in sites]
    has_meter = [has and is_used for has, is_used in zip(metered, used, strict=True)]
    steps: list[list[ReferenceStep]] = [[] for _ in whole.keys]
    shape = RidgeBaseline().shape(whole)
    shed_kw = shed_lines(whole.load_kw, shape.rest_kw)
    reference = without_shed(whole, shape.rest_kw, shed_kw)
    shape = _shape_again(shape, reference, np.flatnonzero(np.isfinite(shed_kw)))
    if detector.uses.reference_test:
        steps = reference_steps(reference, shape, _least_plateau_kw(sites), detector.reach)
    stepless = without_steps(reference, steps)
    shape = _shape_again(shape, stepless, np.asarray([s for s, of in enumerate(steps) if of], dtype=np.int64))
    baselines = freeze(stepless, has_meter, candidates, shape)
    heldout = baselines.heldout
    assert heldout is not None  # noqa: S101  # freeze always backtests
    is_balanced = detector.uses.has_lane(Lane.BALANCE)
    both = [is_balanced and all(has_meter[s :: len(sites)]) for s in range(len(sites))]
    # Hours of little load tell best what the buildings draw beside it.
    utility, it_load = np.split(whole.load_kw, len(METERED))
    grid = reference.grid.subset(range(len(sites)))
    balance = learn_balance(sites, grid, utility, it_load, reference.temperature_c[: len(sites)], both)
    at_rest = balance.baselines.heldout
    assert at_rest is not None  # noqa: S101  # freeze always backtests
    lanes_of_site = np.maximum(np.reshape([*has_meter, *both], (-1, len(sites))).sum(axis=0, dtype=np.float64), 1.0)
    own = fleet.false_alarms_per_site_year * (1.0 - (SHARED_BUDGET if detector.uses.cross_site else 0.0))
    budget = np.tile(own / lanes_of_site, len(METERED) + 1)
    residual = np.concatenate([heldout.residual_kw, at_rest.residual_kw])
    start_hour = heldout.grid.start_s // HOUR_S
    quiet = Onsets.fresh(len(residual), start_hour // BLOCK_H)
    local_day = np.concatenate([heldout.grid.local_day, at_rest.grid.local_day])
    calibration = detector.calibrate(residual, heldout.restart, local_day, budget, quiet, start_hour)
    # What the IT meter shows cancels in the balance, a plateau of the reference too.
    known = (*(tuple(of) for of in steps), *(() for _ in sites))
    past = _history(reference, steps, baselines)
    of_meters = np.arange(len(heldout.residual_kw))
    outdoors = reference.temperature_c[: len(sites)]
    whitener = calibration.whitener.subset(of_meters)
    habits = Habits.learned(heldout.residual_kw, whitener, budget[of_meters] / 4, reference.load_kw, outdoors)
    shed_kw = np.concatenate([shed_kw, np.full(len(sites), np.inf)])
    return Frozen(baselines, balance, calibration, known, shed_kw, quiet, past, habits)


def _shape_again(shape: Shape, reference: Series, rows: npt.NDArray[np.int64]) -> Shape:
    """Return the shape with the rows of series whose reference has changed since."""
    if not len(rows):
        return shape
    return shape.with_rows(rows, RidgeBaseline().shape(reference.subset(rows.tolist())))


def _history(reference: Series, steps: Sequence[Sequence[ReferenceStep]], baselines: FrozenBaselines) -> History:
    shown = [s for s, of in enumerate(steps) if of]
    load = reference.load_kw
    expected = baselines.fitted.predict(reference.grid, reference.temperature_c).mean_kw if shown else load
    return History.of(reference.grid.start_s, shown, load, expected)


def _least_plateau_kw(sites: Sequence[Site]) -> npt.NDArray[np.float64]:
    """Return the smallest plateau worth a question in each series, shape (S,)."""
    at_it = np.array([_LEAST_PLATEAU * 1e3 * site.it_capacity_mw for site in sites])
    return np.concatenate([at_it * (MarginalPue().central if lane is Lane.UTILITY else 1.0) for lane in LANES])


def testable(panel: Panel, lane: Lane) -> Bools:
    """Return the hours of a lane whose mean is told well: the valid ones, shape (S, H).

    Half an hour's samples put an edge where there is none. Only a meter that drops so many that valid hours are few is
    taken by its usable ones.
    """
    hours = panel.lanes[lane]
    usable = np.isfinite(hours.load_kw)
    strict = hours.is_valid.sum(axis=1) >= _ENOUGH_VALID * np.maximum(usable.sum(axis=1), 1)
    return np.where(strict[:, None], hours.is_valid, usable)


def learnable(panel: Panel, sites: Sequence[Site], lane: Lane) -> npt.NDArray[np.float64]:
    """Return the lane's hours that may be learned from, NaN elsewhere, shape (S, H)."""
    load = np.where(testable(panel, lane), panel.lanes[lane].load_kw, np.nan)
    for s, site in enumerate(sites):
        load[s, declared_hours(site, panel.grid, NOT_LEARNED)] = np.nan
    return load


def _first_reading(lake: Lake, sites: Sequence[Site], before: datetime) -> datetime:
    """Return the first reading of a batch; where there is none, a month that nothing can be learned from."""
    first = lake.first_reading([s.id for s in sites], before)
    return first if first is not None else before - timedelta(days=MIN_DAYS)
