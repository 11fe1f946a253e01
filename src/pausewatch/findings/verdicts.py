"""Verdicts: what is concluded of an episode from its hypotheses, and how sure, for how long, an alarm has to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pausewatch.findings.model import Verdict
from pausewatch.findings.odds import at_most_even
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis, probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer

# A benign cause accounts for an episode when it is this probable and training this improbable.
BENIGN, NOT_TRAINING = 0.75, 0.1
_NOT_YET = "It has not looked like training for enough days of load to be an alarm"
"""How a sentence begins that says what a question lacks."""
_BENIGN_CAUSES = (Cause.INFERENCE, Cause.COOLING, Cause.CHANCE)
# A rise whose first hours brought less of it than this came in parts.
_SHARP = 0.5


@dataclass(frozen=True)
class AlarmLines:
    """How probable training has to be, and for how many days of the load, before it is an alarm.

    What a load looks like wavers from day to day, and a false alarm is mostly one day's look: it costs an inspection
    and trust, while waiting costs little, for the load is a question from its first report on. The surer the look, the
    fewer days it must have lasted. What other lines would give is in every evaluation.

    Args:
        lines: least probability and least days, the surest first; any of them suffices.
        known: least probability for load that is known since long before.
    """

    lines: tuple[tuple[float, int], ...] = ((0.95, 1), (0.9, 3), (0.8, 5), (0.7, 10))
    known: float = 0.75

    @property
    def longest(self) -> int:
        """The most days that are looked back on."""
        return max(days for _, days in self.lines)

    @property
    def least(self) -> float:
        """The probability below which nothing is an alarm."""
        return min(line for line, _ in self.lines)

    def is_alarm(self, training: float, before: Iterable[float]) -> bool:
        """Return whether training has been probable enough for long enough.

        Args:
            training: its probability.
            before: what it was a day of the load before, two days before, and so on; taken no further than it matters.
        """
        least, days = training, 1
        earlier = iter(before)
        while least >= self.least:
            if any(least >= line and days >= lasted for line, lasted in self.lines):
                return True
            one = next(earlier, None)
            if one is None or days >= self.longest:
                return False
            least, days = min(least, one), days + 1
        return False


LINES = AlarmLines()
"""The lines in force."""


def not_yet(training: float, verdict: Verdict) -> tuple[str, ...]:
    """Say why load that looks like training is no alarm, where only time is missing."""
    if verdict is not Verdict.UNEXPLAINED or training < LINES.least:
        return ()
    needs = ", ".join(f"{days} at {100 * line:.0f} %" for line, days in LINES.lines)
    return (f"{_NOT_YET}: that takes {needs} or more.",)


def without_not_yet(facts: Iterable[str]) -> list[str]:
    """Return the facts of a question less what it lacked to be an alarm, for it is one now."""
    return [fact for fact in facts if not fact.startswith(_NOT_YET)]


def weighed(judge: Explainer, features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
    """Return the hypotheses as a judge weighs them, no further than what was seen allows."""
    hypotheses = judge(features, circumstances)
    if circumstances.is_learned and features.onset_share < _SHARP:
        # Of load that came in parts months ago only its flatness is left to tell it by, and a hall is flat too.
        return at_most_even(hypotheses)
    return hypotheses


def verdict_of(
    hypotheses: Sequence[Hypothesis],
    circumstances: Circumstances,
    is_blind: bool,
    before: Iterable[float],
    lines: AlarmLines = LINES,
) -> Verdict:
    """Return what is concluded of an episode.

    Args:
        hypotheses: all of them, with their probabilities.
        circumstances: what is known beside what it looks like.
        is_blind: none of the meters it shows on can be trusted.
        before: the probability of training as it looked a day of the load before, two days before, and so on.
        lines: how sure, for how long, an alarm has to be.
    """
    if circumstances.is_declared:
        return Verdict.EXPLAINED
    if is_blind:
        return Verdict.CANNOT_CONCLUDE
    training = probability(hypotheses, Cause.TRAINING)
    # What stayed when declared training was to stop has been watched since long before.
    is_known = circumstances.did_not_step_down and training >= lines.known
    if is_known or lines.is_alarm(training, before):
        return Verdict.TRAINING_LIKE
    benign = max(probability(hypotheses, cause) for cause in _BENIGN_CAUSES)
    if benign >= BENIGN and training <= NOT_TRAINING:
        return Verdict.EXPLAINED
    return Verdict.UNEXPLAINED
