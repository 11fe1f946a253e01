"""The DAG files load fast and without errors, and are what operators and the scheduler were told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dags.airflow_home import DAGS, AirflowHome

from pausewatch.baselines.registry import CANDIDATES

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

DAG_IDS = ["collect_telemetry", "daily_inspection", "fit_baselines", "retrain_signature_model"]


@pytest.fixture(scope="module")
def looks(airflow_home: AirflowHome, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    nowhere = tmp_path_factory.mktemp("nowhere")
    names = ["imports", "dags", "retries"]  # imports first: the process is fresh
    said = airflow_home.run(nowhere / "fleet.yaml", nowhere / "home", [{"look": name} for name in names])
    return dict(zip(names, said, strict=True))


@pytest.fixture(scope="module")
def dags(looks: dict[str, Any]) -> dict[str, Any]:
    return looks["dags"]["dags"]


def test_every_file_loads(looks: dict[str, Any]) -> None:
    assert looks["dags"]["errors"] == {}
    assert sorted(looks["dags"]["dags"]) == DAG_IDS


def test_parsing_loads_nothing_heavy(looks: dict[str, Any]) -> None:
    assert looks["imports"]["heavy"] == []
    assert sorted(looks["imports"]["seconds"]) == sorted(path.name for path in DAGS.glob("*.py"))


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_dag_keeps_the_house_rules(dags: dict[str, Any], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert dag["tags"] == ["pausewatch"]
    assert "PAUSEWATCH_FLEET" in dag["doc"]
    assert "### For operators" in dag["doc"]
    for task in dag["tasks"].values():
        assert task["owner"] == "pausewatch"
        assert task["retries"] == 3
        assert task["backs_off"]
        assert task["rules"] == ["fail", "retry"]
    for param in dag["params"].values():
        assert param["schema"]["type"]
        assert param["description"]


def test_collecting_is_hourly_and_tells_the_inspection_whatever_failed(dags: dict[str, Any]) -> None:
    dag = dags["collect_telemetry"]
    assert dag["schedule"] == "5 * * * *"
    assert dag["params"]["batch_size"]["value"] == 50
    assert {name: task["is_mapped"] for name, task in dag["tasks"].items()} == {
        "choose_sites": False,
        "collect": True,
        "telemetry_collected": False,
        "every_meter_collected": False,
    }
    assert dag["tasks"]["collect"]["downstream"] == ["every_meter_collected", "telemetry_collected"]
    assert [name for name, task in dag["tasks"].items() if task["outlets"]] == ["telemetry_collected"]


def test_baselines_are_fitted_monthly_in_hundreds(dags: dict[str, Any]) -> None:
    dag = dags["fit_baselines"]
    assert dag["schedule"] == "30 1 1 * *"
    assert dag["params"]["batch_size"]["schema"]["multipleOf"] == 100
    assert dag["params"]["candidates"]["value"] is None
    assert dag["params"]["candidates"]["schema"]["items"]["enum"] == list(CANDIDATES)
    assert dag["tasks"]["fit"]["is_mapped"]


def test_the_inspection_follows_the_telemetry_and_can_be_backfilled(dags: dict[str, Any]) -> None:
    dag = dags["daily_inspection"]
    assert dag["schedule"] == "Asset or 0 0 * * *"
    assert dag["can_be_backfilled"]
    assert dag["params"]["day"]["value"] is None
    assert dag["params"]["day"]["schema"]["format"] == "date"
    assert dag["tasks"]["choose_days"]["downstream"] == ["conclude", "every_site_assessed", "inspect"]
    assert dag["tasks"]["inspect"]["is_mapped"]
    assert dag["tasks"]["inspect"]["downstream"] == ["conclude"]
    assert dag["tasks"]["conclude"]["downstream"] == ["every_site_assessed"]


def test_retraining_is_monthly_and_asks_a_person(dags: dict[str, Any]) -> None:
    dag = dags["retrain_signature_model"]
    assert dag["schedule"] == "0 3 2 * *"
    assert dag["tasks"]["make_corpus"]["is_mapped"]
    assert dag["tasks"]["put_forward"]["downstream"] == ["approve", "promote"]
    assert dag["tasks"]["approve"]["downstream"] == ["promote"]
    assert dag["params"]["held_out_sites"]["schema"]["minimum"] == 12
    assert dag["params"]["seed"]["value"] is None


def test_only_what_may_pass_by_itself_is_tried_again(looks: dict[str, Any]) -> None:
    said = {name: action for name, action in looks["retries"].items() if name != "log"}
    assert said == {
        "PausewatchError": "default",
        "UsageError": "fail",
        "FleetError": "fail",
        "InspectionError": "fail",
        "ModelError": "fail",
        "SourceError": "retry",
        "LakeError": "retry",
        "RegisterError": "retry",
        "BaselineError": "retry",
        "SealError": "default",
        "SimulationError": "default",
    }
