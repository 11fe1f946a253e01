"""The command that checks a report's seal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pausewatch.cli.options import FLEET, HOME, DebugOption, FleetOption, FormatOption, HomeOption, say, say_json


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a report's folder")],
    public_key: Annotated[Path | None, typer.Option(help="the key you were given; else the report's own")] = None,
    previous: Annotated[Path | None, typer.Option(help="the previous report's folder, if it lies elsewhere")] = None,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Check a report's seal, hashes and chain, offline."""
    from pausewatch.reports.seal import verify_report

    held = verify_report(folder, public_key=public_key, previous=previous)
    if fmt == "json":
        say_json(asdict(held) | {"folder": str(folder)})
        return
    for line in held.lines():
        say(line)
