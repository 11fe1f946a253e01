"""Gradient boosting on what the ridge baseline leaves: interactions of hour, day, weather and holiday.

Trees can't follow a level they never saw, so level, week and weather stay with the ridge; boosting learns the rest,
with quantiles for its spread (scikit-learn's HistGradientBoostingRegressor). Every feature is of the hour itself, so a
day's prediction doesn't depend on what else is asked for. The trees are kept as plain arrays and read without
scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.ridge import FittedRidge, RidgeBaseline
from pausewatch.telemetry.grid import HourGrid

_Z90 = 1.6448536
_LEVEL_HOURS = 14 * 24
_FIELDS = {
    "feature": "feature_idx",
    "threshold": "num_threshold",
    "left": "left",
    "right": "right",
    "value": "value",
    "is_leaf": "is_leaf",
}


@dataclass(frozen=True)
class Trees:
    """Boosted trees of a batch; all arrays are (S, 3, trees, nodes): centre, 5 % and 95 % quantile."""

    feature: npt.NDArray[np.int64]
    threshold: Floats
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: Floats
    is_leaf: npt.NDArray[np.bool_]
    start: Floats
    """Value before the first tree, (S, 3)."""

    def predict(self, series: int, which: int, features: Floats) -> Floats:
        """Return the sum of one series' trees for rows of features, shape (H,)."""
        out = np.full(len(features), self.start[series, which])
        rows = np.arange(len(features))
        for t in range(self.feature.shape[2]):
            at = (series, which, t)
            node = np.zeros(len(features), dtype=np.int64)
            while True:
                go = ~self.is_leaf[at][node]
                if not go.any():
                    break
                here = node[go]
                is_left = features[rows[go], self.feature[at][here]] <= self.threshold[at][here]
                node[go] = np.where(is_left, self.left[at][here], self.right[at][here])
            out += self.value[at][node]
        return out


@dataclass(frozen=True)
class FittedBoosted:
    """A fitted batch: the ridge below, and the trees on what it leaves."""

    ridge: FittedRidge
    trees: Trees

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict the mean and, from the quantiles, the standard deviation."""
        told = self.ridge.predict(grid, temperature_c)
        rest, sd = np.zeros_like(told.mean_kw), np.zeros_like(told.mean_kw)
        for s in range(len(rest)):
            features = _features(grid, temperature_c, told, s)
            rest[s] = self.trees.predict(s, 0, features)
            width = self.trees.predict(s, 2, features) - self.trees.predict(s, 1, features)
            sd[s] = np.maximum(width, 0.0) / (2 * _Z90)
        parts = {**told.components, "boosted": rest}
        return Expected(told.mean_kw + rest, sd, np.full_like(rest, np.nan), parts)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fit as plain arrays."""
        trees = {f"trees.{k}": np.asarray(v) for k, v in vars(self.trees).items()}
        return {**{f"ridge.{k}": v for k, v in self.ridge.state().items()}, **trees}


@dataclass(frozen=True)
class BoostedBaseline:
    """Configuration of the boosted baseline.

    Args:
        rounds: trees of each quantile.
        leaves: leaves of a tree, at most.
        leaf_hours: hours in a leaf, at least; a few weeks, since neighbouring hours err together.
        rate: share of each tree's step that is taken.
    """

    name: ClassVar[str] = "boosted"
    rounds: int = 80
    leaves: int = 12
    leaf_hours: int = 150
    rate: float = 0.06

    def fit(self, reference: Series) -> FittedBoosted:
        """Fit the ridge, then trees of each series on what it leaves."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        # A series is small: threads cost more than they gain, and one thread always adds in the same order.
        with threadpool_limits(1, user_api="openmp"):
            return self._fit(reference)

    def _fit(self, reference: Series) -> FittedBoosted:
        from sklearn.ensemble import HistGradientBoostingRegressor

        ridge = RidgeBaseline().fit(reference)
        told = ridge.predict(reference.grid, reference.temperature_c)
        rest = reference.load_kw - (told.mean_kw - told.components["level and trend"])
        series = len(rest)
        nodes = 2 * self.leaves - 1
        shape = (series, 3, self.rounds, nodes)
        whole = ("feature", "left", "right")
        arrays: dict[str, npt.NDArray[Any]] = {
            f: np.zeros(shape, np.int64 if f in whole else np.float64) for f in _FIELDS
        }
        arrays["is_leaf"] = np.ones(shape, dtype=np.bool_)
        start = np.zeros((series, 3))
        for s in range(series):
            target = rest[s] - _running_level(rest[s])
            seen = np.isfinite(target)
            if seen.sum() < 2 * self.leaf_hours:
                continue
            features = _features(reference.grid, reference.temperature_c, told, s)[seen]
            # Spikes belong to the spread and not to the centre.
            low, high = np.quantile(target[seen], (0.005, 0.995))
            for which, quantile in enumerate((None, 0.05, 0.95)):
                booster = HistGradientBoostingRegressor(
                    loss="squared_error" if quantile is None else "quantile",
                    quantile=quantile,
                    learning_rate=self.rate,
                    max_iter=self.rounds,
                    max_leaf_nodes=self.leaves,
                    min_samples_leaf=self.leaf_hours,
                    early_stopping=False,
                    random_state=0,
                ).fit(features, np.clip(target[seen], low, high))
                start[s, which] = float(np.ravel(booster._baseline_prediction)[0])
                for t, (tree,) in enumerate(booster._predictors):
                    for field, theirs in _FIELDS.items():
                        arrays[field][s, which, t, : len(tree.nodes)] = tree.nodes[theirs]
        return FittedBoosted(ridge, Trees(**arrays, start=start))

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedBoosted:
        """Rebuild a fitted batch."""

        def part(prefix: str) -> dict[str, npt.NDArray[Any]]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        return FittedBoosted(RidgeBaseline().from_state(part("ridge.")), Trees(**part("trees.")))


def _features(grid: HourGrid, temperature_c: Floats, told: Expected, s: int) -> Floats:
    """Return one series' features, (H, 6): hour, weekday, holiday, temperature, and the ridge's weather and week."""
    columns = [
        grid.local_hour[s],
        grid.hour_of_week[s] // 24,
        grid.is_holiday[s],
        # A missing temperature is a value below all others; the ridge's weather still tells the usual one.
        np.where(np.isfinite(temperature_c[s]), temperature_c[s], -99.0),
        told.components["temperature"][s],
        told.components["hour of week"][s],
    ]
    return np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)


def _running_level(rest_kw: Floats) -> Floats:
    """Return the centred running mean of the hours seen within two weeks either side, shape (H,)."""
    seen = np.isfinite(rest_kw)
    total = np.concatenate([[0.0], np.where(seen, rest_kw, 0.0).cumsum()])
    count = np.concatenate([[0], seen.cumsum()])
    at = np.arange(len(rest_kw))
    low, high = np.maximum(at - _LEVEL_HOURS, 0), np.minimum(at + _LEVEL_HOURS + 1, len(rest_kw))
    number = count[high] - count[low]
    return np.where(number > 0, (total[high] - total[low]) / np.maximum(number, 1), np.nan)
