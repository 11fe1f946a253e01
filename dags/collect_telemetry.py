"""Hourly: what every meter's source has to give, into the lake.

### For operators

- One task collects a batch of sites; `batch_size` says how many.
- Collecting is done as often as you like: what the lake holds is not written again, so a failed or cleared task is
  simply run again.
- A meter that can't be read fails its batch's task **after** everything else of the batch was stored. The error names
  each meter. It is tried again with growing pauses, for most outages pass; a mistake in the fleet file fails at once.
- `telemetry_collected` tells the daily inspection that the lake is as full as it will get this hour, also when some
  meters could not be read: that a meter is silent is something an inspector must be told. The run itself then
  fails at `every_meter_collected`.
- The workers need `PAUSEWATCH_FLEET` (the fleet file) and `PAUSEWATCH_HOME` (where data lives) in their environment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, dag, task
from pausewatch_shared import DEFAULT_ARGS, START, TELEMETRY


@dag(
    schedule=CronTriggerTimetable("5 * * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["pausewatch"],
    params={
        "batch_size": Param(
            50, type="integer", minimum=1, title="Batch size", description="Sites collected by one task"
        )
    },
)
def collect_telemetry() -> None:
    """Collect every meter's readings into the lake, a batch of sites a task."""

    @task
    def choose_sites(params: dict[str, Any]) -> list[list[str]]:
        from pausewatch.pipeline import batches
        from pausewatch.pipeline.environment import workplace_from_environment

        return batches(workplace_from_environment().fleet.sites, params["batch_size"])

    @task(
        map_index_template="{{ task.op_kwargs['site_ids'][0] }} .. {{ task.op_kwargs['site_ids'][-1] }}",
        execution_timeout=timedelta(minutes=50),
    )
    def collect(site_ids: list[str]) -> dict[str, int]:
        from pausewatch.pipeline.collecting import collect_sites
        from pausewatch.pipeline.environment import workplace_from_environment

        return collect_sites(workplace_from_environment(), site_ids)

    @task(outlets=[TELEMETRY], trigger_rule=TriggerRule.ALL_DONE)
    def telemetry_collected() -> None:
        """Tell whom it concerns that this hour's collect is through."""

    @task
    def every_meter_collected() -> None:
        """Stand only where no batch failed: the run's outcome."""

    collected = collect.expand(site_ids=choose_sites())
    collected >> [telemetry_collected(), every_meter_collected()]


collect_telemetry()
