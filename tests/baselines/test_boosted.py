import numpy as np

from pausewatch.baselines.boosted import BoostedBaseline, _features, _running_level


def test_the_kept_trees_say_what_scikit_learn_says(make_series, monkeypatch):
    import sklearn.ensemble

    kept = []

    class Recorder(sklearn.ensemble.HistGradientBoostingRegressor):
        def fit(self, X, y):
            kept.append(self)
            return super().fit(X, y)

    monkeypatch.setattr(sklearn.ensemble, "HistGradientBoostingRegressor", Recorder)
    series = make_series(1, 60)
    fitted = BoostedBaseline(rounds=20).fit(series)
    told = fitted.ridge.predict(series.grid, series.temperature_c)
    features = _features(series.grid, series.temperature_c, told, 0)
    assert len(kept) == 3
    for which, theirs in enumerate(kept):
        np.testing.assert_allclose(fitted.trees.predict(0, which, features), theirs.predict(features), rtol=1e-9)


def test_running_level_agrees_with_the_obvious_loop():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(900) < 0.3, np.nan, rng.standard_normal(900))
    fast = _running_level(values)
    for h in (0, 5, 400, 899):
        window = values[max(h - 336, 0) : h + 337]
        np.testing.assert_allclose(fast[h], np.nanmean(window), atol=1e-12)
