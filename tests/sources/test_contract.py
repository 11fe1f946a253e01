"""What every source promises, run on every source this version can read."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
from tests.builders import a_meter, a_site, at, csv_source, csv_text
from tests.sources.green_button_feeds import feed, reading, stream

from pausewatch.errors import SourceError
from pausewatch.fleet import Meter
from pausewatch.sources import Batch, Reason, open_source
from pausewatch.sources.schema import READINGS, REJECTS

START = at("2026-03-01T00:00:00")
STEP = timedelta(minutes=15)
VALUES = [1000.0 + 4 * i for i in range(96)]
BAD = 40
"""The row that a spoiled source holds nothing readable in."""


@dataclass(frozen=True)
class Kind:
    """A source kind: how a test writes 96 readings of it, and where."""

    name: str
    write: Callable[[Path, Sequence[float | None]], dict[str, Any]]
    bad_reason: Reason = Reason.UNPARSEABLE_VALUE
    is_local: bool = True

    def meter(self, folder: Path, values: Sequence[float | None] = VALUES) -> Meter:
        return a_meter(source=self.write(folder, values))


def _rows(values: Sequence[float | None], begin: int = 0) -> str:
    return csv_text(START + begin * STEP, ["oops" if v is None else v for v in values])


def _csv(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    (folder / "meter.csv").write_text(_rows(values))
    return csv_source(str(folder / "meter.csv"))


def _csv_gz(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    (folder / "meter.csv.gz").write_bytes(gzip.compress(_rows(values).encode(), mtime=0))
    return csv_source(str(folder / "meter.csv.gz"))


def _parquet(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    path = folder / "meter.parquet"
    pl.DataFrame(
        {"time": [START + i * STEP for i in range(len(values))], "kw": values}, schema_overrides={"kw": pl.Float64}
    ).write_parquet(path)
    return csv_source(str(path))


def _glob(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    for part in (0, 1):
        chosen = values[part * 48 : part * 48 + 48]
        (folder / f"meter-{part}.csv").write_text(_rows(chosen, part * 48))
    return csv_source(str(folder / "meter-*.csv"))


def _file_url(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    _csv(folder, values)
    return csv_source(f"file://{folder}/meter.csv")


def _memory(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    url = f"memory://{folder.name}/meter.csv"
    with fsspec.open(url, "wb") as stream_:
        stream_.write(_rows(values).encode())
    return csv_source(url)


def _green_button_text(values: Sequence[float | None]) -> str:
    readings = [reading(START + i * STEP, "oops" if v is None else round(v * 250)) for i, v in enumerate(values)]
    return feed(stream(readings))


def _green_button(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    (folder / "meter.xml").write_text(_green_button_text(values))
    return {"kind": "green_button", "path": str(folder / "meter.xml")}


def _green_button_gz(folder: Path, values: Sequence[float | None]) -> dict[str, Any]:
    (folder / "meter.xml.gz").write_bytes(gzip.compress(_green_button_text(values).encode(), mtime=0))
    return {"kind": "green_button", "path": str(folder / "meter.xml.gz")}


KINDS = [
    Kind("csv", _csv),
    Kind("csv.gz", _csv_gz),
    Kind("parquet", _parquet, Reason.MISSING_VALUE),
    Kind("glob", _glob),
    Kind("file-url", _file_url),
    Kind("memory", _memory, is_local=False),
    Kind("green_button", _green_button),
    Kind("green_button.gz", _green_button_gz),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    yield request.param
    fsspec.filesystem("memory").store.clear()


def read(meter: Meter, since: datetime | None = None, until: datetime | None = None) -> list[Batch]:
    # Green Button meters state their unit themselves; the others are in kW.
    if meter.source.kind == "green_button":
        meter = meter.model_copy(update={"unit": None})
    return list(open_source(a_site(), meter).read(since, until))


def readings_of(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([b.readings for b in batches])


def rejects_of(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([b.rejects for b in batches])


def test_readings_have_the_schema_and_the_values(kind: Kind, tmp_path: Path) -> None:
    batches = read(kind.meter(tmp_path))
    for batch in batches:
        READINGS.validate(batch.readings)
        REJECTS.validate(batch.rejects)
        assert batch.readings["interval_start"].is_sorted()
        assert batch.rejects.is_empty()
    found = readings_of(batches)
    assert found["interval_start"].to_list() == [START + i * STEP for i in range(96)]
    assert found["value"].to_list() == pytest.approx(VALUES)
    assert found["interval_s"].unique().to_list() == [900]
    assert found["quality"].unique().to_list() == ["measured"]
    assert (found["available_at"] == found["interval_start"] + STEP).all()


def test_reading_twice_gives_the_same(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    for first, second in zip(read(meter), read(meter), strict=True):
        assert first.readings.equals(second.readings)
        assert first.rejects.equals(second.rejects)
        assert (first.origin, first.sha256) == (second.origin, second.sha256)


def test_a_file_that_is_known_is_not_read_again(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    first = read(meter)
    asked = []

    def is_known(origin: str, sha256: str) -> bool:
        asked.append((origin, sha256))
        return True

    assert list(open_source(a_site(), meter).read(None, None, is_known)) == []
    assert asked == [(batch.origin, batch.sha256) for batch in first]


def test_the_hash_is_of_the_stored_bytes(kind: Kind, tmp_path: Path) -> None:
    for batch in read(kind.meter(tmp_path)):
        with fsspec.open(batch.origin, "rb") as stored:
            assert batch.sha256 == hashlib.sha256(stored.read()).hexdigest()


def test_since_and_until_are_half_open(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    middle = START + 50 * STEP
    before, after = readings_of(read(meter, None, middle)), readings_of(read(meter, middle, None))
    assert before["interval_start"].max() == middle - STEP
    assert after["interval_start"].min() == middle
    assert pl.concat([before, after]).equals(readings_of(read(meter)))
    assert len(readings_of(read(meter, middle, middle + STEP))) == 1
    assert readings_of(read(meter, middle, middle)).is_empty()


def test_a_bad_row_is_a_reject_and_the_rest_is_kept(kind: Kind, tmp_path: Path) -> None:
    values: list[float | None] = list(VALUES)
    values[BAD] = None
    batches = read(kind.meter(tmp_path, values))
    found, rejects = readings_of(batches), rejects_of(batches)
    assert len(found) == 95
    assert START + BAD * STEP not in found["interval_start"].to_list()
    assert rejects["reason"].to_list() == [kind.bad_reason.value]
    assert rejects["interval_start"].to_list() == [START + BAD * STEP]
    where = str(rejects["where"][0])
    assert where.startswith("meter")
    assert where[-2:].isdigit()
    for batch in batches:
        READINGS.validate(batch.readings)
        REJECTS.validate(batch.rejects)


def test_rejects_are_bounded_as_readings_are(kind: Kind, tmp_path: Path) -> None:
    values: list[float | None] = list(VALUES)
    values[BAD] = None
    meter = kind.meter(tmp_path, values)
    moment = START + BAD * STEP
    assert rejects_of(read(meter, moment + STEP, None)).is_empty()
    assert len(rejects_of(read(meter, moment, moment + STEP))) == 1


def _spoil(meter: Meter, change: Callable[[bytes], bytes] | None) -> None:
    path = str(meter.source.path)  # type: ignore[union-attr]
    filesystem, root = fsspec.core.url_to_fs(path)
    for file in filesystem.glob(root) if "*" in root else [root]:
        if change is None:
            filesystem.rm(file)
        else:
            content = change(filesystem.cat_file(file))
            filesystem.pipe_file(file, content)


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    assert "site slough-1, meter utility" in str(error)
    return str(error)


def test_a_missing_file(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    _spoil(meter, None)
    with pytest.raises(SourceError, match=r"no such file|no file matches") as caught:
        read(meter)
    assert one_line(caught.value)


def test_an_empty_file(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    _spoil(meter, lambda content: b"")
    with pytest.raises(SourceError, match=r"the file is empty|Parquet") as caught:
        read(meter)
    assert one_line(caught.value)


def test_a_file_still_being_written(kind: Kind, tmp_path: Path) -> None:
    """Text keeps whole rows and rejects the last; what can't be unpacked or parsed is one clear line."""
    meter = kind.meter(tmp_path)
    _spoil(meter, lambda content: content[:-7])
    if kind.name in ("csv.gz", "parquet", "green_button", "green_button.gz"):
        with pytest.raises(SourceError, match=r"again") as caught:
            read(meter)
        assert one_line(caught.value)
        return
    batches = read(meter)
    cut = {95} if len(batches) == 1 else {47, 95}
    assert rejects_of(batches)["reason"].to_list() == [Reason.TRUNCATED_ROW.value] * len(cut)
    assert readings_of(batches)["value"].to_list() == [v for i, v in enumerate(VALUES) if i not in cut]


def test_noise_is_one_clear_line(kind: Kind, tmp_path: Path) -> None:
    meter = kind.meter(tmp_path)
    _spoil(meter, lambda content: content[:12] + bytes(range(256)) * 3)
    with pytest.raises(SourceError) as caught:
        read(meter)
    assert one_line(caught.value)


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    for source in (csv_source(str(tmp_path)), {"kind": "green_button", "path": str(tmp_path)}):
        with pytest.raises(SourceError, match=r"is a folder, not a file"):
            read(a_meter(source=source))


@pytest.mark.parametrize("path", ["nosuch://x/y.csv", "s4://bucket/*.csv"])
def test_an_unknown_protocol(path: str) -> None:
    with pytest.raises(SourceError, match=r"can't be reached") as caught:
        read(a_meter(source=csv_source(path)))
    assert one_line(caught.value)


def test_not_being_allowed_to_read(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read anything, so the refusal is provoked where files are opened."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    meter = kind.meter(tmp_path)
    monkeypatch.setattr(fsspec, "open", refuse)
    with pytest.raises(SourceError, match=r"not allowed to read it.*check its permissions") as caught:
        read(meter)
    assert one_line(caught.value)


def test_an_error_of_the_store_is_one_line(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StoreError(Exception):
        """Object stores raise errors that are no OSError."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreError("no credentials\nmore")

    meter = kind.meter(tmp_path)
    monkeypatch.setattr(fsspec, "open", refuse)
    with pytest.raises(SourceError, match=r"can't be read .no credentials") as caught:
        read(meter)
    assert one_line(caught.value)


def test_a_bracket_in_a_folders_name_is_no_pattern(kind: Kind, tmp_path: Path) -> None:
    folder = tmp_path / "hall [1]"
    folder.mkdir()
    if kind.name == "glob":
        _glob(folder, VALUES)
        meter = a_meter(source=csv_source(f"{tmp_path}/hall [[]1]/meter-*.csv"))
    else:
        meter = kind.meter(folder)
    assert len(readings_of(read(meter))) == 96


def test_a_kind_this_version_cannot_read() -> None:
    meter = a_meter(source={"kind": "prometheus", "url": "http://x", "query": "q"})
    with pytest.raises(SourceError, match=r"kind 'prometheus' can't be read by this version"):
        open_source(a_site(), meter)
