"""Runs DAGs in a process of their own, for tests: `python runner.py STEPS.json`, one line of JSON a step.

Airflow warns where this project's tests take every warning for an error, and keeps its configuration for a process's
life. A step is `{"run": dag, "conf": …, "run_after": …, "env": {…}, "fault": name}`, or `{"look": name, …}`; steps go
on after a run that failed, because that is what some tests are about.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HEAVY = {
    "polars",
    "pandas",
    "matplotlib",
    "prophet",
    "statsmodels",
    "sklearn",
    "scipy",
    "ruptures",
    "deltalake",
    "numpy",
}
DAGS = Path(__file__).resolve().parents[2] / "dags"


def main() -> None:
    """Run the steps."""
    sys.path.insert(0, str(DAGS))
    import trial

    out = trial.results()
    for step in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        env = step.get("env", {})
        before = {name: os.environ.pop(name, None) for name in env}
        os.environ.update({name: value for name, value in env.items() if value is not None})
        if "run" in step:
            with FAULTS[step.get("fault", "none")]():
                told = trial.run_dag(step["run"], step.get("conf"), step.get("run_after"))
            told["xcom"] = _last_xcom()
        else:
            told = LOOKS[step["look"]](step)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        out.write(json.dumps(told) + "\n")


def _last_xcom() -> Any:
    """Return what the run made last left as `conclude`'s result."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run_id = session.scalars(select(XComModel.run_id).order_by(XComModel.timestamp.desc()).limit(1)).first()
        query = select(XComModel).where(XComModel.run_id == run_id, XComModel.task_id == "conclude")
        found = session.scalars(query).first()
        return None if found is None else XComModel.deserialize_value(found)


# -- faults -----------------------------------------------------------------------------------------------------------


@contextmanager
def _no_fault() -> Iterator[None]:
    yield


@contextmanager
def _second_batch_breaks_between_days() -> Iterator[None]:
    """The register is lost once, in the second batch, after its first day was recorded."""
    from pausewatch.errors import RegisterError
    from pausewatch.pipeline import inspecting

    real, calls = inspecting.record, {"sim-003": 0, "sim-001": 0}

    def record(register: Any, batch: Any, seen: Any) -> None:
        first = batch.report_on[0].id
        calls[first] = calls.get(first, 0) + 1
        if first == "sim-003" and calls[first] == 2:
            raise RegisterError("the register can't be written", why="database is locked")
        real(register, batch, seen)

    inspecting.record = record
    try:
        yield
    finally:
        inspecting.record = real
    assert calls["sim-003"] > 2, "the fault never struck"


@contextmanager
def _baselines_unreadable_once() -> Iterator[None]:
    """The folder of baselines is away, as a file share can be, until the first task has failed for it."""
    from pausewatch.pipeline import watching

    folder = Path(os.environ["PAUSEWATCH_HOME"]) / "baselines"
    away = folder.with_name("baselines-away")
    folder.rename(away)
    real, failed = watching.load_freeze, []

    def load_freeze(record: Any) -> Any:
        try:
            return real(record)
        except Exception:
            failed.append(record)
            away.rename(folder)
            raise

    watching.load_freeze = load_freeze
    try:
        yield
    finally:
        watching.load_freeze = real
    assert len(failed) == 1, "the fault never struck"


@contextmanager
def _program_fails_at_a_site() -> Iterator[None]:
    """The program has a fault that one site's day brings out."""
    from pausewatch.pipeline import assessing

    real, struck = assessing.assess, []

    def assess(seen: Any, *given: Any) -> Any:
        if seen.site.id == "sim-002":
            struck.append(seen.day)
            raise IndexError("of the program")
        return real(seen, *given)

    assessing.assess = assess
    try:
        yield
    finally:
        assessing.assess = real
    assert struck, "the fault never struck"


@contextmanager
def _conclude_breaks_after_first_report() -> Iterator[None]:
    """The disk is full once, after the first of several reports."""
    from pausewatch.pipeline import concluding

    real, calls = concluding.issue, []

    def issue(place: Any, register: Any, drawn: Any) -> str:
        calls.append(drawn)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(place, register, drawn)

    concluding.issue = issue
    try:
        yield
    finally:
        concluding.issue = real
    assert len(calls) > 2, "the fault never struck"


@contextmanager
def _small_corpus_teaches() -> Iterator[None]:
    """A handful of sites is enough to teach a cause: a run takes seconds."""
    from pausewatch.signatures import model

    model.LEAST_SITES = 3
    yield


def _answered(answer: dict[str, Any] | None) -> Any:
    """Return what makes every challenger speak for itself, and a person answer at once; None: nobody is asked."""

    @contextmanager
    def answering() -> Iterator[None]:
        from datetime import UTC, datetime

        from airflow.providers.standard.operators.hitl import ApprovalOperator

        from pausewatch.evaluation import retraining
        from pausewatch.evaluation.matters import MATTERS

        real_evaluate, real_execute = retraining.evaluate_challenger, ApprovalOperator.execute

        def evaluate(place: Any, plan: Any, name: str) -> dict[str, Any]:
            kept = place.home.models / f"{name}.evaluation.json"  # of the run before, which measured it for real
            document = json.loads(kept.read_text(encoding="utf-8"))
            gain = {"value": 0.1, "low": 0.05, "high": 0.15, "count": 120.0}
            document["gains"] = {rival: {m.name: gain for m in MATTERS} for rival in document["gains"]}
            document["sites"] = 120
            kept.write_text(json.dumps(document), encoding="utf-8")
            against = retraining.objections(document)
            return {"model": name, "champion": document["champion"], "objections": against, "comparison": "| – |"}

        def execute(self: Any, context: Any) -> Any:
            if answer is None:
                return None
            who = {"id": "7", "name": "ann"}
            event = answer | {"responded_at": datetime(2026, 10, 2, 9, tzinfo=UTC), "responded_by_user": who}
            return self.execute_complete(context, event)

        retraining.evaluate_challenger, ApprovalOperator.execute = evaluate, execute
        try:
            with _small_corpus_teaches():
                yield
        finally:
            retraining.evaluate_challenger, ApprovalOperator.execute = real_evaluate, real_execute

    return answering


FAULTS = {
    "small corpus teaches": _small_corpus_teaches,
    "approved": _answered({"chosen_options": ["Approve"], "params_input": {"reason": "fewer false alarms"}}),
    "approved without a reason": _answered({"chosen_options": ["Approve"], "params_input": {"reason": " "}}),
    "rejected": _answered({"chosen_options": ["Reject"], "params_input": {"reason": "not yet"}}),
    "nobody answered": _answered(None),
    "none": _no_fault,
    "second batch breaks between days": _second_batch_breaks_between_days,
    "baselines unreadable once": _baselines_unreadable_once,
    "program fails at a site": _program_fails_at_a_site,
    "conclude breaks after first report": _conclude_breaks_after_first_report,
}


# -- looks ------------------------------------------------------------------------------------------------------------


def _look_at_imports(_: dict[str, Any]) -> dict[str, Any]:
    """Import each DAG file as Airflow would, in this fresh process, and say what that loads and costs."""
    import importlib.util

    import airflow.sdk

    airflow.sdk.DAG  # noqa: B018  # loaded lazily
    already = HEAVY & set(sys.modules)
    seconds = {}
    for path in sorted(DAGS.glob("*.py")):
        begun = time.process_time()
        spec = importlib.util.spec_from_file_location(f"parsed_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        seconds[path.name] = time.process_time() - begun
    return {"heavy": sorted((HEAVY & set(sys.modules)) - already), "seconds": seconds}


def _look_at_dags(_: dict[str, Any]) -> dict[str, Any]:
    """Load the DAGs as the scheduler would, through their serialised form."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(dag_folder=DAGS)
    said = {}
    for dag_id, dag in bag.dags.items():
        scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        said[dag_id] = {
            "schedule": scheduled.timetable.summary,
            "can_be_backfilled": scheduled.timetable.periodic,
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "tags": sorted(dag.tags),
            "doc": dag.doc_md or "",
            "params": {name: dag.params.get_param(name).dump() for name in dag.params},
            "tasks": {
                task.task_id: {
                    "owner": task.owner,
                    "retries": task.retries,
                    "backs_off": bool(task.retry_exponential_backoff),
                    "is_mapped": task.is_mapped,
                    "downstream": sorted(task.downstream_task_ids),
                    "outlets": [asset.uri for asset in task.outlets],
                    "rules": [rule["action"] for rule in task.retry_policy.serialize()["rules"]],
                }
                for task in dag.tasks
            },
        }
    return {"errors": {Path(p).name: e for p, e in bag.import_errors.items()}, "dags": said}


def _look_at_retries(_: dict[str, Any]) -> dict[str, str]:
    """Say what the retry policy does with each error of this project."""
    from pausewatch_shared import RETRY_POLICY

    from pausewatch import errors

    made = {
        kind.__name__: kind("what")
        for kind in vars(errors).values()
        if _is_error(kind, errors) and kind.__name__ != "FleetError"
    }
    made["FleetError"] = errors.FleetError("fleet.yaml", [])
    return {name: RETRY_POLICY.evaluate(error, 1, 3).action.value for name, error in made.items()}


def _is_error(kind: Any, errors: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.PausewatchError)


def _look_at_backfill(step: dict[str, Any]) -> dict[str, Any]:
    """Say which days a backfill's run of a date would inspect."""
    from datetime import datetime
    from types import SimpleNamespace

    from airflow.dag_processing.dagbag import DagBag

    choose = DagBag(dag_folder=DAGS).dags["daily_inspection"].get_task("choose_days").python_callable
    moment = datetime.fromisoformat(step["logical_date"])
    run = SimpleNamespace(run_type="backfill", logical_date=moment, run_after=moment)
    return {"parts": choose(params={"day": None, "batch_size": 2}, dag_run=run)}


LOOKS = {
    "imports": _look_at_imports,
    "dags": _look_at_dags,
    "retries": _look_at_retries,
    "backfill": _look_at_backfill,
}

if __name__ == "__main__":
    main()
