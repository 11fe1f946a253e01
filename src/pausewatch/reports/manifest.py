"""manifest.json: the hashes a report's seal covers, and the link to the report before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pausewatch import __version__
from pausewatch.errors import SealError
from pausewatch.findings.export import json_value
from pausewatch.reports.daily import DailyReport
from pausewatch.reports.document import ingests_sha256, inputs_document

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.json.sig"
PUBLIC_KEY_NAME = "public_key.pem"
MANIFEST_VERSION = 1


def manifest_document(
    report: DailyReport, files: Mapping[str, bytes], previous: Path | None, key_fingerprint: str
) -> dict[str, Any]:
    """Return the manifest of a report.

    Thousands of ingests are held to one hash: that of the list as report.json holds it, in canonical JSON.

    Args:
        report: the report.
        files: every other file of the folder, by name.
        previous: the folder of the report before this one, or None for the first.
        key_fingerprint: SHA-256 of the public key that checks the signature.
    """
    inputs = inputs_document(report.inputs)
    return {
        "version": MANIFEST_VERSION,
        "pausewatch": __version__,
        "fleet": report.fleet,
        "date": report.date.isoformat(),
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
        "inputs": {
            "fleet_sha256": report.inputs.fleet_sha256,
            "models": json_value(report.inputs.models),
            "parameters": inputs["parameters"],
            "ingests": {"count": len(inputs["ingests"]), "sha256": ingests_sha256(inputs["ingests"])},
        },
        "previous": None if previous is None else previous_link(previous, report),
        "public_key_sha256": key_fingerprint,
    }


def previous_link(previous: Path, report: DailyReport) -> dict[str, str]:
    """Return the link to the report before this one: its date and its manifest's hash.

    Raises:
        SealError: there is no manifest, or it is of another fleet or not of an earlier day.
    """
    path = previous / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SealError(
            "the previous report has no manifest to chain to",
            where=str(path),
            remedy="write that day's report again, or name the folder of an earlier day",
        ) from error
    manifest = parse_manifest(content, str(path))
    if manifest["fleet"] != report.fleet:
        raise SealError(f"the previous report is of fleet {manifest['fleet']!r}, not {report.fleet!r}", where=str(path))
    if manifest["date"] >= report.date.isoformat():
        raise SealError(f"the previous report is of {manifest['date']}, not before {report.date}", where=str(path))
    return {"date": manifest["date"], "manifest_sha256": hashlib.sha256(content).hexdigest()}


def parse_manifest(content: bytes, where: str) -> dict[str, Any]:
    """Return a manifest from its bytes.

    Raises:
        SealError: it is not a manifest this version can read.
    """
    try:
        manifest = json.loads(content)
        if manifest["version"] != MANIFEST_VERSION:
            raise SealError(f"manifest version {manifest['version']!r} is not known", where=where)
        date.fromisoformat(manifest["date"])
        hashes = [str(entry["sha256"]) for entry in manifest["files"].values()]
        if any(Path(name).name != name for name in manifest["files"]) or not (hashes and str(manifest["fleet"])):
            raise ValueError("a file outside the folder, or none at all")
        if manifest["previous"] is not None:
            date.fromisoformat(manifest["previous"]["date"])
            str(manifest["previous"]["manifest_sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SealError("not a report's manifest", where=where) from error
    return dict(manifest)
