"""The workplace an orchestrator's task is sent to: named by the environment, for nobody is there to type it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pausewatch.errors import UsageError
from pausewatch.pipeline.workplace import Workplace

FLEET_VARIABLE = "PAUSEWATCH_FLEET"
HOME_VARIABLE = "PAUSEWATCH_HOME"
_MEANING = {FLEET_VARIABLE: "the fleet file", HOME_VARIABLE: "the folder where data lives"}


def workplace_from_environment(environ: Mapping[str, str] | None = None) -> Workplace:
    """Return the workplace that PAUSEWATCH_FLEET and PAUSEWATCH_HOME name.

    Raises:
        UsageError: one of them is not set.
        FleetError: the fleet file can't be used.
    """
    env = os.environ if environ is None else environ
    missing = [name for name in _MEANING if not env.get(name, "").strip()]
    if missing:
        raise UsageError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            where="environment",
            remedy=f"set {' and '.join(f'{name} to {_MEANING[name]}' for name in missing)} for every Airflow worker",
        )
    return Workplace.at(env[FLEET_VARIABLE].strip(), env[HOME_VARIABLE].strip())
