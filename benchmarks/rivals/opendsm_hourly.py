"""OpenDSM's hourly model (CalTRACK's successor) on its baseline of a year, with its own uncertainty of an hour."""

from __future__ import annotations

import warnings
from datetime import timezone

import numpy as np
import pandas as pd
from exchange import Z90, Given, main

_BASELINE_HOURS = 366 * 24
_LAST_HOUR = 23


def forecast(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Fit the last 365 days, which is what it takes, and predict."""
    warnings.simplefilter("ignore")
    from opendsm.eemeter import HourlyBaselineData, HourlyModel, HourlyReportingData

    # Whole days of 24 hours, in winter time all year: in the hours ahead it finds no day of a clock change by itself.
    both = pd.concat([given.past, given.future])
    offset = min(stamp.utcoffset() for stamp in both.index[:: 24 * 7])
    both = both.tz_convert(timezone(offset)).tz_localize(None).tz_localize("UTC").rename(columns={"load": "observed"})
    begins = both.index[len(given.past)]
    past = both[both.index < begins].iloc[-_BASELINE_HOURS:]
    past = past[past.index >= past.index[0].ceil("D")]
    past = past[past.index < begins.floor("D")]
    ahead = both[(both.index >= begins.floor("D")) & (both.index < both.index[-1].ceil("D"))]
    ahead = ahead[ahead.index < both.index[-1].floor("D")] if both.index[-1].hour != _LAST_HOUR else ahead
    model = HourlyModel().fit(HourlyBaselineData(past, is_electricity_data=True), ignore_disqualification=True)
    told = model.predict(HourlyReportingData(ahead, is_electricity_data=True), ignore_disqualification=True)
    told = told.reindex(both.index[len(given.past) :])
    # Its uncertainty is a half-width at the confidence level of its settings, 90 % unless told otherwise.
    return told["predicted"].to_numpy(), told["predicted_unc"].to_numpy() / Z90


if __name__ == "__main__":
    main(forecast, "opendsm")
