"""Where data lives: the home folder, and the lake and register that may be elsewhere by URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CANDIDATES_VARIABLE = "PAUSEWATCH_CANDIDATES"


@dataclass(frozen=True)
class Home:
    """Everything pausewatch keeps. Embedded defaults: a folder and SQLite, no service to start.

    Args:
        path: the home folder.
        lake_url: where the lake is.
        register_url: where the register is.
        baselines_path: folder of frozen baselines, if not the home's.
        candidates: names of the baselines to choose from, empty for the usual ones.
    """

    path: Path
    lake_url: str
    register_url: str
    baselines_path: Path | None = None
    candidates: tuple[str, ...] = ()

    @staticmethod
    def at(path: str | Path, environ: Mapping[str, str] | None = None) -> Home:
        """Return the home at `path`, with PAUSEWATCH_LAKE_URL, _REGISTER_URL and _CANDIDATES honoured."""
        env = os.environ if environ is None else environ
        root = Path(path).expanduser().resolve()
        return Home(
            path=root,
            lake_url=env.get("PAUSEWATCH_LAKE_URL") or str(root / "lake"),
            register_url=env.get("PAUSEWATCH_REGISTER_URL") or f"sqlite:///{root / 'register.db'}",
            candidates=tuple(env.get(CANDIDATES_VARIABLE, "").replace(",", " ").split()),
        )

    @property
    def baselines(self) -> Path:
        """Folder of frozen baselines."""
        return self.baselines_path or self.path / "baselines"

    @property
    def reports(self) -> Path:
        """Folder of daily reports."""
        return self.path / "reports"

    @property
    def keys(self) -> Path:
        """Folder of the key that seals reports."""
        return self.path / "keys"

    @property
    def models(self) -> Path:
        """Folder of signature models trained here, and of which of them is the champion."""
        return self.path / "models"

    @property
    def state(self) -> Path:
        """Folder of derived state carried from day to day; deleting it costs time, never a result."""
        return self.path / "state"
