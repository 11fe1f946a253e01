"""The replay: outputs in the contract's words, the same bytes twice, and the same as a day inspected alone."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.pipeline.fleets import FIRST, LAST, files_of, place_of, small_fleet

from pausewatch.errors import BaselineError, InspectionError, UsageError
from pausewatch.pipeline import conclude_day, fit_baselines, inspect_day, inspect_sites, replay, report_days
from pausewatch.telemetry.collect import collect

DAYS = report_days(FIRST, LAST)
CONTRACT_KEYS = [
    "id",
    "site_id",
    "kind",
    "verdict",
    "start",
    "end",
    "first_reported_on",
    "last_updated_on",
    "training_probability",
    "hypotheses",
    "excess_mw",
    "energy_mwh",
    "flop",
    "declaration_ids",
    "evidence",
]
ADDED_KEYS = {"facts", "reviews", "is_open"}
KINDS = {
    "sustained_load",
    "missing_step_down",
    "slow_drift",
    "unaccounted_energy",
    "telemetry_gap",
    "telemetry_integrity",
    "declaration_exceeded",
    "coordinated_load",
}
VERDICTS = {"training_like", "unexplained", "explained", "cannot_conclude"}
STATUSES = {"consistent", "anomalous", "cannot_conclude"}
HEADER = (
    "site_id,date,status,coverage,observed_mwh,expected_mwh,unaccounted_mwh,unaccounted_sd_mwh,"
    "detectable_mw_7d,detectable_flop_90d"
)
REPORT_FILES = {"report.html", "report.json", "findings.csv", "site_days.csv", "manifest.json"}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A folder with `sim/` (the fleet), `home/` and `out/` (its replay)."""
    folder = tmp_path_factory.mktemp("replay")
    small_fleet(folder / "sim")
    replay(place_of(folder / "sim"), FIRST, LAST, folder / "out")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def said_of(out: Path) -> dict[str, bytes]:
    """Return what a replay concluded, without the pages and seals that also name each ingest."""
    return {name: content for name, content in files_of(out).items() if name.endswith((".csv", "findings.json"))}


def findings(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["findings"]


def test_findings_are_written_in_the_contracts_words(base):
    document = json.loads((base / "out/findings.json").read_text(encoding="utf-8"))
    assert list(document) == ["fleet", "findings"]
    assert document["findings"]
    for one in document["findings"]:
        assert list(one)[: len(CONTRACT_KEYS)] == CONTRACT_KEYS
        assert set(one) == {*CONTRACT_KEYS, *ADDED_KEYS}
        assert one["kind"] in KINDS
        assert one["verdict"] in VERDICTS
        assert one["start"].endswith("Z")
        assert 0 <= one["training_probability"] <= 1
        assert sum(h["probability"] for h in one["hypotheses"]) == pytest.approx(1.0, abs=1e-5)
        for name in ("excess_mw", "energy_mwh", "flop"):
            assert list(one[name]) == ["estimate", "low", "high"]
            assert one[name]["low"] <= one[name]["estimate"] <= one[name]["high"]
        assert FIRST.isoformat() <= one["first_reported_on"] <= one["last_updated_on"] <= LAST.isoformat()


def test_every_site_has_a_row_for_every_day(base):
    assert (base / "out/site_days.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    told = rows(base / "out/site_days.csv")
    assert {(r["site_id"], r["date"]) for r in told} == {
        (f"sim-{s:03d}", day.isoformat()) for s in (1, 2, 3) for day in DAYS
    }
    assert len(told) == 3 * len(DAYS)
    for row in told:
        assert row["status"] in STATUSES
        assert 0 <= float(row["coverage"]) <= 1
        assert float(row["detectable_mw_7d"]) > 0
        if row["unaccounted_mwh"]:
            difference = float(row["observed_mwh"]) - float(row["expected_mwh"])
            assert float(row["unaccounted_mwh"]) == pytest.approx(difference, abs=1e-2)


def test_every_day_has_a_sealed_report(base):
    assert {p.name for p in (base / "out/reports").iterdir()} == {day.isoformat() for day in DAYS}
    for day in DAYS:
        names = {p.name for p in (base / "out/reports" / day.isoformat()).iterdir()}
        assert names >= REPORT_FILES
        assert len(names - REPORT_FILES) >= 1  # the detached signature, and its public key
        header = (base / "out/reports" / day.isoformat() / "site_days.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header == HEADER


def test_an_outage_is_a_gap_and_its_days_are_not_consistent(base):
    gap = next(f for f in findings(base / "out/findings.json") if f["kind"] == "telemetry_gap")
    assert gap["site_id"] == "sim-003"
    said = {r["date"]: r for r in rows(base / "out/site_days.csv") if r["site_id"] == "sim-003"}
    blind = [r for r in said.values() if float(r["coverage"]) < 0.5]
    assert blind
    assert all(r["status"] != "consistent" for r in blind)


def test_replaying_again_gives_the_same_bytes(base):
    replay(place_of(base / "sim"), FIRST, LAST, base / "again")
    assert files_of(base / "again") == files_of(base / "out")
    replay(place_of(base / "sim"), FIRST, LAST, base / "again")  # over itself, too
    assert files_of(base / "again") == files_of(base / "out")


def test_days_inspected_one_by_one_say_what_the_replay_says(base):
    place = place_of(base / "sim", "daily")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    for day in DAYS:
        folder = Path(inspect_day(place_of(base / "sim", "daily"), day))
        for name in ("report.json", "findings.csv", "site_days.csv", "report.html"):
            assert (folder / name).read_bytes() == (base / "out/reports" / day.isoformat() / name).read_bytes(), (
                day,
                name,
            )
    before = files_of(base / "daily/reports")
    inspect_day(place_of(base / "sim", "daily"), LAST)  # once more changes nothing
    assert files_of(base / "daily/reports") == before


def test_a_day_inspected_alone_says_what_the_replay_says_of_that_day(base):
    place = place_of(base / "sim", "alone")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    folder = Path(inspect_day(place, LAST))
    replayed = base / "out/reports" / LAST.isoformat()
    assert (folder / "site_days.csv").read_bytes() == (replayed / "site_days.csv").read_bytes()
    told = rows(base / "out/reports" / LAST.isoformat() / "findings.csv")
    assert [(r["site_id"], r["kind"], r["verdict"], r["start"], r["flop"]) for r in rows(folder / "findings.csv")] == [
        (r["site_id"], r["kind"], r["verdict"], r["start"], r["flop"]) for r in told
    ]


_REPLAY = """
import sys
from datetime import date
from pathlib import Path
from pausewatch.pipeline import Workplace, replay
fleet, home, out = sys.argv[1:4]
replay(Workplace.at(fleet, home), date(2026, 9, 1), date(2026, 9, 6), Path(out))
"""


@pytest.mark.parametrize(
    "mark",
    ["cut/lake/readings/_delta_log", "cut-out/reports/2026-09-02/manifest.json"],
    ids=["collecting", "inspecting"],
)
def test_a_replay_that_was_killed_and_run_again_says_the_same(base, tmp_path, mark):
    shutil.copytree(base / "home/keys", tmp_path / "cut/keys")
    command = [sys.executable, "-c", _REPLAY, base / "sim/fleet.yaml", tmp_path / "cut", tmp_path / "cut-out"]
    process = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE)
    until = time.monotonic() + 120
    while not (tmp_path / mark).exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    place = place_of(base / "sim")
    replay(type(place).at(base / "sim/fleet.yaml", tmp_path / "cut"), FIRST, LAST, tmp_path / "cut-out")
    assert said_of(tmp_path / "cut-out") == said_of(base / "out")


def test_a_collect_that_was_cut_short_before_its_record_leaves_the_same_seal(base, tmp_path):
    shutil.copytree(base / "home/keys", tmp_path / "cut/keys")
    place = type(place_of(base / "sim")).at(base / "sim/fleet.yaml", tmp_path / "cut")
    collect(place.fleet, place.lake())
    shutil.rmtree(tmp_path / "cut/lake/ingests")  # rows are written first, the record of their ingest last
    replay(place, FIRST, LAST, tmp_path / "cut-out")
    assert files_of(tmp_path / "cut-out") == files_of(base / "out")


def test_a_report_needs_every_site(base):
    place = place_of(base / "sim", "partial")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    with pytest.raises(InspectionError, match="3 of 3 sites have not been inspected"):
        conclude_day(place, FIRST)
    assert inspect_sites(place, FIRST, ["sim-001", "sim-003"]) == 2
    with pytest.raises(InspectionError, match="sim-002"):
        conclude_day(place, FIRST)
    assert not (place.reports / FIRST.isoformat()).exists()
    assert inspect_sites(place, FIRST, ["sim-002"]) == 1
    folder = Path(conclude_day(place, FIRST))
    told = base / "out/reports" / FIRST.isoformat() / "site_days.csv"
    assert (folder / "site_days.csv").read_bytes() == told.read_bytes()


def test_baselines_that_were_altered_or_lost_are_refused(base):
    place = place_of(base / "sim", "altered")
    collect(place.fleet, place.lake())
    with pytest.raises(InspectionError, match="no frozen baselines"):
        inspect_day(place, FIRST)
    (record,) = fit_baselines(place)
    path = Path(record.path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BaselineError, match="altered"):
        inspect_day(place, FIRST)
    path.unlink()
    with pytest.raises(BaselineError, match="can't be read"):
        inspect_day(place, FIRST)
    (again,) = fit_baselines(place)
    assert again.sha256 == record.sha256
    inspect_day(place, FIRST)


def test_a_fleet_file_that_changed_what_the_baselines_rest_on_is_refused(base, tmp_path):
    shutil.copytree(base / "sim", tmp_path / "sim")
    place = place_of(tmp_path / "sim")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    text = place.fleet.path.read_text(encoding="utf-8")
    place.fleet.path.write_text(text.replace("interval: 1h", "interval: 30min", 1), encoding="utf-8")
    with pytest.raises(InspectionError) as caught:
        inspect_day(place_of(tmp_path / "sim"), FIRST)
    assert "changed since the baselines were frozen" in str(caught.value)
    assert "pausewatch baseline" in caught.value.remedy
    place.fleet.path.write_text(text.replace("Simulated site 1", "Another name"), encoding="utf-8")
    inspect_day(place_of(tmp_path / "sim"), FIRST)  # a name is nothing that baselines rest on


def test_days_without_a_pause_and_days_out_of_order_are_refused(base):
    place = place_of(base / "sim")
    before = files_of(base / "out")
    with pytest.raises(InspectionError, match="no pause is in force on 2026-08-30"):
        replay(place, FIRST.replace(month=8, day=30), LAST, base / "out")
    with pytest.raises(UsageError, match="before --from"):
        replay(place, LAST, FIRST, base / "out")
    assert files_of(base / "out") == before


def test_a_folder_that_holds_something_else_is_left_alone(base, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no replay"):
        replay(place_of(base / "sim"), FIRST, LAST, tmp_path)
    assert (tmp_path / "thesis.txt").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        replay(place_of(base / "sim"), FIRST, LAST, tmp_path / "file")
