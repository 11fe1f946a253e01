"""Reliability: of the findings given a training probability of about p, how many were training?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pausewatch.evaluation.bootstrap import Measure, mean_of, share_of
from pausewatch.evaluation.outcomes import LOAD_KINDS, behind
from pausewatch.evaluation.trial import SiteTrial

BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
# Days after its first report at which a finding is asked for its probability.
AGES = (0, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Said:
    """A probability a report gave, and whether it was training."""

    probability: float
    is_training: bool


def probabilities(trial: SiteTrial) -> list[Said]:
    """Return what a site's reports said of its findings on load at several ages."""
    out = []
    for history in trial.histories:
        by_day = dict(history.stated)
        for age in AGES:
            day = next((d for d in by_day if (d - history.first_reported_on).days == age), None)
            said = None if day is None else by_day[day]
            if said is None or said.kind not in LOAD_KINDS:
                continue
            event = behind(trial, said)
            out.append(Said(said.training_probability, event is not None and event.is_training))
    return out


@dataclass(frozen=True)
class Reliability:
    """Observed against stated frequencies.

    Args:
        bins: lower edge, upper edge, mean stated probability, observed share with its interval.
        brier: mean squared error of the probability.
        calibration_error: mean distance of stated and observed over the bins, weighted by their counts.
    """

    bins: tuple[tuple[float, float, float, Measure], ...]
    brier: Measure
    calibration_error: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "bins": [
                {"from": low, "to": high, "stated": round(stated, 4), "observed": observed.document()}
                for low, high, stated, observed in self.bins
            ],
            "brier": self.brier.document(),
            "calibration_error": round(self.calibration_error, 4),
        }


def reliability(said: Sequence[Sequence[Said]]) -> Reliability:
    """Measure reliability from what was said, one list a site."""
    everything = [s for site in said for s in site]
    bins = []
    distance = 0.0
    for low, high in pairwise(BINS):
        mine = [[s for s in site if low <= s.probability < high or s.probability == high == 1.0] for site in said]
        together = [s.probability for site in mine for s in site]
        if not together:
            continue
        observed = share_of([sum(s.is_training for s in site) for site in mine], [len(site) for site in mine])
        stated = float(np.mean(together))
        bins.append((low, high, stated, observed))
        distance += abs(stated - observed.value) * len(together)
    errors = [sum((s.probability - s.is_training) ** 2 for s in site) for site in said]
    return Reliability(tuple(bins), mean_of(errors, [len(site) for site in said]), distance / max(len(everything), 1))
