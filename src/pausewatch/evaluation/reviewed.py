"""Reviewed findings: what reviewers came to know of real ones, to learn from and to be measured on.

A review teaches if it names a cause. It measures if it says whether training was behind the finding: by its cause, or
by a dismissal, which says that it was not. A finding that was confirmed without a cause stays a question. The finding
is taken as the reviewer saw it. To be measured on, a review must be younger than anything that was learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat

from pausewatch.evaluation.outcomes import LOAD_KINDS
from pausewatch.evaluation.rejudging import evidence_of
from pausewatch.findings.history import DISMISS, SeenReview
from pausewatch.findings.model import Verdict
from pausewatch.findings.verdicts import verdict_of, weighed
from pausewatch.signatures.corpus import Corpus, Example
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer


@dataclass(frozen=True)
class ReviewedFinding:
    """A finding on load with what its reviewer came to know.

    Args:
        finding_id: the finding.
        site_id: its site.
        reviewed_at: when it was reviewed.
        age_days: days from its start to the day the reviewer saw.
        features: what it looked like then.
        circumstances: what was known beside.
        is_blind: none of its meters could be trusted.
        cause: what was behind it; None where the reviewer only said that it was nothing.
    """

    finding_id: str
    site_id: str
    reviewed_at: datetime
    age_days: int
    features: Features
    circumstances: Circumstances
    is_blind: bool
    cause: Cause | None

    @property
    def is_training(self) -> bool:
        """Whether training was behind it."""
        return self.cause is Cause.TRAINING


def reviewed_findings(reviews: Mapping[str, SeenReview]) -> list[ReviewedFinding]:
    """Return the reviewed findings that say something, oldest review first; what a declaration accounts for doesn't."""
    out = []
    for finding_id, seen in reviews.items():
        said, review = seen.seen, seen.review
        known = evidence_of(said.evidence) if said.kind in LOAD_KINDS else None
        if known is None or known[1].is_declared or known[1].declared_training:
            continue
        if review.cause is None and review.decision != DISMISS:
            continue
        out.append(
            ReviewedFinding(
                finding_id=finding_id,
                site_id=said.site_id,
                reviewed_at=review.reviewed_at,
                age_days=max((seen.seen_day - said.start.date()).days, 0),
                features=known[0],
                circumstances=known[1],
                is_blind=len(said.evidence["suspect_lanes"]) == len(said.evidence["lanes"]),
                cause=None if review.cause is None else Cause(review.cause),
            )
        )
    return sorted(out, key=lambda r: (r.reviewed_at, r.finding_id))


def taught_by(reviewed: Sequence[ReviewedFinding], before: datetime) -> Corpus:
    """Return the examples of the reviews that were made before a time and name a cause."""
    return Corpus(
        tuple(
            Example(r.features, r.circumstances, r.cause, f"reviewed/{r.site_id}", r.age_days, is_reviewed=True)
            for r in reviewed
            if r.reviewed_at < before and r.cause is not None
        )
    )


def marks_on(reviewed: Sequence[ReviewedFinding], judge: Explainer) -> dict[str, int]:
    """Return how often a judge misses training among reviewed findings, and how often it calls others training."""
    called = [_is_called(r, judge) for r in reviewed]
    return {
        "training": sum(r.is_training for r in reviewed),
        "training_missed": sum(r.is_training and not c for r, c in zip(reviewed, called, strict=True)),
        "others_called_training": sum(c and not r.is_training for r, c in zip(reviewed, called, strict=True)),
    }


def _is_called(one: ReviewedFinding, judge: Explainer) -> bool:
    """Return whether a judge would have called it training, had it looked the same on all its days."""
    hypotheses = weighed(judge, one.features, one.circumstances)
    days = max(int(one.features.raised_days) - 1, 0)
    before = repeat(probability(hypotheses, Cause.TRAINING), days)
    return verdict_of(hypotheses, one.circumstances, one.is_blind, before) is Verdict.TRAINING_LIKE
