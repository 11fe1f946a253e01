"""Local days and pauses of a site, through clock changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.builders import a_site, at, fleet_of, pause_data, site_data


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Europe/London", "2026-07-01", 24),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Asia/Kathmandu", "2026-10-25", 24),
        ("Africa/Cairo", "2026-04-24", 23),  # the clocks change at midnight: 00:00 doesn't exist
        ("Africa/Cairo", "2026-10-29", 25),
        ("America/Havana", "2026-11-01", 25),  # 00:00 occurs twice
    ],
)
def test_hours_of_a_local_day(zone: str, day: str, hours: float) -> None:
    site = a_site(timezone=zone)
    start, end = site.day_bounds(date.fromisoformat(day))
    assert end - start == timedelta(hours=hours)
    following = site.day_bounds(date.fromisoformat(day) + timedelta(days=1))
    assert following[0] == end
    assert site.cutoff(date.fromisoformat(day), 6) == end + timedelta(hours=6)


def test_the_pause_of_a_day_is_the_local_days(tmp_path: Path) -> None:
    fleet = fleet_of(
        tmp_path,
        site_data(timezone="Asia/Tokyo"),
        pauses=[
            pause_data(start="2026-09-01T00:00:00Z", end="2026-09-10T00:00:00Z"),
            pause_data(id="later", start="2026-09-05T00:00:00Z"),
        ],
    )
    site = fleet.sites[0]
    assert fleet.pause_for(site, date(2026, 8, 31)) is None
    first = fleet.pause_for(site, date(2026, 9, 1))
    assert first is not None
    assert first.id == "accord"
    # The pause ends at 09:00 in Tokyo: that local day is still under it, the next is under the later one.
    assert fleet.pause_for(site, date(2026, 9, 10)) == first
    after = fleet.pause_for(site, date(2026, 9, 11))
    assert after is not None
    assert after.id == "later"


def test_overlap_is_half_open(tmp_path: Path) -> None:
    pause = fleet_of(tmp_path, pauses=[pause_data(end="2026-10-01T00:00:00Z")]).pauses[0]
    assert pause.reference_end == pause.start
    assert not pause.overlaps(at("2026-08-01"), at("2026-09-01"))
    assert pause.overlaps(at("2026-08-01"), at("2026-09-01T00:00:01"))
    assert not pause.overlaps(at("2026-10-01"), at("2026-10-02"))
