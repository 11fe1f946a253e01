"""How findings and site-days leave the register: JSON objects and CSV rows, in the contract's exact words."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.findings.model import Bounds, Finding, Review, SiteDay

SITE_DAY_COLUMNS = (
    "site_id",
    "date",
    "status",
    "coverage",
    "observed_mwh",
    "expected_mwh",
    "unaccounted_mwh",
    "unaccounted_sd_mwh",
    "detectable_mw_7d",
    "detectable_flop_90d",
)
"""The columns of site_days.csv, in order."""

FINDING_COLUMNS = (
    "id",
    "site_id",
    "kind",
    "verdict",
    "start",
    "end",
    "first_reported_on",
    "last_updated_on",
    "is_open",
    "training_probability",
    "excess_mw",
    "excess_mw_low",
    "excess_mw_high",
    "energy_mwh",
    "energy_mwh_low",
    "energy_mwh_high",
    "flop",
    "flop_low",
    "flop_high",
    "declaration_ids",
    "facts",
)
"""The columns of findings.csv, in order: one row a finding."""

SIGNIFICANT_DIGITS = 7


def utc_text(moment: datetime) -> str:
    """Return a time as ISO 8601 UTC ending in Z. A time without a zone is taken to be UTC already."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="microseconds" if aware.microsecond else "seconds").replace("+00:00", "Z")


def rounded(value: float) -> float | None:
    """Return a number to seven significant digits, None where it is not a finite number."""
    number = float(value)
    if not math.isfinite(number):
        return None
    return float(f"{number:.{SIGNIFICANT_DIGITS - 1}e}") + 0.0  # + 0.0: never a negative zero


def json_value(value: Any) -> Any:
    """Return a value as strict JSON can hold it: numbers rounded, NaN and infinities null, times ending in Z.

    Mappings are ordered by key, so that the same facts are the same bytes; sets are sorted.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, Enum):
        return json_value(plain.value)
    if plain is None or isinstance(plain, str | bool | int):
        return plain
    if isinstance(plain, float):
        return rounded(plain)
    if isinstance(plain, datetime):
        return utc_text(plain)
    if isinstance(plain, date):
        return plain.isoformat()
    return _json_collection(plain)


def _json_collection(value: Any) -> Any:
    if isinstance(value, Bounds):
        return {"estimate": rounded(value.estimate), "low": rounded(value.low), "high": rounded(value.high)}
    if isinstance(value, Mapping):
        items = ((str(key), item) for key, item in value.items())
        return {key: json_value(item) for key, item in sorted(items, key=lambda pair: pair[0])}
    if isinstance(value, set | frozenset):
        return sorted((json_value(item) for item in value), key=str)
    if isinstance(value, np.ndarray):
        return [json_value(item) for item in value.tolist()]
    if isinstance(value, Iterable):
        return [json_value(item) for item in value]
    return str(value)


def json_text(document: Any) -> str:
    """Return a document as strict, readable JSON text that ends in a newline."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def review_document(review: Review) -> dict[str, Any]:
    """Return a reviewer's decision as a JSON object; `cause` only where the reviewer named one."""
    told = {
        "decision": str(review.decision),
        "reason": review.reason,
        "reviewer": review.reviewer,
        "reviewed_at": utc_text(review.reviewed_at),
    }
    return told if review.cause is None else told | {"cause": review.cause}


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as a JSON object: the contract's keys first, then facts, reviews and whether it is open."""
    said = finding.assessment
    return {
        "id": finding.id,
        "site_id": said.site_id,
        "kind": said.kind.value,
        "verdict": said.verdict.value,
        "start": utc_text(said.start),
        "end": None if said.end is None else utc_text(said.end),
        "first_reported_on": finding.first_reported_on.isoformat(),
        "last_updated_on": finding.last_updated_on.isoformat(),
        "training_probability": rounded(said.training_probability),
        "hypotheses": [
            {"name": hypothesis.name, "probability": rounded(hypothesis.probability)} for hypothesis in said.hypotheses
        ],
        "excess_mw": json_value(said.excess_mw),
        "energy_mwh": json_value(said.energy_mwh),
        "flop": json_value(said.flop),
        "declaration_ids": list(said.declaration_ids),
        "evidence": json_value(said.evidence),
        "facts": list(said.facts),
        "reviews": [review_document(review) for review in finding.reviews],
        "is_open": finding.is_open,
    }


def findings_document(fleet_name: str, findings: Iterable[Finding]) -> dict[str, Any]:
    """Return what `findings.json` holds: the fleet's name and every finding, in the order given."""
    return {"fleet": fleet_name, "findings": [finding_document(finding) for finding in findings]}


def finding_row(finding: Finding) -> dict[str, str]:
    """Return a finding as a row of findings.csv; lists are joined by `; `, an unknown number is an empty cell."""
    said = finding.assessment
    row = {
        "id": finding.id,
        "site_id": said.site_id,
        "kind": said.kind.value,
        "verdict": said.verdict.value,
        "start": utc_text(said.start),
        "end": "" if said.end is None else utc_text(said.end),
        "first_reported_on": finding.first_reported_on.isoformat(),
        "last_updated_on": finding.last_updated_on.isoformat(),
        "is_open": "true" if finding.is_open else "false",
        "training_probability": _cell(said.training_probability),
    }
    for name, bounds in (("excess_mw", said.excess_mw), ("energy_mwh", said.energy_mwh), ("flop", said.flop)):
        row[name] = _cell(bounds.estimate)
        row[f"{name}_low"] = _cell(bounds.low)
        row[f"{name}_high"] = _cell(bounds.high)
    row["declaration_ids"] = _text_cell("; ".join(said.declaration_ids))
    row["facts"] = _text_cell("; ".join(said.facts))
    return row


def site_day_row(site_day: SiteDay) -> dict[str, str]:
    """Return a site's day as a row of site_days.csv; an empty cell stands for NaN."""
    row = {"site_id": site_day.site_id, "date": site_day.date.isoformat(), "status": site_day.status.value}
    for column in SITE_DAY_COLUMNS[3:]:
        row[column] = _cell(getattr(site_day, column))
    return row


def site_days_text(site_days: Iterable[SiteDay]) -> str:
    """Return site_days.csv as text."""
    return _csv_text(SITE_DAY_COLUMNS, map(site_day_row, site_days))


def findings_text(findings: Iterable[Finding]) -> str:
    """Return findings.csv as text."""
    return _csv_text(FINDING_COLUMNS, map(finding_row, findings))


def write_site_days_csv(path: Path, site_days: Iterable[SiteDay]) -> None:
    """Write site_days.csv: UTF-8, newline endings."""
    path.write_bytes(site_days_text(site_days).encode())


def write_findings_csv(path: Path, findings: Iterable[Finding]) -> None:
    """Write findings.csv: UTF-8, newline endings."""
    path.write_bytes(findings_text(findings).encode())


def _cell(value: float) -> str:
    number = rounded(value)
    if number is None:
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _text_cell(text: str) -> str:
    """Return free text that no spreadsheet takes for a formula: one that begins like it gets an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _csv_text(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
