"""Daily: every site's day, inspected once its cut-off has passed, and the sealed report of it.

### For operators

- It runs after each hourly collect, and at midnight UTC in case collecting stands still. Mostly there is nothing to do
  and the run ends skipped: a day is inspected when its cut-off has passed at every site under a pause.
- If days were missed (an outage of the scheduler), all of them are inspected, in order. If readings of the latest day
  were delivered late, or the fleet file or baselines changed, its report is written again.
- `day` inspects that day whatever there is. A past day inspected again says the same, byte for byte; where it says
  something else (baselines fitted anew, a fleet file that changed), the later days no longer stand and are inspected
  again by the next run.
- `airflow backfill create --dag-id daily_inspection --from-date D --to-date D --max-active-runs 1` inspects the days of
  those dates, both included, in order.
- One task inspects a batch of sites; `conclude` writes the reports and returns their folders.
- A site that the program itself fails at is reported as `cannot_conclude` and costs no other its report; the run fails
  at `every_site_assessed` once the reports are written. Mended, inspect the first such day again (`day`).
- The workers need `PAUSEWATCH_FLEET` (the fleet file) and `PAUSEWATCH_HOME` (where data lives) in their environment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable, Param, dag, task
from pausewatch_shared import DEFAULT_ARGS, START, TELEMETRY


@dag(
    schedule=AssetOrTimeSchedule(assets=[TELEMETRY], timetable=CronDataIntervalTimetable("0 0 * * *", timezone="UTC")),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["pausewatch"],
    params={
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="Report day to inspect, YYYY-MM-DD; without it, what is due",
        ),
        "batch_size": Param(
            100, type="integer", minimum=1, title="Batch size", description="Sites inspected by one task"
        ),
    },
)
def daily_inspection() -> None:
    """Inspect what is due, a batch of sites a task, then write the report of each day."""

    @task
    def choose_days(params: dict[str, Any], dag_run: Any) -> list[dict[str, Any]]:
        from datetime import UTC, date, datetime

        from airflow.sdk.exceptions import AirflowSkipException

        from pausewatch.pipeline.due import complete_day, due_days, inspection_parts
        from pausewatch.pipeline.environment import workplace_from_environment

        place = workplace_from_environment()
        if params["day"] is not None:
            days = [complete_day(place.fleet, date.fromisoformat(params["day"]), dag_run.run_after)]
        elif dag_run.run_type == "backfill":
            days = [complete_day(place.fleet, dag_run.logical_date.date(), datetime.now(UTC))]
        else:
            days = due_days(place, dag_run.run_after)
        if not days:
            raise AirflowSkipException("Nothing is due: every complete day's report stands")
        return [dict(part) for part in inspection_parts(place.fleet, days, params["batch_size"])]

    @task(map_index_template="{{ task.op_kwargs['part']['name'] }}", execution_timeout=timedelta(hours=2))
    def inspect(part: dict[str, Any]) -> int:
        from datetime import date

        from pausewatch.pipeline.environment import workplace_from_environment
        from pausewatch.pipeline.inspecting import inspect_days

        return inspect_days(
            workplace_from_environment(), [date.fromisoformat(day) for day in part["days"]], part["site_ids"]
        )

    @task(execution_timeout=timedelta(hours=2))
    def conclude(parts: list[dict[str, Any]]) -> list[str]:
        from datetime import date

        from pausewatch.pipeline import conclude_day
        from pausewatch.pipeline.environment import workplace_from_environment

        place = workplace_from_environment()
        return [conclude_day(place, date.fromisoformat(day)) for day in parts[0]["days"]]

    @task
    def every_site_assessed(parts: list[dict[str, Any]]) -> None:
        """Stand only where the program failed at no site: the run's outcome, once the reports are written."""
        from datetime import date

        from pausewatch.pipeline.environment import workplace_from_environment
        from pausewatch.pipeline.inspecting import require_all_assessed

        require_all_assessed(workplace_from_environment(), [date.fromisoformat(day) for day in parts[0]["days"]])

    parts = choose_days()
    inspect.expand(part=parts) >> conclude(parts) >> every_site_assessed(parts)


daily_inspection()
