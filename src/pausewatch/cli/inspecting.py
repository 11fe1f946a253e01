"""Commands that inspect: demo, baseline, inspect and replay."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pausewatch.cli.findings import finding_line
from pausewatch.cli.options import (
    FLEET,
    HOME,
    CandidatesOption,
    DebugOption,
    FleetOption,
    Format,
    FormatOption,
    HomeOption,
    SiteOption,
    day_of,
    names_of,
    say,
    say_json,
    warn,
    workplace,
)

if TYPE_CHECKING:
    from pausewatch.pipeline import Workplace
    from pausewatch.telemetry.collect import CollectSummary


def demo(fleet: FleetOption = FLEET, home: HomeOption = HOME, debug: DebugOption = False) -> None:
    """Run the main job on a simulated fleet through the real DAGs, and name the report to open."""
    from pausewatch.demo import run_demo
    from pausewatch.progress import Terminal

    with Terminal() as progress:
        report = run_demo(home, progress)
    say(f"Open the report: {report}")


def baseline(
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    site: SiteOption = None,
    candidates: CandidatesOption = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help="fit nothing: say which baseline this site was given, why, and draw it"),
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="where --explain writes its SVG")] = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Choose, fit, backtest and freeze baselines; or explain those of a site."""
    if explain is not None:
        _explain(workplace(fleet, home), explain, plot, fmt)
        return
    from pausewatch.pipeline import fit_baselines
    from pausewatch.progress import Terminal

    place = workplace(fleet, home)
    with Terminal() as progress:
        records = fit_baselines(place, site, progress, candidates=names_of(candidates))
    series = {key: told for record in records for key, told in record.scores.items()}
    if series and all(told["refusals"] for told in series.values()):
        warn("warning: no baseline could be fitted: collect telemetry from before the pause, or correct its dates")
    if fmt == "json":
        say_json({"baselines": series})
        return
    for key, told in series.items():
        if told["refusals"]:
            say(f"{key}: refused: {'; '.join(told['refusals'])}")
            continue
        score = told["scores"]
        say(
            f"{key}: {told['model']}; {told['valid_days']} days; held out: NMBE {score['nmbe_pct']:+.2f} %, "
            f"CV(RMSE) {score['cv_rmse_pct']:.1f} %, 90 % interval holds {score['coverage_90_pct']:.0f} %"
        )
        for warning in told["warnings"]:
            say(f"    {warning}")


def _explain(place: Workplace, site_id: str, plot: Path | None, fmt: Format) -> None:
    from dataclasses import asdict

    from pausewatch.pipeline import explaining

    told = explaining.explain(place, site_id)
    path = explaining.plot(told, plot or place.home.path / "explained" / f"{site_id}.svg")
    if fmt == "json":
        lanes = {
            f"{one.key} {one.pause_id}": {"choice": asdict(one.choice), "scores": asdict(one.score)} for one in told
        }
        say_json({"baselines": lanes, "plot": str(path)})
        return
    for one in told:
        for line in one.lines():
            say(line)
    say(str(path))


def inspect(
    day: Annotated[str, typer.Option("--date", help="the report day, in each site's own calendar")],
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Inspect one day and write its report."""
    from pausewatch.pipeline import inspect_day
    from pausewatch.pipeline.inspecting import require_all_assessed
    from pausewatch.progress import Terminal

    when = day_of(day)
    place = workplace(fleet, home)
    _warn_if_early(place, when)
    with Terminal() as progress:
        folder = inspect_day(place, when, progress)
    _print_report(place, when, folder, fmt)
    require_all_assessed(place, [when])


def _warn_if_early(place: Workplace, when: date) -> None:
    from pausewatch.pipeline import watched_sites

    cutoffs = [site.cutoff(when, place.fleet.cutoff_hours) for site in watched_sites(place.fleet, when)]
    if cutoffs and max(cutoffs) > datetime.now(UTC):
        warn(
            f"warning: {when} is not complete before {max(cutoffs):%Y-%m-%d %H:%M}Z; what has not arrived yet will be "
            "reported as unseen"
        )


def _print_report(place: Workplace, when: date, folder: str, fmt: Format) -> None:
    with place.register() as register:
        said = register.site_days(when, when)
        found = [f for f in register.findings(when) if f.is_open]
    if fmt == "json":
        say_json(
            {"report": folder, "date": when.isoformat(), "sites": len(said), "open_findings": [f.id for f in found]}
        )
        return
    counts: dict[str, int] = {}
    for one in said:
        counts[one.status.value] = counts.get(one.status.value, 0) + 1
    say(f"{when}: " + ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in sorted(counts.items())))
    for finding in found:
        say(f"  {finding_line(finding)}")
    say(f"{folder}/report.html")


def replay(
    first: Annotated[str, typer.Option("--from", help="first report day")],
    last: Annotated[str, typer.Option("--to", help="last report day")],
    out: Annotated[Path, typer.Option("--out", help="folder to write to")],
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    candidates: CandidatesOption = None,
    debug: DebugOption = False,
) -> None:
    """Collect, fit baselines, then inspect every day in order, each seeing only what had arrived by then."""
    from pausewatch.pipeline import replay as run
    from pausewatch.progress import Terminal

    begin, end = day_of(first), day_of(last)
    failures: list[bool] = []

    def told(summary: CollectSummary) -> None:
        for line in summary.warnings:
            warn(f"warning: {line}")
        for failure in summary.failures:
            warn(str(failure))
        failures.append(bool(summary.failures))

    place = workplace(fleet, home)
    with Terminal() as progress:
        run(place, begin, end, out, progress, told, candidates=names_of(candidates))
    say(f"{out}/reports/{end.isoformat()}/report.html")
    if any(failures):
        # The days were inspected without the meters that failed, and say so; the exit code must too.
        raise typer.Exit(1)
