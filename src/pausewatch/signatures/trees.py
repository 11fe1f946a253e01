"""Trees: whether what a model's file holds are trees that can be walked, before anything walks them."""

from __future__ import annotations

from typing import Any

import numpy as np


def are_sound_trees(estimator: Any, columns: int) -> bool:
    """Return whether an estimator is a boosted classifier of so many columns whose every node leads to a later one.

    scikit-learn walks trees in compiled code that trusts their nodes: one that led elsewhere would read what lies
    there.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    if not isinstance(estimator, HistGradientBoostingClassifier) or getattr(estimator, "n_features_in_", 0) != columns:
        return False
    rounds = getattr(estimator, "_predictors", None)
    if not rounds:
        return False
    trees = [tree for of in rounds for tree in of]
    return all(isinstance(tree, TreePredictor) and _is_sound(tree.nodes, columns) for tree in trees)


def _is_sound(nodes: Any, columns: int) -> bool:
    inner = nodes["is_leaf"] == 0
    at = np.arange(len(nodes))[inner]
    left, right = nodes["left"][inner], nodes["right"][inner]
    leads_on = (left > at) & (right > at) & (left < len(nodes)) & (right < len(nodes))
    is_known = (nodes["feature_idx"][inner] >= 0) & (nodes["feature_idx"][inner] < columns)
    return bool(len(nodes) and leads_on.all() and is_known.all() and not nodes["is_categorical"].any())
