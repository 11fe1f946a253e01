"""The register's database: which URLs it takes, how transactions begin, and errors that never show a password.

SQLite runs with a write-ahead log; every write begins with the write lock (BEGIN IMMEDIATE), so that what it read stays
true until it commits. On PostgreSQL a transaction-level advisory lock does the same.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError, StatementError

from pausewatch.errors import RegisterError

BUSY_TIMEOUT_S = 30.0
_ADVISORY_LOCK = 0x7061757365  # "pause"
_IS_WRITE = "pausewatch_is_write"
_URLS = "give sqlite:///PATH or postgresql://USER@HOST/DATABASE"
_SECRET_KEYS = ("password", "passfile", "sslpassword", "sslkey")


class Database:
    """An engine with the register's transactions: `reading()` and `writing()`.

    Raises:
        RegisterError: the URL can't be used, or the database can't be reached.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self.where = _shown(self._url)
        self._secrets = _secrets(self._url)
        with self._errors("can't be opened"):
            self.engine = _engine(self._url)
            try:
                if self.is_sqlite:
                    self._prepare_sqlite()
                else:
                    self.engine.connect().close()
            except BaseException:
                self.engine.dispose()
                raise

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the register throughout."""
        options: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with (
            self._errors("can't be read"),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: one writer at a time, all or nothing."""
        with self._errors("can't be written"), self.engine.connect() as connection:
            writer = connection.execution_options(**{_IS_WRITE: True})
            with writer.begin():
                if not self.is_sqlite:
                    writer.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield writer

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
            raise self._register_error(what, error) from None

    def _register_error(self, what: str, error: Exception) -> RegisterError:
        why, remedy = self._why(error), ""
        if isinstance(error, ImportError):
            why, remedy = "the PostgreSQL driver is not installed", "pip install 'pausewatch[postgres]'"
        elif "not a database" in why:
            remedy = "name another file, or restore this one from a backup"
        elif "locked" in why:
            remedy = "another process holds it; try again when it has finished"
        elif "read-only" in why or "readonly" in why or "unable to open" in why or isinstance(error, OSError):
            remedy = "name a folder that this user can write"
        elif not self.is_sqlite and what == "can't be opened":
            remedy = "check that the server runs, and the user, password and database in PAUSEWATCH_REGISTER_URL"
        return RegisterError(f"the register {what}", where=self.where, why=why, remedy=remedy)

    def _why(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return error.strerror or type(error).__name__
        cause: BaseException = error.orig if isinstance(error, StatementError) and error.orig is not None else error
        why = str(cause.args[0] if cause.args else cause).strip().partition("\n")[0]
        for secret in self._secrets:
            why = why.replace(secret, "***")
        return why

    def _prepare_sqlite(self) -> None:
        """Make the folder, and turn the write-ahead log on: once for the file, and in turn if two processes do."""
        database = self._url.database
        if database and database != ":memory:" and not database.startswith("file:"):
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        _until_unlocked(self._turn_log_on)

    def _turn_log_on(self) -> None:
        raw = self.engine.raw_connection()
        try:
            cursor = raw.cursor()
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
                cursor.execute("PRAGMA journal_mode = WAL").fetchone()
            cursor.close()
        finally:
            raw.close()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise RegisterError("the register's URL can't be read", where="PAUSEWATCH_REGISTER_URL", remedy=_URLS) from None
    if backend != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        raise RegisterError(
            "the register's URL can't be read",
            where="PAUSEWATCH_REGISTER_URL",
            why="an @ or / in the password must be percent-encoded: %40, %2F",
            remedy=_URLS,
        )
    if backend not in {"sqlite", "postgresql"}:
        raise RegisterError(f"the register can't be kept in {backend!r}", where=_shown(parsed), remedy=_URLS)
    return parsed


def _shown(url: URL) -> str:
    """Return a URL for messages: without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return url.database or "sqlite://"
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{url.host or ''}{port}/{url.database or ''}"


def _secrets(url: URL) -> list[str]:
    found = [str(url.password)] if url.password else []
    found += [value for key in _SECRET_KEYS for value in url.normalized_query.get(key, ()) if value]
    return sorted(found, key=len, reverse=True)


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    except NoSuchModuleError:
        raise RegisterError(f"no database driver {url.drivername!r}", where=_shown(url), remedy=_URLS) from None
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(dbapi_connection: Any, _record: Any) -> None:
    """Leave the beginning of transactions to `_on_begin`, and enforce foreign keys."""
    dbapi_connection.isolation_level = None
    dbapi_connection.execute("PRAGMA foreign_keys = ON")


def _on_begin(connection: Connection) -> None:
    is_write = connection.get_execution_options().get(_IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _until_unlocked(action: Callable[[], None]) -> None:
    """Run an action that SQLite refuses at once, rather than waits for, while another process is at it."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            action()
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
