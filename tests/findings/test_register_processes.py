"""Several processes at one register: nothing is lost, and a new one is made once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from tests.findings.register_values import assessment, day, record

from pausewatch.findings.register import Register

PROCESSES = 4
DAYS = 8


def record_sites(url: str, barrier: object, name: str) -> None:
    barrier.wait(60)  # type: ignore[attr-defined]
    sites = [f"{name}{number}" for number in range(5)]
    with Register.open(url) as register:
        for number in range(1, DAYS + 1):
            record(register, number, *[assessment(s, energy=100.0 * number) for s in sites], sites=sites)


def open_only(url: str, barrier: object, _name: str) -> None:
    barrier.wait(60)  # type: ignore[attr-defined]
    Register.open(url).close()


def run(work: object, url: str) -> list[int | None]:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    processes = [
        context.Process(target=work, args=(url, barrier, f"p{number}-"))  # type: ignore[arg-type]
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def test_processes_open_a_new_register_at_once(tmp_path: Path) -> None:
    for attempt in range(2):
        assert run(open_only, f"sqlite:///{tmp_path}/home{attempt}/register.db") == [0] * PROCESSES


def test_processes_record_different_sites_at_once(url: str) -> None:
    assert run(record_sites, url) == [0] * PROCESSES
    with Register.open(url) as register:
        assert len(register.site_days()) == PROCESSES * 5 * DAYS
        findings = register.findings()
        assert len(findings) == PROCESSES * 5
        assert {finding.last_updated_on for finding in findings} == {day(DAYS)}
        assert all(len(register.history(finding.id)) == DAYS for finding in findings[:3])


@pytest.mark.parametrize("threads", [8])
def test_threads_open_a_new_register_at_once(url: str, threads: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        for register in pool.map(Register.open, [url] * threads):
            register.close()
    with Register.open(url) as register:
        assert register.findings() == []
