"""The hour grid: every hour belongs to one local day, whatever the clocks do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import at

from pausewatch.telemetry.grid import HourGrid

ZONES = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "America/St_Johns",
]
EPOCH = date(1970, 1, 1)


@st.composite
def grids(draw: st.DrawFn) -> HourGrid:
    start = draw(st.datetimes(datetime(2020, 1, 1), datetime(2028, 1, 1))).replace(tzinfo=UTC)  # noqa: DTZ001
    hours = draw(st.integers(1, 24 * 60))
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=4))
    return HourGrid.covering(start, start + timedelta(hours=hours), zones, [None] * len(zones))


@settings(max_examples=60, deadline=None)
@given(grid=grids(), pick=st.randoms(use_true_random=False))
def test_each_hour_has_the_wall_clock_of_its_zone(grid: HourGrid, pick: np.random.Generator) -> None:
    for s, zone in enumerate(grid.zones):
        for h in [0, grid.hours - 1, *(pick.randrange(grid.hours) for _ in range(20))]:  # type: ignore[attr-defined]
            local = grid.hour_start(s, h).astimezone(ZoneInfo(zone))
            assert grid.local_day[s, h] == (local.date() - EPOCH).days
            assert grid.local_hour[s, h] == local.hour
            assert grid.hour_of_week[s, h] == local.weekday() * 24 + local.hour


@settings(max_examples=60, deadline=None)
@given(grid=grids())
def test_every_hour_belongs_to_exactly_one_local_day(grid: HourGrid) -> None:
    for s in range(len(grid.zones)):
        days = grid.local_day[s]
        assert set(np.diff(days)) <= {0, 1}
        whole = [n for day, n in Counter(days.tolist()).items() if days[0] < day < days[-1]]
        assert set(whole) <= {23, 24, 25}
        assert grid.local_hour[s].min() >= 0
        assert grid.local_hour[s].max() <= 23


@settings(max_examples=60, deadline=None)
@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=3)),
)
def test_a_covering_grid_covers(start: datetime, length: timedelta) -> None:
    begin = start.replace(tzinfo=UTC)
    grid = HourGrid.covering(begin, begin + length, ZONES, [None] * len(ZONES))
    for s in range(len(ZONES)):
        assert grid.hour_start(s, 0) <= begin
        assert grid.hour_start(s, grid.hours) >= begin + length
        assert grid.hour_start(s, 2) > begin


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Africa/Cairo", "2026-10-29", 25),
        ("Asia/Kathmandu", "2026-03-29", 24),
        ("Pacific/Chatham", "2026-04-05", 25),
    ],
)
def test_hours_of_a_local_day(zone: str, day: str, hours: int) -> None:
    middle = at(f"{day}T12:00")
    grid = HourGrid.covering(middle - timedelta(days=3), middle + timedelta(days=3), [zone], [None])
    number = (date.fromisoformat(day) - EPOCH).days
    assert (grid.local_day[0] == number).sum() == hours


@pytest.mark.parametrize(
    ("zone", "offset_s"),
    [("UTC", 0), ("Europe/London", 0), ("Asia/Kathmandu", 900), ("Asia/Kolkata", 1800), ("America/St_Johns", 1800)],
)
def test_hours_line_up_with_the_local_clock(zone: str, offset_s: int) -> None:
    grid = HourGrid.covering(at("2026-03-01"), at("2026-03-03"), [zone], [None])
    assert grid.offset_s.tolist() == [offset_s]
    assert grid.hour_start(0, 5).astimezone(ZoneInfo(zone)).minute == 0


@pytest.mark.parametrize(("season", "minute"), [("2026-01-10", 0), ("2026-07-10", 0)])
def test_lord_howe_lines_up_in_either_season(season: str, minute: int) -> None:
    grid = HourGrid.covering(at(season), at(season) + timedelta(days=2), ["Australia/Lord_Howe"], [None])
    assert grid.hour_start(0, 5).astimezone(ZoneInfo("Australia/Lord_Howe")).minute == minute


def test_slices_and_subsets_keep_the_calendar() -> None:
    grid = HourGrid.covering(at("2026-03-20"), at("2026-04-05"), ["UTC", "Europe/London"], [None, "GB"])
    part = grid.sliced(50, 200)
    assert (part.local_day == grid.local_day[:, 50:200]).all()
    assert (part.local_hour == grid.local_hour[:, 50:200]).all()
    assert part.hour_start(1, 0) == grid.hour_start(1, 50)
    assert (grid.subset([1]).local_day == grid.local_day[1:]).all()
    assert grid.sliced(10, 10).local_day.shape == (2, 0)
    assert grid.hour_index(grid.hour_start(0, 7) + timedelta(minutes=59)) == 7
    assert grid.hour_index(at("2026-03-19T00:00")) < 0


def test_holidays_are_the_countrys() -> None:
    grid = HourGrid.covering(at("2026-12-24"), at("2026-12-27"), ["Europe/London"] * 3, ["GB", None, "XX"])
    day = (date(2026, 12, 25) - EPOCH).days
    assert grid.is_holiday[0][grid.local_day[0] == day].all()
    assert not grid.is_holiday[0][grid.local_day[0] == day - 1].any()
    assert not grid.is_holiday[1:].any()


def test_no_series_and_no_hours() -> None:
    assert HourGrid.covering(at("2026-03-20"), at("2026-03-21"), [], []).local_day.shape[0] == 0
