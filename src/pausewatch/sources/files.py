"""Files a source reads: local paths, globs and any fsspec URL, with errors a person can act on."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from pausewatch.errors import SourceError


def list_files(path: str, where: str) -> list[str]:
    """Return the files a path, glob or URL names, sorted.

    Raises:
        SourceError: there is none.
    """
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(path)
        has_magic = any(c in root for c in "*?[")
        found = sorted(filesystem.glob(root)) if has_magic else [root]
    except (OSError, ImportError, ValueError) as error:
        raise SourceError("the source can't be reached", where=f"{where}, {path}", why=str(error)) from error
    if not found:
        raise SourceError("no file matches", where=f"{where}, {path}", remedy="check the path and its pattern")
    protocol = path.split("://", 1)[0] + "://" if "://" in path else ""
    return [f if not protocol or "://" in f else protocol + str(f).removeprefix(protocol) for f in found]


def read_bytes(url: str, where: str) -> tuple[bytes, str]:
    """Return a file's content, unpacked where it is gzip, and the hash of its bytes as stored.

    Raises:
        SourceError: it doesn't exist, isn't readable, or isn't the gzip file it says it is.
    """
    stamp = _stamp(url)
    return _read_cached(url, stamp, where) if stamp else _read(url, where)


def _stamp(url: str) -> tuple[int, int] | None:
    """Return size and time of a local file, so that several meters of one file read it once."""
    if "://" in url:
        return None
    try:
        status = Path(url).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=2)
def _read_cached(url: str, stamp: tuple[int, int], where: str) -> tuple[bytes, str]:
    return _read(url, where)


def _read(url: str, where: str) -> tuple[bytes, str]:
    import fsspec

    at = f"{where}, {url}"
    try:
        with fsspec.open(url, "rb") as stream:
            stored: bytes = stream.read()
    except FileNotFoundError:
        raise SourceError("no such file", where=at, remedy="check the path in the fleet file") from None
    except IsADirectoryError:
        raise SourceError("is a folder, not a file", where=at, remedy="name a file or a pattern") from None
    except PermissionError:
        raise SourceError("not allowed to read it", where=at, remedy="check its permissions") from None
    except (OSError, ImportError, ValueError) as error:
        raise SourceError("can't be read", where=at, why=str(error)) from error
    digest = hashlib.sha256(stored).hexdigest()
    if not stored.startswith(b"\x1f\x8b"):
        return stored, digest
    try:
        return gzip.decompress(stored), digest
    except (OSError, EOFError) as error:
        raise SourceError("a broken gzip file", where=at, why=str(error), remedy="fetch it again") from error
