"""Rivals in environments of their own: made with uv under a scratch folder, with pinned versions, and asked there.

An environment that can't be made is no failure: the reason is told, and the rival is left out. An answer is kept beside
the environment, under a hash of what was asked and of who was asked, so that a run that was broken off goes on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RIVALS = {  # name in the table: script, packages
    "Prophet as documented": ("prophet_documented.py", ("prophet==1.5.0", "pandas==2.3.3")),
    "statsforecast MSTL + AutoETS": ("statsforecast_mstl.py", ("statsforecast==2.1.1", "pandas==2.3.3")),
    # multimethod 2 breaks a library that OpenDSM stands on.
    "OpenDSM hourly": ("opendsm_hourly.py", ("opendsm==1.2.7", "multimethod==1.12")),
    "OpenSTEF 3 quantiles": ("openstef_quantile.py", ("openstef==3.4.93", "xgboost==2.1.4")),
}


@dataclass(frozen=True)
class Answer:
    """What a rival said of a batch's hours ahead, both (S, H), NaN where it failed; and its seconds a series."""

    mean_kw: np.ndarray
    sd_kw: np.ndarray
    seconds: float
    version: str
    failures: list[str]


def make(name: str, scratch: Path) -> tuple[Path | None, str]:
    """Return a rival's interpreter, or None and the reason; one that was made before is used again."""
    script, packages = RIVALS[name]
    folder = scratch / script.removesuffix(".py")
    python, ready = folder / "bin" / "python", folder / "ready.json"
    if ready.is_file() and json.loads(ready.read_text()) == list(packages):
        return python, ""
    uv = Path(sys.executable).parent / "uv"
    program = str(uv) if uv.is_file() else shutil.which("uv")
    if program is None:
        return None, "uv is not installed"
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [program, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [program, "pip", "install", "--quiet", "--python", str(python), *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode:
            return None, f"{command[1]} failed: {(done.stderr.strip().splitlines() or ['without a word'])[-1][:200]}"
    ready.write_text(json.dumps(list(packages)))
    return python, ""


def ask(name: str, python: Path, given: dict[str, np.ndarray], about: dict) -> Answer:
    """Ask a rival for a batch.

    Args:
        name: of RIVALS.
        python: its interpreter.
        given: `load_kw` (S, H), `temperature_c` (S, H + ahead), `start_s`.
        about: `series`: key, zone and country of each.

    Raises:
        RuntimeError: it ended without an answer.
    """
    kept = python.parent.parent / "answers" / f"{_asked(name, given, about)}.npz"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            source, target = Path(folder) / "given.npz", Path(folder) / "told.npz"
            np.savez(source, **given, about=json.dumps(about))
            command = [str(python), RIVALS[name][0], str(source), str(target)]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
            if done.returncode or not target.is_file():
                raise RuntimeError(f"{name}: {(done.stderr.strip().splitlines() or ['no word'])[-1][:300]}")
            target.replace(kept)
    with np.load(kept) as told:
        said = json.loads(str(told["about"]))
        seconds = float(np.mean(said["seconds"])) if said["seconds"] else float("nan")
        return Answer(told["mean_kw"], told["sd_kw"], seconds, said["version"], said["failures"])


def _asked(name: str, given: dict[str, np.ndarray], about: dict) -> str:
    script, packages = RIVALS[name]
    digest = hashlib.sha256(json.dumps([about, packages], sort_keys=True).encode())
    for part in (script, "exchange.py"):
        digest.update((HERE / part).read_bytes())
    for key, values in sorted(given.items()):
        digest.update(f"{key}{values.shape}".encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:32]
