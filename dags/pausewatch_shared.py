"""What the DAGs share: the asset between them, and which failures are worth another try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule

from pausewatch import errors

TELEMETRY = Asset(name="pausewatch_telemetry", uri="pausewatch://telemetry")
"""Updated when an hourly collect is through: the lake holds what the sources had to give."""

OWNER = "pausewatch"
START = datetime(2020, 1, 1, tzinfo=UTC)

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[errors.UsageError, errors.FleetError, errors.InspectionError, errors.ModelError],
            action=RetryAction.FAIL,
            reason="Trying again can't mend this: somebody has to act on the message",
        ),
        RetryRule(
            exception=[errors.SourceError, errors.LakeError, errors.RegisterError, errors.BaselineError, OSError],
            action=RetryAction.RETRY,
            reason="This may pass: trying again",
        ),
    ]
)
"""By class of error: what a person must mend fails at once, what may pass by itself is tried again with backoff."""

DEFAULT_ARGS = {
    "owner": OWNER,
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
}
