"""A run wired past the IT meter, below what the utility's own meter tells from weather, is found; growth is not."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.fleets import FIRST, place_of, small_fleet

from pausewatch.pipeline import replay
from pausewatch.simulation import Occurrence, SitePlan

DAYS = 12
LAST = FIRST + timedelta(days=DAYS - 1)
SHARE = 0.01
HIDDEN = Occurrence("hidden_from_it_meter", {"share": (SHARE, SHARE), "days": (10, 10)})
PLANS = (SitePlan("cloud", (HIDDEN,)), SitePlan("inference", ("inference_growth",)), SitePlan("mixed", ()))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("balance")
    made = small_fleet(folder / "fleet", PLANS, seed=23, pause_days=DAYS + 1)
    out = replay(place_of(folder / "fleet"), FIRST, LAST, folder / "out")
    findings = json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]
    return findings, made.truth, out


def test_a_run_past_the_it_meter_is_unaccounted_energy(told: tuple[list[dict[str, Any]], dict[str, Any], Path]) -> None:
    findings, truth, _ = told
    site = truth["sites"][0]
    (run,) = site["events"]
    (found,) = [f for f in findings if f["site_id"] == site["site_id"]]

    assert found["kind"] == "unaccounted_energy"
    # A hundredth of the IT capacity is small for a run: a question at least.
    assert found["verdict"] in {"training_like", "unexplained"}
    began = datetime.fromisoformat(run["start"])
    assert abs(datetime.fromisoformat(found["start"]) - began) <= timedelta(hours=2)
    assert (datetime.fromisoformat(found["first_reported_on"]).date() - began.date()).days <= 3
    assert found["excess_mw"]["low"] <= run["mw_it"] <= found["excess_mw"]["high"]
    assert found["excess_mw"]["estimate"] == pytest.approx(run["mw_it"], rel=0.1)
    # The utility's lane alone doesn't find it: at this size its weather is louder.
    assert list(found["evidence"]["lanes"]) == ["balance"]


def test_growth_that_the_it_meter_shows_is_accounted_for(
    told: tuple[list[dict[str, Any]], dict[str, Any], Path],
) -> None:
    findings, truth, _ = told
    honest = {site["site_id"] for site in truth["sites"][1:]}

    assert not [f for f in findings if f["site_id"] in honest and f["kind"] == "unaccounted_energy"]


def test_the_balance_has_a_panel_of_its_own(told: tuple[list[dict[str, Any]], dict[str, Any], Path]) -> None:
    _, _, out = told
    report = (out / "reports" / LAST.isoformat() / "report.html").read_text(encoding="utf-8")

    assert "Balance" in report
    assert "more than the IT meter on average" in report
