"""report.json: everything the page says, for a program to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pausewatch.findings.export import finding_document, json_value, utc_text
from pausewatch.findings.model import SiteDay
from pausewatch.reports.daily import DailyReport, FindingView, PauseView, ReportInputs, SiteView

REPORT_VERSION = 1


def report_document(report: DailyReport) -> dict[str, Any]:
    """Return the report as a strict JSON object. Curves are left out: they follow from the inputs."""
    return {
        "version": REPORT_VERSION,
        "fleet": report.fleet,
        "date": report.date.isoformat(),
        "significant_quantity_flop": json_value(report.significant_quantity_flop),
        "false_alarms_per_site_year": json_value(report.false_alarms_per_site_year),
        "cutoff_hours": json_value(report.cutoff_hours),
        "expected_chance_findings": json_value(report.expected_chance_findings),
        "false_discovery": None if report.false_discovery is None else json_value(asdict(report.false_discovery)),
        "pauses": [_pause_document(pause) for pause in report.pauses],
        "findings": [_finding_view_document(view) for view in report.findings],
        "sites": [_site_document(site) for site in report.sites],
        "inputs": inputs_document(report.inputs),
        "method": list(report.method),
    }


def inputs_document(inputs: ReportInputs) -> dict[str, Any]:
    """Return the exact inputs: every ingest as a row, in an order that does not depend on how they were gathered."""
    return {
        "fleet_sha256": inputs.fleet_sha256,
        "models": json_value(inputs.models),
        "parameters": json_value(inputs.parameters),
        "ingests": sorted(json_value(inputs.ingests), key=canonical),
    }


def ingests_sha256(ingests: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash of the list of ingests as report.json holds it (canonical JSON: sorted keys, no spaces)."""
    return hashlib.sha256(canonical(list(ingests)).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return a JSON value as the one text that stands for it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _finding_view_document(view: FindingView) -> dict[str, Any]:
    return finding_document(view.finding) | {"change": view.change}


def _pause_document(pause: PauseView) -> dict[str, Any]:
    return {
        "id": pause.id,
        "jurisdictions": list(pause.jurisdictions),
        "announced": None if pause.announced is None else utc_text(pause.announced),
        "start": utc_text(pause.start),
        "end": None if pause.end is None else utc_text(pause.end),
    }


def _site_day_document(site_day: SiteDay) -> dict[str, Any]:
    numbers = ("coverage", "observed_mwh", "expected_mwh", "unaccounted_mwh", "unaccounted_sd_mwh")
    detectable = ("detectable_mw_7d", "detectable_flop_90d")
    return {
        "date": site_day.date.isoformat(),
        "status": site_day.status.value,
        **{name: json_value(getattr(site_day, name)) for name in numbers + detectable},
        "reasons": list(site_day.reasons),
    }


def _site_document(site: SiteView) -> dict[str, Any]:
    return {
        "site_id": site.site_day.site_id,
        "name": site.name,
        "owner": site.owner,
        "jurisdiction": site.jurisdiction,
        "timezone": site.timezone,
        **_site_day_document(site.site_day),
        "running_flop": json_value(site.running_flop),
        "days_to_significant": None if site.days_to_significant is None else json_value(site.days_to_significant),
        "unseen": list(site.unseen),
        "missable": list(site.missable),
        "would_help": list(site.would_help),
        "meters": [json_value(asdict(meter)) for meter in site.meters],
        "baselines": [json_value(asdict(baseline)) for baseline in site.baselines],
        "daily_observed_mwh": json_value(site.daily_observed_mwh),
        "daily_expected_mwh": json_value(site.daily_expected_mwh),
    }
