"""What a detector goes by: the lanes and tests that are on. All of them, unless it is asked what each is worth."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from pausewatch.errors import UsageError


@dataclass(frozen=True)
class Evidence:
    """Which lanes are looked at and which tests are run; what is off is as if the site or the program hadn't it.

    Args:
        utility_lane: the utility's meter.
        it_load_lane: the IT meter.
        balance_lane: the utility's meter less what the IT load should draw there.
        step_test: of abrupt load; without it the drift test has the whole alarm budget.
        drift_test: of load that creeps in; without it the step test has the whole alarm budget.
        integrity: telemetry that contradicts itself.
        cross_site: sites judged together.
        reference_test: whether something already ran in the reference.
    """

    utility_lane: bool = True
    it_load_lane: bool = True
    balance_lane: bool = True
    step_test: bool = True
    drift_test: bool = True
    integrity: bool = True
    cross_site: bool = True
    reference_test: bool = True

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return everything that can be left out, by name."""
        return tuple(field.name for field in fields(Evidence))

    def without(self, name: str) -> Evidence:
        """Return the same with one thing left out.

        Raises:
            UsageError: there is no such thing.
        """
        if name not in self.names():
            raise UsageError(f"no evidence {name!r}", remedy=f"leave out one of {', '.join(self.names())}")
        return replace(self, **{name: False})

    def has_lane(self, lane: str) -> bool:
        """Return whether a lane, by its name, is looked at."""
        return bool(getattr(self, f"{lane}_lane"))

    @property
    def load_tests(self) -> int:
        """How many tests share a series' alarm budget, at least 1."""
        return max(int(self.step_test) + int(self.drift_test), 1)
