"""The candidates by name."""

from __future__ import annotations

from pausewatch.baselines.boosted import BoostedBaseline
from pausewatch.baselines.contract import BaselineModel
from pausewatch.baselines.persistence import PersistenceBaseline
from pausewatch.baselines.prophet import ProphetBaseline
from pausewatch.baselines.ridge import (
    RecentRidgeBaseline,
    RidgeBaseline,
    WeatherlessRidgeBaseline,
    WeatherlessYearRidgeBaseline,
    YearRidgeBaseline,
)
from pausewatch.baselines.structural import StructuralBaseline
from pausewatch.errors import UsageError

CANDIDATES: dict[str, BaselineModel] = {
    model.name: model
    for model in (
        RidgeBaseline(),
        RecentRidgeBaseline(),
        YearRidgeBaseline(),
        WeatherlessRidgeBaseline(),
        WeatherlessYearRidgeBaseline(),
        PersistenceBaseline(),
        StructuralBaseline(),
        BoostedBaseline(),
        ProphetBaseline(),
    )
}
"""Every candidate in its default configuration; the cheap ones first."""

DEFAULT_CANDIDATES = ("ridge", "ridge_recent", "ridge_year", "ridge_no_weather", "ridge_year_no_weather", "persistence")
"""Those fitted for a whole batch at once, milliseconds a series; the others are asked for by name."""

_WORDS = {
    "ridge": "ridge: time of week and temperature, level of the last fortnight",
    "ridge_recent": "ridge: time of week and temperature, level of the last week",
    "ridge_year": "ridge: time of week, temperature of now and of the last day, and time of year",
    "ridge_no_weather": "ridge: time of week, without temperature",
    "ridge_year_no_weather": "ridge: time of week and time of year, without temperature",
    "persistence": "persistence: the last weeks go on",
    "structural": "structural time series on the ridge's week and weather",
    "boosted": "gradient boosting on what the ridge leaves",
    "prophet": "Prophet with holidays and temperature",
}


def candidate(name: str) -> BaselineModel:
    """Return a candidate by its name."""
    if name not in CANDIDATES:
        raise UsageError(f"no baseline called {name!r}", remedy=f"choose from {', '.join(CANDIDATES)}")
    return CANDIDATES[name]


def model_words(name: str) -> str:
    """Return what a candidate is, in a few words, for a report."""
    return _WORDS[candidate(name).name]
