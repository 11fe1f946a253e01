"""CSV and Parquet as they come: clock changes, damaged rows, duplicates, and errors a person can act on."""

from __future__ import annotations

import gzip
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.builders import a_meter, a_site, at, csv_source, csv_text

from pausewatch.errors import SourceError
from pausewatch.sources import Batch, open_source

HOUR = timedelta(hours=1)


def read(
    path: Path, content: str | bytes | None = None, *, meter: dict[str, Any] | None = None, **source: Any
) -> Batch:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    declared = a_meter(**{"source": csv_source(str(path), **source), **(meter or {})})
    (batch,) = open_source(a_site(), declared).read(None, None)
    return batch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "meter.csv"


def starts(batch: Batch) -> list[str]:
    return [t.strftime("%m-%d %H:%M") for t in batch.readings["interval_start"]]


def reasons(batch: Batch) -> dict[str, str]:
    return dict(batch.rejects.select("where", "reason").rows())


@pytest.mark.parametrize(
    ("unit", "given", "kw"),
    [("W", 2e6, 2000), ("kW", 2000, 2000), ("MW", 2, 2000), ("Wh", 5e5, 2000), ("kWh", 500, 2000), ("MWh", 0.5, 2000)],
)
def test_units_become_mean_kw(file: Path, unit: str, given: float, kw: float) -> None:
    batch = read(file, csv_text(at("2026-03-01"), [given]), meter={"unit": unit})
    assert batch.readings["value"].to_list() == pytest.approx([kw])


@pytest.mark.parametrize(("unit", "given"), [("degC", 20), ("degF", 68)])
def test_temperatures_become_degrees_celsius(file: Path, unit: str, given: float) -> None:
    meter = {"unit": unit, "measures": "outdoor_temperature"}
    assert read(file, csv_text(at("2026-03-01"), [given]), meter=meter).readings["value"].to_list() == [20.0]


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01 12:00:00Z",
        "2026-03-01 12:00:00+00",
        "2026-03-01 12:00:00 UTC",
        "2026-03-01T13:00+01:00",
        "2026-03-01T13:00:00.000+0100",
        "2026-03-01 13:00:00 +01:00",
        "2026-03-01T17:45:00+05:45",
        " 2026-03-01T12:00:03Z ",
        "2026-03-01T11:59:57Z",
    ],
)
def test_stamps_with_an_offset_say_what_they_mean(file: Path, stamp: str) -> None:
    assert starts(read(file, f"time,kw\n{stamp},5\n")) == ["03-01 12:00"]


@pytest.mark.parametrize("stamp", ["2026-03-01 12:00:00", "2026-03-01T12:00", "2026-03-01 12:00:00.5"])
def test_naive_stamps_need_a_zone(file: Path, stamp: str) -> None:
    with pytest.raises(SourceError, match=r"has no offset; name its zone in the fleet file: `timezone"):
        read(file, f"time,kw\n{stamp},5\n")
    assert starts(read(file, timezone="UTC")) == ["03-01 12:00"]


def _local_file(zone: str, start: str, hours: int, step: timedelta = HOUR, *, ends: bool = False) -> str:
    """Return a file of a logger that stamps its wall clock, through whatever the clocks do."""
    from zoneinfo import ZoneInfo

    begin = at(start)
    instants = [begin + i * step for i in range(int(hours * HOUR / step))]
    stamped = [t + step if ends else t for t in instants]
    lines = [f"{t.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S},{i}" for i, t in enumerate(stamped)]
    return "time,kw\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("ends", [False, True], ids=["starts", "ends"])
@pytest.mark.parametrize("step", [HOUR, HOUR / 4], ids=["hourly", "quarter-hourly"])
@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/London", "2026-03-28T20:00"),
        ("Europe/London", "2026-10-24T20:00"),
        ("America/New_York", "2026-03-08T00:00"),
        ("America/New_York", "2026-11-01T00:00"),
        ("Australia/Lord_Howe", "2026-04-04T05:00"),
        ("Australia/Lord_Howe", "2026-10-03T05:00"),
        ("Asia/Kathmandu", "2026-03-28T20:15"),
    ],
)
def test_naive_stamps_through_clock_changes(file: Path, zone: str, start: str, step: timedelta, ends: bool) -> None:
    if zone == "Australia/Lord_Howe" and step == HOUR:
        step = HOUR / 2  # its clocks change by half an hour: hours of the wall clock don't go through it
    text = _local_file(zone, start, 24, step, ends=ends)
    more = {"timezone": zone, "stamps": "end" if ends else "start"}
    meter = {"interval": f"{int(step.total_seconds() // 60)}min"}
    batch = read(file, text, meter=meter, **more)
    assert batch.rejects.is_empty()
    count = int(24 * HOUR / step)
    assert batch.readings["interval_start"].to_list() == [at(start) + i * step for i in range(count)]
    assert batch.readings["value"].to_list() == list(range(count))


def test_a_file_that_runs_backwards_through_the_repeated_hour(file: Path) -> None:
    lines = _local_file("Europe/London", "2026-10-24T20:00", 12).splitlines()
    batch = read(
        file, "\n".join([lines[0], *reversed(lines[1:])]) + "\n", meter={"interval": "1h"}, timezone="Europe/London"
    )
    assert batch.readings["value"].to_list() == list(range(12))


def test_a_local_time_that_does_not_exist(file: Path) -> None:
    text = "time,kw\n2026-03-29 00:30,1\n2026-03-29 01:15,2\n2026-03-29 02:00,3\n"
    batch = read(file, text, timezone="Europe/London")
    assert reasons(batch) == {"meter.csv:3": "nonexistent_local_time"}
    assert starts(batch) == ["03-29 00:30", "03-29 01:00"]


def test_end_stamps_name_the_interval_before(file: Path) -> None:
    batch = read(file, "time,kw\n2026-03-01T00:15:00Z,1\n", stamps="end")
    assert starts(batch) == ["03-01 00:00"]
    assert batch.readings["available_at"].to_list() == [at("2026-03-01T00:15")]


def test_a_daily_meter_in_local_days(file: Path) -> None:
    text = "time,kw\n2026-03-28,1\n2026-03-29,2\n2026-03-30,3\n"
    batch = read(file, text, meter={"interval": "1d"}, timezone="Europe/London")
    assert starts(batch) == ["03-28 00:00", "03-29 00:00", "03-29 23:00"]


def test_header_only(file: Path) -> None:
    for text in ("time,kw\n", "time,kw", "\ufefftime,kw\r\n"):
        batch = read(file, text)
        assert batch.readings.is_empty()
        assert batch.rejects.is_empty()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("  \n\n", "the file is empty"),
        (
            "time,kW_total\n2026-03-01T00:00Z,1\n",
            r"no column 'kw' \(its columns are time, kW_total\); did you mean 'kW_total'",
        ),
        ("time,temperature\n", "no column 'kw'"),
        ("stamp;kw\n2026-03-01T00:00Z;1\n", "fields are separated by ';'.*export it with commas"),
        ("time\tkw\n", "fields are separated by"),
        (b"\x00\x01\x02time,kw\n", "not a text file"),
        (b"\x1f\x8bnot gzip at all", "a broken gzip file"),
        (gzip.compress(b"time,kw\n2026-03-01T00:00Z,1\n" * 50, mtime=0)[:-9], "a broken gzip file.*again"),
        (b"PAR1 is not all that is needed", "not a readable Parquet file"),
    ],
    ids=["empty", "blank", "near", "other", "semicolons", "tabs", "binary", "no-gzip", "cut-gzip", "parquet"],
)
def test_files_that_cannot_be_read_say_why(file: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        read(file, text)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_gzip_whose_inside_is_damaged(file: Path) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[20:40] = b"\xff" * 20
    with pytest.raises(SourceError, match=r"a broken gzip file"):
        read(file, bytes(packed))


ROWS = [
    ("oops,1", "unparseable_time"),
    ("2026-02-30T00:00Z,1", "unparseable_time"),
    ("2026-03-01T05:00Z,", "missing_value"),
    ("2026-03-01T05:00Z,NA", "missing_value"),
    ("2026-03-01T05:00Z,NaN", "missing_value"),
    ("2026-03-01T05:00Z,-", "missing_value"),
    ("2026-03-01T05:00Z,1.2.3", "unparseable_value"),
    ('2026-03-01T05:00Z,"1,234"', "unparseable_value"),
    ("2026-03-01T05:00Z,inf", "infinite_value"),
    ("2026-03-01T05:00:25Z,1", "off_interval"),
    ("2026-03-01T05:00Z", "missing_value"),
    ("2026-03-01T05:00Z,12,5", "malformed_row"),
    ('2026-03-01T05:00Z,"12', "malformed_row"),
    ("2026-03-01T05:00Z,1\xff2", "malformed_row"),
    ("", "malformed_row"),
    ("2026-03-01T00:15:00Z,7", "conflicting_duplicate"),
    ("2026-03-01T00:15:00Z,11.0", "duplicate"),
]


@pytest.mark.parametrize(("row", "reason"), ROWS, ids=[f"{reason}-{i}" for i, (_, reason) in enumerate(ROWS)])
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_bad_row_spoils_only_itself(file: Path, row: str, reason: str, ending: str) -> None:
    lines = csv_text(at("2026-03-01"), [10, 11, 12, 13]).splitlines()
    lines.insert(3, row)
    batch = read(file, (ending.join(lines) + ending).encode("latin-1"))
    assert batch.readings["value"].to_list() == [10.0, 11.0, 12.0, 13.0]
    assert reasons(batch) == {"meter.csv:4": reason}
    suspect = batch.readings.filter(pl.col("quality") == "suspect")
    assert len(suspect) == (1 if reason == "conflicting_duplicate" else 0)


def test_of_two_values_that_disagree_the_larger_stands_and_is_suspect(file: Path) -> None:
    text = "time,kw\n2026-03-01T00:00Z,5\n2026-03-01T00:00Z,9\n2026-03-01T00:00Z,9.0000000001\n"
    batch = read(file, text)
    assert batch.readings.select("value", "quality").rows() == [(pytest.approx(9), "suspect")]
    assert sorted(batch.rejects["reason"]) == ["conflicting_duplicate", "duplicate"]


def test_a_last_line_without_its_end_is_read_at_the_next_collect(file: Path) -> None:
    text = csv_text(at("2026-03-01"), [100, 101, 102])
    early = read(file, text[:-2])
    assert early.readings["value"].to_list() == [100.0, 101.0]
    assert reasons(early) == {"meter.csv:4": "truncated_row"}
    assert read(file, text).readings["value"].to_list() == [100.0, 101.0, 102.0]


def test_blank_lines_above_the_header_and_spaces_in_it(file: Path) -> None:
    batch = read(file, "\n\ntime , kw\n2026-03-01T00:00Z, 5 \noops,1\n")
    assert batch.readings["value"].to_list() == [5.0]
    assert reasons(batch) == {"meter.csv:5": "unparseable_time"}


def test_columns_that_share_a_name(file: Path) -> None:
    assert read(file, "time,kw, kw,kw\n2026-03-01T00:00Z,5,6,7\n").readings["value"].to_list() == [5.0]


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ({"feeder": "A"}, [1.0]),
        ({"feeder": "A", "number": 1}, [1.0]),
        ({"number": 2}, [2.0]),
        ({"is_main": True}, [1.0]),
        ({"feeder": "C"}, []),
    ],
)
def test_where_chooses_rows(file: Path, where: dict[str, Any], values: list[float]) -> None:
    text = "time,kw,feeder,number,is_main\n2026-03-01T00:00Z,1,A,1,True\n2026-03-01T00:00Z,2,B,2.0,False\n"
    batch = read(file, text, where=where)
    assert batch.readings["value"].to_list() == values
    assert batch.rejects.is_empty()


def test_where_on_a_column_that_is_not_there(file: Path) -> None:
    with pytest.raises(SourceError, match=r"no column 'feder'.*did you mean 'feeder'"):
        read(file, "time,kw,feeder\n", where={"feder": "A"})


def test_available_column_says_when_a_reading_arrived(file: Path) -> None:
    text = (
        "time,kw,arrived\n"
        "2026-03-01T00:00Z,5,2026-03-02T06:00Z\n"
        "2026-03-01T00:00Z,6,2026-03-05T06:00Z\n"
        "2026-03-01T00:15Z,7,2026-02-01T00:00Z\n"
        "2026-03-01T00:30Z,8,\n"
    )
    batch = read(file, text, available_column="arrived")
    assert batch.readings.select("value", "available_at").rows() == [
        (5.0, at("2026-03-02T06:00")),
        (6.0, at("2026-03-05T06:00")),
        (7.0, at("2026-03-01T00:30")),  # nothing can be known before its interval is over
    ]
    assert reasons(batch) == {"meter.csv:5": "unparseable_time"}


@pytest.mark.parametrize(
    "stamps",
    [
        pl.Series(["2026-03-01"]).str.to_datetime().dt.replace_time_zone("Europe/London"),
        pl.Series(["2026-03-01"]).str.to_datetime().cast(pl.Datetime("ns", "UTC")),
        pl.Series([1772323200]),
        pl.Series([1772323200_000]),
        pl.Series([1772323200_000_000]),
        pl.Series([1772323200_000_000_000]),
        pl.Series(["2026-03-01T00:00:00Z"]),
    ],
    ids=["zoned", "ns", "s", "ms", "us", "epoch-ns", "text"],
)
def test_parquet_stamps(tmp_path: Path, stamps: pl.Series) -> None:
    path = tmp_path / "meter.parquet"
    pl.DataFrame({"time": stamps, "kw": [5]}).write_parquet(path)
    assert starts(read(path)) == ["03-01 00:00"]


@pytest.mark.parametrize(
    "stamps",
    [pl.Series(["2026-07-01"]).str.to_datetime(), pl.Series(["2026-07-01"]).str.to_date()],
    ids=["time", "date"],
)
def test_naive_parquet_stamps(tmp_path: Path, stamps: pl.Series) -> None:
    path = tmp_path / "meter.parquet"
    pl.DataFrame({"time": stamps, "kw": [5.0]}).write_parquet(path)
    with pytest.raises(SourceError, match=r"has no offset"):
        read(path)
    assert starts(read(path, timezone="Europe/London")) == ["06-30 23:00"]


def test_a_parquet_column_of_nulls(tmp_path: Path) -> None:
    path = tmp_path / "meter.parquet"
    frame = pl.DataFrame({"time": [at("2026-03-01")], "kw": [None]})
    frame.write_parquet(path)
    assert read(path).rejects["reason"].to_list() == ["missing_value"]


def test_a_file_of_several_meters_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    file.write_text("time,a,b\n2026-03-01T00:00Z,1,2\n")
    os.utime(file, (0, 0))
    opened: list[str] = []
    really = fsspec.open

    def counting(url: str, *rest: Any, **more: Any) -> Any:
        opened.append(url)
        return really(url, *rest, **more)

    monkeypatch.setattr(fsspec, "open", counting)
    for name in ("a", "b"):
        read(file, meter={"id": name}, value_column=name)
    assert opened == [str(file)]


def test_an_error_in_a_shared_file_names_each_meter(file: Path) -> None:
    for name in ("a", "b"):
        with pytest.raises(SourceError, match=f"meter {name}, .*a broken gzip"):
            read(file, b"\x1f\x8bno", meter={"id": name})


def test_a_file_written_again_at_once_is_read_again(file: Path) -> None:
    for value in (1.0, 2.0, 3.0):
        assert read(file, f"time,kw\n2026-03-01T00:00Z,{value}\n").readings["value"].to_list() == [value]
