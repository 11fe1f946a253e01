"""Bring a register to the tables of this code: Alembic revisions that travel with the package.

To add one: change `tables.py`, write `versions/rNNNN_….py` after the last, and raise `HEAD`; tests compare all three.
"""

from __future__ import annotations

import threading

from sqlalchemy import Connection, inspect, text

from pausewatch.errors import RegisterError
from pausewatch.findings.database import Database

HEAD = "0002"
VERSION_TABLE = "pausewatch_version"  # not Alembic's own name: the database may be shared with Airflow

_one_at_a_time = threading.Lock()  # Alembic keeps the running migration in module globals


def bring_up_to_date(database: Database) -> None:
    """Create or upgrade the register's tables; nothing is done where they are up to date.

    Two processes that open a new register at once take turns: the second finds the work done.

    Raises:
        RegisterError: the register was written by a newer pausewatch, or can't be written.
    """
    with database.reading() as connection:
        if revision(connection) == HEAD:
            return
    with _one_at_a_time, database.writing() as connection:
        found = revision(connection)
        if found == HEAD:
            return
        _upgrade(connection, found, database.where)


def revision(connection: Connection) -> str | None:
    """Return the revision a register is at, or None where it has no tables yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return found


def _upgrade(connection: Connection, found: str | None, where: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "pausewatch.findings:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise RegisterError(
            "the register was written by a newer pausewatch",
            where=where,
            why=f"it is at revision {found}, this code knows up to {HEAD}",
            remedy="upgrade pausewatch, or name another register",
        )
    command.upgrade(config, "head")
