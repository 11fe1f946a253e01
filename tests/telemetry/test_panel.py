"""Panels: an hour is valid with 80 % of its samples, usable with half, and a lane is as good as its worst meter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tests.builders import a_site, at, meter_data

from pausewatch.fleet import Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.meter_hours import MeterHours
from pausewatch.telemetry.panel import Lane, MeterIndex, Panel, build_panel, site_grid

HOURS = 72
SPAN = HourGrid.covering(at("2026-03-01T01:00"), at("2026-03-04T00:00"), ["Europe/London"], ["GB"])


def site_with(*measures: str) -> Site:
    units = {"outdoor_temperature": "degC"}
    meters = [meter_data(id=m.replace("_", "-"), measures=m, unit=units.get(m, "kW")) for m in measures]
    return a_site(meters=meters)


def panel_of(site: Site, kw: Mapping[str, np.ndarray], seconds: Mapping[str, np.ndarray] | None = None) -> Panel:
    index = MeterIndex.of([site])
    hours = MeterHours.empty(len(index.keys), HOURS)
    for row, measure in enumerate(index.measures):
        hours.seconds[row] = (seconds or {}).get(measure.value, np.full(HOURS, 3600))
        hours.milliwatt_s[row] = np.rint(kw[measure.value] * 1e6).astype(np.int64) * hours.seconds[row]
    return build_panel([site], site_grid([site], SPAN), index, hours)


def busy(level: float = 20_000.0) -> np.ndarray:
    return level + np.arange(HOURS) % 11


@pytest.mark.parametrize(
    ("seen_s", "is_valid", "is_usable"),
    [
        (3600, True, True),
        (2880, True, True),
        (2879, False, True),
        (1800, False, True),
        (1799, False, False),
        (0, False, False),
    ],
)
def test_valid_from_eighty_and_usable_from_fifty_per_cent(seen_s: int, is_valid: bool, is_usable: bool) -> None:
    seconds = np.full(HOURS, 3600)
    seconds[10] = seen_s
    lane = panel_of(site_with("utility_import"), {"utility_import": busy()}, {"utility_import": seconds}).lanes[
        Lane.UTILITY
    ]
    assert lane.is_valid[0, 10] == is_valid
    assert np.isfinite(lane.load_kw[0, 10]) == is_usable
    assert lane.coverage[0, 10] == pytest.approx(seen_s / 3600)
    assert lane.is_valid[0, 11]


def test_the_utility_lane_is_what_the_site_draws() -> None:
    site = site_with("utility_import", "utility_export", "onsite_generation", "battery")
    kw = {
        "utility_import": busy(),
        "utility_export": busy(500.0),
        "onsite_generation": busy(3000.0),
        "battery": busy(-200.0),
    }
    lane = panel_of(site, kw).lanes[Lane.UTILITY]
    assert lane.load_kw[0] == pytest.approx(busy() - busy(500.0) + busy(3000.0) + busy(-200.0))


def test_a_missing_generation_meter_makes_the_lane_unseen() -> None:
    site = site_with("utility_import", "onsite_generation")
    seconds = np.full(HOURS, 3600)
    seconds[10] = 0
    lane = panel_of(
        site, {"utility_import": busy(), "onsite_generation": busy(100.0)}, {"onsite_generation": seconds}
    ).lanes[Lane.UTILITY]
    assert np.isnan(lane.load_kw[0, 10])
    assert lane.coverage[0, 10] == 0.0


def test_a_generator_that_stands_still_is_not_stuck() -> None:
    """A standby generator, an export meter and a battery may well say zero for months."""
    site = site_with("utility_import", "onsite_generation", "utility_export", "battery")
    still = np.zeros(HOURS)
    tested = still.copy()
    tested[30] = 4000.0
    kw = {"utility_import": busy(), "onsite_generation": tested, "utility_export": still, "battery": still}
    lane = panel_of(site, kw).lanes[Lane.UTILITY]
    assert lane.is_valid.all()
    assert not lane.is_screened.any()
    assert lane.load_kw[0, 30] == pytest.approx(busy()[30] + 4000.0)


@pytest.mark.parametrize("level", [0.0, 20_000.0])
@pytest.mark.parametrize("measure", ["utility_import", "it_load"])
def test_a_load_that_repeats_itself_is_stuck(measure: str, level: float) -> None:
    kw = busy()
    kw[20:40] = level
    lane = panel_of(site_with(measure), {measure: kw}).lanes[
        Lane.UTILITY if measure == "utility_import" else Lane.IT_LOAD
    ]
    assert np.flatnonzero(lane.is_screened[0]).tolist() == list(range(20, 40))
    assert np.isnan(lane.load_kw[0, 20:40]).all()
    assert not lane.is_valid[0, 20:40].any()


def test_a_generator_that_repeats_a_load_is_stuck() -> None:
    kw = {"utility_import": busy(), "onsite_generation": np.full(HOURS, 1234.5)}
    assert panel_of(site_with("utility_import", "onsite_generation"), kw).lanes[Lane.UTILITY].is_screened.all()


def test_a_spike_is_screened() -> None:
    kw = busy()
    kw[20] = 55_000.0
    lane = panel_of(site_with("utility_import"), {"utility_import": kw}).lanes[Lane.UTILITY]
    assert np.flatnonzero(lane.is_screened[0]).tolist() == [20]


def test_a_lane_without_its_meter() -> None:
    panel = panel_of(site_with("utility_import"), {"utility_import": busy()})
    lane = panel.lanes[Lane.IT_LOAD]
    assert not lane.has_meter.any()
    assert not lane.is_valid.any()
    assert np.isnan(lane.load_kw).all()


def test_temperature_and_a_stuck_thermometer() -> None:
    warm = 10.0 + np.arange(HOURS) % 7
    warm[40:60] = 3.0
    panel = panel_of(
        site_with("utility_import", "outdoor_temperature"), {"utility_import": busy(), "outdoor_temperature": warm}
    )
    assert panel.temperature_c[0, :40] == pytest.approx(warm[:40])
    assert np.isnan(panel.temperature_c[0, 40:60]).all()


def test_meters_slower_than_an_hour_repeat_by_nature() -> None:
    site = a_site(meters=[meter_data(interval="1d")])
    lane = panel_of(site, {"utility_import": np.full(HOURS, 20_000.0)}).lanes[Lane.UTILITY]
    assert lane.is_valid.all()
