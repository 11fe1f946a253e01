"""statsforecast: MSTL with seasons of a day and a week, AutoETS on the trend, its own 90 % interval, as documented."""

from __future__ import annotations

import numpy as np
from exchange import Z90, Given, main


def forecast(given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Fit and forecast; gaps are interpolated, since MSTL takes none."""
    from statsforecast.models import MSTL, AutoETS

    load = given.past["load"].interpolate(limit_direction="both").to_numpy()
    model = MSTL(season_length=[24, 168], trend_forecaster=AutoETS(model="ZZN"))
    told = model.fit(load).predict(h=len(given.future), level=[90])
    return told["mean"], (told["hi-90"] - told["lo-90"]) / (2 * Z90)


if __name__ == "__main__":
    main(forecast, "statsforecast")
