"""Commands that judge the judges: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pausewatch.cli.options import FLEET, HOME, DebugOption, FleetOption, FormatOption, HomeOption, say, say_json

_SITES, _SEED, _DAYS = 120, 20261124, 60


def evaluate(
    sites: Annotated[int, typer.Option("--sites", help="simulated sites, a third of them honest")] = _SITES,
    seed: Annotated[int, typer.Option("--seed", help="of the simulated fleets; the honest one has the next")] = _SEED,
    pause_days: Annotated[int, typer.Option("--pause-days", help="days of the pause")] = _DAYS,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="a page to put the tables into, between its marks")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="a file to write everything to, each miss too")] = None,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Inspect simulated fleets of known truth and score what was said of them."""
    from pausewatch.evaluation.plans import evaluation_plans, run_all
    from pausewatch.evaluation.report import evaluated, write_between_marks
    from pausewatch.findings.export import json_text
    from pausewatch.progress import Terminal
    from pausewatch.signatures.rule import explain

    plans = evaluation_plans(sites, seed, pause_days)
    with Terminal() as progress:
        trials = run_all(plans, progress)
    command = f"pausewatch evaluate --sites {sites} --seed {seed} --pause-days {pause_days}"
    result = evaluated(command, plans, trials, {"the rule": explain})
    if markdown is not None:
        write_between_marks(markdown, result.markdown())
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(json_text(result.document()), encoding="utf-8")
    if fmt == "json":
        say_json(result.document())
    else:
        say(result.markdown())
