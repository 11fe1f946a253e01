"""Green Button: units, quality, direction, clock changes, and feeds that must not be guessed at."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.builders import a_meter, a_site, at
from tests.conftest import shared_data_folder
from tests.sources.green_button_feeds import feed, reading, stream

from pausewatch.errors import SourceError
from pausewatch.sources import Batch, open_source
from pausewatch.sources.schema import READINGS, REJECTS

START = at("2026-03-01")
HOUR = timedelta(hours=1)


def read(folder: Path, text: str | bytes, **meter: Any) -> Batch:
    path = folder / "feed.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file(path, **meter)


def read_file(path: Path, **meter: Any) -> Batch:
    declared = a_meter(
        **{"unit": None, "interval": None, "source": {"kind": "green_button", "path": str(path)}, **meter}
    )
    (batch,) = open_source(a_site(), declared).read(None, None)
    READINGS.validate(batch.readings)
    REJECTS.validate(batch.rejects)
    return batch


@pytest.mark.parametrize(
    ("uom", "power", "given", "kw"),
    [(72, 0, 500, 2.0), (72, 3, 500, 2000.0), (72, -3, 500, 0.002), (38, 0, 500, 0.5), (38, 3, 500, 500.0)],
)
def test_unit_and_multiplier(tmp_path: Path, uom: int, power: int, given: int, kw: float) -> None:
    batch = read(tmp_path, feed(stream([reading(START, given)], uom=uom, power=power)))
    assert batch.readings["value"].to_list() == pytest.approx([kw])


@pytest.mark.parametrize("power", [400, "three"])
def test_a_senseless_multiplier(tmp_path: Path, power: int | str) -> None:
    with pytest.raises(SourceError, match=r"powerOfTenMultiplier is no sensible number"):
        read(tmp_path, feed(stream([reading(START, 1)], power=power)))


@pytest.mark.parametrize(
    ("unit", "uom", "power", "agrees"),
    [
        ("Wh", 72, 0, True),
        ("kWh", 72, 3, True),
        ("Wh", 72, 3, True),
        ("kWh", 72, 0, False),
        ("kW", 72, 0, False),
        ("Wh", 38, 0, False),
        ("MW", 38, 6, True),
    ],
)
def test_where_file_and_fleet_disagree_on_the_unit(
    tmp_path: Path, unit: str, uom: int, power: int, agrees: bool
) -> None:
    text = feed(stream([reading(START, 1000)], uom=uom, power=power))
    if agrees:
        assert (
            read(tmp_path, text, unit=unit).readings["value"].to_list()
            == read(tmp_path, text).readings["value"].to_list()
        )
    else:
        with pytest.raises(SourceError, match=rf"the file states .*, the fleet file {unit}"):
            read(tmp_path, text, unit=unit)


def test_without_a_reading_type_the_meters_unit_stands(tmp_path: Path) -> None:
    text = feed(stream([reading(START, 500)], has_type=False))
    assert read(tmp_path, text, unit="kWh").readings["value"].to_list() == [2000.0]
    with pytest.raises(SourceError, match=r"no unit.*give the meter's unit"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("codes", "quality"),
    [
        ([], "measured"),
        ([0], "measured"),
        ([17], "measured"),
        ([19], "measured"),
        ([11], "derived"),
        ([7], "estimated"),
        ([8], "estimated"),
        ([9], "estimated"),
        ([12], "estimated"),
        ([10], "suspect"),
        ([17, 8], "estimated"),
        ([0, 10, 8], "suspect"),
        ([99], "suspect"),
        (["fine"], "suspect"),
    ],
)
def test_quality_codes(tmp_path: Path, codes: list[object], quality: str) -> None:
    batch = read(tmp_path, feed(stream([reading(START, 1, 900, codes)])))
    assert batch.readings["quality"].to_list() == [quality]


def test_flow_direction(tmp_path: Path) -> None:
    text = feed(stream([reading(START, 1000)], number=1, flow=1), stream([reading(START, 250)], number=2, flow=19))
    assert read(tmp_path, text).readings["value"].to_list() == [4.0]
    assert read(tmp_path, text, measures="utility_export").readings["value"].to_list() == [1.0]
    only_import = feed(stream([reading(START, 1000)]))
    with pytest.raises(SourceError, match=r"none in the wanted flow direction"):
        read(tmp_path, only_import, measures="utility_export")


def test_no_direction_given_is_delivery(tmp_path: Path) -> None:
    for flow in (None, 0):
        assert len(read(tmp_path, feed(stream([reading(START, 1)], flow=flow))).readings) == 1


def test_reactive_power_is_no_load(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none in W or Wh"):
        read(tmp_path, feed(stream([reading(START, 1)], uom=63)))


def test_registers_and_demand_are_left_out_where_energy_stands_beside_them(tmp_path: Path) -> None:
    register = stream([reading(START, 9_000_000)], number=1, accumulation=3)
    demand = stream([reading(START, 5000)], number=2, uom=38, accumulation=6)
    energy = stream([reading(START, 1000)], number=3)
    batch = read(tmp_path, feed(register, demand, energy))
    assert batch.readings.select("value", "quality").rows() == [(4.0, "measured")]
    with pytest.raises(SourceError, match=r"readings of a register"):
        read(tmp_path, feed(register))


def test_several_usage_points_are_not_guessed_at(tmp_path: Path) -> None:
    text = feed(stream([reading(START, 1)], point=1), stream([reading(START, 1)], point=2))
    with pytest.raises(SourceError, match=r"2 usage points in one file.*export one usage point a file"):
        read(tmp_path, text)


def test_two_meter_readings_of_one_point_follow_each_other(tmp_path: Path) -> None:
    text = feed(stream([reading(START + HOUR, 1)], number=1), stream([reading(START, 2)], number=2))
    assert read(tmp_path, text).readings["interval_start"].to_list() == [START, START + HOUR]


def test_the_clock_changes_as_some_utilities_send_them(tmp_path: Path) -> None:
    """A clock going back comes as one reading of twice the interval, going on as one of 0 s."""
    readings = [reading(START, 1000, 3600), reading(START + HOUR, 3000, 7200), reading(START + 3 * HOUR, 0, 0)]
    batch = read(tmp_path, feed(stream(readings)), interval="1h")
    assert batch.readings.select("interval_s", "value").rows() == [(3600, 1.0), (7200, 1.5)]
    assert batch.readings["available_at"].to_list() == [START + HOUR, START + 3 * HOUR]
    assert batch.rejects["reason"].to_list() == ["zero_duration"]


def test_duplicates(tmp_path: Path) -> None:
    readings = [reading(START, 1000), reading(START, 1000), reading(START + HOUR, 1000), reading(START + HOUR, 2000)]
    batch = read(tmp_path, feed(stream(readings)))
    assert batch.readings.select("value", "quality").rows() == [(4.0, "measured"), (8.0, "suspect")]
    assert batch.rejects.select("where", "reason").rows() == [
        ("feed.xml: reading 2", "duplicate"),
        ("feed.xml: reading 3", "conflicting_duplicate"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (reading(START, "oops"), "unparseable_value"),
        (reading(START, "1e999"), "unparseable_value"),
        (reading(START, None), "missing_value"),
        (reading(START, ""), "missing_value"),
        (reading("soon", 1), "unparseable_time"),
        (reading("", 1), "unparseable_time"),
        (reading("99999999999999999999", 1), "unparseable_time"),
        (reading(-5, 1), "unparseable_time"),
        (reading(START, 1, "long"), "unparseable_time"),
        (reading(START, 1, 99999999999), "unparseable_time"),
        (reading(START, 1, None), "zero_duration"),
        ("<IntervalReading><value>5</value></IntervalReading>", "unparseable_time"),
    ],
)
def test_a_bad_reading_spoils_only_itself(tmp_path: Path, row: str, reason: str) -> None:
    batch = read(tmp_path, feed(stream([reading(START - HOUR, 1), row, reading(START + HOUR, 1)])))
    assert len(batch.readings) == 2
    assert batch.rejects.select("where", "reason").rows() == [("feed.xml: reading 2", reason)]


def test_only_bad_readings_is_no_crash(tmp_path: Path) -> None:
    batch = read(tmp_path, feed(stream([reading(START, 1, 0)])))
    assert batch.readings.is_empty()
    assert len(batch.rejects) == 1


BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>&b;</title></entry></feed>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/hostname">]><f>&x;</f>"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "refused: it declares entities or a DTD"),
        (OUTSIDE, "refused: it declares entities or a DTD"),
        ("", "the file is empty"),
        ("<feed><entry>", "not well-formed XML"),
        ("not xml", "not well-formed XML"),
        ('<feed><x:entry xmlns="y"/></feed>', "not well-formed XML .unbound prefix"),
        ("<html><body/></html>", "not a Green Button feed"),
        (feed(), "not a Green Button feed"),
        (feed(stream([])), "no interval readings in it"),
        (b'<?xml version="1.0" encoding="gb2312"?><feed/>', "encoding"),
        (b'<?xml version="1.0" encoding="no-such"?><feed/>', "encoding"),
        (feed(stream([reading(START, 1)])).encode("utf-16"), "not well-formed XML|encoding"),
    ],
    ids=["bomb", "outside", "empty", "cut", "text", "prefix", "html", "no-entry", "no-reading", "gb", "unknown", "16"],
)
def test_feeds_that_cannot_be_read_say_why(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "feed.xml" in str(caught.value)


class _Custodian(http.server.BaseHTTPRequestHandler):
    """A data custodian: knows one subscription and one token."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        is_known = self.headers["Authorization"] == "Bearer hunter2" and self.path.endswith("/Batch/Subscription/5")
        self.send_response(200 if is_known else 403)
        self.end_headers()
        self.wfile.write(feed(stream([reading(START, 500)])).encode() if is_known else b"no")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def custodian() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Custodian)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    _Custodian.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}/espi"
    server.shutdown()
    server.server_close()
    thread.join()


def _from(url: str) -> list[Batch]:
    source = {"kind": "green_button", "url": url, "subscription": "5", "credentials": "pge"}
    meter = a_meter(unit=None, interval=None, source=source)
    return list(open_source(a_site(), meter).read(None, None))


@pytest.mark.server
def test_a_data_custodian(custodian: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSEWATCH_CREDENTIALS_PGE", "hunter2")
    (batch,) = _from(custodian)
    assert batch.readings["value"].to_list() == [2.0]
    assert "hunter2" not in batch.origin


@pytest.mark.server
def test_a_custodian_that_refuses_is_asked_once(custodian: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSEWATCH_CREDENTIALS_PGE", "hunter3")
    with pytest.raises(SourceError, match=r"the data custodian refused \(403 Forbidden\); check its cred") as caught:
        _from(custodian)
    assert "hunter3" not in str(caught.value)
    assert len(_Custodian.asked) == 1


def test_credentials_that_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAUSEWATCH_CREDENTIALS_PGE", raising=False)
    with pytest.raises(SourceError, match=r"set PAUSEWATCH_CREDENTIALS_PGE"):
        _from("http://127.0.0.1:9/espi")


def _real_files() -> list[Path]:
    folder = shared_data_folder() / "green_button"
    return sorted(p for p in folder.rglob("*") if p.suffix in (".xml", ".gz")) or [folder / "absent"]


def _read_or_error(path: Path, unit: str | None) -> Batch | SourceError:
    try:
        return read_file(path, unit=unit)
    except SourceError as error:
        return error


@pytest.mark.shared_data
@pytest.mark.parametrize("path", _real_files(), ids=lambda p: f"{p.parent.name}-{p.name}")
def test_every_real_file_reads_or_fails_with_one_clear_line(path: Path, shared_data: Path) -> None:
    for unit in (None, "Wh"):
        found = _read_or_error(path, unit)
        if isinstance(found, Batch):
            assert len(found.readings) + len(found.rejects) > 0
        else:
            assert "\n" not in str(found)
            assert path.name in str(found)
            assert len(str(found)) < 600


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "unit", "readings", "rejects"),
    [
        ("PGEIntervalBlock.xml", "Wh", 2280, {"duplicate": 276}),
        ("ESPIIntervalBlock.xml", "Wh", 444, {}),
        ("coastal_multi_family_2011.xml.gz", None, 8760, {}),
    ],
)
def test_counts_of_real_files(
    shared_data: Path, name: str, unit: str | None, readings: int, rejects: dict[str, int]
) -> None:
    batch = read_file(shared_data / "green_button" / "utility_samples" / name, unit=unit)
    assert len(batch.readings) == readings
    assert dict(batch.rejects["reason"].value_counts().rows()) == rejects
