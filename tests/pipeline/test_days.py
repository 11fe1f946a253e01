"""Which days are reported on, of which sites, in which batches."""

from __future__ import annotations

from datetime import date

import pytest
from tests.builders import at, fleet_of, pause_data, site_data

from pausewatch.errors import InspectionError, UsageError
from pausewatch.pipeline import batches, latest_complete_day, report_days, watched_sites
from pausewatch.pipeline.days import require_watched

FAR_APART = (
    site_data(id="kolkata", timezone="Asia/Kolkata", country="IN"),
    site_data(id="the-dalles", timezone="America/Los_Angeles", country="US"),
)


def test_a_day_is_complete_when_its_cut_off_has_passed_at_the_last_site(tmp_path):
    fleet = fleet_of(tmp_path, *FAR_APART)
    # The 10th ends at Los Angeles at 07:00 UTC on the 11th, and is inspected six hours later.
    assert latest_complete_day(fleet, at("2026-09-11T12:59:59")) == date(2026, 9, 9)
    assert latest_complete_day(fleet, at("2026-09-11T13:00:00")) == date(2026, 9, 10)


def test_only_watched_sites_are_waited_for(tmp_path):
    sites = (FAR_APART[0], {**FAR_APART[1], "jurisdiction": "US-OR"})
    fleet = fleet_of(tmp_path, *sites)
    # The 10th ends in Kolkata at 18:30 UTC.
    assert latest_complete_day(fleet, at("2026-09-11T00:29:59")) == date(2026, 9, 9)
    assert latest_complete_day(fleet, at("2026-09-11T00:30:00")) == date(2026, 9, 10)


def test_before_the_first_cut_off_there_is_no_complete_day(tmp_path):
    fleet = fleet_of(tmp_path, site_data(timezone="UTC"))
    assert latest_complete_day(fleet, at("2026-08-20")) is None
    assert latest_complete_day(fleet, at("2026-09-02T05:59:00")) is None
    assert latest_complete_day(fleet, at("2026-09-02T06:00:00")) == date(2026, 9, 1)


@pytest.mark.parametrize("cutoff_hours", [0, 6, 30, 72])
def test_any_cut_off_is_waited_for(cutoff_hours, tmp_path):
    fleet = fleet_of(tmp_path, *FAR_APART, cutoff_hours=cutoff_hours)
    now = at("2026-09-20T12:00:00")
    day = latest_complete_day(fleet, now)
    assert all(site.cutoff(day, cutoff_hours) <= now for site in fleet.sites)
    following = date.fromordinal(day.toordinal() + 1)
    assert any(site.cutoff(following, cutoff_hours) > now for site in fleet.sites)


def test_a_pause_that_has_ended_leaves_nothing_to_watch(tmp_path):
    fleet = fleet_of(tmp_path, pauses=[pause_data(end="2026-10-01T00:00:00Z")])
    assert [s.id for s in watched_sites(fleet, date(2026, 9, 15))] == ["slough-1"]
    assert watched_sites(fleet, date(2026, 10, 5)) == ()
    with pytest.raises(InspectionError, match=r"no pause is in force on 2026-10-05.*choose a day of: accord from"):
        require_watched(fleet, date(2026, 10, 5))


def test_report_days_include_both_ends():
    assert report_days(date(2026, 9, 1), date(2026, 9, 1)) == [date(2026, 9, 1)]
    assert len(report_days(date(2026, 8, 30), date(2026, 9, 2))) == 4
    with pytest.raises(UsageError, match="before --from"):
        report_days(date(2026, 9, 2), date(2026, 9, 1))


def test_batches_keep_the_fleets_order(tmp_path):
    fleet = fleet_of(tmp_path, *[site_data(id=f"s{i}") for i in range(5)])
    assert batches(fleet.sites, 2) == [["s0", "s1"], ["s2", "s3"], ["s4"]]
    assert batches((), 2) == []
    with pytest.raises(UsageError):
        batches(fleet.sites, 0)
