"""The watch: a batch of sites under one pause, carried from report day to report day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected
from pausewatch.detection.balance import class_sd_kw
from pausewatch.detection.changes import Change
from pausewatch.detection.detector import Detector
from pausewatch.detection.detector_state import DetectorState
from pausewatch.detection.drifts import drift_episode, with_drifts
from pausewatch.detection.envelope import SEASON_AHEAD_DAYS, detectable_kw
from pausewatch.detection.episodes import Episode, Noise, step_episodes
from pausewatch.detection.integrity.contradiction import Contradiction
from pausewatch.detection.integrity.inspection import inspect_integrity
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.plateaus import from_its_bulk
from pausewatch.detection.reference import LANES, Frozen, declared_hours, series_grid, testable
from pausewatch.detection.shared_view import SharedView, shared_view
from pausewatch.detection.shedding import shed_hours
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.detection.stops import Stop, lane_stops
from pausewatch.fleet import Activity, Fleet, Pause, Site
from pausewatch.telemetry.grid import HOUR_S, HourGrid
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.panel import Lane, Panel
from pausewatch.telemetry.timeline import KnownHours, Timeline, cutoffs_us

Floats = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1)
# Series of a batch: its metered lanes, and the balance between them.
SERIES = len(LANES) + 1
# Days of the reference that the tests look back on when the pause begins.
LEAD_DAYS = 28
# The weather of the last weeks decides what a further megawatt at the racks costs.
_PUE_HOURS = 28 * 24


@dataclass(frozen=True)
class WatchMemory:
    """What a watch carries from one report day to the next: the meter hours it knew, and where its tests stood."""

    known: KnownHours
    detector: DetectorState


@dataclass
class Watch:
    """Sequential state of a batch of sites; `advance` takes one report day.

    Days are taken in order from the pause's first: what a day's tests knew is what had arrived by its cut-off, whether
    the watch has been running since or is rebuilt from the lake.
    """

    fleet: Fleet
    pause: Pause
    sites: tuple[Site, ...]
    frozen: Frozen
    detector: Detector
    timeline: Timeline
    state: DetectorState
    masked: npt.NDArray[np.bool_] = field(repr=False)
    class_sd_kw: Floats = field(repr=False)

    @staticmethod
    def open(
        fleet: Fleet,
        pause: Pause,
        sites: Sequence[Site],
        frozen: Frozen,
        lake: Lake,
        last: date,
        detector: Detector,
        memory: WatchMemory | None = None,
    ) -> Watch:
        """Prepare a watch from the pause's first report day to `last`, or from the day after a memory's."""
        first = first_day(pause, sites)
        days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
        cutoffs = cutoffs_us(sites, days, fleet.cutoff_hours)
        # A day's panel ends with its last cut-off; what arrives until then may tell of hours after the day.
        end = datetime.fromtimestamp(int(cutoffs[:, -1].max()) / 1e6, UTC)
        carried = None if memory is None else memory.known
        timeline = Timeline.load(lake, sites, panel_start(pause), end, days, cutoffs, carried)
        grid = timeline.grid
        training = np.stack([declared_hours(s, grid, (Activity.TRAINING,), until=pause.start) for s in sites])
        works = np.stack(
            [declared_hours(s, grid, (Activity.COMMISSIONING, Activity.MAINTENANCE), until=pause.start) for s in sites]
        )
        masked = np.concatenate([training | works] * SERIES)
        state = _begun(frozen, grid, (first - _EPOCH).days) if memory is None else memory.detector
        energy = frozen.balance.energy
        usual = zip(sites, energy.it_mean_kw * energy.terms[:, 0], energy.it_mean_kw, strict=True)
        class_sd = np.array([class_sd_kw(site, float(utility), float(it_load)) for site, utility, it_load in usual])
        return Watch(fleet, pause, tuple(sites), frozen, detector, timeline, state, masked, class_sd)

    @property
    def day(self) -> date:
        """The report day taken last."""
        return self.timeline.days[self.timeline.position]

    def memory(self) -> WatchMemory:
        """Return what the days after need of this one, the last the watch was opened for.

        Raises:
            ValueError: there are days to come.
        """
        return WatchMemory(self.timeline.known(), self.state)

    def advance(self) -> WatchDay:
        """Take the next report day."""
        panel = self.timeline.advance()
        day = self.day
        number = (day - _EPOCH).days
        grid = panel.grid
        ends = np.array([grid.hour_index(site.day_bounds(day)[1] - timedelta(seconds=1)) + 1 for site in self.sites])
        ends = np.where(grid.offset_s > 0, _local_ends(grid, number), ends)
        end_hour = np.tile(ends, SERIES)
        utility, it_load = (panel.lanes[lane].load_kw for lane in LANES)
        due = np.arange(grid.hours)[None, :] < end_hour[:, None]
        metered = self.frozen.baselines.expected(series_grid(grid), np.concatenate([panel.temperature_c] * len(LANES)))
        balanced = self.frozen.balance.expected(grid, it_load, panel.temperature_c, self.class_sd_kw)
        parts = (metered, balanced.expected)
        expected = Expected(
            np.concatenate([of.mean_kw for of in parts]),
            np.concatenate([of.sd_kw for of in parts]),
            np.concatenate([of.level_sd_kw for of in parts]),
            {},
        )
        observed = np.where(due, np.concatenate([utility, it_load, utility - it_load]), np.nan)
        well_told = [testable(panel, lane) for lane in LANES]
        trusted = np.concatenate([*well_told, np.logical_and(*well_told)])
        residual = np.where(self.masked[:, : grid.hours] | ~trusted, np.nan, observed - expected.mean_kw)
        is_shed = shed_hours(residual, self.frozen.shed_kw)
        residual[is_shed] = np.nan
        window = self.detector.advance(
            self.state,
            self.frozen.calibration,
            residual,
            expected.level_sd_kw,
            end_hour,
            np.tile(grid.local_day, (SERIES, 1)),
            number,
            grid.start_s // HOUR_S,
            self._doubts(balanced.columns),
        )
        rows = np.arange(len(end_hour))
        level_now = expected.level_sd_kw[rows, np.clip(end_hour - 1, 0, grid.hours - 1)]
        stationary = self.frozen.calibration.whitener.stationary_sd_kw
        level_now = np.where(np.isfinite(level_now), level_now, stationary)
        later = np.hypot(level_now, self.frozen.grown_level_kw(grid.start_s + HOUR_S * grid.hours, SEASON_AHEAD_DAYS))
        smallest = np.stack(detectable_kw(self.detector, self.frozen.calibration, window, level_now, later))
        balance = slice(len(LANES) * len(self.sites), None)
        smallest[:, balance] = np.maximum(smallest[:, balance], self.class_sd_kw)
        pues = self._pues(panel, ends)
        return WatchDay(self, panel, day, end_hour, observed, expected, residual, is_shed, smallest, pues)

    def _doubts(self, columns: Floats) -> Callable[[int], Floats | None]:
        """Return what each series' expected load is unsure of: only the balance rests on another meter's reading."""
        first = len(LANES) * len(self.sites)

        def of(series: int) -> Floats | None:
            if series < first:
                return None
            one = np.array([series - first])
            return np.asarray(self.frozen.balance.energy.subset(one).doubts_kw(columns[one])[0])

        return of

    def _pues(self, panel: Panel, ends: npt.NDArray[np.int64]) -> tuple[MarginalPue, ...]:
        """Return every site's marginal PUE at the last weeks' weather."""
        energy = self.frozen.balance.energy
        last = int(ends.max())
        lagged = energy.lagged_c(panel.grid, panel.temperature_c)[:, max(last - _PUE_HOURS, 0) : last]
        mean, sd = energy.marginal_pue(lagged)
        told = self.frozen.balance.baselines.is_usable
        return tuple(
            MarginalPue.told(float(m), float(e)) if t else MarginalPue() for m, e, t in zip(mean, sd, told, strict=True)
        )


@dataclass(frozen=True)
class WatchDay:
    """A batch of sites as seen on a report day; `site(i)` gives one of them."""

    watch: Watch
    panel: Panel
    day: date
    end_hour: npt.NDArray[np.int64]
    observed_kw: Floats
    expected: Expected
    residual_kw: Floats
    is_shed: npt.NDArray[np.bool_]
    detectable_kw: Floats
    marginal_pue: tuple[MarginalPue, ...]

    def site(self, position: int) -> SiteWatchDay:
        """Return one site's view of the day."""
        watch, panel = self.watch, self.panel
        site = watch.sites[position]
        number = (self.day - _EPOCH).days
        mine = np.flatnonzero(panel.grid.local_day[position] == number)
        end = int(self.end_hour[position])
        span = slice(0, end)
        seen_s, last_seen = {}, {}
        for row in np.flatnonzero(watch.timeline.index.series == position):
            seconds = watch.timeline.hours.seconds[row, :end]
            meter_id = watch.timeline.index.keys[row][1]
            seen_s[meter_id] = int(seconds[mine[mine < end]].sum())
            any_seen = np.flatnonzero(seconds)
            if len(any_seen):
                last_seen[meter_id] = int(any_seen[-1])
        return SiteWatchDay(
            site=site,
            pause=watch.pause,
            day=self.day,
            grid=panel.grid.subset([position]).sliced(0, end),
            day_hours=(int(mine[0]), int(mine[-1]) + 1) if len(mine) else (end, end),
            lanes={lane: self._lane(lane, k * len(watch.sites) + position, position) for k, lane in enumerate(LANES)},
            balance=self._lane(Lane.BALANCE, len(LANES) * len(watch.sites) + position, position),
            marginal_pue=self.marginal_pue[position],
            coverage={lane: panel.lanes[lane].coverage[position, span] for lane in LANES},
            is_screened={lane: panel.lanes[lane].is_screened[position, span] for lane in LANES},
            temperature_c=panel.temperature_c[position, span],
            seen_s=seen_s,
            last_seen_hour=last_seen,
            uses=watch.detector.uses,
            contradictions=self.contradictions[position],
        )

    @cached_property
    def contradictions(self) -> list[tuple[Contradiction, ...]]:
        """What can't be right in each site's telemetry since the pause began; worked out on days that are reported."""
        watch = self.watch
        if not watch.detector.uses.integrity:
            return [()] * len(watch.sites)
        series = np.arange(len(LANES) * len(watch.sites))
        return inspect_integrity(
            self.observed_kw[series],
            self.residual_kw[series],
            self.panel.temperature_c,
            watch.frozen.habits,
            watch.frozen.calibration.whitener.subset(series),
            {lane: self.panel.lanes[lane].has_meter for lane in LANES},
            self.end_hour[: len(watch.sites)],
            max(self.panel.grid.hour_index(watch.pause.start), 0),
        )

    def shared(self, position: int) -> SharedView | None:
        """Return what one of the sites says to tests over many, or None where it has no baseline."""
        watch = self.watch
        for lane in (Lane.IT_LOAD, Lane.UTILITY):
            series = LANES.index(lane) * len(watch.sites) + position
            if not watch.frozen.baselines.refusals[series]:
                span = slice(0, int(self.end_hour[series]))
                return shared_view(
                    lane,
                    watch.state.onsets,
                    series,
                    self.residual_kw[series, span],
                    self.panel.temperature_c[position, span],
                    self.panel.grid.start_s // HOUR_S,
                    watch.pause.reference_end,
                )
        return None

    def _lane(self, lane: Lane, series: int, position: int) -> LaneDay:
        watch = self.watch
        span = slice(0, int(self.end_hour[series]))
        row = slice(series, series + 1)
        calibration = watch.frozen.calibration
        refusals = watch.frozen.refusals(lane, position)
        uses = watch.detector.uses
        needed = (*LANES, lane) if lane is Lane.BALANCE else (lane,)
        has_meter = all(uses.has_lane(m) for m in needed) and all(
            self.panel.lanes[m].has_meter[position] for m in needed if m is not Lane.BALANCE
        )
        expected = Expected(
            self.expected.mean_kw[row, span],
            self.expected.sd_kw[row, span],
            self.expected.level_sd_kw[row, span],
            {},
        )
        return LaneDay(
            lane=lane,
            has_meter=has_meter,
            refusals=refusals,
            observed_kw=self.observed_kw[series, span],
            expected=expected,
            residual_kw=self.residual_kw[series, span],
            is_shed=self.is_shed[series, span],
            innovation_sd_kw=float(calibration.whitener.innovation_sd_kw[series]),
            daily_sd_kw=float(calibration.drift.daily_sd_kw[series]),
            episodes=() if refusals else tuple(self._episodes(lane, series)),
            detectable_kw=float("inf") if refusals else float(self.detectable_kw[0, series]),
            detectable_90d_kw=float("inf") if refusals else float(self.detectable_kw[1, series]),
            reference_steps=watch.frozen.steps[series],
            stops=tuple(self._stops(lane, series)) if lane in LANES and not refusals and uses.reference_test else (),
        )

    def _noise(self, series: int) -> Noise:
        drift = self.watch.frozen.calibration.drift
        end = int(self.end_hour[series])
        return Noise(
            float(drift.daily_sd_kw[series]), float(drift.daily_rho[series]), self.expected.level_sd_kw[series, :end]
        )

    def _stops(self, lane: Lane, series: int) -> list[Stop]:
        watch = self.watch
        changes = watch.state.changes[series]
        if not any(change.step_kw < 0 for change in changes):
            return []
        threshold = float(watch.frozen.calibration.step_threshold[series])
        residual = self.residual_kw[series, : int(self.end_hour[series])]
        first = self.panel.grid.hour_index(watch.pause.start) + 24
        return lane_stops(lane.value, changes, threshold, residual, self._noise(series), first)

    def _episodes(self, lane: Lane, series: int) -> list[Episode]:
        watch = self.watch
        calibration = watch.frozen.calibration
        end = int(self.end_hour[series])
        noise = self._noise(series)
        residual = self.residual_kw[series, :end]
        threshold = float(calibration.step_threshold[series])
        steps = step_episodes(lane.value, watch.state.changes[series], threshold, residual, noise)
        local_day = self.panel.grid.local_day[series % len(watch.sites), :end]
        drifts = [drift_episode(lane.value, d, local_day, residual, noise) for d in watch.state.drifts[series]]
        found = with_drifts(steps, drifts)
        if lane is not Lane.BALANCE:
            return found
        # Less than two meters of their classes may make of nothing is no load.
        return [e for e in found if e.excess_kw >= watch.class_sd_kw[series % len(watch.sites)]]


def _begun(frozen: Frozen, grid: HourGrid, day: int) -> DetectorState:
    """Return the state of the tests before the first day: what the references' plateaus left is known to be there."""
    state = DetectorState.fresh(len(frozen.steps), grid.start_s // HOUR_S)
    for known, steps in zip(state.changes, frozen.steps, strict=True):
        known += [
            Change((s.start_s - grid.start_s) // 3600, s.step_kw, s.sd_kw, s.z, day, is_learned=True)
            for s in from_its_bulk(steps)
        ]
    return state


def panel_start(pause: Pause) -> datetime:
    """Return the first hour of a pause's panels."""
    return pause.reference_end - timedelta(days=LEAD_DAYS)


def first_day(pause: Pause, sites: Sequence[Site]) -> date:
    """Return the first local day to watch at any of the sites: from when the pause may have been prepared for."""
    return min(pause.reference_end.astimezone(site.zone).date() for site in sites)


def _local_ends(grid: HourGrid, number: int) -> npt.NDArray[np.int64]:
    """Return the end of a local day on grids that are shifted against whole UTC hours, shape (S,)."""
    return np.asarray([int(np.searchsorted(row, number, side="right")) for row in grid.local_day], dtype=np.int64)
