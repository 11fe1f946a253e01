"""Verdicts: what is concluded of an episode from its hypotheses, and how sure an alarm has to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pausewatch.findings.model import Verdict
from pausewatch.findings.odds import at_most_even
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause, Circumstances, Explainer

# A benign cause accounts for an episode when it is this probable and training this improbable.
BENIGN, NOT_TRAINING = 0.75, 0.1
_BENIGN_CAUSES = (Cause.INFERENCE, Cause.COOLING, Cause.CHANCE)
# A rise whose first hours brought less of it than this came in parts.
_SHARP = 0.5


@dataclass(frozen=True)
class AlarmLines:
    """The probability of training from which load is an alarm.

    A false alarm costs an inspection and trust; a run that is only asked about is still asked about. With the former
    weighed three times the latter an alarm needs 0.75. In its first days a load has shown little, and waiting for more
    costs little: there a false alarm weighs nine times as much. What other lines would give is in every evaluation.

    Args:
        settled: for load that has been seen for long enough.
        early: in its first days.
        early_days: how many these are.
    """

    settled: float = 0.75
    early: float = 0.9
    early_days: float = 5.0

    def after(self, days: float) -> float:
        """Return the line for a load seen for so many days."""
        return self.early if days < self.early_days else self.settled


LINES = AlarmLines()
"""The lines in force."""


def probability(hypotheses: Sequence[Hypothesis], cause: Cause) -> float:
    """Return the probability of one cause."""
    return next(h.probability for h in hypotheses if h.name == cause)


def weighed(judge: Explainer, features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
    """Return the hypotheses as a judge weighs them, no further than what was seen allows."""
    hypotheses = judge(features, circumstances)
    if circumstances.is_learned and features.onset_share < _SHARP:
        # Of load that came in parts months ago only its flatness is left to tell it by, and a hall is flat too.
        return at_most_even(hypotheses)
    return hypotheses


def verdict_of(
    hypotheses: Sequence[Hypothesis],
    features: Features,
    circumstances: Circumstances,
    is_blind: bool,
    lines: AlarmLines = LINES,
) -> Verdict:
    """Return what is concluded of an episode.

    Args:
        hypotheses: all of them, with their probabilities.
        features: what it looks like.
        circumstances: what is known beside the features.
        is_blind: none of the meters it shows on can be trusted.
        lines: how sure an alarm has to be.
    """
    if circumstances.is_declared:
        return Verdict.EXPLAINED
    if is_blind:
        return Verdict.CANNOT_CONCLUDE
    training = probability(hypotheses, Cause.TRAINING)
    # What stayed when declared training was to stop has been watched since long before.
    seen_days = features.raised_days + circumstances.earlier_days
    if training >= (lines.settled if circumstances.did_not_step_down else lines.after(seen_days)):
        return Verdict.TRAINING_LIKE
    benign = max(probability(hypotheses, cause) for cause in _BENIGN_CAUSES)
    if benign >= BENIGN and training <= NOT_TRAINING:
        return Verdict.EXPLAINED
    return Verdict.UNEXPLAINED
