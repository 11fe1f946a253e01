"""The seal of a report: checked offline from its folder alone, or with a public key that was handed over before.

`manifest.json` holds the hash of every file; `manifest.json.sig` is the raw 64-byte Ed25519 signature (RFC 8032) of its
bytes; `public_key.pem` checks it. OpenSSL 3 checks the same, without pausewatch:

    openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json -sigfile manifest.json.sig
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pausewatch.errors import SealError
from pausewatch.reports.keys import Signer, fingerprint, parse_public_key
from pausewatch.reports.manifest import MANIFEST_NAME, PUBLIC_KEY_NAME, SIGNATURE_NAME, parse_manifest

__all__ = ["Signer", "Verification", "verify_report"]

_UNSEALED = {MANIFEST_NAME, SIGNATURE_NAME}


@dataclass(frozen=True)
class Verification:
    """What was checked of a report, and held.

    Args:
        folder: the report's folder.
        fleet: the fleet it is of.
        date: its day, `YYYY-MM-DD`.
        files: how many files agree with their hashes.
        fingerprint: SHA-256 of the key that signed it.
        is_key_given: whether that key was given from outside; otherwise compare the fingerprint yourself.
        previous_date: the day it is chained to, None for the first report.
        chained_days: how many earlier reports were at hand, and agree with the chain.
    """

    folder: Path
    fleet: str
    date: str
    files: int
    fingerprint: str
    is_key_given: bool
    previous_date: str | None
    chained_days: int

    def lines(self) -> tuple[str, ...]:
        """Return what holds, a line each."""
        key = f"signature holds, key {self.fingerprint}"
        if not self.is_key_given:
            key += " (the report's own: compare it with the fingerprint you were given)"
        if self.previous_date is None:
            chain = "chain starts here"
        elif self.chained_days:
            chain = f"chain holds over {self.chained_days} earlier report{'s' if self.chained_days != 1 else ''}"
        else:
            chain = f"chain not checked: the report of {self.previous_date} is not at hand"
        return (f"{self.fleet} {self.date}: all {self.files} files agree with their hashes", key, chain)


def verify_report(folder: Path, *, public_key: Path | None = None, previous: Path | None = None) -> Verification:
    """Check a report's signature, the hash of each file, and its chain to the reports before it.

    Args:
        folder: the report's folder.
        public_key: the key it should be signed with; without it, the report's own key is used and named.
        previous: the folder of the report before it; without it, siblings named by their dates are looked for.

    Raises:
        SealError: the first thing that does not hold, in one line.
    """
    if not folder.is_dir():
        raise SealError("no such report", where=str(folder), remedy="name a folder that holds manifest.json")
    content = _read(folder, MANIFEST_NAME)
    used = _check_signature(folder, content, public_key)
    manifest = parse_manifest(content, str(folder / MANIFEST_NAME))
    _check_files(folder, manifest["files"])
    link = manifest["previous"]
    return Verification(
        folder=folder,
        fleet=manifest["fleet"],
        date=manifest["date"],
        files=len(manifest["files"]),
        fingerprint=used,
        is_key_given=public_key is not None,
        previous_date=None if link is None else link["date"],
        chained_days=_check_chain(folder, manifest, previous),
    )


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.exists():
        raise SealError(f"{name} is missing", where=str(folder))
    try:
        return path.read_bytes()
    except OSError as error:
        raise SealError(f"{name} can't be read", where=str(folder), why=error.strerror or "") from error


def _check_signature(folder: Path, content: bytes, public_key: Path | None) -> str:
    from cryptography.exceptions import InvalidSignature

    own = parse_public_key(_read(folder, PUBLIC_KEY_NAME), str(folder / PUBLIC_KEY_NAME))
    signature = _read(folder, SIGNATURE_NAME)
    key = own
    if public_key is not None:
        if not public_key.is_file():
            raise SealError("no such public key", where=str(public_key))
        key = parse_public_key(public_key.read_bytes(), str(public_key))
        if fingerprint(key) != fingerprint(own):
            raise SealError(
                "sealed with a foreign key",
                where=str(folder),
                why=f"it carries {fingerprint(own)}, the key given is {fingerprint(key)}",
                remedy="don't rely on this report until its issuer confirms the key",
            )
    try:
        key.verify(signature, content)
    except InvalidSignature as error:
        raise SealError(
            "bad signature: manifest.json, manifest.json.sig or public_key.pem was changed", where=str(folder)
        ) from error
    return fingerprint(key)


def _check_files(folder: Path, files: dict[str, Any]) -> None:
    for name, entry in files.items():
        if (folder / name).is_symlink():
            raise SealError(f"{name} is a link, not a file", where=str(folder))
        found = hashlib.sha256(_read(folder, name)).hexdigest()
        if found != entry["sha256"]:
            raise SealError(
                f"{name} was changed", where=str(folder), why=f"sha256 is {found}, sealed was {entry['sha256']}"
            )
    for path in sorted(folder.iterdir()):
        if path.name not in files and path.name not in _UNSEALED:
            raise SealError(f"{path.name} is not part of the sealed report", where=str(folder), remedy="remove it")


def _check_chain(folder: Path, manifest: dict[str, Any], previous: Path | None) -> int:
    """Follow the chain back as far as reports are at hand; return how many agree with it."""
    checked, here, given = 0, folder.resolve(), previous
    while (link := manifest["previous"]) is not None:
        earlier = here.parent / link["date"] if given is None else given
        path = earlier / MANIFEST_NAME
        if given is None and not earlier.is_dir():
            return checked
        if not path.is_file():
            raise SealError(f"broken chain: the report of {link['date']} has no manifest", where=str(earlier))
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != link["manifest_sha256"]:
            raise SealError(
                f"broken chain: the manifest of {link['date']} is not the one the report of {manifest['date']} was "
                "chained to",
                where=str(path),
                why=f"sha256 is {found}, chained was {link['manifest_sha256']}",
            )
        manifest, here, given = parse_manifest(content, str(path)), earlier.resolve(), None
        checked += 1
    if given is not None:
        raise SealError("broken chain: the report names no report before it", where=str(folder))
    return checked
