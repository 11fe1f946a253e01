"""OpenSTEF 3: its boosted quantile regressor on its own calendar and weather features, with no lag of the load.

OpenSTEF is made for the next two days, where lags carry it; ninety days ahead without refit it has none to use.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from exchange import Z90, Given, main

_QUANTILES = (0.05, 0.5, 0.95)


def forecast(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Fit and predict three quantiles."""
    warnings.simplefilter("ignore")
    from openstef.feature_engineering.holiday_features import generate_holiday_feature_functions
    from openstef.model.regressors.xgb_quantile import XGBQuantileOpenstfRegressor

    holidays = generate_holiday_feature_functions(given.country)

    def features(frame: pd.DataFrame) -> pd.DataFrame:
        index = frame.index
        out = pd.DataFrame({"temp": frame["temperature"].ffill().bfill()}, index=index)
        hour, day = 2 * np.pi * index.hour / 24, 2 * np.pi * index.dayofyear / 365.25
        out["IsWeekDay"] = (index.weekday < 5).astype(float)
        out["IsSunday"] = (index.weekday == 6).astype(float)
        out["Weekday"], out["Hour"] = index.weekday.astype(float), index.hour.astype(float)
        out["sine_hour"], out["cos_hour"] = np.sin(hour), np.cos(hour)
        out["sine_dayofyear"], out["cos_dayofyear"] = np.sin(day), np.cos(day)
        out["is_national_holiday"] = np.asarray(holidays["is_national_holiday"](frame)).astype(float)
        return out

    past = given.past.dropna(subset=["load"])
    model = XGBQuantileOpenstfRegressor(quantiles=_QUANTILES)
    x, y = features(past), past["load"]
    cut = int(0.85 * len(x))
    model.fit(x.iloc[:cut], y.iloc[:cut], eval_set=[(x.iloc[:cut], y.iloc[:cut]), (x.iloc[cut:], y.iloc[cut:])])
    ahead = features(given.future)
    low, middle, high = (model.predict(ahead, quantile=q) for q in _QUANTILES)
    return middle, (high - low) / (2 * Z90)


if __name__ == "__main__":
    main(forecast, "openstef")
