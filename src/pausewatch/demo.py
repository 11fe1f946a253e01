"""The demo: the main job on a simulated fleet, through the real DAGs, without a service to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

from pausewatch.errors import PausewatchError
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.pipeline.concluding import last_cutoff
from pausewatch.pipeline.environment import FLEET_VARIABLE, HOME_VARIABLE
from pausewatch.progress import Progress, Silent
from pausewatch.settings import CANDIDATES_VARIABLE
from pausewatch.simulation import simulate
from pausewatch.simulation.simulator import PAUSE_START

DAGS_VARIABLE = "PAUSEWATCH_DAGS"
SITES = 8
REFERENCE_DAYS = 150
PAUSE_DAYS = 21
# The last days are inspected a run each, as they would be; those before them in one run, as after an outage.
DAILY_RUNS = 5
_TRIAL = "trial.py"


@dataclass(frozen=True)
class DemoPlaces:
    """Where the demo keeps things: apart from what a home holds of a real fleet."""

    fleet: Path
    home: Path
    airflow: Path

    @property
    def log(self) -> Path:
        """What Airflow said."""
        return self.airflow / "demo.log"


def run_demo(home: Path, progress: Progress | None = None, dags: Path | None = None) -> Path:
    """Simulate a fleet, collect it, learn it and inspect its pause; return the last day's report.html.

    Run again, it gives the same report.

    Args:
        home: a folder; the demo's own folders in it are `demo-fleet`, `demo` and `demo-airflow`.
        progress: told of each stage.
        dags: the DAGs' folder; found beside the source tree, or named by PAUSEWATCH_DAGS.

    Raises:
        PausewatchError: there are no DAGs, or a stage failed; Airflow's log is named.
    """
    told = progress or Silent()
    folder = dags or dags_folder()
    root = home.expanduser().resolve()
    places = DemoPlaces(root / "demo-fleet", root / "demo", root / "demo-airflow")
    places.airflow.mkdir(parents=True, exist_ok=True)
    with places.log.open("w", encoding="utf-8") as log:
        with _started([sys.executable, "-m", "airflow", "db", "migrate"], places, folder, log, log) as migration:
            fleet_path = simulate(
                places.fleet,
                preset="demo",
                sites=SITES,
                reference_days=REFERENCE_DAYS,
                pause_days=PAUSE_DAYS,
                progress=told,
            ).fleet_path
            told.stage("preparing Airflow", 1)
            migration.wait()
        if migration.returncode:
            raise PausewatchError("Airflow's database could not be prepared", where=str(places.log))
        told.advance()
        last = PAUSE_START.date() + timedelta(days=PAUSE_DAYS - 1)
        stages = demo_stages(load_fleet(fleet_path), last)
        _run_stages(stages, places, folder, log, told)
    return places.home / "reports" / last.isoformat() / "report.html"


def dags_folder() -> Path:
    """Return the folder of the DAGs: named by PAUSEWATCH_DAGS, or beside the source tree.

    Raises:
        PausewatchError: the DAGs are not there.
    """
    named = os.environ.get(DAGS_VARIABLE)
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "dags"
    if not (folder / _TRIAL).is_file():
        raise PausewatchError(
            "the DAGs are not there",
            where=str(folder),
            remedy=f"run the demo from a checkout of the repository, or name its dags folder in {DAGS_VARIABLE}",
        )
    return folder.resolve()


def demo_stages(fleet: Fleet, last: date) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the demo's DAG runs: stages by name, each a list of runs for `dags/trial.py`."""
    first = PAUSE_START.date()
    caught_up = last - timedelta(days=DAILY_RUNS)
    days = [last - timedelta(days=i) for i in reversed(range(DAILY_RUNS))]
    return [
        ("collect_telemetry", [{"dag": "collect_telemetry"}]),
        ("fit_baselines", [{"dag": "fit_baselines"}]),
        (f"daily_inspection {first}", [_inspection(fleet, first)]),
        (f"daily_inspection catches up to {caught_up}", [_inspection(fleet, caught_up, by_name=False)]),
        (f"daily_inspection {days[0]} to {days[-1]}", [_inspection(fleet, day) for day in days]),
    ]


def _inspection(fleet: Fleet, day: date, *, by_name: bool = True) -> dict[str, Any]:
    """Return the run of a day's inspection at its last cut-off, the day asked for or found due."""
    conf = {"conf": {"day": day.isoformat()}} if by_name else {}
    return {"dag": "daily_inspection", "run_after": last_cutoff(fleet, day).isoformat(), **conf}


def _run_stages(
    stages: list[tuple[str, list[dict[str, Any]]]], places: DemoPlaces, folder: Path, log: IO[str], told: Progress
) -> None:
    plan = places.airflow / "plan.json"
    plan.write_text(json.dumps([run for _, runs in stages for run in runs], indent=1), encoding="utf-8")
    command = [sys.executable, str(folder / _TRIAL), str(plan)]
    with _started(command, places, folder, log, subprocess.PIPE) as trial:
        assert trial.stdout is not None  # noqa: S101  # it is a pipe
        for name, runs in stages:
            told.stage(name, len(runs))
            for run in runs:
                line = trial.stdout.readline()
                outcome: dict[str, Any] = json.loads(line) if line else {"state": "not finished", "tasks": []}
                if outcome["state"] != "success":
                    failed = [t["name"] or t["task"] for t in outcome["tasks"] if t["state"] == "failed"]
                    raise PausewatchError(
                        f"the demo's run of {run['dag']} is {outcome['state']}",
                        where=str(places.log),
                        why=f"failed: {', '.join(failed)}" if failed else "",
                        remedy="the log says why",
                    )
                told.advance()


@contextmanager
def _started(
    command: list[str], places: DemoPlaces, dags: Path, log: IO[str], out: IO[str] | int
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in the demo's environment, what it says going to the log, and end it if we are ended."""
    with subprocess.Popen(  # noqa: S603  # our own interpreter and files
        command, env=_environment(places, dags), stdin=subprocess.DEVNULL, stdout=out, stderr=log, text=True
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def _environment(places: DemoPlaces, dags: Path) -> dict[str, str]:
    """Return an environment in which neither a real Airflow nor a real home is touched."""
    foreign = ("AIRFLOW", "PAUSEWATCH_")
    kept = {k: v for k, v in os.environ.items() if k == CANDIDATES_VARIABLE or not k.startswith(foreign)}
    return kept | {
        FLEET_VARIABLE: str(places.fleet / "fleet.yaml"),
        HOME_VARIABLE: str(places.home),
        "AIRFLOW_HOME": str(places.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{places.airflow / 'airflow.db'}",
        "PYTHONWARNINGS": "ignore",
    }
