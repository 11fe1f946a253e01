"""When a finding has changed enough to tell, and when its evidence has grown since a reviewer dismissed it."""

from __future__ import annotations

import math
from datetime import timedelta

from pausewatch.findings.model import Assessment, Verdict

START_MOVED = timedelta(hours=1)
RELATIVE = 0.01
ABSOLUTE = 0.005
GROWTH = 0.25


def is_changed(before: Assessment, after: Assessment) -> bool:
    """Tell whether an assessment says something else than the version before it.

    It does when kind, verdict, end, declarations or the named hypotheses differ, its start moved by an hour or more,
    or a number moved by more than 1 % and more than 0.005.
    """
    if (before.kind, before.verdict, before.end) != (after.kind, after.verdict, after.end):
        return True
    if abs(after.start - before.start) >= START_MOVED or before.declaration_ids != after.declaration_ids:
        return True
    if {h.name for h in before.hypotheses} != {h.name for h in after.hypotheses}:
        return True
    numbers_before, numbers_after = _numbers(before), _numbers(after)
    return any(_is_moved(number, numbers_after[name]) for name, number in numbers_before.items())


def growth(seen: Assessment, now: Assessment) -> str:
    """Return why a dismissed finding must be looked at again, or "" if its evidence has not grown.

    Args:
        seen: the assessment a reviewer dismissed.
        now: a later one.
    """
    if now.verdict is Verdict.TRAINING_LIKE and seen.verdict is not Verdict.TRAINING_LIKE:
        return "its verdict was raised to training_like"
    if _is_grown(seen.excess_mw.estimate, now.excess_mw.estimate):
        return "its excess is up by more than 25 %"
    if _is_grown(seen.energy_mwh.estimate, now.energy_mwh.estimate):
        return "its energy is up by more than 25 %"
    return ""


def _numbers(assessment: Assessment) -> dict[str, float]:
    numbers = {"training_probability": assessment.training_probability}
    for name, bounds in (
        ("excess_mw", assessment.excess_mw),
        ("energy_mwh", assessment.energy_mwh),
        ("flop", assessment.flop),
    ):
        numbers |= {f"{name}.estimate": bounds.estimate, f"{name}.low": bounds.low, f"{name}.high": bounds.high}
    return numbers | {f"hypothesis.{h.name}": h.probability for h in assessment.hypotheses}


def _is_moved(before: float, after: float) -> bool:
    if before == after or (math.isnan(before) and math.isnan(after)):
        return False
    if not (math.isfinite(before) and math.isfinite(after)):
        return True
    return abs(after - before) > max(RELATIVE * abs(before), ABSOLUTE)


def _is_grown(seen: float, now: float) -> bool:
    """Tell whether a quantity grew by more than a quarter; what could not be said before counts as nothing."""
    base = 0.0 if math.isnan(seen) else seen
    return now > base + max(GROWTH * abs(base), ABSOLUTE)
