"""Findings and site-days leave in the contract's exact words, as strict JSON and plain CSV."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from pausewatch.findings.export import (
    SITE_DAY_COLUMNS,
    finding_document,
    findings_document,
    json_text,
    json_value,
    site_day_row,
    utc_text,
    write_findings_csv,
    write_site_days_csv,
)
from pausewatch.findings.model import Assessment, Bounds, DayStatus, Finding, Hypothesis, Kind, SiteDay, Verdict

NAN = float("nan")
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


def finding(**changes: object) -> Finding:
    said = {
        "site_id": "slough-1",
        "kind": Kind.TELEMETRY_GAP,
        "verdict": Verdict.CANNOT_CONCLUDE,
        "start": datetime(2026, 9, 10, 5, tzinfo=timezone(timedelta(hours=1))),
        "end": None,
        "training_probability": NAN,
        "hypotheses": (Hypothesis("outage", 0.6), Hypothesis("withheld", 0.4)),
        "excess_mw": Bounds(NAN, 0.0, float("inf")),
        "energy_mwh": Bounds(1 / 3, 0.1, 0.5),
        "flop": Bounds(1.23456789e24, 1e24, 2e24),
        "declaration_ids": ("d-1", "d-2"),
        "evidence": {"b": np.float32(0.5), "a": {"x": [1, NAN]}, "when": datetime(2026, 1, 1, tzinfo=UTC)},
        "facts": ("84 hours are missing",),
    } | changes
    return Finding("F-1", Assessment(**said), date(2026, 9, 12), date(2026, 9, 20))  # type: ignore[arg-type]


def site_day() -> SiteDay:
    return SiteDay(
        "slough-1", date(2026, 9, 20), DayStatus.CANNOT_CONCLUDE, 0.31, NAN, 950.0, NAN, NAN, 1.5, float("inf")
    )


def test_a_finding_has_the_contracts_keys_in_order_and_then_the_additions() -> None:
    document = finding_document(finding())
    assert list(document) == [*CONTRACT_KEYS, "facts", "reviews", "is_open"]
    assert document["start"] == "2026-09-10T04:00:00Z"
    assert document["end"] is None
    assert document["hypotheses"] == [{"name": "outage", "probability": 0.6}, {"name": "withheld", "probability": 0.4}]
    assert document["flop"] == {"estimate": 1.234568e24, "low": 1e24, "high": 2e24}


def test_what_is_not_a_number_is_null_and_json_is_strict() -> None:
    text = json_text(findings_document("demo", [finding()]))
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert read["fleet"] == "demo"
    assert read["findings"][0]["excess_mw"] == {"estimate": None, "low": 0.0, "high": None}
    assert read["findings"][0]["training_probability"] is None
    assert read["findings"][0]["evidence"] == {"a": {"x": [1, None]}, "b": 0.5, "when": "2026-01-01T00:00:00Z"}


def test_evidence_does_not_depend_on_the_order_it_was_gathered_in() -> None:
    assert json_text(json_value({"b": 1, "a": {2, 1}})) == json_text(json_value({"a": {1, 2}, "b": 1}))


def test_site_days_have_the_contracts_columns_and_empty_cells_for_nan(tmp_path: Path) -> None:
    assert ",".join(SITE_DAY_COLUMNS) == (
        "site_id,date,status,coverage,observed_mwh,expected_mwh,unaccounted_mwh,unaccounted_sd_mwh,"
        "detectable_mw_7d,detectable_flop_90d"
    )
    write_site_days_csv(tmp_path / "days.csv", [site_day()])
    lines = (tmp_path / "days.csv").read_bytes().decode().splitlines()
    assert lines == [",".join(SITE_DAY_COLUMNS), "slough-1,2026-09-20,cannot_conclude,0.31,,950,,,1.5,"]
    assert tuple(site_day_row(site_day())) == SITE_DAY_COLUMNS


def test_findings_csv_reads_back_and_holds_no_formula(tmp_path: Path) -> None:
    write_findings_csv(tmp_path / "findings.csv", [finding(facts=('=HYPERLINK("http://x")', "a,b\nc"))])
    with (tmp_path / "findings.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["facts"].startswith("'=")
    assert row["facts"].endswith("a,b\nc")
    assert (row["excess_mw"], row["energy_mwh"], row["is_open"]) == ("", "0.3333333", "true")


def test_numbers_survive_a_second_reading() -> None:
    for value in (0.0, -0.0, 1e-9, 123456.7, 3.8e25, np.float64(2.5)):
        assert float(json.dumps(json_value(float(value)))) == pytest.approx(float(value), rel=1e-6)
    assert json.dumps(json_value(-0.0)) == "0.0"


def test_a_time_without_a_zone_is_utc() -> None:
    assert utc_text(datetime(2026, 1, 1, 12, 0, 0, 250_000)) == "2026-01-01T12:00:00.250000Z"  # noqa: DTZ001
