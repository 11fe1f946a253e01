"""A freeze is found where its home now lies."""

from datetime import UTC, datetime
from pathlib import Path

from pausewatch.findings.records import BaselineRecord
from pausewatch.pipeline.learning import found_at


def _record(path: str) -> BaselineRecord:
    return BaselineRecord(1, "0" * 64, "accord", path, ("a",), {}, "0" * 64, datetime(2026, 9, 1, tzinfo=UTC))


def test_a_freeze_is_read_from_the_home_that_was_moved(tmp_path: Path) -> None:
    (tmp_path / "abc.npz").write_bytes(b"frozen")

    assert found_at(_record("/gone/baselines/abc.npz"), tmp_path).path == str(tmp_path / "abc.npz")


def test_a_freeze_that_is_not_in_the_folder_keeps_its_recorded_place(tmp_path: Path) -> None:
    assert found_at(_record("/elsewhere/abc.npz"), tmp_path).path == "/elsewhere/abc.npz"
