"""The steps, in order, free of any orchestrator: what the command line and the DAGs call."""

from pausewatch.pipeline.concluding import conclude_day
from pausewatch.pipeline.days import batches, latest_complete_day, report_days, watched_sites
from pausewatch.pipeline.inspecting import inspect_day, inspect_sites
from pausewatch.pipeline.learning import fit_baselines
from pausewatch.pipeline.replaying import replay
from pausewatch.pipeline.workplace import Workplace

__all__ = [
    "Workplace",
    "batches",
    "conclude_day",
    "fit_baselines",
    "inspect_day",
    "inspect_sites",
    "latest_complete_day",
    "replay",
    "report_days",
    "watched_sites",
]
