"""The candidates by name."""

from __future__ import annotations

from pausewatch.baselines.boosted import BoostedBaseline
from pausewatch.baselines.contract import BaselineModel
from pausewatch.baselines.persistence import PersistenceBaseline
from pausewatch.baselines.prophet import ProphetBaseline
from pausewatch.baselines.ridge import RecentRidgeBaseline, RidgeBaseline
from pausewatch.baselines.structural import StructuralBaseline
from pausewatch.errors import UsageError

CANDIDATES: dict[str, BaselineModel] = {
    model.name: model
    for model in (
        RidgeBaseline(),
        RecentRidgeBaseline(),
        PersistenceBaseline(),
        StructuralBaseline(),
        BoostedBaseline(),
        ProphetBaseline(),
    )
}
"""Every candidate in its default configuration; the cheap ones first."""


def candidate(name: str) -> BaselineModel:
    """Return a candidate by its name."""
    if name not in CANDIDATES:
        raise UsageError(f"no baseline called {name!r}", remedy=f"choose from {', '.join(CANDIDATES)}")
    return CANDIDATES[name]
