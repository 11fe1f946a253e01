"""Collecting: as often as you like, interrupted anywhere, by two at once: the same lake, and nothing rewritten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.builders import at, csv_source, csv_text, fleet_of, meter_data, site_data

from pausewatch.errors import LakeError, UsageError
from pausewatch.fleet import Fleet
from pausewatch.telemetry.collect import CollectSummary, collect
from pausewatch.telemetry.lake import Lake

START = at("2026-03-31T12:00")
STEP = timedelta(minutes=15)
FIRST, SECOND, THIRD = at("2026-05-01"), at("2026-05-02"), at("2026-05-03")
EVER = at("2027-01-01")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Two sites, three meters; one file has a row that can't be read."""
    write(tmp_path, "a.csv", [100.0 + i for i in range(96)])
    write(tmp_path, "b.csv", [50.0 + i for i in range(48)] + ["oops"] + [7.0] * 47)
    write(tmp_path, "c.csv", [10.0 + i for i in range(96)])
    meters = [
        meter_data(source=csv_source("a.csv")),
        meter_data(id="it", measures="it_load", source=csv_source("b.csv")),
    ]
    return fleet_of(
        tmp_path, site_data(meters=meters), site_data(id="texas-1", meters=[meter_data(source=csv_source("c.csv"))])
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(str(tmp_path / "lake"))


def write(folder: Path, name: str, values: list[Any]) -> None:
    (folder / name).write_text(csv_text(START, values))


def everything(lake: Lake) -> pl.DataFrame:
    columns = [
        "site_id",
        "meter_id",
        "interval_start",
        "available_at",
        "value",
        "quality",
        "interval_s",
        "unit",
        "month",
    ]
    return lake.readings().select(columns).collect().sort(columns)


def seen(lake: Lake, cutoff: datetime = EVER) -> pl.DataFrame:
    return lake.as_of(cutoff).select("site_id", "meter_id", "interval_start", "value", "available_at").collect()


def values(lake: Lake, cutoff: datetime = EVER, site: str = "slough-1", meter: str = "utility") -> list[float]:
    return lake.as_of(cutoff, site_ids=[site], meter_id=meter).collect().sort("interval_start")["value"].to_list()


def rejects(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.rejects().select("site_id", "meter_id", "where", "reason").collect().sort("where").rows()


def counts(summary: CollectSummary) -> tuple[int, int, int, int]:
    return summary.readings, summary.rejects, summary.ingests, summary.unchanged


def test_a_first_collect_takes_all(fleet: Fleet, lake: Lake) -> None:
    assert counts(collect(fleet, lake, now=FIRST)) == (96 * 3 - 1, 1, 3, 0)
    assert values(lake) == [100.0 + i for i in range(96)]
    assert rejects(lake) == [("slough-1", "it", "b.csv:50", "unparseable_value")]
    found = lake.readings(site_ids=["slough-1"]).collect()
    assert (found["available_at"] == found["interval_start"] + STEP).all()
    assert set(found["month"]) == {"2026-03", "2026-04"}
    record = lake.ingests().collect()
    assert record["readings"].sum() == 287
    assert record["collected_at"].unique().to_list() == [FIRST]


def test_collecting_again_changes_nothing(fleet: Fleet, lake: Lake) -> None:
    collect(fleet, lake, now=FIRST)
    before, rejected = everything(lake), rejects(lake)
    assert counts(collect(fleet, lake, now=SECOND)) == (0, 0, 0, 3)
    assert everything(lake).equals(before)
    assert rejects(lake) == rejected
    assert len(lake.ingests().collect()) == 3


def test_the_same_file_grown_by_a_day(fleet: Fleet, lake: Lake, tmp_path: Path) -> None:
    collect(fleet, lake, now=FIRST)
    write(tmp_path, "b.csv", [50.0 + i for i in range(48)] + ["oops"] + [7.0] * 47 + [9.0] * 96)
    assert counts(collect(fleet, lake, now=SECOND)) == (96, 0, 1, 2)
    assert values(lake, meter="it")[-96:] == [9.0] * 96
    assert len(rejects(lake)) == 1
    found = everything(lake)
    assert (found["available_at"] == found["interval_start"] + STEP).all()


def test_a_changed_value_is_a_new_version_and_the_old_is_kept(fleet: Fleet, lake: Lake, tmp_path: Path) -> None:
    collect(fleet, lake, now=FIRST)
    write(tmp_path, "a.csv", [100.0 + i if i != 5 else 1.0 for i in range(96)])
    assert counts(collect(fleet, lake, now=SECOND)) == (1, 0, 1, 2)
    assert values(lake, SECOND - timedelta(seconds=1))[5] == 105.0
    assert values(lake, SECOND)[5] == 1.0
    write(tmp_path, "a.csv", [100.0 + i for i in range(96)])
    touched = tmp_path / "a.csv"
    touched.write_text(touched.read_text() + "\n")  # other bytes, so that it is read again
    collect(fleet, lake, now=THIRD)
    assert [values(lake, t)[5] for t in (FIRST, SECOND, THIRD)] == [105.0, 1.0, 105.0]
    versions = lake.readings(site_ids=["slough-1"], meter_id="utility").collect()
    assert len(versions) == 98


def test_a_correction_comes_after_what_it_corrects_whatever_the_clock_says(
    fleet: Fleet, lake: Lake, tmp_path: Path
) -> None:
    collect(fleet, lake, now=FIRST)
    for value, moment in ((900.0, SECOND), (5.0, FIRST)):
        write(tmp_path, "a.csv", [value, *(100.0 + i for i in range(1, 96))])
        collect(fleet, lake, now=moment)
        assert values(lake)[0] == value


def test_a_value_that_goes_missing_later_is_kept(fleet: Fleet, lake: Lake, tmp_path: Path) -> None:
    collect(fleet, lake, now=FIRST)
    write(tmp_path, "a.csv", [100.0])
    collect(fleet, lake, now=SECOND)
    assert len(values(lake)) == 96


def _arrivals(tmp_path: Path, *rows: tuple[str, float, str]) -> Fleet:
    lines = ["time,kw,arrived", *(f"{t},{v},{a}" for t, v, a in rows)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    meters = [meter_data(source=csv_source("a.csv", available_column="arrived"))]
    return fleet_of(tmp_path, site_data(meters=meters))


def test_a_source_that_says_when_is_believed(tmp_path: Path, lake: Lake) -> None:
    one = ("2026-04-01T00:00Z", 5.0, "2026-04-02T00:00Z")
    two = ("2026-04-01T00:00Z", 6.0, "2026-04-09T00:00Z")
    collect(_arrivals(tmp_path, one), lake, now=FIRST)
    collect(_arrivals(tmp_path, one, two), lake, now=SECOND)
    assert [values(lake, at(d)) for d in ("2026-04-01", "2026-04-02", "2026-04-09")] == [[], [5.0], [6.0]]


@pytest.mark.parametrize("rewritten", [1.0, 50.0])
def test_a_value_rewritten_under_its_arrival_does_not_change_the_past(
    tmp_path: Path, lake: Lake, rewritten: float
) -> None:
    when = ("2026-04-01T00:00Z", "2026-04-02T00:00Z")
    collect(_arrivals(tmp_path, (when[0], 5.0, when[1])), lake, now=FIRST)
    changed = (when[0], rewritten, when[1])
    collect(_arrivals(tmp_path, changed), lake, now=SECOND)
    assert values(lake, SECOND - timedelta(seconds=1)) == [5.0]
    assert values(lake, SECOND) == [rewritten]
    grown = _arrivals(tmp_path, changed, ("2026-04-01T00:15Z", 7.0, when[1]))
    assert collect(grown, lake, now=THIRD).readings == 1
    assert values(lake) == [rewritten, 7.0]


def _days(folder: Path, site: str, days: dict[str, list[float]]) -> None:
    for name, readings in days.items():
        (folder / f"{site}-{name}.csv").write_text(csv_text(at(f"2026-04-{name[:2]}"), readings))


def _fleet_of_days(folder: Path, *sites: str) -> Fleet:
    return fleet_of(folder, *(site_data(id=s, meters=[meter_data(source=csv_source(f"{s}-*.csv"))]) for s in sites))


def test_a_later_file_corrects_an_earlier_one_of_the_same_collect(tmp_path: Path, lake: Lake) -> None:
    _days(tmp_path, "one", {"01": [1.0] * 96, "02": [2.0] * 96, "02b": [2.0] * 95 + [5.0]})
    summary = collect(_fleet_of_days(tmp_path, "one"), lake, now=FIRST)
    assert counts(summary) == (193, 0, 3, 0)
    assert values(lake, FIRST - timedelta(seconds=1), "one")[-1] == 2.0
    assert values(lake, FIRST, "one")[-1] == 5.0


def test_collecting_sites_together_or_one_by_one_is_the_same(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    for i, name in enumerate(names):
        _days(tmp_path, name, {"01": [10.0 + i] * 96, "02": [20.0 + i] * 96})
    fleet = _fleet_of_days(tmp_path, *names)
    together, apart = (Lake.open(str(tmp_path / folder)) for folder in ("together", "apart"))
    for moment in (FIRST, SECOND, THIRD):
        collect(fleet, together, now=moment)
        for name in names:
            collect(fleet, apart, site_ids=[name], now=moment)
        for i, name in enumerate(names):
            _days(tmp_path, name, {"02": [20.0 + i] * 50 + [moment.day * 100.0] * 46, "03": [30.0] * (40 * moment.day)})
    assert everything(together).equals(everything(apart))
    record = ["ingest_id", "readings", "rejects", "first_interval", "last_interval", "first_available_at"]
    told = [made.ingests().select(record).collect().sort("ingest_id") for made in (together, apart)]
    assert told[0].equals(told[1])
    assert len(everything(together)) == 3 * (96 + 96 + 2 * 46 + 80)


def test_since_until_and_sites(fleet: Fleet, lake: Lake) -> None:
    middle = START + 40 * STEP
    collect(fleet, lake, since=middle, until=middle + 4 * STEP, site_ids=["texas-1"], now=FIRST)
    assert values(lake, site="texas-1") == [50.0, 51.0, 52.0, 53.0]
    assert values(lake) == []
    collect(fleet, lake, now=SECOND)
    assert values(lake, site="texas-1") == [10.0 + i for i in range(96)]
    found = everything(lake)
    assert len(found) == 287
    assert (found["available_at"] == found["interval_start"] + STEP).all()
    with pytest.raises(UsageError, match=r"did you mean texas-1"):
        collect(fleet, lake, site_ids=["texas"])


def _change(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", [1.0, *(100.0 + i for i in range(1, 110))])


def _interrupt(monkeypatch: pytest.MonkeyPatch, call: int, error: Exception, *, is_after: bool) -> Callable[[], int]:
    """Make the n-th append fail, before or after it wrote."""
    made = [0]
    really = Lake.append

    def append(self: Lake, table: str, rows: pl.DataFrame) -> None:
        made[0] += 1
        if made[0] == call and not is_after:
            raise error
        really(self, table, rows)
        if made[0] == call:
            raise error

    monkeypatch.setattr(Lake, "append", append)
    return lambda: made[0]


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit_rows", [3_000_000, 1], ids=["one-commit", "a-commit-a-site"])
def test_interrupted_anywhere_and_run_again_is_as_if_never_interrupted(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit_rows: int, is_after: bool
) -> None:
    monkeypatch.setattr("pausewatch.telemetry.collect._COMMIT_ROWS", commit_rows)
    original = (tmp_path / "a.csv").read_text()

    def run(lake: Lake, call: int | None) -> bool:
        """Collect, change a file, collect again with the interruption, and once more; say whether it came to it."""
        (tmp_path / "a.csv").write_text(original)
        collect(fleet, lake, site_ids=["slough-1"], now=FIRST)
        _change(tmp_path)
        is_interrupted = False
        with monkeypatch.context() as patch:
            if call is not None:
                calls = _interrupt(patch, call, KeyboardInterrupt(), is_after=is_after)
                try:
                    collect(fleet, lake, now=SECOND)
                except KeyboardInterrupt:
                    is_interrupted = calls() == call
        collect(fleet, lake, now=SECOND)
        return is_interrupted

    whole = Lake.open(str(tmp_path / "whole"))
    run(whole, None)
    call = 1
    while True:
        lake = Lake.open(str(tmp_path / f"lake-{call}"))
        came_to_it = run(lake, call)
        assert everything(lake).equals(everything(whole))
        assert rejects(lake) == rejects(whole)
        for cutoff in (START + timedelta(hours=5), FIRST, SECOND):
            assert seen(lake, cutoff).equals(seen(whole, cutoff))
        if not came_to_it:
            break
        call += 1
    assert call > 3


COLLECTOR = """
import sys
from pausewatch.fleet import load_fleet
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake
fleet, lake = load_fleet(sys.argv[1]), Lake.open(sys.argv[2])
sys.stdin.readline()
collect(fleet, lake)
"""


def test_two_collects_at_once_lose_and_double_nothing(fleet: Fleet, lake: Lake) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COLLECTOR, str(fleet.path), lake.root],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert len(seen(lake)) == 287
    assert values(lake) == [100.0 + i for i in range(96)]
    assert len(rejects(lake)) == 1
    assert len(lake.ingests().collect()) == 3
    assert counts(collect(fleet, lake)) == (0, 0, 0, 3)


def test_a_source_that_fails_does_not_stop_the_others(fleet: Fleet, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.csv").unlink()
    (tmp_path / "b.csv").write_bytes(b"\x1f\x8bbroken")
    summary = collect(fleet, lake, now=FIRST)
    assert counts(summary) == (96, 0, 1, 0)
    assert ["no such file" in str(f) or "broken gzip" in str(f) for f in summary.failures] == [True, True]
    write(tmp_path, "a.csv", [1.0] * 4)
    collect(fleet, lake, now=SECOND)
    assert values(lake) == [1.0] * 4


@pytest.mark.parametrize("table", ["readings", "rejects", "ingests"])
def test_a_full_disk_is_one_clear_line_and_nothing_is_lost(
    fleet: Fleet, lake: Lake, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    import deltalake

    really = deltalake.write_deltalake

    def full(uri: str, *rest: Any, **more: Any) -> None:
        if uri.endswith(table):
            raise OSError(28, "No space left on device")
        really(uri, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr("deltalake.write_deltalake", full)
        with pytest.raises(LakeError, match=r"No space left on device.*nothing was lost; run again") as caught:
            collect(fleet, lake, now=FIRST)
    assert "\n" not in str(caught.value)
    assert table in str(caught.value)
    collect(fleet, lake, now=SECOND)
    assert len(seen(lake)) == len(everything(lake)) == 287
    assert len(rejects(lake)) == 1
    assert len(lake.ingests().collect()) == 3


def test_a_lake_that_cannot_be_written_is_one_clear_line(fleet: Fleet, tmp_path: Path) -> None:
    """Root may write anywhere, so a file stands where the table's folder should."""
    lake = Lake.open(str(tmp_path / "lake"))
    (tmp_path / "lake" / "readings").write_text("in the way")
    with pytest.raises(LakeError) as caught:
        collect(fleet, lake, now=FIRST)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "lake") in str(caught.value)
    (tmp_path / "lake" / "readings").unlink()
    collect(fleet, lake, now=FIRST)
    assert len(seen(lake)) == 287


def test_implausible_readings_are_rejects_that_keep_their_value(fleet: Fleet, lake: Lake, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", [100.0, -1.0, 119_999.0, 120_001.0])
    collect(fleet, lake, now=FIRST)
    assert values(lake) == [100.0, 119_999.0]
    found = lake.rejects().collect().filter(pl.col("meter_id") == "utility").sort("interval_start")
    assert found["reason"].to_list() == ["negative", "beyond_grid_connection"]
    assert "120001" in str(found["raw"][1])
    collect(fleet, lake, now=SECOND)
    assert len(lake.rejects().collect().filter(pl.col("meter_id") == "utility")) == 2
