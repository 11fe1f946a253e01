"""Files: a folder is listed once a run, and patterns find what fsspec's own glob finds."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pausewatch.errors import SourceError
from pausewatch.sources import Files

_NAMES = st.lists(st.text("ab1-.", min_size=1, max_size=6).filter(lambda n: n.strip(".")), min_size=1, max_size=12)
_PATTERN = st.text("ab1-.*?", min_size=1, max_size=5).filter(lambda p: ("*" in p or "?" in p) and "**" not in p)


@given(names=_NAMES, pattern=_PATTERN)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_a_pattern_finds_what_fsspec_finds(
    names: list[str], pattern: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    for name in names:
        (folder / name).touch()
    expected = sorted(fsspec.filesystem("file").glob(f"{folder}/{pattern}"))
    try:
        found = Files().listed(f"{folder}/{pattern}", "here")
    except SourceError:
        found = []
    assert found == expected


def test_a_folder_is_listed_once_however_many_patterns_look_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a-1.csv", "a-2.csv", "b-1.csv"):
        (tmp_path / name).touch()
    listed = []
    ls = LocalFileSystem.ls

    def counting(self: LocalFileSystem, path: str, **given: object) -> object:
        listed.append(path)
        return ls(self, path, **given)

    monkeypatch.setattr(LocalFileSystem, "ls", counting)
    files = Files()
    assert [len(files.listed(f"{tmp_path}/{p}", "here")) for p in ("a-*.csv", "b-*.csv", "*-1.csv")] == [2, 1, 2]
    assert len(listed) == 1


def test_patterns_in_folders_are_found(tmp_path: Path) -> None:
    for day in ("1", "2"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "a.csv").touch()
    assert Files().listed(f"{tmp_path}/*/a.csv", "here") == [str(tmp_path / d / "a.csv") for d in ("1", "2")]


def test_a_pattern_in_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no file matches"):
        Files().listed(f"{tmp_path}/nowhere/*.csv", "here")
