"""Onsets: the strongest score of each six hours, as a slow reading of the same scans says."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from pausewatch.detection.onsets import BLOCK_H, Onsets, as_tenths, block_means, dip_hours, from_tenths
from pausewatch.detection.shared_view import block_start, shared_view
from pausewatch.detection.step_test import StepScan
from pausewatch.detection.whitening import Innovations
from pausewatch.telemetry.panel import Lane

SEARCH, PERSISTENCE = 336, 30


def day_of(seed: int, series: int = 3) -> tuple[StepScan, Innovations]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((series, SEARCH))
    z[:, SEARCH - PERSISTENCE + 1 :] = 0.0
    step = z * rng.uniform(0.5, 2.0, z.shape)
    score = rng.standard_normal((series, 2 * SEARCH))
    return StepScan(z, z, step, np.abs(z)), Innovations(score, np.ones_like(score))


def slow(days: list[tuple[StepScan, np.ndarray]], start_hour: int, series: int, first_block: int) -> dict:
    """Return the strongest score and the latest step by series and block."""
    best: dict[tuple[int, int], float] = {}
    for scan, ends in days:
        for s in range(series):
            end = start_hour + int(ends[s])
            newest = end // BLOCK_H
            for b in range(newest - 32, newest):
                hours = [h - (end - SEARCH) for h in range(b * BLOCK_H, (b + 1) * BLOCK_H)]
                values = [scan.z[s, i] for i in hours]
                strongest = max(values, key=abs)
                if b >= first_block and abs(strongest) > abs(best.get((s, b), 0.0)):
                    best[s, b] = strongest
    return best


def test_scores_are_the_strongest_of_all_looks():
    start_hour, series = 490_003, 3
    onsets = Onsets.fresh(series, start_hour // BLOCK_H)
    days = []
    for number in range(12):
        scan, window = day_of(number)
        ends = np.array([700, 701, 694]) + 24 * number
        onsets.absorb(scan, window, np.ones(series), ends, start_hour)
        days.append((scan, ends))
    expected = slow(days, start_hour, series, onsets.first_block)
    for (s, b), value in expected.items():
        assert onsets.z[s, b - onsets.first_block] == value
    assert np.count_nonzero(onsets.z) == len([v for v in expected.values() if v])


def test_what_lies_before_the_first_block_is_left_out():
    scan, window = day_of(1)
    onsets = Onsets.fresh(3, 100)
    onsets.absorb(scan, window, np.ones(3), np.full(3, 100 * BLOCK_H + 50), 0)
    assert onsets.z.shape[1] == 9
    assert onsets.z.any()


def test_dips_are_the_hours_far_below_their_forecast():
    scan, window = day_of(2)
    score = np.zeros_like(window.score)
    score[1, -5], score[1, -20], score[2, -3] = -3.5, -9.0, -2.9
    score[1, -200] = -9.0  # of a day long past
    onsets = Onsets.fresh(3, 0)
    onsets.absorb(scan, Innovations(score, window.weight), np.ones(3), np.full(3, 700), 0)
    assert dip_hours(onsets.dips[1], 0).tolist() == [680, 695]
    assert not onsets.dips[[0, 2]].any()


def test_scores_are_kept_to_a_tenth():
    z = np.array([0.0, 1.26, -3.14, 80.0, -80.0])
    assert from_tenths(as_tenths(z)).round(6).tolist() == [0.0, 1.3, -3.1, 12.7, -12.7]


def test_block_means_ask_for_half_of_a_block():
    values = np.arange(24.0)
    values[6:10] = np.nan
    means = block_means(values, 12, 1, 6)
    assert np.isnan(means[[0, 2, 5]]).all()
    assert means[[1, 3, 4]].tolist() == [2.5, 14.5, 20.5]


def test_a_view_tells_of_the_watch_and_the_week_before_it():
    since = datetime(2026, 9, 1, tzinfo=UTC)
    start_hour = int(since.timestamp()) // 3600 - 28 * 24
    hours = 35 * 24
    onsets = Onsets.fresh(1, start_hour // BLOCK_H)
    rng = np.random.default_rng(3)
    scan, window = day_of(4, 1)
    for number in range(1, 8):
        scan, window = day_of(4 + number, 1)
        onsets.absorb(scan, window, np.array([50.0]), np.array([28 * 24 + 24 * number]), start_hour)
    view = shared_view(Lane.UTILITY, onsets, 0, rng.standard_normal(hours), np.full(hours, 12.0), start_hour, since)
    assert block_start(view.first_block) == datetime(2026, 8, 24, tzinfo=UTC)
    assert view.end_block == (start_hour + hours) // BLOCK_H
    assert len(view.z) == len(view.step_mw) == len(view.residual_mw) == len(view.temperature_c) == 15 * 4
    assert (view.temperature_c == 12.0).all()
    told = view.z != 0
    # A kilowatt at the utility is less at the racks.
    assert (np.abs(view.step_mw[told]) < np.abs(onsets.step_kw[0, -60:][told]) / 1e3).all()
