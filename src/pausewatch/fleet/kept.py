"""A large fleet file's checked content, kept as JSON under its hash: read as YAML and checked again it takes seconds.

What is kept is plain data that is validated again each time. A file is named by all that it rests on and by its own
hash; one that is damaged, or of another file, folder or program, is passed over. Losing it costs time alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pausewatch.errors import FleetProblem
from pausewatch.whole import write_whole

_VERSION = 1
# A smaller file is read in a blink.
_LEAST_SITES = 200
_NEWEST = 4
_DIGITS = 32


@dataclass(frozen=True)
class KeptFleet:
    """Where the content of one version of a fleet file is kept.

    Args:
        folder: of the home and program.
        key: hash of the file's content and of where it lies.
    """

    folder: Path
    key: str

    @staticmethod
    def of(folder: Path, file: Path, content_sha256: str) -> KeptFleet:
        """Return where a fleet file's content is kept under a folder."""
        about = json.dumps([_VERSION, content_sha256, str(file), str(file.parent.resolve())])
        return KeptFleet(folder, _digest(about.encode()))

    def read(self) -> tuple[dict[str, Any], tuple[FleetProblem, ...]] | None:
        """Return the document and its warnings, or None where they aren't kept."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            for path in self.folder.glob(f"{self.key}-*.json"):
                content = path.read_bytes()
                if path.stem == f"{self.key}-{_digest(content)}":
                    told = json.loads(content)
                    return told["document"], tuple(FleetProblem(**one) for one in told["warnings"])
        return None

    def write(self, document: dict[str, Any], warnings: Sequence[FleetProblem]) -> None:
        """Keep a checked document, whole or not at all; a full or write-protected disk is no error."""
        if len(document["sites"]) < _LEAST_SITES:
            return
        content = json.dumps({"document": document, "warnings": [asdict(w) for w in warnings]}).encode()
        if json.loads(content)["document"] != document:
            return
        path = self.folder / f"{self.key}-{_digest(content)}.json"
        with contextlib.suppress(OSError):
            write_whole(path, content)
            kept = sorted(self.folder.parent.rglob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
            for old in kept[_NEWEST:]:
                old.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
