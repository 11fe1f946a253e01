"""Screening: stuck meters and lone spikes, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests import naive

from pausewatch.telemetry.screening import spikes, stuck

few = st.sampled_from([1.0, 2.0, float("nan")])


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(0, 40)), elements=few), st.integers(2, 12))
def test_stuck_is_what_the_oracle_says(values: np.ndarray, hours: int) -> None:
    found = stuck(values, hours)
    assert found.dtype == np.bool_
    assert found.tolist() == [naive.stuck(row.tolist(), hours) for row in values]


def test_a_run_is_stuck_from_its_first_hour_and_gaps_end_it() -> None:
    values = np.asarray([[*range(5), *[9.0] * 12, *range(5)], [*[9.0] * 11, np.nan, *[9.0] * 10]])
    found = stuck(values, 12)
    assert np.flatnonzero(found[0]).tolist() == list(range(5, 17))
    assert not found[1].any()


def _flat(**at: float) -> np.ndarray:
    values = 1000.0 + np.arange(48.0)[None, :] % 7
    for hour, value in at.items():
        values[0, int(hour[1:])] = value
    return values


def _run_at_a_small_site(**at: float) -> np.ndarray:
    values = _flat()
    values[0, 24:] += 9000.0
    for hour, value in at.items():
        values[0, int(hour[1:])] = value
    return values


def test_a_run_that_reads_nothing_for_an_hour_is_a_spike() -> None:
    assert np.flatnonzero(spikes(_run_at_a_small_site(h30=0.0), 0.5)[0]).tolist() == [30]


@pytest.mark.parametrize("value", [2000.0, 0.0, -1000.0])
def test_a_lone_hour_far_off_is_a_spike(value: float) -> None:
    assert np.flatnonzero(spikes(_flat(h20=value), 0.5)[0]).tolist() == [20]


@pytest.mark.parametrize(
    "values",
    [
        _flat(h20=1400.0),
        _flat(h20=2000.0, h21=2000.0),
        np.where(np.arange(48.0)[None, :] < 20, 500.0, 2000.0),
        np.linspace(100, 9000, 48)[None, :],
        _flat(h0=5000.0),
        _flat(h47=5000.0),
        _flat(h20=5000.0, h21=float("nan")),
        _run_at_a_small_site(h30=7000.0),
        np.full((1, 48), np.nan),
        np.ones((1, 2)),
        np.ones((0, 48)),
    ],
    ids=[
        "small",
        "two-hours",
        "step",
        "ramp",
        "first",
        "last",
        "beside-a-gap",
        "interrupted-run",
        "unseen",
        "short",
        "none",
    ],
)
def test_what_is_no_spike(values: np.ndarray) -> None:
    assert not spikes(values, 0.5).any()
