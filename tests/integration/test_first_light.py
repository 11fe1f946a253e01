"""A real grid zone with a run of real H100 power composed into it: found where it must be, never claimed where not.

The zone is Douglas County, Washington, of EIA-930, 2022 as reference, without a temperature meter: the nearest weather
is 1,100 km away. See docs/first-light.md.
"""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta

import pytest
from benchmarks.first_light.make_eia_fleet import Run, composed_hours, write_fleet

from pausewatch.pipeline import Workplace, replay

pytestmark = pytest.mark.shared_data
BEFORE_DAYS = 3


def _replayed(data, folder, run, days):
    fleet = write_fleet(data, folder / "fleet", run, (run.region,), has_weather=False)
    first = run.start.date() - timedelta(days=BEFORE_DAYS)
    out = replay(Workplace.at(fleet, folder / "home"), first, first + timedelta(days=days - 1), folder / "out")
    findings = json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]
    with (out / "site_days.csv").open(newline="", encoding="utf-8") as text:
        return findings, list(csv.DictReader(text)), out


def test_a_large_run_in_a_real_zone_is_found_within_three_days_and_sized_right(shared_data, tmp_path):
    run = Run("DOPD", mw=200, days=21)
    findings, days, _ = _replayed(shared_data, tmp_path, run, days=20)
    assert len(days) == 20

    (found,) = [f for f in findings if f["end"] is None]

    assert found["verdict"] in ("training_like", "unexplained")
    assert abs(datetime.fromisoformat(found["start"]) - run.start) <= timedelta(hours=6)
    assert (date.fromisoformat(found["first_reported_on"]) - run.start.date()).days <= 3
    seen_until = datetime.fromisoformat(f"{days[-1]['date']}T00:00:00-07:00") + timedelta(days=1)
    hours = round((seen_until - run.start).total_seconds() / 3600)
    truth_mwh = float(composed_hours(shared_data, run)[:hours].sum())
    assert 0 < found["energy_mwh"]["low"] <= truth_mwh <= found["energy_mwh"]["high"]
    assert 0 < found["excess_mw"]["low"] <= run.mw <= found["excess_mw"]["high"]


def test_a_run_of_the_size_that_is_said_to_be_found_is_found_where_the_level_wanders_by_more(shared_data, tmp_path):
    run = Run("DOPD", mw=50, days=21)
    findings, days, _ = _replayed(shared_data, tmp_path, run, days=BEFORE_DAYS + 8)
    assert all(float(day["detectable_mw_7d"]) <= run.mw for day in days)

    (found,) = [f for f in findings if f["is_open"] and f["end"] is None]

    assert abs(datetime.fromisoformat(found["start"]) - run.start) <= timedelta(hours=6)
    assert (date.fromisoformat(found["first_reported_on"]) - run.start.date()).days <= 7
    # A week tells little of its size: the level of this zone wanders by more than that.
    assert found["excess_mw"]["low"] <= run.mw <= found["excess_mw"]["high"]


def test_a_run_too_small_for_the_zone_is_not_claimed_and_said_to_be_missable(shared_data, tmp_path):
    run = Run("DOPD", mw=12, days=21)
    findings, days, out = _replayed(shared_data, tmp_path, run, days=BEFORE_DAYS + 4)

    assert findings == []
    assert all(float(day["detectable_mw_7d"]) > run.mw for day in days)
    report = json.loads((out / "reports" / days[-1]["date"] / "report.json").read_text(encoding="utf-8"))
    missable = " ".join(report["sites"][0]["missable"])
    assert "can't be verified by its meters alone" in missable
    assert "e+" not in missable  # 121 times, not 1.2e+02
