"""A run that refuses to skip in silence: the hook in conftest.py, alone and with xdist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("workers", "allowed", "code"), [("0", "rain, absent", 0), ("0", "", 1), ("2", "rain", 1)])
def test_skips_are_refused_unless_allowed(tmp_path: Path, workers: str, allowed: str, code: int) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('the data is absent')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "no:cacheprovider", str(folder)],
        env={**os.environ, "PAUSEWATCH_FAIL_ON_SKIP": "1", "PAUSEWATCH_ALLOWED_SKIPS": allowed},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("test_it.py::test_b: Skipped: the data is absent" in done.stdout) == bool(code)
