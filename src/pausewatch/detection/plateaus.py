"""Plateaus: has load stepped up inside the reference, and stayed, so that it was learned as normal?

A run that went on undeclared before the pause hides in what is expected. The step test is taken over the held-out
residuals of the reference itself; what stands out far beyond the site's own noise, and is still there a week later, is
told beside the baseline. It can't be told from a new tenant: it is a question to the operator, not a finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.step_test import StepWindows, scan_steps
from pausewatch.detection.whitening import Innovations, Whitener, innovations

Floats = npt.NDArray[np.float64]

# Far above any threshold that noise sets, so that a plateau can't hide behind a threshold it raised itself.
_STANDARD_SCORE = 8.0
_WEEK = 7 * 24
_LASTS_SHARE = 0.5
_MATERIAL_SHARE = 0.02


@dataclass(frozen=True)
class Plateau:
    """A step up inside the reference: its first hour in the held-out grid, and its size."""

    hour: int
    step_kw: float


def plateaus(
    residual_kw: Floats, observed_kw: Floats, restart: npt.NDArray[np.bool_], whitener: Whitener, reach: StepWindows
) -> list[list[Plateau]]:
    """Return the steps up of each series' reference, oldest first.

    Args:
        residual_kw: held-out residuals in time order, shape (S, H), NaN where unseen.
        observed_kw: the load they are of, shape (S, H).
        restart: hours at which a new fold begins, shape (H,).
        whitener: of the same series.
        reach: windows of the step test.
    """
    series, hours = residual_kw.shape
    whole = innovations(residual_kw, whitener, restart)
    found: list[list[tuple[float, Plateau]]] = [[] for _ in range(series)]
    for end in range(2 * _WEEK, hours + 1, _WEEK):
        begin = max(0, end - reach.total)
        pad = ((0, 0), (reach.total - (end - begin), 0))
        window = Innovations(np.pad(whole.score[:, begin:end], pad), np.pad(whole.weight[:, begin:end], pad))
        scan = scan_steps(window, whitener.step_response, reach, np.zeros(series))
        best = scan.z.argmax(axis=1)
        for s in np.flatnonzero(scan.z[np.arange(series), best] > _STANDARD_SCORE):
            hour = end - reach.search + int(best[s])
            step_kw = float(scan.step[s, best[s]] * whitener.innovation_sd_kw[s])
            if _lasts(observed_kw[s], hour, step_kw):
                found[s].append((float(scan.z[s, best[s]]), Plateau(hour, step_kw)))
    return [_apart(each) for each in found]


def _lasts(observed_kw: Floats, hour: int, step_kw: float) -> bool:
    """Return whether the week after is higher than the week before by most of a step that matters."""
    before, after = observed_kw[max(hour - _WEEK, 0) : hour], observed_kw[hour : hour + _WEEK]
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < _WEEK // 2 or len(after) < _WEEK // 2:
        return False
    # Medians: a load of a day or two moves a week's mean, and is no plateau.
    usual = float(np.median(before))
    rise = float(np.median(after)) - usual
    return rise >= _LASTS_SHARE * step_kw and step_kw >= _MATERIAL_SHARE * abs(usual)


def _apart(found: list[tuple[float, Plateau]]) -> list[Plateau]:
    """Keep the strongest of the steps that lie within a week of each other."""
    kept: list[Plateau] = []
    for _, one in sorted(found, key=lambda f: (-f[0], f[1].hour)):
        if all(abs(one.hour - other.hour) > _WEEK for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda p: p.hour)
