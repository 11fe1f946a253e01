"""Run DAGs one after another in this process, without a scheduler: for a demo, a trial and the tests.

    python dags/trial.py PLAN.json

The plan is a list of `{"dag": id, "conf": {…}, "run_after": "2026-09-22T13:00:00Z"}`; `conf` and `run_after` may be
left out. `AIRFLOW_HOME` must hold a migrated database. After each run one line of JSON goes to standard output,
everything else to standard error. The first run that fails ends the trial with exit code 1. Retries come a second
later.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).resolve().parent


def main(plan_path: str) -> int:
    """Run the plan; return the exit code."""
    plan = json.loads(Path(plan_path).read_text(encoding="utf-8"))
    out = results()
    for step in plan:
        told = run_dag(step["dag"], step.get("conf"), step.get("run_after"))
        out.write(json.dumps(told) + "\n")
        if told["state"] != "success":
            return 1
    return 0


def results() -> TextIO:
    """Return what was standard output, and send there to standard error what Airflow logs to it."""
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return out


def run_dag(dag_id: str, conf: dict[str, Any] | None = None, run_after: str | None = None) -> dict[str, Any]:
    """Run one DAG; return its outcome and that of its tasks.

    Raises:
        RuntimeError: a DAG file can't be imported.
    """
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(HERE)
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=HERE)  # afresh: the params of a run stay in the DAG that was run
    if bag.import_errors:
        raise RuntimeError("\n".join(f"{path}: {error}" for path, error in bag.import_errors.items()))
    dag: Any = bag.dags[dag_id]
    for task in dag.tasks:
        task.retry_delay = timedelta(seconds=1)
        task.retry_exponential_backoff = 0
    begun = time.monotonic()
    moment = None if run_after is None else datetime.fromisoformat(run_after)
    run = dag.test(run_conf=conf, run_after=moment, logical_date=None)
    tasks = [
        {"task": ti.task_id, "name": ti.rendered_map_index, "state": str(ti.state), "tries": ti.try_number}
        for ti in sorted(run.get_task_instances(), key=lambda ti: (ti.task_id, ti.map_index))
    ]
    return {"dag": dag_id, "state": str(run.state), "seconds": round(time.monotonic() - begun, 2), "tasks": tasks}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
