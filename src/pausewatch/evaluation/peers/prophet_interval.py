"""Prophet's interval rule: an hour outside the 95 % uncertainty interval is an anomaly, as its users write it.

Prophet with its defaults, fitted once on the hours of the reference; the day's score is how far its mean lies above the
forecast, in half-widths of the interval. Fitting takes seconds a site, so it is tried on a sample of each fleet, on the
outermost meter alone.
"""

from __future__ import annotations

import logging
import warnings
from datetime import date
from typing import ClassVar

import numpy as np

from pausewatch.evaluation.peers.history import Floats, History, daily_mean
from pausewatch.evaluation.peers.protocol import Scores

_WIDTH = 0.95
_SAMPLES = 300
_LEAST_HOURS = 28 * 24


class ProphetInterval:
    """Alarms while the day's mean is above the interval by more than it was in the reference."""

    name: ClassVar[str] = "Prophet, at the budget"
    about: ClassVar[str] = "the day's mean above Prophet's forecast, in half-widths of its 95 % interval"
    limit: ClassVar[float | None] = None
    sites_of_fleet: ClassVar[int | None] = 6
    lanes: ClassVar[int] = 1

    def scores(self, history: History) -> Scores:
        """Score a day by its mean distance from the forecast."""
        score = np.full(history.load_kw.shape[:2], np.nan)
        for s in np.flatnonzero(history.has_meter):
            load = history.load_kw[s]
            if np.isfinite(load[: history.reference_days]).sum() >= _LEAST_HOURS:
                score[s] = _outside(load, history.first_day, history.reference_days)
        return Scores(score[:, : history.reference_days], score[:, history.reference_days :])


class ProphetRule(ProphetInterval):
    """Alarms while the day's mean is above the interval, whatever it was in the reference."""

    name: ClassVar[str] = "Prophet, its interval as it is"
    about: ClassVar[str] = "the day's mean above Prophet's 95 % interval"
    limit: ClassVar[float | None] = 1.0


def _outside(load: Floats, first: date, reference: int) -> Floats:
    """Return each day's mean distance above the forecast, in half-widths of the interval, shape (D,)."""
    for name in ("cmdstanpy", "prophet.plot"):
        # Stan's log of every fit, and Prophet's regret that there is no plotly.
        logging.getLogger(name).disabled = True
    import pandas as pd
    from prophet import Prophet

    stamps = pd.date_range(pd.Timestamp(first), periods=load.size, freq="h")
    frame = pd.DataFrame({"ds": stamps, "y": load.ravel()})
    model = Prophet(interval_width=_WIDTH, uncertainty_samples=_SAMPLES)
    with warnings.catch_warnings():
        # Prophet 1.5 under pandas 3; nothing a user could do about them.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"prophet(\..*)?")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"prophet(\..*)?")
        model.fit(frame[: reference * 24].dropna(), seed=0)
        state = np.random.get_state()  # noqa: NPY002  # Prophet samples from the global generator
        np.random.seed(0)  # noqa: NPY002
        told = model.predict(frame[["ds"]])
        np.random.set_state(state)  # noqa: NPY002
    mean, upper = told["yhat"].to_numpy(), told["yhat_upper"].to_numpy()
    return daily_mean(((load.ravel() - mean) / np.maximum(upper - mean, 1e-9)).reshape(load.shape))
