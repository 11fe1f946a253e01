"""The press: reports of many days drawn side by side while the days after them are inspected, issued in order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date
from types import TracebackType
from typing import Self

from pausewatch.findings.register import Register
from pausewatch.pipeline.concluding import Draft, draft, issue
from pausewatch.pipeline.workplace import Workplace

# Starting workers costs seconds: below this many days it isn't worth it.
_WORTHWHILE_DAYS = 8
# Drafts waiting to be issued: enough to keep the workers busy, little enough for memory.
_WAITING = 6


class Press:
    """Draws reports in worker processes; what it prints is the same as one day after the other.

    A day must be recorded before it is given to `print`; each report is chained to the one before, so they are issued
    in the order they were given.
    """

    def __init__(self, place: Workplace, register: Register, days: int) -> None:
        self._place = place
        self._register = register
        self._waiting: deque[Future[Draft]] = deque()
        self._workers: ProcessPoolExecutor | None = None
        if days >= _WORTHWHILE_DAYS:
            # Fresh processes: a fork of one that holds threads and database connections is not safe.
            context = multiprocessing.get_context("spawn")
            self._workers = ProcessPoolExecutor(max_workers=max(os.cpu_count() or 1, 1), mp_context=context)

    def __enter__(self) -> Self:
        """Return the press."""
        return self

    def print(self, day: date) -> None:
        """Draw a day's report, now or beside what follows."""
        if self._workers is None:
            issue(self._place, self._register, draft(self._place, day))
            return
        self._waiting.append(self._workers.submit(draft, self._place, day))
        while len(self._waiting) > _WAITING or (self._waiting and self._waiting[0].done()):
            self._issue_next()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Issue what is waiting; after an error, drop it."""
        try:
            while kind is None and self._waiting:
                self._issue_next()
        finally:
            if self._workers is not None:
                self._workers.shutdown(cancel_futures=True)

    def _issue_next(self) -> None:
        issue(self._place, self._register, self._waiting.popleft().result())
