"""Bad input as a tired operator gives it: one clear line, the right exit code, and nothing lost."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.builders import at, csv_text, fleet_data, meter_data, pause_data, site_data, write_fleet

from pausewatch import cli
from pausewatch.telemetry import collect as collecting
from pausewatch.telemetry.lake import Lake


class Said(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    lines: list[str]


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def act(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["pausewatch", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert isinstance(end.value.code, int)
        assert "Traceback" not in printed.err
        return Said(end.value.code, printed.out, [s for s in printed.err.splitlines() if s.startswith("pausewatch:")])

    return act


def two_meters(folder: Path, utility: str, it: str = "", **fleet: Any) -> Path:
    """Write a fleet of one site whose utility and IT meter have a file each."""
    (folder / "meter.csv").write_bytes(utility.encode())
    (folder / "it.csv").write_bytes((it or csv_text(at("2026-08-01"), [9_000.0] * 96)).encode())
    source = {**meter_data()["source"], "path": "it.csv"}
    it_meter = meter_data(id="it", measures="it_load", owner="operator", source=source)
    return write_fleet(folder, fleet_data(sites=[site_data(meters=[meter_data(), it_meter])], **fleet))


def a_day(kw: float) -> str:
    return csv_text(at("2026-08-01"), [kw] * 96)


@pytest.mark.parametrize(
    ("utility", "check_code", "collect_code", "told"),
    [
        ("", 1, 1, "meter.csv: the file is empty; check the export that writes it"),
        ("time,kw\n", 1, 0, "meter utility: no readings: the source holds no row for this meter"),
        ("time,kW_total\n2026-08-01T00:00Z,1\n", 1, 1, "no column 'kw' (its columns are time, kW_total); did you mean"),
        (a_day(2e7), 1, 0, "beyond twice the grid connection of 60 MW: is the unit kW right?"),
        (a_day(20.0), 0, 0, "the mean load of 20 kW is 0.033 % of the grid connection of 60 MW: is the unit kW right?"),
        (a_day(4_000.0), 0, 0, "are the two meters swapped, or is a unit wrong?"),
        (a_day(20_000.0).replace("+00:00", ""), 1, 1, "has no offset; name its zone in the fleet file"),
        ("time;kw\n2026-08-01T00:00Z;1\n", 1, 1, "fields are separated by ';'"),
        ("\x00\x01\x02\x03", 1, 1, "not a text file"),
    ],
    ids=["empty", "header", "misnamed", "kW as MW", "MW as kW", "swapped", "no zone", "semicolons", "binary"],
)
def test_a_bad_file_gets_a_line_and_the_other_meters_are_kept(
    run: Run, tmp_path: Path, utility: str, check_code: int, collect_code: int, told: str
) -> None:
    two_meters(tmp_path, utility)

    checked, collected = run("check"), run("collect")

    for said, code in ((checked, check_code), (collected, collect_code)):
        assert said.code == code
        assert [line for line in [*said.lines, *said.out.splitlines()] if told in line], said
    held = Lake.open("pausewatch-home/lake").readings(meter_id="it").collect()
    assert held.height == 96


def test_nothing_is_said_of_good_files_however_often_they_are_collected(run: Run, tmp_path: Path) -> None:
    two_meters(tmp_path, a_day(20_000.0))
    for _ in range(2):
        said = run("collect")
        assert said.code == 0
        assert [line for line in said.lines if "thermometer" not in line and "temperature" not in line] == []


@pytest.mark.parametrize("missing", [1, 3, 8, 12, 17, 22, 25])
def test_a_file_still_being_written_loses_nothing_wherever_it_is_cut(run: Run, tmp_path: Path, missing: int) -> None:
    whole = a_day(20_000.0).replace("+00:00", "Z")
    two_meters(tmp_path, whole[:-missing])

    assert run("collect").code == 0
    (tmp_path / "meter.csv").write_bytes(whole.encode())
    assert run("collect").code == 0

    held = Lake.open("pausewatch-home/lake").readings(meter_id="utility").collect()
    assert held["value"].to_list() == [20_000.0] * 96


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("  name:", "\tname:", 1), ": a tab in the indentation: YAML allows spaces only"),
        (lambda text: text.replace("2026-09-01T00:00:00Z", "2026-09-01T00:00:00"), "pauses[accord].start: "),
        (lambda text: text.replace("meters:", "metres:", 1), "metres: unknown key; did you mean 'meters'?"),
        (lambda text: "", "the file is empty"),
        (lambda text: text[: len(text) // 2] + "\n\x85", ""),
    ],
    ids=["tab", "no zone", "misspelt", "empty", "cut"],
)
def test_a_bad_fleet_file_is_told_with_its_line(
    run: Run, tmp_path: Path, change: Callable[[str], str], told: str
) -> None:
    path = two_meters(tmp_path, a_day(20_000.0))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    said = run("check")

    assert said.code == 2
    assert said.lines
    assert all(line.startswith("pausewatch: fleet.yaml:") for line in said.lines)
    assert any(told in line for line in said.lines)


def test_a_pause_that_began_before_every_reading_is_told(run: Run, tmp_path: Path) -> None:
    two_meters(tmp_path, a_day(20_000.0), pauses=[pause_data(start="2020-09-01T00:00:00Z")])

    checked = run("check")
    assert checked.code == 0
    assert any("no reading of its load is from before 2020-09-01, when pause accord" in s for s in checked.lines)

    run("collect")
    fitted = run("baseline")
    assert fitted.code == 0
    assert any("no baseline could be fitted: collect telemetry from before the pause" in s for s in fitted.lines)
    assert fitted.out.count("refused: ") == 2


def test_a_site_of_which_nothing_was_ever_seen_could_have_drawn_all_it_has(run: Run, tmp_path: Path) -> None:
    two_meters(tmp_path, a_day(20_000.0))
    assert run("baseline").code == 0
    assert run("inspect", "--date", "2026-09-03").code == 0

    (finding,) = json.loads(run("findings", "--format", "json").out)["findings"]

    assert (finding["kind"], finding["verdict"]) == ("telemetry_gap", "cannot_conclude")
    assert finding["excess_mw"] == {"estimate": 40.0, "low": 0.0, "high": 40.0}
    assert finding["flop"]["estimate"] > 1e23
    sealed = json.loads(run("verify", "pausewatch-home/reports/2026-09-03", "--format", "json").out)
    assert (sealed["date"], sealed["files"], sealed["chained_days"]) == ("2026-09-03", 5, 0)
    (tmp_path / "pausewatch-home/reports/2026-09-03/findings.csv").write_text("nothing\n", encoding="utf-8")
    (line,) = run("verify", "pausewatch-home/reports/2026-09-03").lines
    assert "findings.csv was changed" in line


def test_a_disk_that_is_full_is_told_before_anything_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_meters(tmp_path, a_day(20_000.0))
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
        said = run("collect")
    assert said.code == 1
    (line,) = [s for s in said.lines if "warning" not in s]
    assert "the disk is full (0.0 MB are free, up to" in line
    assert run("collect").code == 0
    assert Lake.open("pausewatch-home/lake").readings().collect().height == 192


def test_an_interrupted_command_says_so_in_a_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_meters(tmp_path, a_day(20_000.0))

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "_commit", interrupted)
        said = run("collect")
    assert said.code == 1
    assert said.lines[-1] == "pausewatch: interrupted; run the same command again, nothing is lost"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["frobnicate"], "No such command 'frobnicate'; see pausewatch --help"),
        (["check", "--flet", "x"], "No such option: --flet"),
        (["check", "--format", "xml"], "'xml' is not one of 'text', 'json'; see pausewatch check --help"),
        (["inspect"], "Missing option '--date'; see pausewatch inspect --help"),
        (["inspect", "--date", "tomorrow"], "'tomorrow' is not a date; write it as 2026-09-01"),
        (["collect", "--since", "2026-09-01T00:00"], "has no zone; write 2026-09-01T00:00Z for UTC, or an offset"),
        (["check", "--fleet", "nowhere"], "nowhere: no such file; name the fleet file with --fleet"),
        (["check", "--site", "slough-2"], "no site 'slough-2'; did you mean slough-1?"),
    ],
)
def test_a_wrong_call_gets_one_line_and_exit_code_2(run: Run, tmp_path: Path, words: list[str], told: str) -> None:
    two_meters(tmp_path, a_day(20_000.0))
    said = run(*words)
    assert said.code == 2
    (line,) = [s for s in said.lines if "warning" not in s]
    assert told in line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inspect", "--date", "2026-01-03"], "no pause is in force on 2026-01-03; choose a day of: accord"),
        (["findings"], "there is no register yet; inspect a day first, or name the right --home"),
        (["verify", "nowhere"], "nowhere: no such report"),
        (["collect", "--home", "meter.csv"], "meter.csv/lake: can't be made"),
    ],
)
def test_work_that_fails_gets_one_line_and_exit_code_1(run: Run, tmp_path: Path, words: list[str], told: str) -> None:
    two_meters(tmp_path, a_day(20_000.0))
    said = run(*words)
    assert said.code == 1
    (line,) = [s for s in said.lines if "warning" not in s]
    assert told in line


def test_help_and_debug(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help").code == 0
    assert run("inspect", "--help").code == 0
    monkeypatch.setattr(sys, "argv", ["pausewatch", "check", "--fleet", "nowhere", "--debug"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "Traceback" in capsys.readouterr().err
