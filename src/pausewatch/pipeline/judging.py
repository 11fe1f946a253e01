"""Who judges the findings: the promoted model of a home, or the rule."""

from __future__ import annotations

from dataclasses import dataclass

from pausewatch.pipeline.workplace import Workplace
from pausewatch.signatures.registry import champion
from pausewatch.signatures.rule import Explainer, explain


@dataclass(frozen=True)
class Judge:
    """What weighs the hypotheses of load.

    Args:
        explain: weighs them.
        model: name of the promoted model; empty for the rule.
        sha256: of the model's file; empty for the rule.
    """

    explain: Explainer = explain
    model: str = ""
    sha256: str = ""

    def payload(self) -> dict[str, dict[str, str]]:
        """Return what a day's payload keeps of it; nothing for the rule."""
        return {"judge": {"model": self.model, "sha256": self.sha256}} if self.model else {}


def judge_of(place: Workplace) -> Judge:
    """Return the judge in force at a workplace.

    Raises:
        ModelError: a model is promoted and can't be used.
    """
    promoted = champion(place.home.models)
    return Judge() if promoted is None else Judge(promoted.explain, promoted.name, promoted.sha256)
