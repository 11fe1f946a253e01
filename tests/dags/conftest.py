"""What the tests of the DAGs share: a migrated Airflow, and a small simulated fleet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.dags.airflow_home import AirflowHome, airflow_environment

from pausewatch.simulation import simulate


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    """A migrated Airflow home: made once, copied for every process."""
    home = tmp_path_factory.mktemp("dags") / "airflow"
    home.mkdir()
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, env=airflow_environment(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return AirflowHome(home)


@pytest.fixture(scope="session")
def fleet_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four simulated sites, hourly, 60 days before the pause and 12 in it; something happens at each."""
    folder = tmp_path_factory.mktemp("fleet")
    made = simulate(folder, preset="demo", sites=4, reference_days=60, pause_days=12, interval_min=60)
    return made.fleet_path
