"""An Airflow of the tests' own, and processes to run DAGs in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"
_RUNNER = Path(__file__).with_name("runner.py")


@dataclass
class AirflowHome:
    """A migrated Airflow home, and processes that run steps in a copy of it."""

    template: Path
    copies: int = field(default=0)

    def run(self, fleet: Path, home: Path, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run steps in a process of their own over a fleet file and a home; return what each said."""
        self.copies += 1
        own = self.template.with_name(f"airflow-{self.copies}")
        shutil.copytree(self.template, own)
        steps_path = own / "steps.json"
        steps_path.write_text(json.dumps(steps), encoding="utf-8")
        env = airflow_environment(own) | {"PAUSEWATCH_FLEET": str(fleet), "PAUSEWATCH_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, str(_RUNNER), str(steps_path)], env=env, capture_output=True, text=True, check=False
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr[-6000:]
        assert len(said) == len(steps)
        for one in said:
            one["log"] = done.stderr
        return said


def airflow_environment(home: Path) -> dict[str, str]:
    """Return an environment in which Airflow knows this home alone."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "PAUSEWATCH_"))}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }
