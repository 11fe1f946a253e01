"""Features: what remains of a load's texture at hourly means, on loads whose texture is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.detection.watch_days import HOURS, PAUSE_HOUR, episode, lane_day, noise, watch_day, with_run

from pausewatch.detection.episodes import Episode
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import LaneDay
from pausewatch.signatures.features import Features, measure
from pausewatch.telemetry.panel import Lane

FROM = PAUSE_HOUR + 100
HOUR = np.arange(HOURS)
LOCAL = HOUR % 24
WEEKDAY = (HOUR // 24) % 7  # the grid begins on a Monday


def of(it_load: LaneDay, *, utility: LaneDay | None = None, temperature_c: np.ndarray | None = None) -> Features:
    """Measure the IT lane's episode beside a utility that shows the same."""
    mine: Episode = it_load.episodes[0]
    if utility is None:
        above = 1.2 * (it_load.residual_kw - noise(seed=3)) + noise(seed=4)
        twin = episode(Lane.UTILITY, mine.start_hour, mine.end_hour, 1.2 * mine.excess_kw)
        utility = lane_day(Lane.UTILITY, above, [twin])
    day = watch_day(it_load=it_load, utility=utility, temperature_c=temperature_c)
    return measure(day, SiteEpisode(next(iter(utility.episodes), None), mine))


def test_a_training_run_is_sharp_flat_level_and_deaf():
    told = of(with_run(6_000.0))
    assert told.duration_days == pytest.approx((HOURS - FROM) / 24)
    assert told.duty == 1.0
    assert told.share_of_it_capacity == pytest.approx(0.15, abs=0.005)
    assert told.share_of_load == pytest.approx(0.3, abs=0.01)
    assert told.onset_share == pytest.approx(1.0, abs=0.03)
    assert abs(told.growth_share) < 0.02
    assert told.diurnal_share < 0.02
    assert told.weekend_ratio == pytest.approx(1.0, abs=0.02)
    assert told.roughness_share < 0.02
    assert told.off_share == 1.0  # it has no breaks
    assert told.night_share == pytest.approx(8 / 24, abs=0.01)
    assert told.it_agreement == pytest.approx(1.0, abs=0.05)
    assert told.is_it_metered
    assert told.is_utility_metered


def test_a_daily_swing_is_measured_by_its_amplitude():
    told = of(with_run(6_000.0, shape=1 + 0.4 * np.cos(2 * np.pi * (LOCAL - 15) / 24)))
    assert told.diurnal_share == pytest.approx(0.4, abs=0.03)


def test_noise_alone_is_no_daily_swing():
    lane = with_run(800.0, seed=9)
    assert of(lane).diurnal_share < 0.03


def test_weekends_off_show():
    told = of(with_run(6_000.0, shape=np.where(WEEKDAY >= 5, 0.5, 1.0)))
    assert told.weekend_ratio == pytest.approx(0.5, abs=0.03)


def test_a_ramp_grows_and_does_not_start_sharply():
    since = np.clip((HOUR - FROM) / (HOURS - FROM), 0, 1)
    told = of(with_run(6_000.0, shape=since))
    assert told.growth_share == pytest.approx(1.5, abs=0.05)  # from 1/8 to 7/8, over a mean of 1/2
    assert told.onset_share < 0.1


def test_nights_only_are_seen_as_nights_with_nothing_between():
    nights = (LOCAL >= 22) | (LOCAL < 6)
    parts = [(a, a + 8) for a in range(FROM, HOURS - 30) if LOCAL[a] == 22]
    residual = noise(seed=3) + np.where(nights & (parts[0][0] <= HOUR), 6_000.0, 0.0)
    mine = episode(Lane.IT_LOAD, parts[0][0], None, 6_000.0, parts=parts)
    told = of(lane_day(Lane.IT_LOAD, residual, [mine]), utility=lane_day(Lane.UTILITY, noise(seed=4)))
    assert told.night_share > 0.97
    assert told.duty == pytest.approx(8 / 24, abs=0.02)
    assert told.off_share < 0.03
    assert told.parts_per_week == pytest.approx(7, abs=0.4)


def test_load_that_follows_the_weather_is_told_from_load_that_does_not():
    rng = np.random.default_rng(5)
    temperature = 15 + np.cumsum(rng.standard_normal(HOURS)) * 0.5 + 4 * np.cos(2 * np.pi * (LOCAL - 15) / 24)
    shape = 1 + 0.06 * (temperature - temperature[FROM:].mean())
    assert of(with_run(3_000.0, shape=shape), temperature_c=temperature).weather_share > 0.15
    assert of(with_run(3_000.0), temperature_c=temperature).weather_share < 0.04
    assert of(with_run(3_000.0, shape=shape)).weather_share == 0.0  # no temperature, nothing said


def test_a_season_is_no_answer_to_weather():
    temperature = 25 - 10 * HOUR / HOURS + noise(sd_kw=1.0, seed=6)
    since = np.clip((HOUR - FROM) / (HOURS - FROM), 0, 1)
    assert of(with_run(6_000.0, shape=1.5 - since), temperature_c=temperature).weather_share < 0.05


def test_roughness_beyond_the_sites_own_is_measured():
    smooth = of(with_run(6_000.0))
    rough = of(with_run(6_000.0, shape=1 + 0.1 * np.random.default_rng(7).standard_normal(HOURS)))
    assert rough.roughness_share > smooth.roughness_share + 0.05


def test_a_run_that_bypasses_the_it_meter_does_not_agree():
    hidden = with_run(7_200.0, lane=Lane.UTILITY)
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, noise(seed=2)), utility=hidden)
    told = measure(day, SiteEpisode(hidden.episodes[0], None))
    assert told.it_agreement < 0.05
    assert told.share_of_it_capacity == pytest.approx(7.2 / 1.2 / 40, abs=0.005)


def test_more_at_the_racks_than_the_utility_delivered_is_seen():
    told = of(with_run(6_000.0), utility=lane_day(Lane.UTILITY, noise(seed=4)))
    assert told.it_agreement == 1.5


def test_with_one_meter_there_is_nothing_to_disagree():
    alone = with_run(6_000.0, lane=Lane.UTILITY)
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False), utility=alone)
    told = measure(day, SiteEpisode(alone.episodes[0], None))
    assert told.it_agreement == 1.0
    assert not told.is_it_metered
    assert told.is_utility_metered


@pytest.mark.parametrize("missing", [0.3, 0.9, 1.0])
def test_unseen_hours_leave_every_feature_a_number(missing):
    lane = with_run(6_000.0)
    residual = lane.residual_kw.copy()
    residual[np.random.default_rng(8).random(HOURS) < missing] = np.nan
    told = of(lane_day(Lane.IT_LOAD, residual, lane.episodes), utility=lane_day(Lane.UTILITY, noise(seed=4)))
    assert all(math.isfinite(v) for v in told.document().values())
    json.dumps(told.document(), allow_nan=False)
    if missing < 0.5:
        assert told.diurnal_share < 0.03


def test_an_episode_of_a_day_is_measured_without_a_warning():
    told = of(with_run(6_000.0, start=HOURS - 30))
    assert told.weekend_ratio == 1.0
    assert told.onset_share == pytest.approx(1.0, abs=0.05)


def test_a_texture_does_not_depend_on_its_size():
    shape = 1 + 0.3 * np.cos(2 * np.pi * (LOCAL - 15) / 24)
    small, large = of(with_run(4_000.0, shape=shape)), of(with_run(12_000.0, shape=shape))
    for name in ("onset_share", "growth_share", "diurnal_share", "weekend_ratio", "night_share", "duty"):
        assert getattr(small, name) == pytest.approx(getattr(large, name), abs=0.03), name


def test_measuring_twice_says_the_same_and_changes_nothing():
    lane = with_run(6_000.0)
    before = lane.residual_kw.copy()
    assert of(lane) == of(lane)
    assert np.array_equal(lane.residual_kw, before)
