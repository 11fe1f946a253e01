"""What a report's folder holds, and that the same report is the same bytes."""

from __future__ import annotations

import csv
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pausewatch.errors import SealError
from pausewatch.reports.document import ingests_sha256
from pausewatch.reports.seal import Signer, verify_report
from pausewatch.reports.writing import write_report

from .conftest import daily_report

FILES = {
    "report.html",
    "report.json",
    "findings.csv",
    "site_days.csv",
    "manifest.json",
    "manifest.json.sig",
    "public_key.pem",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_report_is_a_folder_of_seven_files_and_nothing_beside_it(tmp_path: Path, signer: Signer) -> None:
    folder = write_report(daily_report(), tmp_path / "out" / "2026-09-20", previous=None, signer=signer)
    assert set(contents(folder)) == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["2026-09-20"]


def test_the_same_report_is_the_same_bytes(tmp_path: Path, signer: Signer) -> None:
    first = write_report(daily_report(), tmp_path / "a", previous=None, signer=signer)
    second = write_report(daily_report(), tmp_path / "b", previous=None, signer=signer)
    assert contents(first) == contents(second)


def test_the_order_of_ingests_does_not_matter(tmp_path: Path, signer: Signer) -> None:
    report = daily_report()
    turned = replace(report, inputs=replace(report.inputs, ingests=report.inputs.ingests[::-1]))
    first = write_report(report, tmp_path / "a", previous=None, signer=signer)
    assert contents(first) == contents(write_report(turned, tmp_path / "b", previous=None, signer=signer))


def test_an_existing_folder_is_replaced_as_a_whole(tmp_path: Path, signer: Signer) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    (folder / "left over").write_text("x")
    write_report(daily_report(), folder, previous=None, signer=signer)
    assert set(contents(folder)) == FILES


def test_writers_at_once_leave_one_whole_report(tmp_path: Path, signer: Signer) -> None:
    folder = tmp_path / "out" / "day"
    report = daily_report(findings=())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: write_report(report, folder, previous=None, signer=signer), range(4)))
    assert verify_report(folder).files == 5
    assert [path.name for path in folder.parent.iterdir()] == ["day"]


def test_a_failure_leaves_yesterdays_folder_untouched(tmp_path: Path, signer: Signer) -> None:
    folder = write_report(daily_report(), tmp_path / "out" / "day", previous=None, signer=signer)
    before = contents(folder)
    with pytest.raises(SealError, match="no manifest to chain to"):
        write_report(daily_report(), folder, previous=tmp_path / "nowhere", signer=signer)
    assert contents(folder) == before
    assert len(list(folder.parent.iterdir())) == 1


def test_the_manifest_hashes_files_inputs_models_and_the_day_before(tmp_path: Path, signer: Signer) -> None:
    first = write_report(daily_report(day=date(2026, 9, 19)), tmp_path / "2026-09-19", previous=None, signer=signer)
    folder = write_report(daily_report(), tmp_path / "2026-09-20", previous=first, signer=signer)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    report = json.loads((folder / "report.json").read_bytes())
    assert (manifest["fleet"], manifest["date"]) == ("demo", "2026-09-20")
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert set(manifest["files"]) == FILES - {"manifest.json", "manifest.json.sig"}
    assert manifest["inputs"]["fleet_sha256"] == "ab" * 32
    assert manifest["inputs"]["models"] == {"baselines": "cd" * 32}
    assert manifest["inputs"]["ingests"] == {"count": 30, "sha256": ingests_sha256(report["inputs"]["ingests"])}
    assert manifest["previous"] == {
        "date": "2026-09-19",
        "manifest_sha256": hashlib.sha256((first / "manifest.json").read_bytes()).hexdigest(),
    }


def test_report_json_is_strict_and_tells_what_changed(tmp_path: Path, signer: Signer) -> None:
    folder = write_report(daily_report(), tmp_path / "day", previous=None, signer=signer)
    text = (folder / "report.json").read_text(encoding="utf-8")
    report = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert {finding["id"]: finding["change"] for finding in report["findings"]} == {"F-1": "updated", "F-2": "updated"}
    assert report["findings"][0]["reviews"][0]["reviewed_at"] == "2026-09-19T00:00:00Z"
    assert report["sites"][2]["observed_mwh"] is None
    assert report["inputs"]["parameters"] == {"limit": None, "seed": 1}


def test_the_tables_hold_every_site_and_finding(tmp_path: Path, signer: Signer) -> None:
    folder = write_report(daily_report(), tmp_path / "day", previous=None, signer=signer)
    with (folder / "site_days.csv").open(newline="", encoding="utf-8") as file:
        assert [row["site_id"] for row in csv.DictReader(file)] == ["slough-1", "reading-1", "dark-1"]
    with (folder / "findings.csv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["F-2", "F-1"]


@pytest.mark.parametrize("changes", [{"fleet": "other"}, {"day": date(2026, 9, 20)}, {"day": date(2026, 9, 21)}])
def test_a_report_is_chained_only_to_an_earlier_day_of_its_fleet(
    tmp_path: Path, signer: Signer, changes: dict[str, object]
) -> None:
    other = write_report(daily_report(**changes), tmp_path / "other", previous=None, signer=signer)  # type: ignore[arg-type]
    with pytest.raises(SealError, match="previous report is of"):
        write_report(daily_report(), tmp_path / "day", previous=other, signer=signer)
