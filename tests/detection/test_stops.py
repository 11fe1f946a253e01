"""Load older than the reference shows when it stops: sharply, for long, and not as the end of anything known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.detection.test_episodes import HOURS, NOISE, edge, raised

from pausewatch.detection.stops import LASTS_HOURS, lane_stops

FIRST = 28 * 24


def stops(changes, residual, first: int = FIRST):
    return lane_stops("it_load", changes, 5.0, residual, NOISE, first)


def test_a_lasting_sharp_fall_is_a_stop_with_its_hour_and_size():
    (one,) = stops([edge(1000, -800.0)], raised((1000, HOURS, -800.0)))
    assert (one.hour, one.lane, one.strength) == (1000, "it_load", 2.0)
    assert one.size_kw == pytest.approx(800.0, abs=30)
    assert one.level_kw == pytest.approx(-800.0, abs=30)


def test_it_is_told_once_it_has_lasted():
    residual = raised((1000, HOURS, -800.0))
    assert stops([edge(1000, -800.0)], residual[: 1000 + LASTS_HOURS - 1]) == []
    assert stops([edge(1000, -800.0)], residual[: 1000 + LASTS_HOURS])


def test_what_stopped_before_the_first_day_is_not_asked_about():
    assert stops([edge(FIRST - 1, -800.0)], raised((FIRST - 1, HOURS, -800.0))) == []


def test_the_end_of_a_known_run_is_no_stop():
    residual = raised((800, 1000, 800.0))
    assert stops([edge(800, 800.0), edge(1000, -800.0)], residual) == []
    rose = replace(edge(-900, 800.0), is_learned=True)
    assert stops([rose, edge(1000, -800.0)], raised((0, 1000, 800.0))) == []


def test_a_load_that_is_back_within_days_is_no_stop():
    residual = raised((1000, 1090, -800.0))
    assert stops([edge(1000, -800.0), edge(1090, 800.0)], residual[:1200]) == []


def test_a_tenant_that_leaves_in_steps_over_days_is_no_stop():
    hours = [1000 + 30 * i for i in range(5)]
    residual = raised(*((h, HOURS, -200.0) for h in hours))
    assert stops([edge(h, -200.0) for h in hours], residual) == []


def test_two_edges_of_one_fall_are_one_stop():
    residual = raised((1000, HOURS, -800.0))
    assert len(stops([edge(999, -790.0), edge(1004, -780.0)], residual)) == 1


def test_a_fall_that_creeps_is_no_stop():
    residual = raised() - np.clip((np.arange(HOURS) - 960) / 96, 0, 1) * 800.0
    assert stops([edge(1000, -800.0)], residual) == []


def test_a_fall_within_the_noise_of_the_level_is_no_stop():
    noise = replace(NOISE, daily_sd_kw=600.0)
    assert lane_stops("it_load", [edge(1000, -800.0)], 5.0, raised((1000, HOURS, -800.0)), noise, FIRST) == []
