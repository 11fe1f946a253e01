"""Check: what each meter delivers, what looks wrong, and the document scripts parse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.builders import at, csv_source, csv_text, fleet_of, meter_data, site_data

from pausewatch.telemetry.check import CheckReport, check

START = at("2026-03-01")
LOAD = [20_000.0 + i for i in range(96)]


def report(folder: Path, values: list[Any] | None = None, it: list[Any] | None = None, **meter: Any) -> CheckReport:
    meters = [meter_data(source=csv_source("a.csv"), **meter)]
    (folder / "a.csv").write_text(csv_text(START, LOAD if values is None else values))
    if it is not None:
        (folder / "b.csv").write_text(csv_text(START, it))
        meters.append(meter_data(id="it", measures="it_load", source=csv_source("b.csv")))
    return check(fleet_of(folder, site_data(meters=meters)))


def test_a_sound_meter(tmp_path: Path) -> None:
    found = report(tmp_path)
    (meter,) = found.meters
    assert (meter.readings, meter.coverage, meter.rejected, meter.error, meter.warnings) == (96, 1.0, {}, None, ())
    assert (meter.first, meter.last) == (START, at("2026-03-01T23:45"))
    assert not found.has_errors


def test_coverage_counts_what_is_missing(tmp_path: Path) -> None:
    values: list[Any] = list(LOAD)
    values[10:34] = [""] * 24
    (meter,) = report(tmp_path, values).meters
    assert meter.readings == 72
    assert meter.coverage == pytest.approx(0.75)
    assert meter.rejected == {"missing_value": 24}


def test_rejects_are_counted_by_reason(tmp_path: Path) -> None:
    values: list[Any] = list(LOAD)
    values[1], values[2], values[3], values[4] = "oops", -5, "inf", "oops"
    (meter,) = report(tmp_path, values).meters
    assert meter.rejected == {"infinite_value": 1, "negative": 1, "unparseable_value": 2}
    assert list(meter.rejected) == sorted(meter.rejected)


def test_kw_declared_as_mw(tmp_path: Path) -> None:
    found = report(tmp_path, unit="MW")
    (meter,) = found.meters
    assert found.has_errors
    assert meter.readings == 0
    assert meter.rejected == {"beyond_grid_connection": 96}
    assert "96 of 96 readings lie beyond twice the grid connection of 60 MW: is the unit MW right?" in str(meter.error)


def test_mw_declared_as_kw(tmp_path: Path) -> None:
    (meter,) = report(tmp_path, [20 + i / 100 for i in range(96)]).meters
    assert any("is the unit kW right?" in warning for warning in meter.warnings)


def test_swapped_meters(tmp_path: Path) -> None:
    found = report(tmp_path, LOAD, [30_000.0] * 96)
    assert any("are the two meters swapped" in warning for warning in found.warnings)
    assert not any("two meters swapped" in warning for warning in report(tmp_path, LOAD, [15_000.0] * 96).warnings)


@pytest.mark.parametrize(
    ("content", "source", "said"),
    [
        (None, {}, "no such file"),
        ("time,kw\n", {}, "the source holds no row for this meter"),
        ("time,kw,hall\n2026-03-01T00:00Z,1,A\n", {"where": {"hall": "B"}}, "does a row have hall: B?"),
        ("time,kw\noops,1\n", {}, "every row was rejected"),
        ("time,kW_total\n2026-03-01T00:00Z,1\n", {}, "did you mean 'kW_total'"),
    ],
)
def test_a_meter_that_cannot_be_read(tmp_path: Path, content: str | None, source: dict[str, Any], said: str) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_text(content)
    (tmp_path / "b.csv").write_text(csv_text(START, LOAD))
    meters = [meter_data(source=csv_source("a.csv", **source)), meter_data(id="second", source=csv_source("b.csv"))]
    found = check(fleet_of(tmp_path, site_data(meters=meters)))
    assert found.has_errors
    assert said in str(found.meters[0].error)
    assert "site slough-1, meter utility" in str(found.meters[0].error)
    assert found.meters[1].readings == 96


def test_the_document_is_the_contracts(tmp_path: Path) -> None:
    values: list[Any] = list(LOAD)
    values[5] = "oops"
    found = report(tmp_path, values)
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    (meter,) = document["meters"]
    assert {
        key: meter[key] for key in ("site_id", "meter_id", "readings", "first", "last", "interval_s", "coverage")
    } == {
        "site_id": "slough-1",
        "meter_id": "utility",
        "readings": 95,
        "first": "2026-03-01T00:00:00+00:00",
        "last": "2026-03-01T23:45:00+00:00",
        "interval_s": 900,
        "coverage": pytest.approx(95 / 96, abs=1e-6),
    }
    assert meter["rejected"] == {"unparseable_value": 1}


def test_the_document_of_a_meter_that_failed(tmp_path: Path) -> None:
    document = check(fleet_of(tmp_path)).document()
    (meter,) = json.loads(json.dumps(document, allow_nan=False))["meters"]
    assert (meter["readings"], meter["first"], meter["last"], meter["coverage"]) == (0, None, None, 0.0)
    assert meter["rejected"] == {}
    assert "no such file" in meter["error"]


def test_nothing_is_stored_and_files_stay_as_they_are(tmp_path: Path) -> None:
    report(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "fleet.yaml"]


def test_warnings_of_the_fleet_file_are_told_too(tmp_path: Path) -> None:
    assert any("no outdoor_temperature meter" in warning for warning in report(tmp_path).warnings)
