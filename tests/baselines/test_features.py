from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pausewatch.baselines import features
from pausewatch.telemetry.grid import HourGrid


def test_temperature_pieces_add_up_to_the_distance_from_the_middle_knot(make_series):
    series = make_series(2, 60)
    scale = features.fit_temperature(series.grid, series.temperature_c)
    pieces = features.columns(series.grid, series.temperature_c, scale)[..., : features.PIECES]
    middle = scale.knots_c[:, len(features.KNOT_QUANTILES) // 2]
    np.testing.assert_allclose(pieces.sum(axis=2), series.temperature_c - middle[:, None], atol=1e-9)


def test_columns_agree_with_the_obvious_loop(make_series):
    series = make_series(1, 30)
    scale = features.fit_temperature(series.grid, series.temperature_c)
    fast = features.columns(series.grid, series.temperature_c, scale)
    knots = list(scale.knots_c[0])
    edges = [-1e9, *knots, 1e9]
    for h in range(0, series.grid.hours, 7):
        by_day = 0.5 * (1 - np.cos(2 * np.pi * (series.grid.local_hour[0, h] - 2.0) / 24.0))
        for piece in range(features.PIECES):
            low, high = edges[piece], edges[piece + 1]
            there = min(max(series.temperature_c[0, h], low), high)
            here = min(max(knots[2], low), high)
            assert fast[0, h, piece] == pytest.approx(there - here)
            assert fast[0, h, features.PIECES + piece] == pytest.approx((there - here) * by_day)


def test_a_series_without_temperature_has_no_temperature_columns(make_series):
    series = make_series(2, 30)
    temperature = series.temperature_c.copy()
    temperature[1] = np.nan
    scale = features.fit_temperature(series.grid, temperature)
    out = features.columns(series.grid, temperature, scale)
    assert scale.is_known.tolist() == [True, False]
    assert np.all(out[1, :, :-1] == 0)
    assert np.all(np.isfinite(out))


def test_a_missing_hour_takes_the_climatology(make_series):
    series = make_series(1, 365)
    temperature = series.temperature_c.copy()
    temperature[0, 4000:4100] = np.nan
    scale = features.fit_temperature(series.grid, temperature)
    out = features.columns(series.grid, temperature, scale)[0, 4000:4100, : features.PIECES].sum(axis=1)
    guessed = out + scale.knots_c[0, 2]
    assert np.abs(guessed - series.temperature_c[0, 4000:4100]).mean() < 5


def test_climatology_of_a_short_winter_does_not_invent_a_summer(make_series):
    series = make_series(3, 45)  # January to mid-February
    scale = features.fit_temperature(series.grid, series.temperature_c)
    summer = HourGrid(np.datetime64("2024-07-01", "s"), 240, series.grid.zones, series.grid.countries)
    out = features.columns(summer, np.full((3, 240), np.nan), scale)[..., : features.PIECES].sum(axis=2)
    guessed = out + scale.knots_c[:, 2:3]
    assert np.all(guessed >= series.temperature_c.min(axis=1, keepdims=True) - 1)
    assert np.all(guessed <= series.temperature_c.max(axis=1, keepdims=True) + 1)


def test_two_lanes_of_one_thermometer_are_what_each_is_alone(make_series):
    series = make_series(3, 120)
    series.temperature_c[1, 500:530] = np.nan
    twice = HourGrid(series.grid.start, series.grid.hours, series.grid.zones * 2, series.grid.countries * 2)
    temperature = np.tile(series.temperature_c, (2, 1))
    slopes = np.random.default_rng(3).standard_normal((6, features.COLUMNS))
    scale = features.fit_temperature(twice, temperature)
    told = features.weather_kw(twice, temperature, scale, slopes)
    other = temperature.copy()
    other[4, 7] += 30.0
    told_of_other = features.weather_kw(twice, other, scale, slopes)
    for lane in (slice(0, 3), slice(3, 6)):
        alone = features.fit_temperature(series.grid, series.temperature_c)
        for name in ("knots_c", "climatology", "is_known"):
            np.testing.assert_allclose(getattr(scale, name)[lane], getattr(alone, name), rtol=1e-12)
        expected = features.weather_kw(series.grid, series.temperature_c, alone, slopes[lane])
        np.testing.assert_allclose(told[lane], expected, rtol=1e-9)
    # Another thermometer at one hour of one lane is another series there, and nowhere else.
    assert np.argwhere(told_of_other != told).tolist() == [[4, 7]]


def test_what_stands_for_an_hour_of_the_week_follows_each_zones_clock():
    zones, countries = ("Europe/London", "Asia/Tokyo", "Europe/London"), ("GB", "JP", None)
    grid = HourGrid(np.datetime64("2024-03-20", "s"), 400, zones, countries)
    cells = np.random.default_rng(1).standard_normal((3, 168))
    told = features.by_hour_of_week(grid, cells)
    for s in range(3):
        for h in range(0, 400, 7):
            local = grid.hour_start(s, h).astimezone(ZoneInfo(zones[s]))
            assert told[s, h] == cells[s, local.weekday() * 24 + local.hour]


def test_hours_of_the_week_follow_the_local_clock_through_a_change():
    grid = HourGrid(np.datetime64("2024-03-30T00:00", "s"), 72, ("Europe/London",), ("GB",))
    cells = grid.week_hours(0)
    # Saturday 00:00 is cell 120; the clocks skip Sunday 01:00, so cell 145 never comes.
    assert cells[0] == 120
    assert 145 not in cells
    assert cells[48 - 1] == 0
    assert cells[30:].tolist() == grid.week_hours(0, 30).tolist() == grid.hour_of_week[0, 30:].tolist()
