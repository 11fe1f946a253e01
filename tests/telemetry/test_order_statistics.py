import numpy as np
import pytest

from pausewatch.telemetry.order_statistics import row_medians, row_quantiles

SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)


@pytest.mark.parametrize("hours", [1, 2, 7, 500])
@pytest.mark.parametrize("unseen", [0.0, 0.4])
def test_it_says_what_numpy_says_row_by_row(hours, unseen):
    rng = np.random.default_rng(hours)
    values = rng.standard_normal((9, hours))
    values[rng.random(values.shape) < unseen] = np.nan
    values[0] = np.nan
    seen = np.isfinite(values)
    quantiles, medians = row_quantiles(values, SHARES), row_medians(values, seen)
    assert np.isnan(quantiles[0]).all()
    assert np.isnan(medians[0])
    for s in np.flatnonzero(seen.any(axis=1)):
        np.testing.assert_allclose(quantiles[s], np.quantile(values[s, seen[s]], SHARES), rtol=1e-12, atol=1e-15)
        assert medians[s] == np.median(values[s, seen[s]])


def test_nothing_of_nothing_is_unknown():
    assert np.isnan(row_quantiles(np.empty((2, 0)), (0.5,))).all()
    assert np.isnan(row_medians(np.empty((2, 0)), np.empty((2, 0), np.bool_))).all()
