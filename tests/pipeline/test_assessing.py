"""A site that the program fails at: said to be unseen, no other the worse for it, and mended as if nothing had been."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.fleets import FIRST, files_of, place_of, small_fleet

from pausewatch.errors import InspectionError
from pausewatch.findings.model import DayStatus
from pausewatch.pipeline import Workplace, assessing, fit_baselines, inspect_day, replay
from pausewatch.pipeline.inspecting import require_all_assessed
from pausewatch.telemetry.collect import collect

BEFORE, FAULTY, AFTER = (FIRST + timedelta(days=n) for n in (4, 5, 6))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failing") / "sim"
    small_fleet(folder)
    return folder


def home_of(folder: Path, name: str) -> Workplace:
    place = place_of(folder, name)
    collect(place.fleet, place.lake())
    fit_baselines(place)
    inspect_day(place, BEFORE)
    return place


def failing_at(site_id: str, day: date, error: Exception) -> Callable[..., Any]:
    real = assessing.assess

    def assess(seen: Any, *given: Any) -> Any:
        if (seen.site.id, seen.day) == (site_id, day):
            raise error
        return real(seen, *given)

    return assess


def said_of(place: Workplace, day: date) -> dict[str, Any]:
    report = json.loads((place.reports / day.isoformat() / "report.json").read_text(encoding="utf-8"))
    return {site["site_id"]: site for site in report["sites"]}


def test_the_others_are_reported_and_the_site_is_said_to_be_unseen(
    fleet: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole, faulty = home_of(fleet, "whole"), home_of(fleet, "faulty")
    inspect_day(whole, FAULTY)
    with whole.register() as register:
        (run,) = [f for f in register.findings(BEFORE, ["sim-001"]) if f.is_open]

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(assessing, "assess", failing_at("sim-001", FAULTY, ZeroDivisionError("of a kind")))
        inspect_day(faulty, FAULTY)
    with faulty.register() as register:
        days = {said.site_id: said for said in register.site_days(FAULTY, FAULTY)}
        stands = register.findings(FAULTY, ["sim-001"])

    assert days["sim-001"].status is DayStatus.CANNOT_CONCLUDE
    assert "the program failed at this site: ZeroDivisionError" in days["sim-001"].reasons[0]
    assert days["sim-001"].detectable_mw_7d == faulty.fleet.site("sim-001").it_capacity_mw
    assert [(f.id, f.is_open, f.assessment) for f in stands] == [(run.id, True, run.assessment)]
    assert "of a kind" in caplog.text  # the log has the traceback
    ours, theirs = said_of(faulty, FAULTY), said_of(whole, FAULTY)
    assert {i: said for i, said in ours.items() if i != "sim-001"} == {
        i: said for i, said in theirs.items() if i != "sim-001"
    }
    assert "The program failed at this site" in (faulty.reports / FAULTY.isoformat() / "report.html").read_text(
        encoding="utf-8"
    )
    with pytest.raises(InspectionError, match=rf"sim-001 on {FAULTY}: 1 site days could not be assessed"):
        require_all_assessed(faulty, [FAULTY])
    require_all_assessed(faulty, [BEFORE])

    # Mended: the same day again, and the next.
    for place in (faulty, whole):
        inspect_day(place, FAULTY)
        inspect_day(place, AFTER)
    require_all_assessed(faulty, [FAULTY, AFTER])
    for day in (FAULTY, AFTER):
        assert said_of(faulty, day) == said_of(whole, day)
    with faulty.register() as mended, whole.register() as never:
        assert mended.findings(AFTER) == never.findings(AFTER)


def test_a_replay_writes_everything_before_it_says_so(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, out = place_of(fleet, "replayed"), fleet.parent / "out"
    monkeypatch.setattr(assessing, "assess", failing_at("sim-002", FIRST, ValueError("max() of nothing")))

    with pytest.raises(InspectionError, match=r"sim-002 on 2026-09-01"):
        replay(place, FIRST, FIRST + timedelta(days=1), out)

    written = files_of(out)
    assert b"2026-09-02" in written["site_days.csv"]
    assert "reports/2026-09-02/report.html" in written
    (row,) = [line for line in written["site_days.csv"].decode().splitlines() if "sim-002,2026-09-01" in line]
    assert row.startswith("sim-002,2026-09-01,cannot_conclude,0,,,,,")


def test_what_is_wrong_with_the_machine_is_nobodys_day(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home_of(fleet, "full")
    monkeypatch.setattr(assessing, "assess", failing_at("sim-001", FAULTY, OSError(28, "No space left on device")))

    with pytest.raises(OSError, match="No space left"):
        inspect_day(place, FAULTY)
    with place.register() as register:
        assert register.inspected(FAULTY) == set()
