"""The detection envelope: the smallest load that would have been found, for a site as it was seen that week.

A step of size d is accepted when its standard score passes the threshold; with Gaussian innovations that happens with
90 % probability when d = (threshold + 1.28) / sqrt(information), and 1.28 is more where held-out scores spread further.
Information is what the test really had: hours that weren't seen carry none. An onset in the middle of an hour loses
part of its edge; that loss is averaged in, the middle twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.calibration import Calibration, level_precision
from pausewatch.detection.detector import Detector
from pausewatch.detection.drift_test import MIN_DAY_HOURS
from pausewatch.detection.step_test import step_information
from pausewatch.detection.whitening import Innovations

Floats = npt.NDArray[np.float64]

_Z90 = 1.2815516
_RUN_DAYS, _LONG_DAYS = 7, 90
SEASON_AHEAD_DAYS = _LONG_DAYS // 2
"""Days from now to the middle of a run of 90 days that begins."""


def detectable_kw(
    detector: Detector,
    calibration: Calibration,
    window: Innovations,
    level_sd_kw: Floats,
    season_level_sd_kw: Floats,
) -> tuple[Floats, Floats]:
    """Return the smallest constant load of the lane found with 90 % probability after 7 and after 90 days, kW, (S,).

    An edge tells what it can within a week; what creeps past it is still found by the drift test, which gathers day
    by day.

    Args:
        detector: its windows.
        calibration: thresholds and noise of the S series.
        window: the last days' innovations, shape (S, reach.total); only their weights matter.
        level_sd_kw: level error of the baseline now, shape (S,).
        season_level_sd_kw: what it will be half way through a run of 90 days, shape (S,).
    """
    whitener = calibration.whitener
    precision = level_precision(whitener, level_sd_kw)
    lasted = _RUN_DAYS * 24
    weight = np.where(window.weight > 0, window.weight, 0.0)
    # A run starts at an hour of its own choosing: an unseen onset is judged from the next seen hour.
    information, kept = step_information(weight, whitener.step_response, detector.reach, precision, lasted)
    nearby = [
        step_information(weight, whitener.step_response, detector.reach, precision, lasted - shift)[0]
        for shift in (6, 12, 18)
    ]
    typical = np.median(np.stack([information, *nearby]), axis=0)
    # Runs that begin in the middle of an hour are those that are missed: their loss counts twice.
    loss = (1.0 + 2.0 * kept) / 3.0
    with np.errstate(divide="ignore"):
        step = (calibration.step_threshold + calibration.score_spread) / (loss * np.sqrt(typical))
    nothing = np.full(len(weight), np.inf)
    by_step = step * whitener.innovation_sd_kw if detector.uses.step_test else nothing
    if not detector.uses.drift_test:
        return by_step, by_step
    week = _by_drift(calibration, level_sd_kw, detector, weight, _RUN_DAYS)
    season = _by_drift(calibration, season_level_sd_kw, detector, weight, _LONG_DAYS)
    by_week = np.minimum(by_step, week)
    return by_week, np.minimum(by_week, season)


def _by_drift(
    calibration: Calibration, level_sd_kw: Floats, detector: Detector, weight: Floats, run_days: int
) -> Floats:
    """Return the load that carries the drift test over its threshold within a run (its mean path, plus 90 %).

    Only days that were seen move the test, and the last week tells how many will be; where none was, nothing would be
    found.
    """
    drift, settings = calibration.drift, detector.drift_settings
    week = (weight[:, -_RUN_DAYS * 24 :] > 0).reshape(len(weight), _RUN_DAYS, 24)
    days = (week.sum(axis=2) >= MIN_DAY_HOURS).sum(axis=1) * run_days // _RUN_DAYS
    gain = (1 - drift.daily_rho) / np.sqrt(1 - drift.daily_rho**2)
    noise = _Z90 * np.sqrt(days)
    allowance = settings.level_allowance * level_sd_kw / drift.daily_sd_kw + settings.reference_shift
    # The first day brings the whole shift, the following ones what whitening leaves of it.
    first = 1.0 / np.sqrt(1 - drift.daily_rho**2)
    whole = first + (np.maximum(days, 1) - 1) * gain
    shift = (drift.threshold + noise + days * gain * allowance) / whole
    return np.asarray(np.where(days > 0, shift * drift.daily_sd_kw, np.inf))
