"""Monthly and on demand: a challenger for the judge of findings, measured beside the champion, promoted by a person.

### For operators

- Fleets are simulated, inspected and cut into examples, one task a fleet; what reviewers found out
  (`pausewatch findings review --cause`) is learned too. The challenger is then measured beside the champion and the
  rule on other fleets, and on the findings reviewed in the last `review_days` days, which it has not learned from.
- If it is worse in anything that matters, or better in nothing, the run ends there: `put_forward` is skipped and its
  log says why. The champion stays.
- Otherwise `approve` waits for a person, under *Required Actions*, with the comparison: **Approve** with a reason, or
  **Reject**. Nobody needs to hurry: findings go on being judged by the champion. No answer for three weeks counts as a
  rejection.
- `promote` checks everything again (the answer, its reason, the model's hash, the evaluation, that the champion is
  still the same) and records who decided and why. `pausewatch promote --history` lists it;
  `pausewatch promote --rollback --reason WHY` is the way back.
- Trained and measured again on the same fleets it says the same: a failed or cleared task is simply run again. Fleets
  that were made are kept in `HOME/models/corpora/`, which may be deleted.
- The workers need `PAUSEWATCH_FLEET` (the fleet file) and `PAUSEWATCH_HOME` (where data lives) in their environment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import CronTriggerTimetable, Param, dag, task
from pausewatch_shared import DEFAULT_ARGS, START

ANSWER_WITHIN = timedelta(days=21)


@dag(
    schedule=CronTriggerTimetable("0 3 2 * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["pausewatch"],
    params={
        "sites": Param(900, type="integer", minimum=60, title="Sites", description="Simulated sites to learn from"),
        "held_out_sites": Param(
            300,
            type="integer",
            minimum=12,
            title="Held-out sites",
            description="Simulated sites to be measured on; fewer than 100 promote nothing",
        ),
        "pause_days": Param(
            60, type="integer", minimum=14, title="Days", description="Days of the simulated pause that are inspected"
        ),
        "review_days": Param(
            90,
            type="integer",
            minimum=0,
            title="Review days",
            description="Findings reviewed in so many last days measure, those reviewed before teach",
        ),
        "seed": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Seed",
            description="Of the first simulated fleet; without it, from the month of the run",
        ),
    },
)
def retrain_signature_model() -> None:
    """Train, measure, ask a person, promote."""

    @task
    def plan(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        from pausewatch.evaluation.retraining import retraining_plan

        return retraining_plan(dag_run.run_after, **dict(params))

    @task
    def fleets(planned: dict[str, Any]) -> list[dict[str, Any]]:
        return list(planned["learn_from"])

    @task(
        map_index_template="{{ task.op_kwargs['fleet']['preset'] }} {{ task.op_kwargs['fleet']['seed'] }}",
        execution_timeout=timedelta(hours=2),
    )
    def make_corpus(fleet: dict[str, Any]) -> str:
        from pausewatch.evaluation.retraining import make_corpus as make
        from pausewatch.pipeline.environment import workplace_from_environment

        return make(workplace_from_environment(), fleet)

    @task(execution_timeout=timedelta(hours=2))
    def train(planned: dict[str, Any]) -> str:
        from pausewatch.evaluation.retraining import train_challenger
        from pausewatch.pipeline.environment import workplace_from_environment

        return train_challenger(workplace_from_environment(), planned)

    @task(execution_timeout=timedelta(hours=4))
    def evaluate(planned: dict[str, Any], model: str) -> dict[str, Any]:
        from pausewatch.evaluation.retraining import evaluate_challenger
        from pausewatch.pipeline.environment import workplace_from_environment

        return evaluate_challenger(workplace_from_environment(), planned, model)

    @task
    def put_forward(measured: dict[str, Any]) -> dict[str, Any]:
        from airflow.sdk.exceptions import AirflowSkipException

        if measured["objections"]:
            raise AirflowSkipException(f"{measured['model']} is not put forward: {'; '.join(measured['objections'])}")
        return measured

    approve = ApprovalOperator(
        task_id="approve",
        subject="Shall {{ ti.xcom_pull(task_ids='put_forward')['model'] }} judge the findings from now on, "
        "instead of {{ ti.xcom_pull(task_ids='put_forward')['champion'] }}?",
        body="{{ ti.xcom_pull(task_ids='put_forward')['comparison'] }}",
        params={"reason": Param("", type="string", title="Reason", description="Why; kept with the decision")},
        defaults="Reject",
        response_timeout=ANSWER_WITHIN,
    )

    @task
    def promote(forward: dict[str, Any], approval: dict[str, Any] | None = None) -> str:
        from pausewatch.evaluation.retraining import promote_approved
        from pausewatch.pipeline.environment import workplace_from_environment

        return promote_approved(workplace_from_environment(), forward["model"], approval)

    planned = plan()
    corpora = make_corpus.expand(fleet=fleets(planned))
    model = train(planned)
    corpora >> model
    forward = put_forward(evaluate(planned, model))
    forward >> approve >> promote(forward, approve.output)


retrain_signature_model()
