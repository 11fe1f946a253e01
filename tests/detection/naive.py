"""Slow, obvious versions of the tests, to compare the fast ones with on small random cases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.drift_test import DriftModel, DriftSettings
from pausewatch.detection.step_test import StepWindows
from pausewatch.detection.whitening import LAGS, ORDER, Innovations, Whitener

Floats = npt.NDArray[np.float64]


def fit_step(
    window: Innovations, response: Floats, reach: StepWindows, level_precision: float, onset: int
) -> tuple[float, float]:
    """Return size and information of a step at one onset of one series by generalised least squares, row by row.

    Unknown are the level before (with a prior) and the step; seen are the hours from `before` hours ahead of the onset.
    """
    at = reach.total - reach.search + onset
    normal = np.array([[level_precision, 0.0], [0.0, 0.0]])
    right = np.zeros(2)
    for hour in range(at - reach.before, reach.total):
        weight = window.weight[0, hour]
        if weight == 0:
            continue
        innovation = window.score[0, hour] / weight
        age = hour - at
        row = np.array([response[-1], 0.0 if age < 0 else response[min(age, len(response) - 1)]])
        normal += weight * np.outer(row, row)
        right += weight * row * innovation
    information = normal[1, 1] - (normal[0, 1] ** 2 / normal[0, 0] if normal[0, 0] > 0 else 0.0)
    if information <= 1e-9 or window.weight[0, at] == 0:
        return 0.0, 0.0
    return float(np.linalg.solve(normal, right)[1]), float(information)


def page(
    daily_kw: Floats, level_sd_kw: Floats, model: DriftModel, settings: DriftSettings, first_day: int = 0
) -> list[float]:
    """Return Page's cumulative sum of one series day after day."""
    sd, rho, threshold = float(model.daily_sd_kw[0]), float(model.daily_rho[0]), float(model.threshold[0])
    sums, total = [], 0.0
    last: tuple[int, float] | None = None
    for number, (value, level) in enumerate(zip(daily_kw, level_sd_kw, strict=True), start=first_day):
        if np.isfinite(value):
            z = value / sd
            memory = 0.0 if last is None else rho ** (number - last[0])
            spread = np.sqrt(1 - memory**2)
            before = 0.0 if last is None else last[1]
            reference = (1 - memory) / spread * (settings.level_allowance * level / sd + settings.reference_shift)
            total = min(max(total + (z - memory * before) / spread - reference, 0.0), 2 * threshold)
            last = (number, z)
        sums.append(total)
    return sums


def innovations(residual_kw: Floats, whitener: Whitener) -> Innovations:
    """Return the standardised innovations of one series of shape (H,), hour by hour."""
    longest = 24 * 14
    sd, stationary = float(whitener.innovation_sd_kw[0]), float(whitener.stationary_sd_kw[0])
    growth = np.minimum(whitener.forecast_variance_growth(longest)[0], max((stationary / sd) ** 2, 1.0))
    filled = dict.fromkeys(range(-ORDER, 0), 0.0)
    unseen = longest - 1
    score, weight = np.zeros(len(residual_kw)), np.zeros(len(residual_kw))
    for hour, value in enumerate(residual_kw):
        forecast = sum(w * filled[hour - lag] for w, lag in zip(whitener.lag_weights[0], LAGS.tolist(), strict=True))
        if not np.isfinite(value):
            filled[hour] = forecast
            unseen = min(unseen + 1, longest - 1)
            continue
        if unseen:
            for back in range(1, ORDER + 1):
                share = min(max((unseen - back + 1) / (unseen + 1), 0.0), 1.0)
                filled[hour - back] += (value - forecast) * share
        filled[hour] = value
        weight[hour] = 1.0 / growth[unseen]
        score[hour] = weight[hour] * (value - forecast) / sd
        unseen = 0
    return Innovations(score, weight)
