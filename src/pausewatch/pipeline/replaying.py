"""Replaying: every report day in order, each seeing only what had arrived by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from pausewatch.errors import PausewatchError, UsageError
from pausewatch.findings.export import findings_document, json_text, write_site_days_csv
from pausewatch.pipeline.assessing import record, require_assessed
from pausewatch.pipeline.concluding import false_discovery
from pausewatch.pipeline.coordinating import coordinate
from pausewatch.pipeline.days import report_days, require_watched
from pausewatch.pipeline.learning import fit_baselines
from pausewatch.pipeline.press import Press
from pausewatch.pipeline.watching import open_watches
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress, Silent
from pausewatch.telemetry.collect import CollectSummary, collect

_OURS = ("findings.json", "site_days.csv", "reports")


def replay(
    place: Workplace,
    first: date,
    last: date,
    out: Path,
    progress: Progress | None = None,
    on_collected: Callable[[CollectSummary], None] | None = None,
    *,
    candidates: Sequence[str] | None = None,
) -> Path:
    """Collect, fit baselines and inspect every day from first to last; write findings, site days and reports.

    The replay has a register of its own, begun anew: it neither sees nor changes what the home's register holds, so the
    same inputs give the same outputs. Days are taken in order with their state carried along, not recomputed.

    Args:
        place: fleet and home; the lake and the sealing key are the home's.
        first: first report day.
        last: last report day.
        out: folder to write to; an earlier replay in it is replaced.
        progress: told of each stage.
        on_collected: told what was collected, sources that failed among it.
        candidates: baselines to choose from; those of the home's settings by default.

    Raises:
        InspectionError: no pause is in force on the first day; or the program failed at a site, once all is written.
        UsageError: `out` holds something that is no replay.
    """
    told = progress or Silent()
    days = report_days(first, last)
    for day in (first, last):
        require_watched(place.fleet, day)
    _clear(out)
    summary = collect(place.fleet, place.lake(), progress=told)
    if on_collected is not None:
        on_collected(summary)
    own = place.elsewhere(out)
    own.forget()
    fit_baselines(own, None, told, candidates=candidates)
    sites = {site.id: site for day in (first, last) for site in require_watched(place.fleet, day)}
    with own.register() as register:
        watches = open_watches(own, register, list(sites.values()), days)
        told.stage("inspecting days", len(days))
        with Press(own, register, len(days)) as press:
            for day in days:
                for watch in watches:
                    while watch.day is None or watch.day < day:
                        seen = watch.advance()
                    record(register, watch, seen)
                coordinate(own, register, day)
                press.print(day)
                told.advance()
        found = register.findings(last)
        watched = {site.id for site in require_watched(own.fleet, last)}
        told_of, _ = false_discovery(own.fleet, last, [f for f in found if f.site_id in watched])
        with_chance = {f.id: f for f in told_of}
        found = [with_chance.get(f.id, f) for f in found]
        (out / "findings.json").write_text(json_text(findings_document(place.fleet.name, found)), encoding="utf-8")
        write_site_days_csv(out / "site_days.csv", register.site_days(first, last))
        require_assessed(register, days)
    return out


def _clear(out: Path) -> None:
    """Take away an earlier replay's outputs, and nothing else."""
    import shutil

    if out.exists() and not out.is_dir():
        raise UsageError("--out is a file", where=str(out), remedy="name a folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = sorted(p.name for p in out.iterdir() if not p.name.startswith(_OURS))
        if foreign:
            raise UsageError(
                "--out holds something that is no replay",
                where=str(out),
                why=", ".join(foreign[:5]),
                remedy="name an empty folder",
            )
        for name in out.iterdir():
            shutil.rmtree(name) if name.is_dir() else name.unlink()
    except OSError as error:
        raise PausewatchError(
            "can't write the replay", where=str(out), why=error.strerror or str(error), remedy="name another folder"
        ) from error
