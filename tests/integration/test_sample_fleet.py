"""The sample fleet in data/: what its README promises."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from pausewatch.pipeline import Workplace, replay

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample-fleet"


def test_a_replay_of_the_sample_fleet_finds_both_runs_and_nothing_else(tmp_path):
    truth = json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))
    place = Workplace.at(SAMPLE / "fleet.yaml", tmp_path / "home")
    out = replay(place, date(2026, 9, 1), date(2026, 9, 6), tmp_path / "out")
    found = json.loads((out / "findings.json").read_text(encoding="utf-8"))["findings"]
    assert [(f["site_id"], f["kind"], f["verdict"]) for f in found] == [
        ("sim-001", "sustained_load", "training_like"),
        ("sim-002", "missing_step_down", "training_like"),
    ]
    for finding, site in zip(found, truth["sites"], strict=True):
        (event,) = site["events"]
        assert finding["excess_mw"]["low"] <= event["mw_it"] <= finding["excess_mw"]["high"]
