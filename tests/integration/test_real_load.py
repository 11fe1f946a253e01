"""Zones of real load taken as sites, as benchmarks/real_load.py does."""

from __future__ import annotations

import polars as pl
import pytest
from benchmarks.real_zones import PEAKS_MW, ZONES, write_year

from pausewatch.fleet import load_fleet

pytestmark = pytest.mark.shared_data


def test_each_zone_is_a_site_of_50_to_300_mw_that_learns_from_the_year_before(shared_data, tmp_path):
    fleet = load_fleet(write_year(shared_data, tmp_path, 2023))

    assert len(fleet.sites) == len(ZONES) == 11
    assert fleet.pauses[0].start.year == 2023
    for site, peak_mw in zip(fleet.sites, PEAKS_MW, strict=True):
        rows = pl.read_csv(tmp_path / "telemetry" / f"{site.id}.csv", try_parse_dates=True)
        before = rows.filter(pl.col("time_utc").dt.year() == 2022)["mw"]
        assert 50 <= peak_mw <= 300
        assert before.len() > 8_600
        # As reported, errors and all: nearly every hour lies under the screened peak.
        assert (before <= peak_mw * 1.0001).mean() > 0.999
        assert before.quantile(0.999) > 0.85 * peak_mw
        assert site.it_capacity_mw == pytest.approx(1.25 / 1.3 * peak_mw, abs=0.1)
