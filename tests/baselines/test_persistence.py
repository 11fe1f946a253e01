import numpy as np

from pausewatch.baselines.contract import Series
from pausewatch.baselines.persistence import PersistenceBaseline


def test_it_agrees_with_the_obvious_loop(make_series):
    series = make_series(2, 70, seed=9)
    rng = np.random.default_rng(0)
    load = np.where(rng.random(series.load_kw.shape) < 0.3, np.nan, series.load_kw)
    fitted = PersistenceBaseline().fit(Series(series.keys, series.grid, load, series.temperature_c))
    for s in range(2):
        seen = [h for h in range(series.grid.hours) if np.isfinite(load[s, h])]
        level = np.mean([load[s, h] for h in seen[-28 * 24 :]])
        np.testing.assert_allclose(fitted.level_kw[s], level)
        for cell in (0, 40, 167):
            values = [load[s, h] for h in seen if series.grid.hour_of_week[s, h] == cell]
            expected = (values[-1] + np.mean(values[-4:]) + level) / 3
            np.testing.assert_allclose(fitted.cells_kw[s, cell], expected)
