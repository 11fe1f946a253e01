"""Prophet as its quick start uses it on hourly data, with country holidays and its own 90 % interval."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from exchange import Z90, Given, main


def forecast(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Fit on wall-clock time and predict."""
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    history = pd.DataFrame({"ds": given.past.index.tz_localize(None), "y": given.past["load"].to_numpy()}).dropna()
    model = Prophet(interval_width=0.9)
    model.add_country_holidays(given.country)
    model.fit(history, seed=1)
    np.random.seed(1)  # noqa: NPY002  # Prophet samples from numpy's global state
    told = model.predict(pd.DataFrame({"ds": given.future.index.tz_localize(None)}))
    return told["yhat"].to_numpy(), ((told["yhat_upper"] - told["yhat_lower"]) / (2 * Z90)).to_numpy()


if __name__ == "__main__":
    main(forecast, "prophet")
