"""Commands on the register: list findings, show one, review one."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

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
)

app = typer.Typer(help="List the open findings of the register; show or review one.", invoke_without_command=True)


@app.callback()
def findings(
    context: typer.Context,
    fleet: FleetOption = FLEET,
    home: HomeOption = HOME,
    everything: Annotated[bool, typer.Option("--all", help="closed ones too")] = False,
    site: SiteOption = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """List the findings of the register."""
    context.obj = (fleet, home)
    if context.invoked_subcommand is not None:
        return

    def act(register: Any, name: str) -> None:
        found = [f for f in register.findings(site_ids=site) if everything or f.is_open]
        if fmt == "json":
            from pausewatch.findings.export import findings_document

            say_json(findings_document(name, found))
            return
        for finding in found:
            say(finding_line(finding))
        if not found:
            say("no findings" if everything else "no open findings")

    _with_register(fleet, home, act)


@app.command("show")
def show(
    context: typer.Context,
    finding_id: Annotated[str, typer.Argument(help="id of the finding")],
    fleet: Annotated[Path | None, typer.Option("--fleet")] = None,
    home: Annotated[Path | None, typer.Option("--home")] = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Show one finding with its history and reviews."""

    def act(register: Any, name: str) -> None:
        finding, history = register.finding(finding_id), register.history(finding_id)
        if fmt == "json":
            from pausewatch.findings.export import finding_document

            past = [
                {
                    "report_day": v.report_day.isoformat(),
                    "verdict": v.assessment.verdict.value,
                    "training_probability": v.assessment.training_probability,
                    "excess_mw": v.assessment.excess_mw.estimate,
                    "is_withdrawn": v.is_withdrawn,
                    "notes": list(v.notes),
                }
                for v in history
            ]
            say_json(finding_document(finding) | {"history": past})
            return
        for line in _shown(finding, history):
            say(line)

    _with_register(fleet or context.obj[0], home or context.obj[1], act)


@app.command("review")
def review(
    context: typer.Context,
    finding_id: Annotated[str, typer.Argument(help="id of the finding")],
    decision: Annotated[str, typer.Option(help="confirm, dismiss, needs_information or reopen")],
    reason: Annotated[str, typer.Option(help="why, in your words; kept for ever")],
    cause: Annotated[
        str | None,
        typer.Option(help="what was behind it, if you came to know: a hypothesis' name; models learn from it"),
    ] = None,
    reviewer: Annotated[str | None, typer.Option(help="who decides; you, by default")] = None,
    fleet: Annotated[Path | None, typer.Option("--fleet")] = None,
    home: Annotated[Path | None, typer.Option("--home")] = None,
    fmt: FormatOption = "text",
    debug: DebugOption = False,
) -> None:
    """Record a reasoned decision on a finding."""

    def act(register: Any, name: str) -> None:
        who, now = reviewer or getpass.getuser(), datetime.now(UTC)
        finding = register.review(finding_id, decision, reason, who, now, cause=cause)
        if fmt == "json":
            from pausewatch.findings.export import finding_document

            say_json(finding_document(finding))
            return
        say(f"{finding.id}: {decision}; it is now {'open' if finding.is_open else 'closed'}")

    _with_register(fleet or context.obj[0], home or context.obj[1], act)


def _with_register(fleet: Path, home: Path, act: Callable[[Any, str], None]) -> None:
    """Open the home's register as it is: reading findings needs no fleet file, only its name where there is one."""
    from pausewatch.errors import RegisterError
    from pausewatch.findings.register import Register
    from pausewatch.settings import Home

    url = Home.at(home).register_url
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        raise RegisterError(
            "there is no register yet", where=str(path), remedy="inspect a day first, or name the right --home"
        )
    with Register.open(url) as register:
        fleets = register.fleets()
        act(register, fleets[-1].name if fleets else fleet.stem)


def finding_line(finding: Any) -> str:
    """Return a finding as one line."""
    told = finding.assessment
    until = "lasting" if told.end is None else f"to {told.end:%Y-%m-%d %H:%M}Z"
    state = "" if finding.is_open else " (closed)"
    return (
        f"{finding.id}: {told.kind.value} {told.verdict.value}{state}, from {told.start:%Y-%m-%d %H:%M}Z {until}, "
        f"{told.excess_mw.estimate:.3g} MW, {told.flop.estimate:.2g} FLOP, P(training) {told.training_probability:.2f}"
    )


def _shown(finding: Any, history: Sequence[Any]) -> list[str]:
    told = finding.assessment
    out = [finding_line(finding), *(f"  {fact}" for fact in told.facts)]
    out += [f"  {h.probability:5.1%} {h.name}" for h in told.hypotheses]
    for name, value, unit in (
        ("excess", told.excess_mw, "MW"),
        ("energy", told.energy_mwh, "MWh"),
        ("compute", told.flop, "FLOP"),
    ):
        out.append(f"  {name}: {value.estimate:.4g} {unit} (90 %: {value.low:.4g} to {value.high:.4g})")
    out.append("history:")
    for version in history:
        notes = f" ({'; '.join(version.notes)})" if version.notes else ""
        seen = version.assessment
        out.append(
            f"  {version.report_day}: {seen.kind.value} {seen.verdict.value}, {seen.excess_mw.estimate:.3g} MW, "
            f"P(training) {seen.training_probability:.2f}{notes}"
        )
    if finding.reviews:
        out.append("reviews:")
        for r in finding.reviews:
            cause = "" if r.cause is None else f" ({r.cause})"
            out.append(f"  {r.reviewed_at:%Y-%m-%d %H:%M}Z {r.reviewer}: {r.decision}{cause}: {r.reason}")
    return out
