"""What every test may use: the shared real data, and a run that refuses to skip in silence."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Test processes share the cores already: threads of theirs only wait for each other. Read when a library is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

_REPOSITORY = Path(__file__).resolve().parents[1]
_refused: list[str] = []
sys.path.insert(0, str(_REPOSITORY))  # for tests.builders and tests.naive, however pytest is started


# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("pausewatch", deadline=None)
settings.load_profile("pausewatch")


def shared_data_folder() -> Path:
    """Return where the project's shared real data would be."""
    named = os.environ.get("PAUSEWATCH_SHARED_DATA")
    return Path(named) if named else _REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the project's shared real data; its tests skip where it is absent."""
    folder = shared_data_folder()
    if not folder.is_dir():
        pytest.skip("the project's shared real data is absent; name its folder in PAUSEWATCH_SHARED_DATA")
    return folder


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember a skipped test (with xdist the controlling process is told too)."""
    _remember(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember a skipped module."""
    _remember(report)


def _remember(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("PAUSEWATCH_FAIL_ON_SKIP") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    allowed = [part.strip() for part in os.environ.get("PAUSEWATCH_ALLOWED_SKIPS", "").split(",")]
    if not any(part and part in reason for part in allowed):
        _refused.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a green run with refused skips into a failed one."""
    if _refused and exitstatus == pytest.ExitCode.OK and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips were refused."""
    if _refused:
        terminalreporter.section("skips that are not allowed (PAUSEWATCH_FAIL_ON_SKIP=1)")
        for line in _refused:
            terminalreporter.write_line(line)
