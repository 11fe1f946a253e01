"""A finding's history: its versions, its reviews, and whether it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pausewatch.errors import UsageError
from pausewatch.findings.change import growth
from pausewatch.findings.model import Assessment, Review, Verdict
from pausewatch.signatures.rule import Cause

CONFIRM, DISMISS, NEEDS_INFORMATION, REOPEN = "confirm", "dismiss", "needs_information", "reopen"
DECISIONS = (CONFIRM, DISMISS, NEEDS_INFORMATION, REOPEN)


@dataclass(frozen=True)
class Version:
    """A finding as it changed on one report day.

    Args:
        report_day: the report day it changed on.
        assessment: what was concluded; of a withdrawn version, what had been concluded last.
        is_withdrawn: the inspection no longer believed it that day.
        notes: what happened besides, in plain words.
    """

    report_day: date
    assessment: Assessment
    is_withdrawn: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether the evidence closes the finding: withdrawn, or ended and explained."""
        ended = self.assessment.end is not None and self.assessment.verdict is Verdict.EXPLAINED
        return self.is_withdrawn or ended


@dataclass(frozen=True)
class SeenReview:
    """A review with what the finding was when it was made."""

    review: Review
    seen_day: date
    seen: Assessment


def check_review(finding_id: str, decision: str, reason: str, reviewer: str, cause: str | None = None) -> None:
    """Refuse a review that says nothing.

    Raises:
        UsageError: the decision or the cause is unknown, or the reason or the reviewer is missing.
    """
    if decision not in DECISIONS:
        choices = ", ".join(DECISIONS)
        raise UsageError(f"no decision {decision!r}", where=finding_id, remedy=f"choose one of {choices}")
    if not reason.strip():
        raise UsageError("a review needs a reason", where=finding_id, remedy="say why, it is kept with the decision")
    if not reviewer.strip():
        raise UsageError("a review needs a reviewer", where=finding_id, remedy="say who decides")
    if cause is not None and cause not in list(Cause):
        raise UsageError(f"no cause {cause!r}", where=finding_id, remedy=f"choose one of {', '.join(Cause)}")


def is_open(versions: Sequence[Version], reviews: Sequence[SeenReview]) -> bool:
    """Tell whether a finding is open after its versions and reviews.

    Evidence closes it when it is withdrawn, or ended and explained. Of the reviews the last one that decides counts:
    `dismiss` closes it until its evidence grows; `confirm` keeps it open; `reopen` opens it until later evidence
    closes it.

    Args:
        versions: by report day, at least one.
        reviews: in the order they were made.
    """
    is_over = versions[-1].is_over
    decisive = [r for r in reviews if r.review.decision != NEEDS_INFORMATION]
    if not decisive:
        return not is_over
    last = decisive[-1]
    if last.review.decision == CONFIRM:
        return True
    since = _since(versions, last.seen_day)
    if last.review.decision == DISMISS:
        return not is_over and any(growth(last.seen, v.assessment) for v in since if not v.is_withdrawn)
    return not is_over or all(version.is_over for version in since)


def annotate(versions: Sequence[Version], reviews: Sequence[SeenReview]) -> list[Version]:
    """Return the versions with notes: withdrawn, reported again, reopened.

    Args:
        versions: by report day.
        reviews: in the order they were made.
    """
    notes: list[list[str]] = [[] for _ in versions]
    for index, version in enumerate(versions):
        if version.is_withdrawn:
            notes[index].append("withdrawn: the inspection no longer reports it")
        elif index and versions[index - 1].is_withdrawn:
            notes[index].append("reported again after it was withdrawn")
    for index, reopened in _reopenings(versions, reviews):
        notes[index].append(reopened)
    return [
        Version(version.report_day, version.assessment, version.is_withdrawn, tuple(of_version))
        for version, of_version in zip(versions, notes, strict=True)
    ]


def _since(versions: Sequence[Version], day: date) -> list[Version]:
    """Return the version that held at the end of a day, and those after it."""
    held = sum(version.report_day <= day for version in versions)
    return list(versions[max(held - 1, 0) :])


def _reopenings(versions: Sequence[Version], reviews: Sequence[SeenReview]) -> list[tuple[int, str]]:
    """Return the versions that reopened the finding, by index, each with the reason."""
    found: list[tuple[int, str]] = []
    decisive = [r for r in reviews if r.review.decision != NEEDS_INFORMATION]
    for position, seen in enumerate(decisive):
        if seen.review.decision != DISMISS:
            continue
        until = decisive[position + 1].seen_day if position + 1 < len(decisive) else date.max
        for version in _since(versions, seen.seen_day):
            grown = "" if version.is_withdrawn or version.report_day > until else growth(seen.seen, version.assessment)
            if grown:
                dismissed_at = seen.review.reviewed_at.date().isoformat()
                found.append((versions.index(version), f"reopened: {grown} since it was dismissed on {dismissed_at}"))
                break
    return found
