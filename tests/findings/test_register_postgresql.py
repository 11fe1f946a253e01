"""The register on a PostgreSQL server that the test starts in a temporary folder."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.findings.register_values import assessment, at, day, record, site_day

from pausewatch.errors import RegisterError
from pausewatch.findings import migrations
from pausewatch.findings.register import Register
from pausewatch.findings.tables import Base

pytestmark = pytest.mark.server
PASSWORD = "p@ss/w:rd"  # what a URL must quote
QUOTED = "p%40ss%2Fw%3Ard"


def tool(name: str) -> str:
    found = shutil.which(name) or next((str(p) for p in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        pytest.skip(f"PostgreSQL is absent: no {name} on this machine")
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server and return its URL without a database."""
    initdb, pg_ctl = tool("initdb"), tool("pg_ctl")
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            shutil.chown(folder, user)
            (folder / "password").chmod(0o644)
        data = str(folder / "data")

        def run(*command: str) -> None:
            subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

        run(initdb, "-D", data, "-U", "ann", "-A", "scram-sha-256", "--pwfile", str(folder / "password"))
        run(pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", f"-p {port} -k {folder} -h 127.0.0.1", "start")
        try:
            yield f"postgresql://ann:{QUOTED}@127.0.0.1:{port}"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "stop")


def database(server: str, name: str) -> str:
    """Create a database and return its URL."""
    from sqlalchemy import create_engine

    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return f"{server}/{name}"


def test_models_and_migrations_agree(server: str) -> None:
    with Register.open(database(server, "agree")) as register, register._database.reading() as connection:
        options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_days_findings_and_reviews(server: str) -> None:
    with Register.open(database(server, "days")) as register:
        whole = site_day("a", day(1), observed_mwh=math.inf, expected_mwh=math.nan, coverage=0.1 + 0.2)
        of = assessment(evidence={"text": "ü\u0000", "nan": [math.inf]})
        register.record_day(day(1), [whole], [of], payloads={"a": {"x": "\u0000", "y": math.inf}})
        (back,) = register.site_days()
        assert back.coverage == whole.coverage
        assert math.isinf(back.observed_mwh)
        assert math.isnan(back.expected_mwh)
        assert register.findings()[0].assessment == of
        assert register.payload(day(1), "a") == {"x": "\u0000", "y": math.inf}
        record(register, 2, assessment(energy=300.0))
        record(register, 3)
        assert record(register, 2, assessment(energy=400.0)).dropped == {day(3): ("a",)}
        finding = register.review("a-20260901-sl", "dismiss", "a launch", "ann", at(2, 9))
        assert not finding.is_open
        assert finding.reviews[0].reviewed_at == at(2, 9)
        register.record_fleet("demo", "f1", "fleet.yaml", "", at(1))
        register.record_report(day(1), "r", "m")
        assert register.fleets()[0].recorded_at == at(1)


def test_many_open_and_record_at_once(server: str) -> None:
    url = database(server, "many")

    def work(number: int) -> None:
        with Register.open(url) as register:
            for of_day in (1, 2, 3):
                record(register, of_day, assessment(f"s{number}", energy=100.0 * of_day), sites=[f"s{number}"])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with Register.open(url) as register:
        assert len(register.site_days()) == 18
        assert {finding.last_updated_on for finding in register.findings()} == {day(3)}


def test_a_wrong_password_is_not_shown(server: str) -> None:
    with pytest.raises(RegisterError, match="check that the server runs") as caught:
        Register.open(server.replace(QUOTED, "hunter2") + "/postgres")
    assert "hunter2" not in str(caught.value)
    assert "password authentication failed" in str(caught.value)
