"""A run split over an owner's sites is found, and told in the same bytes whatever the order of work."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.fleets import FIRST, files_of, place_of, small_fleet

from pausewatch.pipeline import conclude_day, fit_baselines, inspect_sites, replay
from pausewatch.pipeline.coordinating import coordinate, views_of
from pausewatch.pipeline.inspecting import inspect_days
from pausewatch.simulation.simulator import Occurrence, SitePlan
from pausewatch.telemetry.collect import collect

LAST = FIRST + timedelta(days=5)
DAYS = [FIRST + timedelta(days=i) for i in range(6)]
KINDS = ("cloud", "inference", "colocation", "mixed", "science")
PARTS = 10
# 1.2 % of each site for 40 days, from the pause's first days on.
PART = Occurrence(
    "split", {"share": (0.012, 0.012), "days": (40, 40), "at": (0.05, 0.05), "members": PARTS, "group_number": 1}
)
PLANS = (
    *(SitePlan(KINDS[i % 5], (PART,), owner="Splitter") for i in range(PARTS)),
    *(SitePlan(KINDS[i % 5], (), owner="Honest") for i in range(6)),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A folder with `sim/` (the fleet), `home/` and `out/` (its replay)."""
    folder = tmp_path_factory.mktemp("coordinating")
    small_fleet(folder / "sim", PLANS, seed=21, pause_days=7)
    replay(place_of(folder / "sim"), FIRST, LAST, folder / "out")
    return folder


@pytest.fixture(scope="module")
def daily(base) -> Path:
    """A home in which the same days were inspected in batches and concluded one by one."""
    place = place_of(base / "sim", "daily")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    ids = [site.id for site in place.fleet.sites]
    for day in DAYS:
        for some in (ids[8:], ids[:8]):
            inspect_sites(place, day, some)
        conclude_day(place, day)
    return base / "daily"


def said(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]


def group_findings(out: Path) -> list[dict[str, Any]]:
    return [f for f in said(out) if f["kind"] == "coordinated_load"]


def test_a_split_run_is_one_finding_with_all_its_parts(base):
    (one,) = group_findings(base / "out")
    assert one["verdict"] in ("training_like", "unexplained")
    assert one["first_reported_on"] <= (FIRST + timedelta(days=3)).isoformat()
    members = one["evidence"]["members"]
    split = {f"sim-{i + 1:03d}" for i in range(PARTS)}
    found = {m["site_id"] for m in members}
    assert len(found & split) >= 7
    assert found <= split
    assert sum(m["share"] for m in members) == pytest.approx(1.0, abs=1e-3)
    assert one["site_id"] in found
    assert sum(h["probability"] for h in one["hypotheses"]) == pytest.approx(1.0, abs=1e-5)
    truth = json.loads((base / "sim/truth.json").read_text(encoding="utf-8"))
    mw = sum(e["mw_it"] for s in truth["sites"] for e in s["events"] if e["name"] == "split")
    assert 0.5 * mw <= one["excess_mw"]["estimate"] <= 1.6 * mw
    assert one["energy_mwh"]["low"] <= one["energy_mwh"]["estimate"] <= one["energy_mwh"]["high"]
    assert one["flop"]["estimate"] > 0


def test_most_of_its_parts_are_invisible_alone(base):
    alone = {f["site_id"] for f in said(base / "out") if f["kind"] != "coordinated_load"}
    together = {m["site_id"] for m in group_findings(base / "out")[0]["evidence"]["members"]}
    assert len(together - alone) >= len(together) / 2


def test_no_members_day_is_consistent_once_it_stands(base):
    (one,) = group_findings(base / "out")
    members = {m["site_id"] for m in one["evidence"]["members"]}
    rows = [r.split(",") for r in (base / "out/site_days.csv").read_text(encoding="utf-8").splitlines()[1:]]
    last = {r[0]: r[2] for r in rows if r[1] == LAST.isoformat()}
    assert {last[m] for m in members} == {"anomalous"}
    assert any(status == "consistent" for site_id, status in last.items() if site_id not in members)


def test_the_report_shows_it_with_its_sites_and_a_plot(base):
    page = (base / "out/reports" / LAST.isoformat() / "report.html").read_text(encoding="utf-8")
    (one,) = group_findings(base / "out")
    assert f"Splitter, {len(one['evidence']['members'])} of {PARTS} sites: load coordinated between sites" in page
    assert "Its sites together, above expectation, MW" in page
    assert one["facts"][0].split(" and is")[0] in page
    report = json.loads((base / "out/reports" / LAST.isoformat() / "report.json").read_text(encoding="utf-8"))
    assert one["id"] in {f["id"] for f in report["findings"]}


def test_chance_is_told_over_the_whole_fleet(base):
    report = json.loads((base / "out/reports" / LAST.isoformat() / "report.json").read_text(encoding="utf-8"))
    told = report["false_discovery"]
    assert told["tested"] >= len(PLANS) + 2
    assert told["expected_by_chance"] == report["expected_chance_findings"]
    (one,) = group_findings(base / "out")
    assert 0 <= one["evidence"]["chance_probability"] <= one["evidence"]["q_value"] <= 1
    assert (
        one["evidence"]["q_value"] == next(f for f in report["findings"] if f["id"] == one["id"])["evidence"]["q_value"]
    )


def test_its_identity_stays_from_day_to_day(base):
    ids = set()
    for day in DAYS:
        report = json.loads((base / "out/reports" / day.isoformat() / "report.json").read_text(encoding="utf-8"))
        ids |= {f["id"] for f in report["findings"] if f["kind"] == "coordinated_load"}
    assert ids == {group_findings(base / "out")[0]["id"]}


def test_days_in_batches_say_what_the_replay_says(base, daily):
    for day in DAYS:
        for name in ("report.json", "findings.csv", "site_days.csv", "report.html"):
            told = (daily / "reports" / day.isoformat() / name).read_bytes()
            assert told == (base / "out/reports" / day.isoformat() / name).read_bytes(), (day, name)


def test_concluding_again_and_a_batch_inspected_again_change_no_byte(base, daily):
    before = files_of(daily / "reports")
    place = place_of(base / "sim", "daily")
    conclude_day(place, DAYS[-1])
    assert files_of(daily / "reports") == before
    inspect_days(place, DAYS[-2:], ["sim-002", "sim-012"])
    for day in DAYS[-2:]:
        conclude_day(place, day)
    assert files_of(daily / "reports") == before


def test_a_watch_rebuilt_leaves_what_a_carried_one_leaves(base, daily):
    shutil.rmtree(daily / "state")
    place = place_of(base / "sim", "daily")
    ids = [site.id for site in place.fleet.sites]
    with place.register() as register:
        carried = register.payloads(LAST, ids)
    inspect_sites(place, LAST)
    with place.register() as register:
        assert register.payloads(LAST, ids) == carried
        assert len(views_of(carried)) == len(ids)
        (found,) = coordinate(place, register, LAST)
    assert found.evidence["members"]
