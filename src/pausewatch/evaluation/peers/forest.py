"""An isolation forest on daily features (Liu, Ting and Zhou 2008), as scikit-learn has it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pausewatch.evaluation.peers.history import Floats, History, daily_mean
from pausewatch.evaluation.peers.protocol import Scores

_HELD_OUT_DAYS = 60
_LEAST_DAYS = 28
_TREES = 100
_NIGHT = (0, 6)


class Forest:
    """Alarms while the day's features are isolated quickly by trees grown on the reference."""

    name: ClassVar[str] = "isolation forest"
    about: ClassVar[str] = "how quickly trees isolate the day's mean, least, most, spread, night share and change"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = 20
    lanes: ClassVar[int] = 2

    def scores(self, history: History) -> Scores:
        """Score days of the reference by trees that haven't seen them, days of the pause by trees of all of it."""
        reference = history.reference_days
        features = _features(history.load_kw)
        score = np.full(features.shape[:2], np.nan)
        split = max(reference - _HELD_OUT_DAYS, reference // 2)
        for s in np.flatnonzero(history.has_meter):
            known = np.isfinite(features[s]).all(axis=1)
            score[s, split:reference] = _isolation(features[s], known, split)[split:reference]
            score[s, reference:] = _isolation(features[s], known, reference)[reference:]
        return Scores(score[:, :reference], score[:, reference:])


def _isolation(features: Floats, known: Floats, until: int) -> Floats:
    from sklearn.ensemble import IsolationForest

    out = np.full(len(features), np.nan)
    learned = features[:until][known[:until].astype(bool)]
    if len(learned) >= _LEAST_DAYS:
        grown = IsolationForest(n_estimators=_TREES, random_state=0).fit(learned)
        later = known.astype(bool)
        out[later] = -grown.score_samples(features[later])
    return out


def _features(load: Floats) -> Floats:
    """Return mean, least, most, spread, share of the night and change since the day before, shape (S, D, 6)."""
    mean = daily_mean(load)
    filled = np.where(np.isfinite(load), load, mean[:, :, None])
    night = filled[:, :, _NIGHT[0] : _NIGHT[1]].mean(axis=2)
    change = np.diff(mean, axis=1, prepend=mean[:, :1])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(mean != 0, night / mean, 0.0)
    return np.stack([mean, filled.min(axis=2), filled.max(axis=2), filled.std(axis=2), share, change], axis=2)
