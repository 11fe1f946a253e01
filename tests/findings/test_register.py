"""Opening a register, and what it keeps besides findings."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from tests.findings.register_values import at, day, record

from pausewatch.errors import RegisterError
from pausewatch.findings import migrations
from pausewatch.findings.register import Register
from pausewatch.findings.tables import Base


def baselines(register: Register, sha256: str, *sites: str, pause_id: str = "p", **values: Any) -> None:
    facts = {"path": f"{sha256}.npz", "frozen_at": at(1), "scores": {"a": {"nmbe_pct": 0.1}}, "config_sha256": "c"}
    register.record_baselines(sha256, pause_id=pause_id, site_ids=sites, **{**facts, **values})


def test_migrations_build_exactly_the_models(url: str) -> None:
    Register.open(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        assert migrations.revision(connection) == migrations.HEAD
    engine.dispose()


def test_head_is_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "pausewatch.findings:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_opening_again_keeps_everything(url: str) -> None:
    with Register.open(url) as register:
        record(register, 1)
    with Register.open(url) as register:
        assert register.inspected(day(1)) == {"a"}


def test_sqlite_is_set_up_for_several_processes(register: Register, url: str) -> None:
    database = register._database
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_a_newer_register_is_refused(url: str) -> None:
    Register.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(RegisterError, match=r"newer pausewatch \(it is at revision 9999.*; upgrade pausewatch"):
        Register.open(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    path.write_text("This is a letter and not a database. " * 40)
    with pytest.raises(RegisterError, match=r"register\.db: the register can't be opened \(file is not a database\)"):
        Register.open(f"sqlite:///{path}")


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegisterError, match=r"can't be opened \(.+\); name a folder that this user can write"):
        Register.open(f"sqlite:///{tmp_path}/file/register.db")
    with pytest.raises(RegisterError, match="unable to open database file"):
        Register.open(f"sqlite:///{tmp_path}")
    if os.geteuid() != 0:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(RegisterError, match="name a folder that this user can write"):
            Register.open(f"sqlite:///{tmp_path}/new/register.db")
        tmp_path.chmod(stat.S_IRWXU)


def test_a_register_that_can_only_be_read(url: str, tmp_path: Path) -> None:
    Register.open(url).close()
    path = url.removeprefix("sqlite:///")
    with (
        Register.open(f"sqlite:///file:{path}?mode=ro&uri=true") as register,
        pytest.raises(RegisterError, match=r"can't be written \(attempt to write a readonly database\)"),
    ):
        record(register, 1)


def test_a_locked_register_says_so(register: Register, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pausewatch.findings.database.BUSY_TIMEOUT_S", 0.1)
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Register.open(url) as waiting, pytest.raises(RegisterError, match=r"database is locked.*another process"):
        record(waiting, 1)
    holder.close()


@pytest.mark.parametrize("url", ["", "register.db", "sqlite", "postgresql://u:hunter2@host:5x/db", "//u:hunter2@h"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(RegisterError, match="give sqlite:///PATH or postgresql://") as caught:
        Register.open(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@127.0.0.1/db",
        "oracle+nothing://ann:hunter2@127.0.0.1/db",
        "postgresql+nothing://ann:hunter2@127.0.0.1/db",
        "postgresql://ann:hunter2@127.0.0.1:1/db?connect_timeout=2",
        "postgresql://ann@127.0.0.1:1/db?password=hunter2&connect_timeout=2",
        "postgresql://ann:x@hunter2@127.0.0.1:1/db?connect_timeout=2",
        "postgresql://ann:x@y/hunter2@127.0.0.1/db?connect_timeout=2",
        "postgresql://ann:hunter2@127.0.0.1:1/db?no_such_option=hunter2",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    with pytest.raises(RegisterError) as caught:
        Register.open(url)
    error = caught.value
    assert "hunter2" not in str(error)
    assert "hunter2" not in f"{error.where} {error.why} {error.remedy}"
    assert error.remedy


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'")

    monkeypatch.setattr("pausewatch.findings.database.create_engine", missing)
    with pytest.raises(RegisterError, match=r"pausewatch\[postgres\]"):
        Register.open("postgresql://ann@localhost/db")


def test_fleets_are_kept_by_hash(register: Register) -> None:
    register.record_fleet("demo", "f1", "fleet.yaml", "fleet: demo", at(1))
    register.record_fleet("demo", "f2", "fleet.yaml", "fleet: other", at(2))
    register.record_fleet("demo", "f1", "elsewhere.yaml", "fleet: demo", at(3))
    assert [(f.sha256, f.path, f.recorded_at) for f in register.fleets()] == [
        ("f1", "fleet.yaml", at(1)),
        ("f2", "fleet.yaml", at(2)),
    ]
    with pytest.raises(RegisterError, match="without an offset"):
        register.record_fleet("demo", "f3", "fleet.yaml", "", at(1).replace(tzinfo=None))


def test_the_latest_baseline_is_the_one_recorded_last(register: Register) -> None:
    baselines(register, "b1", "s1", "s2", frozen_at=at(9))
    baselines(register, "b2", "s2", "s3", frozen_at=at(1), scores={"s2": {"cv": float("inf")}})
    first, second = register.baselines_for("p", "s1"), register.baselines_for("p", "s2")
    assert first is not None
    assert second is not None
    assert (first.sha256, first.site_ids, first.path, first.config_sha256) == ("b1", ("s1", "s2"), "b1.npz", "c")
    assert (second.sha256, second.scores, second.frozen_at) == ("b2", {"s2": {"cv": float("inf")}}, at(1))
    assert second.sequence > first.sequence
    assert register.baselines_for("p", "s4") is None
    assert register.baselines_for("q", "s1") is None


def test_recording_the_latest_baseline_again_changes_nothing(register: Register) -> None:
    baselines(register, "b1", "s1", "s2")
    before = register.baselines()
    baselines(register, "b1", "s2", "s1", frozen_at=at(5))
    assert register.baselines() == before
    baselines(register, "b1", "s1", "s2", pause_id="q")
    baselines(register, "b2", "s2")
    baselines(register, "b1", "s1", "s2")
    latest = register.baselines_for("p", "s2")
    assert latest is not None
    assert latest.sha256 == "b1"
    assert [b.sha256 for b in register.baselines()] == ["b1", "b1", "b2", "b1"]
    sequences = [b.sequence for b in register.baselines()]
    assert sequences == sorted(set(sequences))


def test_reports_are_kept_and_the_last_of_a_day_counts(register: Register) -> None:
    register.record_report(day(2), "reports/2", "m2")
    register.record_report(day(1), "reports/1", "m1")
    register.record_report(day(2), "reports/2", "m2")
    register.record_report(day(2), "reports/2", "m3")
    assert [(r.day, r.manifest_sha256) for r in register.reports()] == [(day(1), "m1"), (day(2), "m3")]
    report = register.report(day(2))
    assert report is not None
    assert (report.path, report.sequence) == ("reports/2", 3)
    assert register.report(day(3)) is None


def test_a_register_in_memory_works() -> None:
    with Register.open("sqlite://") as register:
        record(register, 1)
        assert register.inspected(day(1)) == {"a"}
