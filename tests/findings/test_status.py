"""The site's day: what was seen, expected and unaccounted, what could have been missed, and one honest word for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.detection.watch_days import (
    EXPECTED_KW,
    HOURS,
    PAUSE_HOUR,
    lane_day,
    metered_site,
    noise,
    watch_day,
    with_run,
)

from pausewatch.findings.assess import assess
from pausewatch.findings.model import DayStatus
from pausewatch.findings.status import detectable_mw, primary_lane, site_day
from pausewatch.telemetry.panel import Lane


def test_unaccounted_is_what_was_seen_less_what_was_expected():
    said = site_day(watch_day(utility=with_run(2_000.0, lane=Lane.UTILITY)), [])
    assert said.unaccounted_mwh == pytest.approx(said.observed_mwh - said.expected_mwh)
    assert said.expected_mwh == pytest.approx(24 * EXPECTED_KW[Lane.UTILITY] / 1e3)
    assert said.unaccounted_mwh == pytest.approx(48.0, abs=1.5)
    assert said.unaccounted_sd_mwh > 0
    assert said.coverage == 1.0


def test_hours_that_were_not_seen_are_neither_observed_nor_expected():
    residual = noise()
    residual[-5:] = np.nan
    said = site_day(watch_day(utility=lane_day(Lane.UTILITY, residual)), [])
    assert said.expected_mwh == pytest.approx(19 * EXPECTED_KW[Lane.UTILITY] / 1e3)
    assert abs(said.unaccounted_mwh) < 2
    assert said.coverage == pytest.approx(19 / 24)
    assert said.status is DayStatus.CONSISTENT


@pytest.mark.parametrize(("unseen", "status"), [(6, DayStatus.CONSISTENT), (7, DayStatus.CANNOT_CONCLUDE)])
def test_a_day_is_judged_from_three_quarters_of_its_hours(unseen, status):
    residual = noise()
    residual[-unseen:] = np.nan
    said, _ = assess(watch_day(utility=lane_day(Lane.UTILITY, residual)))
    assert said.status is status
    assert bool(said.reasons) == (status is DayStatus.CANNOT_CONCLUDE)


def test_a_day_nothing_was_seen_of_says_so_in_numbers():
    residual = noise()
    residual[-24:] = np.nan
    blind = lane_day(Lane.UTILITY, residual)
    said, _ = assess(watch_day(utility=blind, it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False)))
    assert said.status is DayStatus.CANNOT_CONCLUDE
    assert said.coverage == 0.0
    assert said.observed_mwh == 0.0
    assert np.isnan(said.expected_mwh)
    assert np.isnan(said.unaccounted_mwh)


def test_load_nobody_explains_makes_the_day_anomalous_even_when_it_is_half_blind():
    run = with_run(6_000.0, start=PAUSE_HOUR + 100)
    residual = run.residual_kw.copy()
    residual[-20:] = np.nan
    at_the_utility = with_run(7_200.0, start=PAUSE_HOUR + 100, lane=Lane.UTILITY)
    said, _ = assess(watch_day(it_load=lane_day(Lane.IT_LOAD, residual, run.episodes), utility=at_the_utility))
    assert said.status is DayStatus.ANOMALOUS


def test_an_episode_that_was_over_before_the_day_does_not_touch_it():
    said, found = assess(watch_day(it_load=with_run(6_000.0, start=PAUSE_HOUR + 100, end=PAUSE_HOUR + 300)))
    assert found
    assert said.status is DayStatus.CONSISTENT


def test_without_any_baseline_nothing_is_concluded():
    why = ("9 days of history are too few",)
    day = watch_day(
        utility=lane_day(Lane.UTILITY, noise(), refusals=why), it_load=lane_day(Lane.IT_LOAD, noise(), refusals=why)
    )
    said, _ = assess(day)
    assert primary_lane(day) is None
    assert said.status is DayStatus.CANNOT_CONCLUDE
    assert any(why[0] in reason for reason in said.reasons)
    assert said.detectable_mw_7d == 40.0


def test_a_site_without_meters_is_never_consistent():
    day = watch_day(
        utility=lane_day(Lane.UTILITY, noise(), has_meter=False),
        it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False),
        site=metered_site(),
    )
    said, _ = assess(day)
    assert said.status is DayStatus.CANNOT_CONCLUDE
    assert said.reasons
    assert said.detectable_mw_7d == 40.0


def test_the_utilitys_meter_comes_before_the_operators():
    assert primary_lane(watch_day()).lane is Lane.UTILITY
    refused = lane_day(Lane.UTILITY, noise(), refusals=("too short",))
    assert primary_lane(watch_day(utility=refused)).lane is Lane.IT_LOAD


def test_detectable_is_the_better_lanes_at_the_it_load_and_never_more_than_the_site_can_draw():
    assert detectable_mw(watch_day()) == pytest.approx(0.5)
    coarse = lane_day(Lane.IT_LOAD, noise(), detectable_kw=9_000.0)
    # 1200 kW at the utility, over a small PUE.
    assert detectable_mw(watch_day(it_load=coarse)) == pytest.approx(1.2 / 1.1)
    blind = {
        lane.value: replace(lane_day(lane, noise()), detectable_kw=value, detectable_90d_kw=value)
        for lane, value in ((Lane.UTILITY, 1e9), (Lane.IT_LOAD, float("inf")))
    }
    said = site_day(watch_day(**blind), [])
    assert said.detectable_mw_7d == 40.0
    assert said.detectable_flop_90d > site_day(watch_day(), []).detectable_flop_90d


def test_compute_that_could_be_missed_is_that_load_for_ninety_days():
    said = site_day(watch_day(), [])
    # 0.5 MW for 90 days is 1080 MWh; about 1.2e21 FLOP a MWh on an H100 at 35 %.
    assert said.detectable_flop_90d == pytest.approx(1080 * 1.2e21, rel=0.6)
    assert HOURS % 24 == 0
