"""The step test: has the load stepped up (or down) and stayed, at any hour of the last two weeks?

Page's test for a shift of unknown size at an unknown time, in its generalised-likelihood-ratio form (Lorden 1971;
Lai 1995, window-limited). In whitened residuals a step of the load leaves a known signature: the whole step in the
first innovation, then a small constant remainder. Generalised least squares fits that signature at every candidate
onset, together with the level before it, so that a baseline whose level has drifted raises no alarm: what is tested
is the edge and that it lasts. Nearly all information on an abrupt change in strongly autocorrelated data is in its
edge; a test on daily means throws it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from pausewatch.detection.whitening import LAGS, ORDER, Innovations

Floats = npt.NDArray[np.float64]

_NOTHING, _LEAST_INFORMATION = 1e-12, 1e-9


@dataclass(frozen=True)
class StepWindows:
    """Reach of the test in hours.

    Args:
        before: hours that tell the level before an onset.
        search: how far back an onset is looked for.
        persistence: hours a step must have lasted before it is judged: longer than a day, so that a holiday or a
            day's maintenance is none.
    """

    before: int = 14 * 24
    search: int = 14 * 24
    persistence: int = 30

    @property
    def total(self) -> int:
        """Hours the test looks at."""
        return self.before + self.search


@dataclass(frozen=True)
class StepScan:
    """Every candidate onset at one evaluation, newest last; arrays (S, search).

    Args:
        z: step over its standard deviation; 0 where it hasn't lasted long enough to be judged.
        raw_z: the same with the onsets too young to be judged.
        step_kw: estimated step (in units of the innovation's standard deviation).
        information: inverse variance of the step, in the same units.
    """

    z: Floats
    raw_z: Floats
    step: Floats
    information: Floats


def scan_steps(
    window: Innovations,
    step_response: Floats,
    reach: StepWindows,
    level_precision: Floats,
    doubt: Floats | None = None,
) -> StepScan:
    """Fit a step at every onset of the search span, as seen at the window's end.

    Args:
        window: the last `reach.total` hours of innovations, shape (S, total), ending at the evaluation.
        step_response: signature of a unit step, shape (S, ORDER + 1).
        reach: the windows.
        level_precision: what the frozen baseline still says of the level: inverse variance of its error in units of
            an innovation's, shape (S,). It decides where nothing was seen before an onset.
        doubt: variance that each onset's step has beside the noise's, in units of an innovation's, shape (S, search).
    """
    score, weight = window.score, window.weight
    first = score.shape[1] - reach.search
    plateau = step_response[:, -1]
    excess = step_response - plateau[:, None]
    excess_sq = step_response**2 - (plateau**2)[:, None]
    # The signature differs from its plateau for a day: every onset's edge is a short product with what follows it.
    ahead = ((0, 0), (0, ORDER - 1))
    following_score = sliding_window_view(np.pad(score[:, first:], ahead), ORDER, axis=1)
    following_weight = sliding_window_view(np.pad(weight[:, first:], ahead), ORDER, axis=1)
    edge_score = np.einsum("shl,sl->sh", following_score, excess[:, :ORDER])
    edge_weight = np.einsum("shl,sl->sh", following_weight, excess[:, :ORDER])
    edge_weight_sq = np.einsum("shl,sl->sh", following_weight, excess_sq[:, :ORDER])
    score_after = np.cumsum(score[:, ::-1], axis=1)[:, ::-1]
    weight_after = np.cumsum(weight[:, ::-1], axis=1)[:, ::-1]
    # The level is told by a window that slides with the onset, so that every onset has the same memory.
    begin = np.arange(reach.search)
    span_score = score_after[:, begin]
    span_weight = weight_after[:, begin]
    late_score = score_after[:, first:]
    late_weight = weight_after[:, first:]
    p = plateau[:, None]
    y_step = edge_score + p * late_score
    y_level = p * span_score
    level_level = p**2 * span_weight + level_precision[:, None]
    level_step = p * (edge_weight + p * late_weight)
    step_step = edge_weight_sq + p**2 * late_weight
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = level_step / np.maximum(level_level, _NOTHING)
        information = step_step - ratio * level_step
        # An onset on an unseen hour can't be told from one at the next seen hour.
        usable = (information > _LEAST_INFORMATION) & (weight[:, first:] > 0)
        step = np.where(usable, (y_step - ratio * y_level) / information, 0.0)
        if doubt is not None:
            information = np.where(usable, information / (1.0 + information * doubt), 0.0)
        z = step * np.sqrt(np.maximum(information, 0.0))
    lasted = np.arange(reach.search, 0, -1)
    raw_z = z.copy()
    z[:, lasted < reach.persistence] = 0.0
    return StepScan(z=z, raw_z=raw_z, step=step, information=np.where(usable, information, 0.0))


def scan_ends(whole: Innovations, ends: Sequence[int], step_response: Floats, reach: StepWindows) -> Iterator[StepScan]:
    """Give what `scan_steps` says of the window before each of many ends, without a level known beforehand.

    Sums over a window are differences of sums from the start, and an edge that has lasted a day is the same at every
    later end, so that an end costs a few passes over its onsets. Onsets too young to be judged are left at nothing, and
    the arrays are used again for the next end.

    Args:
        whole: innovations, shape (S, H).
        ends: first hours after the windows, 1 to H.
        step_response: signature of a unit step, shape (S, ORDER + 1).
        reach: the windows.
    """
    series = len(whole.score)
    lead, young = reach.total, min(reach.persistence - 1, reach.search)
    if reach.persistence < ORDER:
        raise ValueError(f"onsets are judged after {reach.persistence} hours, their edges last {ORDER}")
    plateau = step_response[:, -1, None]
    p2 = plateau**2
    excess, excess_sq = step_response - plateau, step_response**2 - p2

    def edge(values: Floats, of: Floats) -> Floats:
        """Return what an edge at each hour makes of the day that follows; its signature changes at the lags alone."""
        hours = values.shape[1]
        total = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, ORDER)), mode="edge")
        total[:, 0] = 0.0
        out = np.zeros_like(values)
        for first, last in pairwise((0, *LAGS.tolist())):
            out += of[:, first, None] * (total[:, last : last + hours] - total[:, first : first + hours])
        return out

    def led(values: Floats) -> Floats:
        return np.pad(values, ((0, 0), (lead, 0)))

    edge_score, edge_weight, edge_weight_sq = (
        led(edge(values, of))
        for values, of in ((whole.score, excess), (whole.weight, excess), (whole.weight, excess_sq))
    )
    # Sums of what came before each hour.
    before_score, before_weight = (
        np.pad(np.cumsum(led(of), axis=1), ((0, 0), (1, 0))) for of in (whole.score, whole.weight)
    )
    is_seen = led(whole.weight) > 0
    y_edge = edge_score - plateau * before_score[:, :-1]
    level_edge = plateau * edge_weight - p2 * before_weight[:, :-1]
    step_edge = edge_weight_sq - p2 * before_weight[:, :-1]
    y_past, level_past = plateau * before_score, p2 * before_weight
    z, step, information = (np.zeros((series, reach.search)) for _ in range(3))
    judged = slice(0, reach.search - young)
    for end in ends:
        onsets = slice(lead + end - reach.search, lead + end - young)
        levels = slice(onsets.start - reach.before, onsets.stop - reach.before)
        y_now, weight_now = y_past[:, lead + end, None], level_past[:, lead + end, None]
        level_step = level_edge[:, onsets] + weight_now
        ratio = level_step / np.maximum(weight_now - level_past[:, levels], _NOTHING)
        told = step_edge[:, onsets] + weight_now
        told -= ratio * level_step
        ratio *= y_now - y_past[:, levels]
        size = y_edge[:, onsets] + y_now
        size -= ratio
        usable = (told > _LEAST_INFORMATION) & is_seen[:, onsets]
        told[~usable] = 1.0
        size[~usable] = 0.0
        size /= told
        step[:, judged] = size
        np.sqrt(told, out=ratio)
        np.multiply(size, ratio, out=z[:, judged])
        information[:, judged] = np.where(usable, told, 0.0)
        yield StepScan(z=z, raw_z=z, step=step, information=information)


def step_information(
    weight: Floats, step_response: Floats, reach: StepWindows, level_precision: Floats, lasted: int
) -> tuple[Floats, Floats]:
    """Return information on a step that began `lasted` hours before the window's end, and its loss off the hour.

    A run rarely starts on the hour: the second value is the share of the standardised step that remains when the
    onset falls in the middle of one, found at the better of the two neighbouring hours. Both shape (S,).
    """
    empty = Innovations(np.zeros_like(weight), weight)
    information = scan_steps(empty, step_response, reach, level_precision).information
    at = reach.search - lasted
    smeared = step_response.copy()
    smeared[:, 1:] = (step_response[:, 1:] + step_response[:, :-1]) / 2
    smeared[:, 0] /= 2
    match = (smeared * step_response).sum(axis=1) / (step_response**2).sum(axis=1)
    late = np.zeros_like(step_response)
    late[:, 1:] = step_response[:, :-1]
    match_late = (smeared * late).sum(axis=1) / np.maximum((late**2).sum(axis=1), 1e-12)
    return information[:, at], np.clip(np.maximum(match, match_late), 0.3, 1.0)
