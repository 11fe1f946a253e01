"""The transparent rule: how well each hypothesis explains an episode's features, in weights anyone can check.

Each hypothesis has a prior and collects weights from features it predicts; a softmax turns the sums into probabilities.
The weights are judgements written down in docs/method.md, not fitted: a learned model must beat this rule to replace
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis


class Cause(StrEnum):
    """What could explain an episode."""

    TRAINING = "training"
    SCIENCE = "science_or_batch"
    INFERENCE = "inference_growth"
    TENANT = "new_load_or_tenant"
    COOLING = "cooling_or_weather"
    METERING = "metering"
    DECLARED = "declared_work"
    CHANCE = "chance"


@dataclass(frozen=True)
class Circumstances:
    """What is known beside the features.

    Args:
        did_not_step_down: load that was declared as training before the pause is still there after its start.
        declared_training: training is declared for the time of the episode itself.
        is_declared: a declaration of other work accounts for its time, size and shape.
        is_suspect: the meters it rests on can't be trusted.
        is_drift: it crept in.
        is_over: the load came back down.
        is_learned: it rose within the reference.
        earlier_days: for how many days load of about its size was there before it, during the pause.
        it_reads_low: the IT meter fell by what the balance rose and the utility's meter stayed: no load was added.
    """

    did_not_step_down: bool = False
    declared_training: bool = False
    is_declared: bool = False
    is_suspect: bool = False
    is_drift: bool = False
    is_over: bool = False
    it_reads_low: bool = False
    is_learned: bool = False
    earlier_days: float = 0.0


Explainer = Callable[[Features, Circumstances], tuple[Hypothesis, ...]]
"""What weighs the hypotheses of an episode: this rule, or a model."""


def explain(features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
    """Return every hypothesis with its probability, most probable first; they sum to 1."""
    scores = {cause: score(cause, features, circumstances) for cause in Cause}
    peak = max(scores.values())
    weights = {cause: float(np.exp(value - peak)) for cause, value in scores.items()}
    total = sum(weights.values())
    ranked: Sequence[Cause] = sorted(Cause, key=lambda c: -weights[c])
    return tuple(Hypothesis(cause.value, weights[cause] / total) for cause in ranked)


def score(cause: Cause, f: Features, c: Circumstances) -> float:
    """Return the log weight of one hypothesis."""
    return {
        Cause.TRAINING: _training,
        Cause.SCIENCE: _science,
        Cause.INFERENCE: _inference,
        Cause.TENANT: _tenant,
        Cause.COOLING: _cooling,
        Cause.METERING: _metering,
        Cause.DECLARED: _declared,
        Cause.CHANCE: _chance,
    }[cause](f, c)


def _flat(f: Features) -> float:
    """Return how little the load answers to hour, weekend and weather, 1 (deaf) to -1 (follows them)."""
    movement = max(f.diurnal_share, abs(1.0 - f.weekend_ratio) * 0.7, f.weather_share)
    return float(np.clip(1.0 - movement / 0.15, -1.0, 1.0))


def _sharp(f: Features) -> float:
    """Return how sharply it began, 1 (at once) to -1 (crept in)."""
    return float(np.clip(2.0 * f.onset_share - 1.0, -1.0, 1.0))


def _plateau(f: Features) -> float:
    """Return how level it stayed, 1 (a plateau) to -1 (kept growing or shrinking)."""
    return float(np.clip(1.0 - abs(f.growth_share) / 0.25, -1.0, 1.0))


def _own(f: Features) -> float:
    """Return how much it is a multiple of the site's own load, 1 (surely) to -1 (surely a constant)."""
    return float(np.clip((f.texture.shape_evidence + f.texture.day_evidence) / 6.0, -1.0, 1.0))


def _clocked(f: Features) -> float:
    """Return how much it keeps to the hours of the day, 0 to 1."""
    return float(np.clip(f.texture.clock_share / 0.5, 0.0, 1.0))


def _climbs(f: Features) -> float:
    """Return how much it climbed in steps without coming down, 0 to 1."""
    return float(np.clip((f.texture.climb_share - f.texture.fall_share - 0.1) / 0.4, 0.0, 1.0))


def _dips(f: Features) -> float:
    """Return how much it is interrupted as runs are, 0 to 1; that it isn't says little: small runs seldom are."""
    could_be_seen = float(np.clip(f.texture.dip_sight / 4.0, 0.0, 1.0) * np.clip(f.raised_days / 4.0, 0.0, 1.0))
    return could_be_seen * float(np.clip(f.texture.dips_per_day / 0.4, 0.0, 1.0))


def _training(f: Features, c: Circumstances) -> float:
    value = 1.4 * _flat(f) + 0.8 * _sharp(f) + 0.6 * _plateau(f)
    value += 0.6 * float(np.clip(np.log2(max(f.share_of_it_capacity, 1e-4) / 0.03), -2.0, 1.5))
    value += 0.5 * float(np.clip(f.duration_days / 3.0 - 1.0, -1.0, 1.0))
    # Full load or nothing is work that is switched; by the clock, batch is as likely.
    if f.duty < 0.85 and f.off_share < 0.2:
        value += 1.0
    value += 1.0 * _dips(f) - 1.2 * _own(f) - 2.5 * _clocked(f) - 1.5 * _climbs(f)
    if c.did_not_step_down:
        value += 3.0
    if c.declared_training:
        value += 4.0
    if c.is_drift:
        value += 0.8 * _flat(f)
    return value


def _science(f: Features, c: Circumstances) -> float:
    # Physically the same load; a declaration tells them apart, and without one it is rarer than the rest.
    value = 1.2 * _flat(f) + 0.8 * _sharp(f) + 0.6 * _plateau(f) - 1.0
    value += 0.4 if c.is_over and f.duration_days < 21 else 0.0
    value += 2.5 * _clocked(f) - 1.2 * _own(f)
    return value - (2.0 if c.did_not_step_down else 0.0)


def _inference(f: Features, c: Circumstances) -> float:
    value = -1.8 * _flat(f) + 0.8 * float(np.clip(f.growth_share / 0.3, -1.0, 1.0)) - 0.3 * _sharp(f)
    value += 0.8 if f.diurnal_share > 0.2 and f.night_share < 0.4 else 0.0
    # Ordinary load moved here has the site's own shape; what is never interrupted is no run.
    value += 1.6 * _own(f) - 0.6 * _dips(f)
    return value + (0.6 if c.is_drift else 0.0) - (1.0 if f.duty < 0.85 and f.off_share < 0.2 else 0.0)


def _tenant(f: Features, c: Circumstances) -> float:
    value = 0.6 * _flat(f) - 1.2 * _sharp(f) - (1.5 if c.is_over else 0.0)
    value += 0.6 * float(np.clip(f.growth_share / 0.3, -0.5, 1.0))
    value += 0.6 * float(np.clip(1.0 - f.share_of_it_capacity / 0.15, -1.0, 1.0))
    value += 2.0 * _climbs(f) - 0.6 * _dips(f)
    return value - (2.0 if c.did_not_step_down else 0.0)


def _cooling(f: Features, c: Circumstances) -> float:
    if not f.is_utility_metered:
        return -6.0
    value = -1.2 * _flat(f) - 1.0
    value += 1.0 * float(np.clip(f.weather_share / 0.2, 0.0, 1.0))
    # Load outside the IT racks shows at the utility alone, and is small against the site.
    value += 1.5 if f.is_it_metered and f.it_agreement < 0.3 else -2.5
    return value + 1.0 * float(np.clip(1.0 - f.share_of_load / 0.12, -1.5, 1.0))


def _metering(f: Features, c: Circumstances) -> float:
    value = -2.5 + (2.5 if c.is_suspect else 0.0)
    # Load that moves past the IT meter in the hour in which that meter falls as far is rarer than a wrong scale.
    value += 7.0 if c.it_reads_low else 0.0
    # More at the racks than the utility delivered can't be.
    return value + (3.0 if f.is_it_metered and f.is_utility_metered and f.it_agreement > 1.4 else 0.0)


def _declared(f: Features, c: Circumstances) -> float:
    # An operator that files first and keeps to it is believed, though never wholly: the meters can't tell what ran.
    return 6.5 if c.is_declared and not c.did_not_step_down else -6.0


def _chance(f: Features, c: Circumstances) -> float:
    return 0.5 - 2.0 * float(np.clip(f.strength - 1.0, -0.3, 3.0)) - (1.0 if c.did_not_step_down else 0.0)
