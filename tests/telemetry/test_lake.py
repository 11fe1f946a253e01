"""The lake: appends only, never looks ahead, and loses nothing to two writers or a full disk."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import at

from pausewatch.errors import LakeError
from pausewatch.sources.schema import UTC_US
from pausewatch.telemetry.lake import READINGS_SCHEMA, Lake

START = at("2026-03-31T22:00")


def rows(*given: tuple[int, float, datetime], site: str = "a", meter: str = "m", ingest: str = "i") -> pl.DataFrame:
    """Return readings as (quarter hour, value, available_at)."""
    starts = [START + quarter * timedelta(minutes=15) for quarter, _, _ in given]
    return pl.DataFrame(
        {
            "site_id": site,
            "meter_id": meter,
            "interval_start": starts,
            "interval_s": 900,
            "value": [value for _, value, _ in given],
            "unit": "kW",
            "quality": "measured",
            "source": "x.csv",
            "ingest_id": ingest,
            "available_at": [available for _, _, available in given],
            "month": [f"{t:%Y-%m}" for t in starts],
        }
    ).cast(dict(READINGS_SCHEMA))  # type: ignore[arg-type]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(str(tmp_path / "deep" / "lake"))


def test_an_empty_lake(lake: Lake) -> None:
    assert lake.readings().collect().is_empty()
    assert lake.rejects().collect().is_empty()
    assert lake.ingests(["a"]).collect().is_empty()
    lake.tidy()
    assert lake.as_of(at("2027-01-01"), site_ids=["a"]).collect().is_empty()


def test_the_first_reading_is_the_earliest_of_the_sites_asked_for(lake: Lake) -> None:
    assert lake.first_reading(["a"], at("2027-01-01")) is None
    lake.append("readings", rows((9, 1.0, START), (3, 2.0, START), site="a"))
    lake.append("readings", rows((1, 1.0, START), (30, 2.0, START), site="b"))
    quarter = timedelta(minutes=15)
    assert lake.first_reading(["a"], at("2027-01-01")) == START + 3 * quarter
    assert lake.first_reading(["a", "b"], at("2027-01-01")) == START + quarter
    assert lake.first_reading(["a", "b"], START + quarter) is None
    assert lake.first_reading(["c"], at("2027-01-01")) is None
    late = pl.concat([rows((2000, 1.0, START), site="c"), rows((1000, 1.0, START), site="c")])
    lake.append("readings", late)
    assert lake.first_reading(["c"], at("2027-01-01")) == START + 1000 * quarter


def test_a_lake_as_it_is_does_not_see_what_comes_later(lake: Lake) -> None:
    assert lake.as_it_is().readings().collect().is_empty()
    lake.append("readings", rows((0, 1.0, START)))
    then = lake.as_it_is()
    assert len(then.readings().collect()) == 1
    lake.append("readings", rows((1, 1.0, START)))
    assert len(then.readings().collect()) == 1
    assert len(lake.readings().collect()) == len(lake.as_it_is().readings().collect()) == 2


def test_appends_add_up(lake: Lake) -> None:
    lake.append("readings", rows((0, 1.0, START)))
    lake.append("readings", rows((20, 2.0, START)))
    lake.append("readings", rows())
    found = lake.readings().collect().sort("interval_start")
    assert found["value"].to_list() == [1.0, 2.0]
    assert dict(found.schema) == dict(READINGS_SCHEMA)
    assert found["interval_start"].dtype == UTC_US


def test_a_correction_keeps_the_old_value(lake: Lake) -> None:
    later = START + timedelta(days=3)
    lake.append("readings", rows((0, 1.0, START)))
    lake.append("readings", rows((0, 9.0, later)))
    assert sorted(lake.readings().collect()["value"]) == [1.0, 9.0]
    assert lake.as_of(later - timedelta(microseconds=1)).collect()["value"].to_list() == [1.0]
    assert lake.as_of(later).collect()["value"].to_list() == [9.0]


def test_selection(lake: Lake) -> None:
    lake.append("readings", rows(*[(q, float(q), START) for q in range(16)]))
    lake.append("readings", rows((0, 100.0, START), site="b"))
    lake.append("readings", rows((0, 200.0, START), meter="n"))
    hour = timedelta(hours=1)

    def values(**selection: Any) -> list[float]:
        return sorted(lake.readings(**selection).collect()["value"])

    assert values(site_ids=["b"]) == [100.0]
    assert values(meter_id="n") == [200.0]
    assert values(site_ids=["a"], meter_id="m", since=START + hour, until=START + 2 * hour) == [4.0, 5.0, 6.0, 7.0]
    assert values(site_ids=["a"], available_until=START - hour) == []


@pytest.mark.parametrize("offset_h", [-11, 0, 14])
def test_bounds_mean_the_same_in_any_zone(lake: Lake, offset_h: int) -> None:
    """The readings lie about the end of a month, where a bound's own month may differ from UTC's."""
    from datetime import timezone

    lake.append("readings", rows(*[(q, float(q), START) for q in range(16)]))
    zone = timezone(timedelta(hours=offset_h))
    since, until = (START + timedelta(hours=h) for h in (1, 3))
    found = lake.readings(since=since.astimezone(zone), until=until.astimezone(zone)).collect()
    assert sorted(found["value"]) == [float(q) for q in range(4, 12)]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 100), st.integers(0, 50)), min_size=1, max_size=12),
    st.integers(-1, 51),
)
def test_as_of_never_sees_later_rows(
    tmp_path_factory: pytest.TempPathFactory, versions: list[tuple[int, float, int]], hour: int
) -> None:
    lake = Lake.open(str(tmp_path_factory.mktemp("lake")))
    given_rows = [(q, v, START + timedelta(hours=h)) for q, v, h in versions]
    lake.append("readings", rows(*given_rows))
    cutoff = START + timedelta(hours=hour)
    expected: dict[int, tuple[datetime, float]] = {}
    for quarter, value, available in given_rows:
        if available <= cutoff:
            expected[quarter] = max(expected.get(quarter, (START - timedelta(days=1), 0.0)), (available, value))
    found = lake.as_of(cutoff).collect()
    assert {
        (t - START) // timedelta(minutes=15): (a, v)
        for t, a, v in found.select("interval_start", "available_at", "value").rows()
    } == expected


WRITER = textwrap.dedent(
    """
    import sys
    import polars as pl
    from pausewatch.telemetry.lake import Lake, REJECTS_SCHEMA
    lake = Lake.open(sys.argv[1])
    sys.stdin.readline()
    for i in range(int(sys.argv[3])):
        row = {"site_id": "a", "meter_id": sys.argv[2], "where": str(i), "raw": "", "reason": "x",
               "interval_start": None, "source": "s", "ingest_id": str(i)}
        lake.append("rejects", pl.DataFrame([row], schema=dict(REJECTS_SCHEMA)))
    """
)


def _together(lake: Lake, writers: int, appends: int) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, lake.root, f"m{w}", str(appends)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for w in range(writers)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said


def test_processes_that_append_at_once_lose_nothing(lake: Lake) -> None:
    """The table doesn't exist yet: they race for making it too."""
    _together(lake, writers=2, appends=15)
    found = lake.rejects().collect().group_by("meter_id").len().sort("meter_id")
    assert found.rows() == [("m0", 15), ("m1", 15)]


def test_compaction_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pausewatch.telemetry.lake._COMPACT_ABOVE_FILES", 3)
    for quarter in range(6):
        lake.append("readings", rows((quarter, float(quarter), START)))
    before = lake.readings().collect().sort("interval_start")
    lake.tidy()
    assert lake.readings().collect().sort("interval_start").equals(before)


def test_a_lake_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LakeError, match=r"can't be made") as caught:
        Lake.open(str(tmp_path / "file" / "lake"))
    assert "\n" not in str(caught.value)


def test_a_damaged_table_is_one_clear_line(lake: Lake) -> None:
    lake.append("readings", rows((0, 1.0, START)))
    for log in (Path(lake.root) / "readings" / "_delta_log").glob("*.json"):
        log.write_text("{not json")
    with pytest.raises(LakeError, match=r"can't read readings|can't append") as caught:
        lake.readings().collect()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError(13, "Permission denied"), "check the permissions"),
    ],
)
def test_a_write_that_fails_is_one_clear_line_and_loses_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    lake.append("readings", rows((0, 1.0, START)))
    with monkeypatch.context() as patch:
        patch.setattr("deltalake.write_deltalake", refuse)
        with pytest.raises(LakeError, match=said) as caught:
            lake.append("readings", rows((1, 2.0, START)))
    assert lake.root in str(caught.value)
    assert "\n" not in str(caught.value)
    assert lake.readings().collect()["value"].to_list() == [1.0]
    lake.append("readings", rows((1, 2.0, START)))
    assert sorted(lake.readings().collect()["value"]) == [1.0, 2.0]


@pytest.mark.parametrize(("losses", "is_written"), [(1, True), (3, True), (99, False)])
def test_a_commit_lost_to_another_writer_is_tried_again_and_written_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, losses: int, is_written: bool
) -> None:
    from deltalake import write_deltalake
    from deltalake.exceptions import CommitFailedError

    tried = []

    def lose(*args: Any, **more: Any) -> None:
        tried.append(args)
        if len(tried) <= losses:
            raise CommitFailedError("Metadata changed since last commit.")
        write_deltalake(*args, **more)

    monkeypatch.setattr("deltalake.write_deltalake", lose)
    monkeypatch.setattr("time.sleep", lambda _: None)
    if is_written:
        lake.append("readings", rows((0, 1.0, START)))
        assert len(tried) == losses + 1
    else:
        with pytest.raises(LakeError, match="Metadata changed"):
            lake.append("readings", rows((0, 1.0, START)))
    assert lake.readings().collect()["value"].to_list() == ([1.0] if is_written else [])


# In a process of its own: the Delta reader holds the interpreter while it waits for an answer.
STORE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import boto3

    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STORE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for name, value in {
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        client.close()
        yield "s3://lake/pausewatch"
        server.terminate()


@pytest.mark.server
def test_a_lake_on_an_object_store(bucket: str) -> None:
    lake = Lake.open(bucket)
    assert lake.readings().collect().is_empty()
    lake.append("readings", rows((0, 1.0, START)))
    lake.append("readings", rows((0, 9.0, START + timedelta(days=1))))
    other = Lake.open(bucket + "/")
    assert other.as_of(START).collect()["value"].to_list() == [1.0]
    assert other.as_of(datetime(2027, 1, 1, tzinfo=UTC)).collect()["value"].to_list() == [9.0]
    _together(lake, writers=2, appends=4)
    assert len(lake.rejects().collect()) == 8
