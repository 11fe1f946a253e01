"""Progress of long work, told to a person on standard error or to nobody."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress(Protocol):
    """What a step tells while it works."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` units."""
        ...

    def advance(self, units: int = 1) -> None:
        """Finish some units of the stage."""
        ...


class Silent:
    """Tells nobody."""

    def stage(self, name: str, total: int) -> None:
        """Do nothing."""

    def advance(self, units: int = 1) -> None:
        """Do nothing."""


class Terminal:
    """Draws a bar on a terminal; elsewhere a line a stage and one every half minute."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._task: TaskID | None = None
        self._name, self._total, self._done, self._told = "", 0, 0, 0.0
        if self._is_terminal:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description:<28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        if self._is_terminal:
            self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` units."""
        self._name, self._total, self._done, self._told = name, total, 0, time.monotonic()
        if self._is_terminal:
            self._task = self._bars.add_task(name, total=total)
        else:
            sys.stderr.write(f"{name} ({total})\n")

    def advance(self, units: int = 1) -> None:
        """Finish some units of the stage."""
        self._done += units
        if self._is_terminal and self._task is not None:
            self._bars.advance(self._task, units)
        elif time.monotonic() - self._told > 30:
            self._told = time.monotonic()
            sys.stderr.write(f"{self._name}: {self._done} of {self._total}\n")
