"""The workplace: a fleet, and where its telemetry, findings and reports are kept."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.pipeline.program import program_sha256
from pausewatch.settings import Home
from pausewatch.telemetry.lake import Lake


@dataclass(frozen=True)
class Workplace:
    """Everything a step needs to know; cheap to make, nothing is opened until it is used.

    Args:
        fleet: what is declared.
        home: where things are kept.
        reports: folder of the daily reports.
    """

    fleet: Fleet
    home: Home
    reports: Path

    @staticmethod
    def at(fleet_path: str | Path, home_path: str | Path) -> Workplace:
        """Return the workplace of a fleet file and a home.

        Raises:
            FleetError: the fleet file can't be used.
        """
        home = Home.at(home_path)
        kept = home.state / "fleet" / program_sha256(("fleet",))[:16]
        return Workplace(load_fleet(Path(fleet_path), kept), home, home.reports)

    def elsewhere(self, out: Path) -> Workplace:
        """Return the workplace of a replay into `out`: the same lake and key, a register and baselines of its own."""
        folder = self.home.path / "replays" / hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:12]
        home = replace(
            self.home, register_url=f"sqlite:///{folder / 'register.db'}", baselines_path=folder / "baselines"
        )
        return Workplace(self.fleet, home, out / "reports")

    def forget(self) -> None:
        """Take away a replay's own register and baselines."""
        path = Path(self.home.register_url.removeprefix("sqlite:///")).parent
        if path.parent != self.home.path / "replays":
            raise ValueError(f"{path} is not a replay's own")
        shutil.rmtree(path, ignore_errors=True)

    def lake(self) -> Lake:
        """Open the lake."""
        return Lake.open(self.home.lake_url)

    @contextmanager
    def register(self) -> Iterator[Register]:
        """Open the register, with this version of the fleet file on record, and close it."""
        if self.home.register_url.startswith("sqlite:///"):
            Path(self.home.register_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        with Register.open(self.home.register_url) as register:
            register.record_fleet(
                self.fleet.name,
                self.fleet.sha256,
                str(self.fleet.path),
                self.fleet.path.read_text(encoding="utf-8"),
                datetime.now(UTC),
            )
            yield register
