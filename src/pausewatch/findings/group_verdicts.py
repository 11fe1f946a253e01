"""Verdicts on coordinated load: what could make sites step together, and how long it has looked like training.

The lines of an alarm are those of a site's own load (`findings/verdicts.py`). How a group's load looked on the days
before is measured anew from what its sites had shown by then, so that nothing depends on which days were reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pausewatch.detection.coordination import Coordinated
from pausewatch.detection.onsets import BLOCK_H
from pausewatch.detection.shared_view import SharedView
from pausewatch.findings.group_signs import Signs, signs_by
from pausewatch.findings.model import Hypothesis, Verdict
from pausewatch.findings.verdicts import BENIGN, LINES, NOT_TRAINING
from pausewatch.fleet import Site
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause

_BENIGN_CAUSES = ("load_moved", "shared_cause", "declared_work")
_DAY_BLOCKS = 24 // BLOCK_H


def weighed(load: Coordinated, signs: Signs, declared: int) -> tuple[Hypothesis, ...]:
    """Weigh what could make sites step together; the weights are in docs/method.md."""
    strength = 1.0 if math.isnan(load.score) else load.score / load.model.threshold
    undeclared = len(load.rises) - declared
    ratio = load.fall_mw / max(load.rise_mw, 1e-9)
    moved = 1.0 if load.is_moved else float(np.clip(1.0 - abs(1.0 - ratio) / 0.4, 0.0, 1.0))
    weights = {
        "training": 1.5
        + 0.6 * float(np.clip((len(load.rises) - 2) / 2, 0, 1))
        # Tenants don't come to eight sites on one half day.
        + 0.5 * float(np.clip(np.log2(len(load.rises) / 4), 0, 2))
        + 0.5 * (load.end_block is not None)
        + 0.7 * (signs.dips_chance < 0.01)
        + 0.5 * (signs.alike < 0.35)
        - 1.5 * signs.swing
        - 3.0 * signs.elsewhere
        - 3.0 * moved
        - 3.0 * (undeclared < 2),
        "new_load_or_tenant": 0.8 + 0.5 * signs.swing - 0.5 * (load.end_block is not None) - 3.0 * moved,
        "science_or_batch": 0.4 - 3.0 * moved,
        "inference_growth": 0.0 + 1.5 * signs.swing - 3.0 * moved,
        "load_moved": -3.0 + 6.0 * moved,
        "shared_cause": -1.5 + 5.0 * signs.elsewhere + 1.0 * signs.warmed * signs.utility_share,
        "declared_work": 6.0 if undeclared < 2 and declared else -4.0,
        "metering": -2.0,
        "chance": 0.5 - 2.0 * float(np.clip(strength - 1.0, -0.3, 3.0)),
    }
    peak = max(weights.values())
    raw = {name: math.exp(value - peak) for name, value in weights.items()}
    total = sum(raw.values())
    ranked = sorted(raw, key=lambda name: -raw[name])
    return tuple(Hypothesis(name, raw[name] / total) for name in ranked)


def earlier_trainings(
    load: Coordinated, signs: Signs, sites: Sequence[Site], views: Mapping[str, SharedView], declared: int
) -> Iterator[float]:
    """Give the probability of training as the load looked a day before, two days before, and so on.

    Days are days of the load, as for a site's own: what is over looks the same ever after, and by then it was still
    there. What is known of its onset (which sites, how much, what others did) stays as it is known today.

    Args:
        load: the coordinated load.
        signs: as they are today.
        sites: of the fleet.
        views: what each site said of the day.
        declared: members whose declaration speaks of other work.
    """
    mine = [views[sites[member.site].id] for member in load.rises]
    last = max(view.end_block for view in mine)
    if load.end_block is not None:
        last = min(load.end_block, last)
    then = replace(load, end_block=None)
    for block in range(last - _DAY_BLOCKS, load.start_block + _DAY_BLOCKS - 1, -_DAY_BLOCKS):
        seen = signs_by(signs, then, [view.until(block) for view in mine])
        yield probability(weighed(then, seen, declared), Cause.TRAINING)


def verdict_of(hypotheses: Sequence[Hypothesis], before: Iterable[float]) -> Verdict:
    """Return what is concluded of a coordinated load.

    Args:
        hypotheses: all of them, with their probabilities.
        before: the probability of training as it looked a day of the load before, two days before, and so on.
    """
    training = probability(hypotheses, Cause.TRAINING)
    if LINES.is_alarm(training, before):
        return Verdict.TRAINING_LIKE
    benign = max(h.probability for h in hypotheses if h.name in _BENIGN_CAUSES)
    return Verdict.EXPLAINED if benign >= BENIGN and training <= NOT_TRAINING else Verdict.UNEXPLAINED
