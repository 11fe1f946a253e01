"""Succession: who judges the findings, decided by a person and kept in the register with the reason."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.gate import evidence_for
from pausewatch.findings.promotions import PROMOTE, ROLL_BACK
from pausewatch.findings.register import Register
from pausewatch.signatures.registry import RULE, champion_name, find_card, load, previous_champion, roll_back
from pausewatch.signatures.registry import set_champion as put_in_force


def succeed(folder: Path, register: Register, name: str, *, by: str, reason: str, at: datetime) -> str:
    """Promote a challenger that its evaluation speaks for, and keep who decided it and why; return its name.

    Everything is checked here again, whoever approved it. It is recorded first: a promotion that was cut short is
    finished by doing it again.

    Args:
        folder: of the models.
        register: to keep it in.
        name: the challenger.
        by: who decides.
        reason: why.
        at: when it was decided.

    Raises:
        UsageError: nobody is named, or no reason.
        ModelError: the challenger is unfit, not evaluated against the present champion, or worse.
    """
    _require_decision(name, by, reason)
    previous = champion_name(folder)
    if previous == name:
        raise ModelError(f"{name} is in force already", where=str(folder))
    evidence = evidence_for(folder, name)
    _, card = load(folder, name)
    register.record_promotion(
        name,
        card.sha256,
        previous=previous,
        action=PROMOTE,
        decided_by=by,
        reason=reason,
        decided_at=at,
        evaluation=evidence,
    )
    put_in_force(folder, name)
    return name


def step_back(folder: Path, register: Register, *, by: str, reason: str, at: datetime) -> str:
    """Put the champion before this one back, and keep who decided it and why; return its name.

    Raises:
        UsageError: nobody is named, or no reason.
        ModelError: there was none before, or it can't be used any more.
    """
    _require_decision("the way back", by, reason)
    name, previous = previous_champion(folder), champion_name(folder)
    sha256 = "" if name == RULE else find_card(folder, name).sha256
    register.record_promotion(
        name,
        sha256,
        previous=previous,
        action=ROLL_BACK,
        decided_by=by,
        reason=reason,
        decided_at=at,
        evaluation={},
    )
    return roll_back(folder)


def _require_decision(what: str, by: str, reason: str) -> None:
    if not by.strip():
        raise UsageError("nobody is named who decides", where=what, remedy="say who")
    if not reason.strip():
        raise UsageError("no reason is given", where=what, remedy="say why; it is kept with the decision")
