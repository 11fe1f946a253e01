"""Options that commands share, and how results are printed."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pausewatch.errors import UsageError

if TYPE_CHECKING:
    from pausewatch.pipeline import Workplace

Format = Literal["text", "json"]
FleetOption = Annotated[Path, typer.Option("--fleet", help="the fleet file, or the folder that holds fleet.yaml")]
HomeOption = Annotated[Path, typer.Option("--home", help="where data lives", envvar="PAUSEWATCH_HOME")]
DebugOption = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]
FormatOption = Annotated[Format, typer.Option("--format", help="how results are printed")]
SiteOption = Annotated[list[str] | None, typer.Option("--site", help="only this site; may be given again")]
CandidatesOption = Annotated[
    str | None,
    typer.Option("--candidates", help="baselines to choose from, separated by commas; default: the cheap ones"),
]
FLEET, HOME = Path("fleet.yaml"), Path("pausewatch-home")


def day_of(text: str) -> date:
    """Return a date as it was typed.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-09-01") from None


def names_of(text: str | None) -> tuple[str, ...] | None:
    """Return names as they were typed, separated by commas or spaces; None where none were."""
    return None if text is None else tuple(text.replace(",", " ").split())


def time_of(text: str | None, option: str) -> datetime | None:
    """Return a time as it was typed; a bare date is its UTC midnight.

    Raises:
        UsageError: it is none, or has no zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a time", remedy="write it as 2026-09-01T00:00:00Z") from None
    if moment.tzinfo is None:
        if len(text) == len("2026-09-01"):
            return moment.replace(tzinfo=UTC)
        raise UsageError(f"{option} {text!r} has no zone", remedy=f"write {text}Z for UTC, or an offset")
    return moment.astimezone(UTC)


def workplace(fleet: Path, home: Path) -> Workplace:
    """Return the workplace of a fleet file and a home; what is odd in the file is told on standard error."""
    from pausewatch.pipeline import Workplace

    place = Workplace.at(fleet, home)
    for warning in place.fleet.warnings:
        warn(f"warning: {warning}")
    return place


def say(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """Print the result as JSON."""
    from pausewatch.findings.export import json_text

    sys.stdout.write(json_text(value))


def warn(text: str) -> None:
    """Tell a person something beside the result."""
    sys.stderr.write(f"pausewatch: {text}\n")
