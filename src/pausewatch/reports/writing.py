"""Write a day's report: every file of its folder, sealed, and put in place in one step."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from pausewatch.findings.export import findings_text, json_text, site_days_text
from pausewatch.reports.daily import DailyReport
from pausewatch.reports.document import report_document
from pausewatch.reports.keys import Signer
from pausewatch.reports.manifest import MANIFEST_NAME, PUBLIC_KEY_NAME, SIGNATURE_NAME, manifest_document
from pausewatch.reports.page import render_html

_ATTEMPTS = 5


def write_report(report: DailyReport, folder: Path, *, previous: Path | None, signer: Signer) -> Path:
    """Write a report into its folder, and return the folder. The same report and key give the same bytes.

    Args:
        report: what is told.
        folder: where it goes; one that exists is replaced as a whole.
        previous: the folder of the report before it, to which it is chained; None for the first.
        signer: seals it.

    Raises:
        SealError: `previous` is no earlier report of the same fleet.
    """
    return seal_report(report, report_files(report), folder, previous=previous, signer=signer)


def report_files(report: DailyReport) -> dict[str, bytes]:
    """Return what the report's readers open, by name; nothing is written."""
    findings = [view.finding for view in report.findings]
    site_days = [site.site_day for site in report.sites]
    return {
        "report.html": render_html(report).encode(),
        "report.json": json_text(report_document(report)).encode(),
        "findings.csv": findings_text(findings).encode(),
        "site_days.csv": site_days_text(site_days).encode(),
    }


def seal_report(
    report: DailyReport, files: Mapping[str, bytes], folder: Path, *, previous: Path | None, signer: Signer
) -> Path:
    """Chain and sign a report's files and put them in place; of the report only its date, fleet and inputs are used.

    Raises:
        SealError: `previous` is no earlier report of the same fleet.
    """
    whole = {**files, PUBLIC_KEY_NAME: signer.public_pem}
    manifest = json_text(manifest_document(report, whole, previous, signer.fingerprint)).encode()
    return put_in_place({**whole, MANIFEST_NAME: manifest, SIGNATURE_NAME: signer.sign(manifest)}, folder)


def put_in_place(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files beside a folder, then rename them into its place: a reader sees the old or the new, never a part."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    fresh, old = folder.with_name(f".{folder.name}.{mark}.new"), folder.with_name(f".{folder.name}.{mark}.old")
    fresh.mkdir()
    try:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        _swap(fresh, folder, old)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder


def _swap(fresh: Path, folder: Path, old: Path) -> None:
    """Rename `fresh` to `folder`; what stands there is moved to `old`, and back if the renaming fails."""
    for attempt in range(1, _ATTEMPTS + 1):
        moved = False
        if folder.exists():
            try:
                folder.rename(old)
                moved = True
            except FileNotFoundError:
                pass  # another writer moved it first
        try:
            fresh.rename(folder)
        except OSError:
            if moved and not folder.exists():
                old.rename(folder)
            if attempt == _ATTEMPTS or not folder.exists():
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            return
