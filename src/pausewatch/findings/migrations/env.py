"""Alembic's environment: run revisions on the connection, and in the transaction, that the register opened."""

from __future__ import annotations

from alembic import context

from pausewatch.findings.migrations import VERSION_TABLE
from pausewatch.findings.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
