"""Substitution: the ladder of 40 CFR 75.33, rung by rung."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pausewatch.telemetry.substitution import LOOKBACK_HOURS, substitute

MAXIMUM = 99_000.0


def load(*gaps: tuple[int, int], hours: int = LOOKBACK_HOURS + 60) -> np.ndarray:
    """Return a rising load with gaps [start, end)."""
    values = 1000.0 + np.arange(float(hours))
    for start, end in gaps:
        values[start:end] = np.nan
    return values


def bound(values: np.ndarray, hour: int) -> float:
    out = substitute(values, MAXIMUM)
    assert (np.isnan(out) == np.isfinite(values)).all()
    return float(out[hour])


def test_a_short_gap_takes_its_neighbours_mean() -> None:
    assert bound(load((730, 754)), 740) == pytest.approx((1729 + 1754) / 2)


def test_a_longer_gap_takes_the_ninetieth_percentile_if_that_is_more() -> None:
    values = load((730, 755))
    expected = max((1729 + 1755) / 2, float(np.percentile(values[10:730], 90)))
    assert bound(values, 740) == pytest.approx(expected)
    falling = load(hours=1500)[::-1].copy()
    falling[800:830] = np.nan
    expected = float(np.percentile(falling[80:800], 90))
    assert expected > (falling[799] + falling[830]) / 2
    assert bound(falling, 805) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lost", "gap", "percentile"),
    [(50, 8, None), (50, 9, 95.0), (100, 1, 100.0), (100, 20, 100.0)],
    ids=["ninety-short", "ninety-long", "eighty-one", "eighty-long"],
)
def test_lower_availability_takes_higher_rungs(lost: int, gap: int, percentile: float | None) -> None:
    values = load((200, 200 + lost), (730, 730 + gap))
    values[300:310] = 5000.0
    neighbours = (values[729] + values[730 + gap]) / 2
    window = values[10:730]
    seen = window[np.isfinite(window)]
    expected = neighbours if percentile is None else max(neighbours, float(np.percentile(seen, percentile)))
    assert bound(values, 730) == pytest.approx(expected)


def test_below_eighty_per_cent_the_maximum_potential_stands() -> None:
    assert bound(load((100, 300), (730, 731)), 730) == MAXIMUM


def test_nothing_before_a_gap_is_the_maximum_potential() -> None:
    assert bound(load((0, 5)), 2) == MAXIMUM
    assert bound(np.full(50, np.nan), 2) == MAXIMUM


def test_a_gap_at_the_end_has_one_neighbour() -> None:
    values = load((LOOKBACK_HOURS + 50, LOOKBACK_HOURS + 60))
    assert bound(values, LOOKBACK_HOURS + 55) == values[LOOKBACK_HOURS + 49]


def test_nothing_missing() -> None:
    assert np.isnan(substitute(load(), MAXIMUM)).all()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.just(float("nan")), st.floats(0, MAXIMUM)), min_size=1, max_size=300))
def test_a_bound_lies_between_the_load_seen_and_the_maximum(values: list[float]) -> None:
    series = np.asarray(values)
    out = substitute(series, MAXIMUM)
    gaps = ~np.isfinite(series)
    assert np.isfinite(out[gaps]).all()
    assert (out[gaps] <= MAXIMUM).all()
    if np.isfinite(series).any():
        assert (out[gaps] >= np.nanmin(series)).all()
