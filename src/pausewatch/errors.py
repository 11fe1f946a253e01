"""The errors a user can meet: every one says what, where, why, and what to do.

PausewatchError
├── UsageError            the command was called wrongly                         exit 2
├── FleetError            the fleet file can't be used (holds every problem)     exit 2
├── SourceError           a source can't be read at all (a bad row is a reject)  exit 1
├── LakeError             the lake can't be read or written                      exit 1
├── RegisterError         the register can't be read or written                  exit 1
├── BaselineError         a baseline is missing, or can't be fitted or loaded    exit 1
├── InspectionError       a day can't be inspected                               exit 1
├── ModelError            a signature model is unknown, altered or unfit         exit 1
├── SealError             a report's seal, hashes or chain don't hold            exit 1
└── SimulationError       a simulated fleet can't be made as asked               exit 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PausewatchError(Exception):
    """Base of all errors that are shown to a user as one line.

    Args:
        what: what is wrong, in a short sentence without a full stop.
        where: file, line, site, meter or URL it was found at (never a secret).
        why: the cause, where it is known.
        remedy: what the user should do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the error as one line: `where: what (why); remedy`."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.why:
            line += f" ({self.why})"
        if self.remedy:
            line += f"; {self.remedy}"
        return " ".join(line.split())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by facts: Airflow and process pools carry errors between processes."""
        return _rebuild, (type(self), self.what, self.where, self.why, self.remedy)


def _rebuild(kind: type[PausewatchError], what: str, where: str, why: str, remedy: str) -> PausewatchError:
    return kind(what, where=where, why=why, remedy=remedy)


class UsageError(PausewatchError):
    """The command was called wrongly."""

    exit_code = 2


@dataclass(frozen=True)
class FleetProblem:
    """One thing wrong in a fleet file: where (file:line), which key, and what to do."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        """Return `file:line: key: message`."""
        return f"{self.where}: {self.key}: {self.message}" if self.key else f"{self.where}: {self.message}"


class FleetError(PausewatchError):
    """The fleet file can't be used. `problems` holds everything found wrong, one line each."""

    exit_code = 2

    def __init__(self, path: str, problems: Sequence[FleetProblem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the fleet file", where=path)

    def __str__(self) -> str:
        """Return every problem, a line each."""
        return "\n".join(str(problem) for problem in self.problems)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by facts."""
        return FleetError, (self.path, self.problems)


class SourceError(PausewatchError):
    """A source can't be read at all. Single bad rows are rejects, not errors."""


class LakeError(PausewatchError):
    """The lake can't be read or written."""


class RegisterError(PausewatchError):
    """The register can't be read or written, or holds no such entry."""


class BaselineError(PausewatchError):
    """A baseline is missing, or can't be fitted or loaded."""


class InspectionError(PausewatchError):
    """A day can't be inspected."""


class ModelError(PausewatchError):
    """A signature model is unknown, altered or unfit."""


class SealError(PausewatchError):
    """A report's seal, hashes or chain don't hold."""


class SimulationError(PausewatchError):
    """A simulated fleet can't be made as asked."""
