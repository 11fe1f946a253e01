"""Files a source reads: local paths, globs and any fsspec URL, with errors a person can act on."""

from __future__ import annotations

import glob
import gzip
import hashlib
import re
import time
import zlib
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import Any

from pausewatch.errors import SourceError

_WEB = ("http://", "https://")
_SETTLED_NS = 2_000_000_000


class Files:
    """The files of one run: each folder is listed once, however many meters' patterns look into it."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], list[str]] = {}

    def listed(self, path: str, where: str) -> list[str]:
        """Return the files a path, glob or URL names, sorted.

        Raises:
            SourceError: there is none.
        """
        import fsspec

        try:
            filesystem, root = fsspec.core.url_to_fs(path)
            # On the web a question mark begins a query; a bracket may simply stand in a folder's name.
            is_pattern = not path.startswith(_WEB) and glob.has_magic(root) and not filesystem.exists(root)
            found = self._matching(filesystem, root) if is_pattern else [root]
        except Exception as error:  # every kind of store has errors of its own
            raise SourceError(
                "the source can't be reached", where=f"{where}, {path}", why=_first_line(error)
            ) from error
        if not found:
            raise SourceError("no file matches", where=f"{where}, {path}", remedy="check the path and its pattern")
        protocol = path.split("://", 1)[0] + "://" if "://" in path else ""
        return [f if not protocol or "://" in f else protocol + str(f).removeprefix(protocol) for f in found]

    def _matching(self, filesystem: Any, pattern: str) -> list[str]:
        folder, _, name = pattern.rpartition("/")
        if not folder or glob.has_magic(folder) or "**" in name:
            return sorted(filesystem.glob(pattern))
        names = self._listing(filesystem, folder)
        start = re.split(r"[*?\[]", name, maxsplit=1)[0]
        fits = re.compile(_translated(name)).match
        out = []
        for i in range(bisect_left(names, start), len(names)):
            if not names[i].startswith(start):
                break
            if fits(names[i]):
                out.append(f"{folder}/{names[i]}")
        return out

    def _listing(self, filesystem: Any, folder: str) -> list[str]:
        key = (str(filesystem.protocol), folder)
        if key not in self._names:
            if filesystem.isdir(folder):
                paths = filesystem.ls(folder, detail=False)
                self._names[key] = sorted(str(p).rstrip("/").rsplit("/", 1)[-1] for p in paths)
            else:
                self._names[key] = []
        return self._names[key]


@lru_cache(maxsize=4096)
def _translated(name: str) -> str:
    from fsspec.utils import glob_translate

    return str(glob_translate(name))


def read_bytes(url: str, where: str) -> tuple[bytes, str]:
    """Return a file's content, unpacked where it is gzip, and the hash of its bytes as stored.

    Raises:
        SourceError: it doesn't exist, isn't readable, or isn't the gzip file it says it is.
    """
    at = f"{where}, {url}"
    stamp = _stamp(url)
    try:
        return _read_cached(url, stamp) if stamp else _read(url)
    except FileNotFoundError:
        raise SourceError("no such file", where=at, remedy="check the path in the fleet file") from None
    except IsADirectoryError:
        raise SourceError("is a folder, not a file", where=at, remedy="name a file or a pattern") from None
    except PermissionError:
        raise SourceError("not allowed to read it", where=at, remedy="check its permissions") from None
    except _BrokenGzipError as error:
        raise SourceError("a broken gzip file", where=at, why=str(error), remedy="fetch it again") from error
    except Exception as error:  # every kind of store has errors of its own
        raise SourceError("can't be read", where=at, why=_first_line(error)) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _stamp(url: str) -> tuple[int, int] | None:
    """Return size and time of a local file, so that several meters of one file read it once."""
    if "://" in url:
        return None
    try:
        status = Path(url).stat()
    except OSError:
        return None
    # A file written this moment may be written again within one tick of the clock, at the same size.
    is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
    return (status.st_size, status.st_mtime_ns) if is_settled else None


class _BrokenGzipError(Exception):
    pass


@lru_cache(maxsize=2)
def _read_cached(url: str, stamp: tuple[int, int]) -> tuple[bytes, str]:
    return _read(url)


def _read(url: str) -> tuple[bytes, str]:
    import fsspec

    with fsspec.open(url, "rb") as stream:
        stored: bytes = stream.read()
    digest = hashlib.sha256(stored).hexdigest()
    if not stored.startswith(b"\x1f\x8b"):
        return stored, digest
    try:
        return gzip.decompress(stored), digest
    except (OSError, EOFError, zlib.error) as error:
        raise _BrokenGzipError(_first_line(error)) from error
