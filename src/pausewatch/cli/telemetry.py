"""Commands on telemetry: simulate, check and collect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pausewatch.cli.options import (
    FLEET,
    HOME,
    DebugOption,
    FleetOption,
    FormatOption,
    HomeOption,
    SiteOption,
    say,
    say_json,
    time_of,
    warn,
    workplace,
)
from pausewatch.errors import UsageError

if TYPE_CHECKING:
    from pausewatch.telemetry.check import MeterCheck


def simulate(
    out: Annotated[Path, typer.Argument(help="folder to write to")],
    preset: Annotated[
        str,
        typer.Option(
            help="what happens: demo, honest, quiet, violations, mixed; over the whole test matrix: matrix, runs, "
            "evasions, benign, tampered, split, wide"
        ),
    ] = "mixed",
    sites: Annotated[int, typer.Option(help="how many sites")] = 8,
    reference_days: Annotated[int, typer.Option(help="days before the pause")] = 150,
    pause_days: Annotated[int, typer.Option(help="days of the pause")] = 21,
    interval: Annotated[int, typer.Option(help="minutes of a reading")] = 15,
    seed: Annotated[int, typer.Option(help="another seed, another fleet")] = 1,
    telemetry: Annotated[Literal["csv", "parquet"], typer.Option(help="file format of the readings")] = "csv",
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    debug: DebugOption = False,
) -> None:
    """Write a labelled simulated fleet: fleet.yaml, telemetry and truth.json."""
    from pausewatch.progress import Terminal
    from pausewatch.simulation.simulator import simulate as write

    with Terminal() as progress:
        made = write(
            out,
            preset=preset,
            sites=sites,
            reference_days=reference_days,
            pause_days=pause_days,
            interval_min=interval,
            seed=seed,
            telemetry_format=telemetry,
            progress=progress,
        )
    say(str(made.fleet_path))


def check(
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    site: SiteOption = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Validate the fleet file, read every source without storing, and report on each meter."""
    from pausewatch.progress import Terminal
    from pausewatch.telemetry.check import check as read

    place = workplace(fleet, home)
    with Terminal() as progress:
        report = read(place.fleet, site_ids=site, progress=progress)
    if fmt == "json":
        say_json(report.document())
    else:
        for meter in report.meters:
            say(_meter_line(meter))
    told = {str(warning) for warning in place.fleet.warnings}
    for warning in report.warnings:
        if warning not in told:
            warn(f"warning: {warning}")
    for meter in report.meters:
        if meter.error:
            warn(f"{meter.error}")
    if report.has_errors:
        raise typer.Exit(1)


def collect(
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    since: Annotated[str | None, typer.Option(help="only readings from this time on")] = None,
    until: Annotated[str | None, typer.Option(help="only readings before this time")] = None,
    site: SiteOption = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Pull telemetry into the lake; done again, it changes nothing."""
    from pausewatch.progress import Terminal
    from pausewatch.telemetry.collect import collect as pull

    begin, end = time_of(since, "--since"), time_of(until, "--until")
    if begin is not None and end is not None and end <= begin:
        raise UsageError(f"--until {until} is not after --since {since}", remedy="swap them")
    place = workplace(fleet, home)
    with Terminal() as progress:
        done = pull(place.fleet, place.lake(), since=begin, until=end, site_ids=site, progress=progress)
    if fmt == "json":
        say_json(
            {
                "readings": done.readings,
                "rejects": done.rejects,
                "ingests": done.ingests,
                "unchanged": done.unchanged,
                "warnings": done.warnings,
                "failures": [str(f) for f in done.failures],
            }
        )
    else:
        say(
            f"{done.readings} new readings, {done.rejects} new rejects from {done.ingests} files or responses; "
            f"{done.unchanged} were read before"
        )
    for line in done.warnings:
        warn(f"warning: {line}")
    for failure in done.failures:
        warn(str(failure))
    if done.failures:
        raise typer.Exit(1)


def _meter_line(meter: MeterCheck) -> str:
    if meter.error:
        return f"{meter.site_id}/{meter.meter_id}: can't be read"
    rejected = sum(meter.rejected.values())
    reasons = f" ({', '.join(f'{count} {reason}' for reason, count in meter.rejected.items())})" if rejected else ""
    if not meter.readings or meter.first is None or meter.last is None:
        return f"{meter.site_id}/{meter.meter_id}: no readings, {rejected} rejected{reasons}"
    hints = "".join(f"\n    {hint}" for hint in meter.warnings)
    return (
        f"{meter.site_id}/{meter.meter_id}: {meter.readings} readings from {meter.first:%Y-%m-%d %H:%M}Z to "
        f"{meter.last:%Y-%m-%d %H:%M}Z every {meter.interval_s} s, coverage {100 * meter.coverage:.1f} %, "
        f"{rejected} rejected{reasons}{hints}"
    )
