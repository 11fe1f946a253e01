"""Monthly and on demand: what every site draws without training, learned from before the pause and frozen.

### For operators

- Run it once when telemetry from before the pause is collected, and after the fleet file changed what baselines rest on
  (meters, zones, the alarm budget): the daily inspection says so when it is needed.
- It learns from before the pause only. The same telemetry gives the same baselines, so the monthly run changes nothing
  unless readings from before the pause were delivered or corrected since.
- Sites are learned together in hundreds, and thresholds are pooled among them: `batch_size` is a multiple of 100.
- Each series' model is chosen by backtest among `candidates`: without them among those of `PAUSEWATCH_CANDIDATES`, or
  the usual ones, fitted in batches. structural, boosted and prophet take seconds to a minute a series: name them.
- A site with too little history is refused, with what it lacks, in its report; it fails nothing.
- The workers need `PAUSEWATCH_FLEET` (the fleet file) and `PAUSEWATCH_HOME` (where data lives) in their environment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, task
from pausewatch_shared import DEFAULT_ARGS, START

# Written out, since parsing a DAG file may load nothing heavy; a test holds them to the registry.
CANDIDATES = [
    "ridge",
    "ridge_recent",
    "ridge_year",
    "ridge_no_weather",
    "ridge_year_no_weather",
    "persistence",
    "structural",
    "boosted",
    "prophet",
]


@dag(
    schedule=CronTriggerTimetable("30 1 1 * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["pausewatch"],
    params={
        "batch_size": Param(
            100,
            type="integer",
            minimum=100,
            multipleOf=100,
            title="Batch size",
            description="Sites learned by one task: a multiple of 100",
        ),
        "candidates": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": CANDIDATES},
            title="Candidates",
            description="Baselines to choose from; none: those of PAUSEWATCH_CANDIDATES, or the usual, cheap ones",
        ),
    },
)
def fit_baselines() -> None:
    """Fit, backtest and freeze every site's baselines, a batch of sites a task."""

    @task
    def choose_sites(params: dict[str, Any]) -> list[dict[str, Any]]:
        from pausewatch.pipeline.environment import workplace_from_environment
        from pausewatch.pipeline.learning import learning_batches

        parts = learning_batches(workplace_from_environment().fleet, params["batch_size"])
        chosen = {"candidates": params["candidates"]}
        return [{"pause_id": pause_id, "site_ids": ids} | chosen for pause_id, ids in parts]

    @task(
        map_index_template="{{ task.op_kwargs['pause_id'] }}: {{ task.op_kwargs['site_ids'][0] }}"
        " .. {{ task.op_kwargs['site_ids'][-1] }}",
        execution_timeout=timedelta(hours=2),
    )
    def fit(pause_id: str, site_ids: list[str], candidates: list[str] | None = None) -> list[str]:
        from pausewatch.pipeline import fit_baselines as fit_sites
        from pausewatch.pipeline.environment import workplace_from_environment

        records = fit_sites(workplace_from_environment(), site_ids, pause_id=pause_id, candidates=candidates or None)
        return [record.sha256 for record in records]

    fit.expand_kwargs(choose_sites())


fit_baselines()
