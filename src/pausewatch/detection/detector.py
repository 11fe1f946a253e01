"""The detector: both tests over a batch of series, calibrated once, advanced one report day at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pausewatch.detection.calibration import LEVEL_PRIOR, Calibration, level_precision
from pausewatch.detection.changes import Change, StepTuning, excess_kw, update_changes
from pausewatch.detection.creep import follow
from pausewatch.detection.detector_state import DetectorState
from pausewatch.detection.drift_test import (
    MIN_DAY_HOURS,
    DriftSettings,
    advance_drift,
    fit_drift,
)
from pausewatch.detection.evidence import Evidence
from pausewatch.detection.extremes import score_spread, standard_score_threshold
from pausewatch.detection.onsets import Onsets
from pausewatch.detection.step_test import StepWindows, scan_ends, scan_steps
from pausewatch.detection.whitening import ORDER, Innovations, Whitener, fit_whitener, innovations

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Hours before the step test's window that bring the autoregression's memory up to date.
_WARM_UP = 2 * ORDER
_WEEK_HOURS = 7 * 24
# Months of held-out residuals flatter the season after them: the step test's share of the budget is divided by this.
_STEP_DOUBT = 8.0
# How far back the drift test can be taken again when a step is found late.
_REWIND_DAYS = 21


@dataclass(frozen=True)
class Detector:
    """Two sequential tests side by side over a batch of series.

    Abrupt load is the step test's, protracted load the drift test's; each has half of a series' alarm budget. `uses`
    says what is on.
    """

    reach: StepWindows = field(default_factory=StepWindows)
    drift_settings: DriftSettings = field(default_factory=DriftSettings)
    uses: Evidence = field(default_factory=Evidence)

    def calibrate(
        self,
        heldout_kw: Floats,
        restart: Bools,
        local_day: npt.NDArray[np.int32],
        alarms_per_year: Floats,
        onsets: Onsets | None = None,
        start_hour: int = 0,
    ) -> Calibration:
        """Learn noise and thresholds from held-out residuals.

        Args:
            heldout_kw: shape (S, H) in time order, NaN where unseen.
            restart: hours at which a new fold begins, shape (H,).
            local_day: local day number of each hour, shape (S, H).
            alarms_per_year: budget of each series, for both tests together, shape (S,).
            onsets: takes in what noise alone shows of onsets, if given.
            start_hour: hours from the epoch to the first.
        """
        series, hours = heldout_kw.shape
        whitener = fit_whitener(heldout_kw, restart)
        whole = innovations(heldout_kw, whitener, restart)
        ends = range(self.reach.persistence + 24 * 7, hours + 1, 24)
        daily_max, week_old = np.full((2, series, len(ends)), np.nan)
        if onsets is not None and ends:
            onsets.reach(start_hour + ends[-1])
        for i, (end, scan) in enumerate(
            zip(ends, scan_ends(whole, ends, whitener.step_response, self.reach), strict=True)
        ):
            if onsets is not None:
                onsets.absorb(scan, whole.until(end), whitener.innovation_sd_kw, np.full(series, end), start_hour)
            strongest = scan.z.max(axis=1)
            daily_max[:, i] = np.where(strongest > 0, strongest, np.nan)
            at = scan.z[:, self.reach.search - _WEEK_HOURS]
            week_old[:, i] = np.where(at != 0, np.abs(at), np.nan)
        budget = alarms_per_year / self.uses.load_tests
        days, fold_of_day = _daily_means(heldout_kw, local_day, restart)
        drift = fit_drift(days, fold_of_day, budget, self.drift_settings)
        return Calibration(
            whitener,
            standard_score_threshold(daily_max, budget / _STEP_DOUBT),
            score_spread(week_old),
            drift,
            budget,
            np.isfinite(days).sum(axis=1),
        )

    def advance(
        self,
        state: DetectorState,
        calibration: Calibration,
        residual_kw: Floats,
        level_sd_kw: Floats,
        end_hour: npt.NDArray[np.int64],
        local_day: npt.NDArray[np.int32],
        day: int,
        start_hour: int = 0,
        doubts_kw: Callable[[int], Floats | None] | None = None,
    ) -> Innovations:
        """Take one report day, in place.

        Args:
            state: of the S series.
            calibration: of the same series.
            residual_kw: observed less expected as known on that day, shape (S, H), NaN where unseen or masked.
            level_sd_kw: the baseline's level error at each hour, shape (S, H).
            end_hour: first hour after the report day for each series, shape (S,).
            local_day: local day number of each hour, shape (S, H).
            day: number of the report day.
            start_hour: hours from the epoch to the grid's first.
            doubts_kw: what a series' expected load is unsure of hour by hour, independent unknowns of one standard
                deviation each, shape (K, H), or None; asked only of a series that something was found on.

        Returns:
            The innovations of the step test's window, shape (S, reach.total), ending with the day.
        """
        series, hours = residual_kw.shape
        span = self.reach.total + _WARM_UP
        at = end_hour[:, None] - span + np.arange(span)[None, :]
        recent = _taken(residual_kw, at)
        level = level_sd_kw[np.arange(series), np.clip(end_hour - 1, 0, hours - 1)]
        level = np.where(np.isfinite(level), level, calibration.whitener.stationary_sd_kw)
        whitener = calibration.whitener
        initial = np.sqrt(whitener.stationary_sd_kw**2 + (LEVEL_PRIOR * level) ** 2)
        warm = innovations(recent, whitener, initial_sd_kw=initial)
        window = Innovations(warm.score[:, _WARM_UP:], warm.weight[:, _WARM_UP:])
        precision = level_precision(whitener, level)
        response = whitener.step_response
        scan = scan_steps(window, response, self.reach, precision)
        state.onsets.absorb(scan, window, whitener.innovation_sd_kw, end_hour, start_hour)
        # A series without accepted steps has nothing to re-estimate: only a score over the threshold changes it.
        strong = (np.abs(scan.z).max(axis=1) >= calibration.step_threshold) & self.uses.step_test
        for s in range(series):
            if not strong[s] and not state.changes[s]:
                continue
            unsure = None if doubts_kw is None else doubts_kw(s)
            doubt = None
            if unsure is not None:
                away = _taken(unsure, np.broadcast_to(at[s], (len(unsure), span)))
                away = np.where(np.isfinite(recent[s]), away, np.nan)
                doubt = self._doubt(away, whitener.subset(np.full(len(unsure), s)), initial[s], precision[s])
            tuning = StepTuning(
                response[s],
                float(whitener.innovation_sd_kw[s]),
                float(calibration.step_threshold[s]),
                float(precision[s]),
                doubt,
            )
            one = Innovations(window.score[s : s + 1], window.weight[s : s + 1])
            first = int(end_hour[s]) - self.reach.total
            before = state.changes[s]
            state.changes[s] = update_changes(before, one, first, day, tuning, self.reach)
            moved = _first_difference(before, state.changes[s])
            if moved is not None:
                since = int(local_day[s, min(max(moved, 0), hours - 1)])
                self._rewind_drift(state, calibration, residual_kw, level_sd_kw, local_day, s, since, day)
        if self.uses.drift_test:
            self._advance_drift(state, calibration, residual_kw, level, end_hour, local_day, day)
        state.past = [*state.past[-_REWIND_DAYS:], (day, state.drift.copy())]
        return window

    def _doubt(self, moved_kw: Floats, whitener: Whitener, initial_sd_kw: float, precision: float) -> Floats:
        """Return the variance of a step at each onset that comes from what the expected load is unsure of, (search,).

        The test's estimate is linear in its data, so that what it makes of each unknown's hours is that unknown's part.
        """
        count = len(moved_kw)
        warm = innovations(moved_kw, whitener, initial_sd_kw=np.full(count, initial_sd_kw))
        window = Innovations(warm.score[:, _WARM_UP:], warm.weight[:, _WARM_UP:])
        steps = scan_steps(window, whitener.step_response, self.reach, np.full(count, precision)).step
        return np.asarray((steps**2).sum(axis=0)[None])

    def _advance_drift(
        self,
        state: DetectorState,
        calibration: Calibration,
        residual_kw: Floats,
        level_sd_kw: Floats,
        end_hour: npt.NDArray[np.int64],
        local_day: npt.NDArray[np.int32],
        day: int,
    ) -> None:
        """The drift test sees what accepted steps leave unexplained."""
        series, hours = residual_kw.shape
        model = calibration.drift
        daily = np.array([_day_mean(residual_kw[s], local_day[s], state.changes[s], day) for s in range(series)])
        advance_drift(state.drift, model, daily, level_sd_kw, day, self.drift_settings)
        lasting = np.array([bool(d) and d[-1].end_day is None for d in state.drifts], dtype=np.bool_)
        for s in np.flatnonzero(lasting | (state.drift.cusum >= model.threshold)):
            end = min(int(end_hour[s]), hours)
            week = _unexplained(residual_kw[s], state.changes[s], max(end - 7 * 24, 0), end)
            strength = float(state.drift.cusum[s] / model.threshold[s])
            state.drifts[s] = follow(
                state.drifts[s],
                week[np.isfinite(week)],
                float(np.hypot(level_sd_kw[s], model.daily_sd_kw[s] / np.sqrt(7))),
                strength,
                int(state.drift.since_day[s]),
                day,
            )
            if state.drifts[s] and state.drifts[s][-1].end_day == day:
                state.drift.cusum[s] = 0.0
                state.drift.since_day[s] = -1

    def _rewind_drift(
        self,
        state: DetectorState,
        calibration: Calibration,
        residual_kw: Floats,
        level_sd_kw: Floats,
        local_day: npt.NDArray[np.int32],
        s: int,
        since: int,
        day: int,
    ) -> None:
        """Let one series' drift test take the last days again, now that a step explains them differently."""
        earlier = [(d, past) for d, past in state.past if d < since]
        if not earlier:
            return
        from_day, past = earlier[-1]
        one = past.of(s)
        model = calibration.drift.subset(np.array([s]))
        for d in range(from_day + 1, day):
            mean = _day_mean(residual_kw[s], local_day[s], state.changes[s], d)
            at = min(int(np.searchsorted(local_day[s], d)), level_sd_kw.shape[1] - 1)
            level = level_sd_kw[s, at : at + 1]
            advance_drift(one, model, np.array([mean]), level, d, self.drift_settings)
            kept = next((p for n, p in state.past if n == d), None)
            if kept is not None:
                kept.put(s, one)
        state.drift.put(s, one)
        state.drifts[s] = [drift for drift in state.drifts[s] if drift.alarm_day < since]


def _taken(values: Floats, at: npt.NDArray[np.int64]) -> Floats:
    """Return values (S, H) at other hours of each series, (S, span); NaN where there are none."""
    hours = values.shape[1]
    inside = (at >= 0) & (at < hours)
    return np.where(inside, np.take_along_axis(values, np.clip(at, 0, hours - 1), axis=1), np.nan)


def _first_difference(before: list[Change], after: list[Change]) -> int | None:
    """Return the first hour at which two sets of changes say something materially different; None if they don't."""
    known = {c.hour: c.step_kw for c in before}
    now = {c.hour: c.step_kw for c in after}
    moved = [
        hour
        for hour in known.keys() | now.keys()
        if hour not in known or hour not in now or abs(known[hour] - now[hour]) > 0.2 * abs(known[hour])
    ]
    return min(moved, default=None)


def _day_mean(residual_kw: Floats, local_day: npt.NDArray[np.int32], changes: list[Change], day: int) -> float:
    """Return one local day's mean of what accepted steps leave unexplained; NaN if mostly unseen."""
    begin, end = int(np.searchsorted(local_day, day)), int(np.searchsorted(local_day, day, side="right"))
    values = _unexplained(residual_kw, changes, begin, end)
    seen = np.isfinite(values)
    return float(values[seen].mean()) if seen.sum() >= MIN_DAY_HOURS else float("nan")


def _unexplained(residual_kw: Floats, changes: list[Change], begin: int, end: int) -> Floats:
    values = residual_kw[begin:end]
    return values - np.maximum(excess_kw(changes, end)[begin:], 0.0) if changes else values


def _daily_means(
    heldout_kw: Floats, local_day: npt.NDArray[np.int32], restart: Bools
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return daily means of held-out residuals and the fold of each day; days mostly unseen are NaN."""
    series = heldout_kw.shape[0]
    first = int(local_day.min())
    days = int(local_day.max()) - first + 1
    flat = ((local_day - first) + days * np.arange(series)[:, None]).ravel()
    seen = np.isfinite(heldout_kw).ravel()
    values = np.where(seen, heldout_kw.ravel(), 0.0)
    total = np.bincount(flat, weights=values, minlength=series * days).reshape(series, days)
    count = np.bincount(flat, weights=seen, minlength=series * days).reshape(series, days)
    fold_of_hour = np.cumsum(restart).astype(np.int64)
    fold = np.zeros(days, dtype=np.int64)
    fold[local_day[0] - first] = fold_of_hour
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(count >= MIN_DAY_HOURS, total / count, np.nan)
    return means, np.maximum.accumulate(fold)
