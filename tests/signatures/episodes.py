"""Made-up episodes: plateaus that are training, daily waves that are inference, weather that is cooling."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from pausewatch.signatures.corpus import Corpus, Example
from pausewatch.signatures.features import Features
from pausewatch.signatures.model import SignatureModel, train
from pausewatch.signatures.rule import Cause, Circumstances

PLATEAU: dict[str, Any] = {
    "duration_days": 6.0,
    "duty": 1.0,
    "share_of_it_capacity": 0.1,
    "share_of_load": 0.2,
    "onset_share": 1.0,
    "growth_share": 0.0,
    "diurnal_share": 0.01,
    "weekend_ratio": 1.0,
    "weather_share": 0.01,
    "roughness_share": 0.02,
    "off_share": 1.0,
    "night_share": 0.33,
    "parts_per_week": 1.0,
    "it_agreement": 1.0,
    "is_it_metered": True,
    "is_utility_metered": True,
    "strength": 3.0,
}
_LOOKS: dict[Cause, dict[str, Any]] = {
    Cause.TRAINING: {},
    Cause.INFERENCE: {"diurnal_share": 0.4, "growth_share": 0.6, "onset_share": 0.2, "weekend_ratio": 0.8},
    Cause.COOLING: {"it_agreement": 0.1, "weather_share": 0.3, "share_of_load": 0.05, "diurnal_share": 0.2},
}


def features(**more: Any) -> Features:
    """Return a plateau, changed as said."""
    return Features(**(PLATEAU | more))


def corpus(sites: int = 60, seed: int = 1) -> Corpus:
    """Return episodes of three causes, two a site, with noise."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(sites):
        cause = list(_LOOKS)[number % len(_LOOKS)]
        for age in (0, 4):
            look = PLATEAU | _LOOKS[cause]
            noisy = {
                k: v if isinstance(v, bool) else max(v + 0.05 * rng.standard_normal(), 0.0) for k, v in look.items()
            }
            noisy["duration_days"] = 2.0 + age
            examples.append(Example(Features(**noisy), Circumstances(), cause, f"site-{number}", age))
    return Corpus(tuple(examples))


@cache
def taught() -> SignatureModel:
    """Return a judge trained on those episodes."""
    return train(corpus())
