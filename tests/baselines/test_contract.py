"""Every rule of the contract, on every candidate."""

from __future__ import annotations

import io

import numpy as np
import pytest

from pausewatch.baselines.contract import Series
from pausewatch.baselines.registry import CANDIDATES, candidate
from pausewatch.errors import UsageError

pytestmark = pytest.mark.parametrize("model", list(CANDIDATES.values()), ids=list(CANDIDATES))


@pytest.fixture(scope="module")
def past_and_future(make_series, cut_series):
    series = make_series(2, 112, seed=7, start="2024-02-15")
    return cut_series(series, 0, 91), cut_series(series, 91, 112)


@pytest.fixture(scope="module")
def fits(past_and_future):
    return {name: model.fit(past_and_future[0]) for name, model in CANDIDATES.items()}


def through_a_file(state):
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **state)
    with np.load(io.BytesIO(out.getvalue()), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_same_input_same_result(model, fits, past_and_future):
    past, future = past_and_future
    again = model.fit(past)
    one, two = fits[model.name].state(), again.state()
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in two.items()}
    a = fits[model.name].predict(future.grid, future.temperature_c)
    b = again.predict(future.grid, future.temperature_c)
    np.testing.assert_array_equal(a.mean_kw, b.mean_kw)
    np.testing.assert_array_equal(a.sd_kw, b.sd_kw)


def test_state_goes_through_a_file_without_pickle(model, fits, past_and_future):
    _, future = past_and_future
    state = through_a_file(fits[model.name].state())
    again = model.from_state(state)
    a = fits[model.name].predict(future.grid, future.temperature_c)
    b = again.predict(future.grid, future.temperature_c)
    np.testing.assert_array_equal(a.mean_kw, b.mean_kw)
    np.testing.assert_array_equal(a.sd_kw, b.sd_kw)
    assert sorted(a.components) == sorted(b.components)
    assert {k: v.tobytes() for k, v in again.state().items()} == {k: v.tobytes() for k, v in state.items()}


def test_no_input_is_changed(model, past_and_future):
    past, _ = past_and_future
    one = past.subset([0])
    load, temperature = one.load_kw.copy(), one.temperature_c.copy()
    one.load_kw.setflags(write=False)
    one.temperature_c.setflags(write=False)
    model.fit(one).predict(one.grid, one.temperature_c)
    np.testing.assert_array_equal(one.load_kw, load)
    np.testing.assert_array_equal(one.temperature_c, temperature)


def test_it_predicts_something_like_the_load_with_a_spread(model, fits, past_and_future):
    _, future = past_and_future
    told = fits[model.name].predict(future.grid, future.temperature_c)
    assert told.mean_kw.shape == told.sd_kw.shape == future.load_kw.shape
    error = told.mean_kw - future.load_kw
    assert np.sqrt(np.mean(error**2)) < 0.06 * 10_000
    assert np.all(told.sd_kw > 0.003 * 10_000)
    assert np.all(told.sd_kw < 0.15 * 10_000)


def test_components_add_up(model, fits, past_and_future):
    _, future = past_and_future
    told = fits[model.name].predict(future.grid, future.temperature_c)
    np.testing.assert_allclose(sum(told.components.values()), told.mean_kw, rtol=1e-9)


def test_a_day_is_the_same_alone_and_among_others(model, fits, past_and_future):
    _, future = past_and_future
    whole = fits[model.name].predict(future.grid, future.temperature_c)
    span = slice(5 * 24 + 3, 6 * 24 + 3)
    alone = fits[model.name].predict(future.grid.sliced(span.start, span.stop), future.temperature_c[:, span])
    np.testing.assert_allclose(alone.mean_kw, whole.mean_kw[:, span], rtol=1e-9)
    np.testing.assert_allclose(alone.sd_kw, whole.sd_kw[:, span], rtol=1e-9)


def test_a_series_is_the_same_alone_and_in_a_batch(model, fits, past_and_future):
    past, future = past_and_future
    alone = model.fit(past.subset([1])).predict(future.grid.subset([1]), future.temperature_c[1:])
    batch = fits[model.name].predict(future.grid, future.temperature_c)
    np.testing.assert_allclose(alone.mean_kw[0], batch.mean_kw[1], rtol=1e-6)


def test_gaps_and_missing_temperature_leave_a_whole_prediction(model, past_and_future):
    past, future = past_and_future
    one = past.subset([0])
    rng = np.random.default_rng(3)
    load = np.where(rng.random(one.load_kw.shape) < 0.15, np.nan, one.load_kw)
    load[:, 400:700] = np.nan
    temperature = one.temperature_c.copy()
    temperature[:, 100:150] = np.nan
    fitted = model.fit(Series(one.keys, one.grid, load, temperature))
    ahead = future.temperature_c[:1].copy()
    ahead[:, 30:60] = np.nan
    told = fitted.predict(future.grid.subset([0]), ahead)
    assert np.all(np.isfinite(told.mean_kw))
    assert np.abs(told.mean_kw - future.load_kw[:1]).mean() < 0.05 * 10_000


def test_no_temperature_meter(model, past_and_future):
    past, future = past_and_future
    one = past.subset([0])
    nothing = np.full_like(one.temperature_c, np.nan)
    fitted = model.fit(Series(one.keys, one.grid, one.load_kw, nothing))
    told = fitted.predict(future.grid.subset([0]), np.full((1, future.grid.hours), np.nan))
    assert np.all(np.isfinite(told.mean_kw))
    assert np.abs(told.mean_kw - future.load_kw[:1]).mean() < 0.08 * 10_000


def test_a_constant_load_stays(model, past_and_future):
    past, future = past_and_future
    one = past.subset([0])
    flat = np.full_like(one.load_kw, 4_321.0)
    told = model.fit(Series(one.keys, one.grid, flat, one.temperature_c)).predict(
        future.grid.subset([0]), future.temperature_c[:1]
    )
    np.testing.assert_allclose(told.mean_kw, 4_321.0, rtol=1e-3)


def test_a_series_that_was_never_seen_is_no_crash(model, past_and_future):
    past, future = past_and_future
    load = past.load_kw.copy()
    load[0] = np.nan
    load[1, : 80 * 24] = np.nan
    fitted = model.fit(Series(past.keys, past.grid, load, past.temperature_c))
    told = fitted.predict(future.grid, future.temperature_c)
    assert np.all(np.isfinite(told.mean_kw[1]))


def test_a_short_history_is_no_crash(model, make_series):
    series = make_series(1, 5)
    told = model.fit(series).predict(series.grid, series.temperature_c)
    assert np.all(np.isfinite(told.mean_kw))


def test_the_day_follows_the_clock(model, make_series, cut_series):
    # A working day of eight hours; the clocks change on day 63 (31 March 2024).
    series = make_series(1, 84, start="2024-01-28", noise=0.001, warmth=0.0)
    work = (series.grid.local_hour >= 9) & (series.grid.local_hour < 17)
    series = Series(series.keys, series.grid, series.load_kw + 3_000.0 * work, series.temperature_c)
    past, future = cut_series(series, 0, 56), cut_series(series, 64, 84)
    told = model.fit(past).predict(future.grid, future.temperature_c)
    at_work = (future.grid.local_hour >= 9) & (future.grid.local_hour < 17)
    before = future.grid.local_hour == 8
    step = told.mean_kw[at_work].mean() - told.mean_kw[before].mean()
    assert step > 0.4 * 3_000.0


def test_a_holiday_never_seen_before_is_an_ordinary_day(model, make_series, cut_series):
    series = make_series(1, 120, start="2024-09-01", noise=0.005, warmth=0.0)
    past, future = cut_series(series, 60, 110), cut_series(series, 110, 120)
    assert not past.grid.is_holiday.any()
    assert future.grid.is_holiday.any()
    told = model.fit(past).predict(future.grid, future.temperature_c)
    assert np.abs(told.mean_kw - future.load_kw).max() < 0.12 * 10_000


def test_it_is_found_by_its_name(model):
    assert candidate(model.name) is model
    with pytest.raises(UsageError, match="ridge"):
        candidate("oracle")
