"""The level of the last weeks: hours long before them don't move it."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.baselines.levels import hours_remembered, level_and_trend


@pytest.mark.parametrize("level_days", [7.0, 14.0])
def test_hours_before_those_remembered_say_nothing(level_days):
    rng = np.random.default_rng(5)
    rest = 1000.0 + np.cumsum(rng.standard_normal((4, 24 * 400)), axis=1)
    weight = rng.uniform(0.0, 1.0, rest.shape)
    # One was seen throughout, one not of late, one long ago alone, and one never.
    weight[1, -24 * 30 :] = 0.0
    weight[2, -24 * 350 :] = 0.0
    weight[3] = 0.0
    days = np.arange(rest.shape[1]) / 24.0
    late = slice(rest.shape[1] - hours_remembered(level_days), None)
    whole = level_and_trend(rest, weight, days, level_days)
    told = level_and_trend(rest[:, late], weight[:, late], days[late], level_days)
    for of_all, of_late in zip(whole, told, strict=True):
        np.testing.assert_allclose(of_late, of_all, rtol=1e-8, atol=1e-9)
    assert np.isfinite(told[0]).tolist() == [True, True, False, False]
