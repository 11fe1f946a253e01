"""The demo fleet, end to end: runs are found, honest sites are not called training, silence is said to be silence.

Two weeks of eight sites, hourly, after four months of reference; long enough that reports are drawn by the press.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import date, datetime

import pytest

from pausewatch.pipeline import Workplace, replay
from pausewatch.reports.seal import verify_report
from pausewatch.simulation import simulate

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 13)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the truth by site, the findings by site, the rows of site_days.csv and the output folder."""
    folder = tmp_path_factory.mktemp("demo")
    made = simulate(folder / "sim", preset="demo", sites=8, reference_days=120, pause_days=14, interval_min=60, seed=1)
    out = replay(Workplace.at(made.fleet_path, folder / "home"), FIRST, LAST, folder / "out")
    found = defaultdict(list)
    for one in json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]:
        found[one["site_id"]].append(one)
    with (out / "site_days.csv").open(newline="", encoding="utf-8") as text:
        days = list(csv.DictReader(text))
    return {s["site_id"]: s for s in made.truth["sites"]}, found, days, out


def test_both_violating_sites_are_found_within_days_and_sized_right(demo):
    truth, found, _, _ = demo
    guilty = {i for i, site in truth.items() if site["violates"]}
    assert guilty == {"sim-001", "sim-002"}
    for site_id in guilty:
        (event,) = truth[site_id]["events"]
        (one,) = [f for f in found[site_id] if f["verdict"] == "training_like"]
        start = datetime.fromisoformat(event["start"])
        assert abs((datetime.fromisoformat(one["start"]) - start).total_seconds()) <= 6 * 3600
        assert (date.fromisoformat(one["first_reported_on"]) - start.date()).days <= 3
        assert one["excess_mw"]["estimate"] == pytest.approx(event["mw_it"], rel=0.25)
        assert one["training_probability"] > 0.5
    assert found["sim-002"][0]["kind"] == "missing_step_down"
    assert found["sim-002"][0]["declaration_ids"] == ["sim-002-d1"]


def test_no_honest_site_is_called_training(demo):
    truth, found, _, _ = demo
    for site_id, site in truth.items():
        if not site["violates"]:
            assert [f["verdict"] for f in found[site_id] if f["verdict"] == "training_like"] == [], site_id


def test_declared_science_is_explained_by_its_declaration(demo):
    _, found, _, _ = demo
    (one,) = found["sim-005"]
    assert (one["verdict"], one["declaration_ids"]) == ("explained", ["sim-005-d1"])


def test_quiet_and_honest_sites_are_mostly_consistent(demo):
    _, found, days, _ = demo
    for site_id in ("sim-007", "sim-008"):
        assert not [f for f in found[site_id] if f["verdict"] != "explained"]
        status = [d["status"] for d in days if d["site_id"] == site_id]
        assert status.count("consistent") == len(status)


def test_the_silent_site_is_never_consistent_while_it_is_silent(demo):
    truth, found, days, _ = demo
    (event,) = truth["sim-004"]["events"]
    (gap,) = [f for f in found["sim-004"] if f["kind"] == "telemetry_gap"]
    assert gap["verdict"] == "cannot_conclude"
    assert abs((datetime.fromisoformat(gap["start"]) - datetime.fromisoformat(event["start"])).total_seconds()) <= 7200
    blind = [d for d in days if d["site_id"] == "sim-004" and float(d["coverage"]) < 0.75]
    assert blind
    assert {d["status"] for d in blind} == {"cannot_conclude"}
    seen = [float(d["detectable_mw_7d"]) for d in days if d["site_id"] == "sim-004" and d["date"] < event["start"][:10]]
    assert max(float(d["detectable_mw_7d"]) for d in blind) > max(seen)


def test_detectable_load_is_a_small_share_of_what_a_site_can_run(demo):
    truth, _, days, _ = demo
    for row in days:
        assert 0 < float(row["detectable_mw_7d"]) <= truth[row["site_id"]]["it_capacity_mw"]
    quiet = [d for d in days if d["site_id"] == "sim-007"]
    assert max(float(d["detectable_mw_7d"]) for d in quiet) < 0.2 * truth["sim-007"]["it_capacity_mw"]


def test_the_chain_of_reports_holds(demo):
    *_, out = demo
    for folder in sorted((out / "reports").iterdir()):
        verify_report(folder)
