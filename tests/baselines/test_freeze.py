import io
import zipfile

import numpy as np
import pytest

from pausewatch.baselines.contract import Series
from pausewatch.baselines.freeze import FrozenBaselines, freeze, save
from pausewatch.baselines.ridge import RidgeBaseline
from pausewatch.errors import BaselineError


def altered(series: Series, load=None, temperature=None) -> Series:
    return Series(
        series.keys,
        series.grid,
        series.load_kw if load is None else load,
        series.temperature_c if temperature is None else temperature,
    )


def test_refusals_say_why(make_series):
    series = make_series(5, 120)
    load = series.load_kw.copy()
    load[1, 20 * 24 :] = np.nan  # too few days
    load[2] = 0.0
    load[3] = np.nan  # no meter
    load[4, : 85 * 24] = np.nan  # enough days, too small a share
    frozen = freeze(altered(series, load), [True, True, True, False, True])
    assert frozen.is_usable.tolist() == [True, False, False, False, False]
    assert "20 days" in frozen.refusals[1][0]
    assert "28 are needed" in frozen.refusals[1][0]
    assert "zero" in frozen.refusals[2][0]
    assert frozen.refusals[3] == ("there is no meter for this lane",)
    assert "29 %" in frozen.refusals[4][0]
    told = frozen.expected(series.grid, series.temperature_c)
    assert np.isfinite(told.mean_kw[0]).all()
    assert np.isnan(told.mean_kw[1:]).all()
    assert np.isnan(told.sd_kw[1:]).all()


@pytest.mark.parametrize("days", [1, 13, 14, 27])
def test_too_little_history_is_refused_and_not_a_crash(make_series, days):
    frozen = freeze(make_series(2, days), [True, True])
    assert not frozen.is_usable.any()
    assert all(f"{days} days" in reasons[0] for reasons in frozen.refusals)


def test_warnings_name_what_is_odd(make_series):
    series = make_series(2, 60, growth_day=0.003, noise=0.002)
    temperature = series.temperature_c.copy()
    temperature[1] = np.nan
    frozen = freeze(altered(series, temperature=temperature), [True, True])
    assert any("short reference of 60" in w for w in frozen.warnings[0])
    assert any("a month" in w for w in frozen.warnings[0])
    assert any("no outdoor temperature" in w for w in frozen.warnings[1])
    assert not any("no outdoor temperature" in w for w in frozen.warnings[0])


def test_same_input_same_bytes(make_series):
    one = freeze(make_series(3, 150), [True] * 3).to_bytes({"x": np.arange(3)})
    two = freeze(make_series(3, 150), [True] * 3).to_bytes({"x": np.arange(3)})
    assert one == two


def test_a_shape_that_is_known_already_changes_nothing(make_series):
    series = make_series(3, 120)
    bent = altered(series, series.load_kw * np.array([[1.0], [1.3], [1.0]]))
    shape = RidgeBaseline().shape(series)
    own = RidgeBaseline().shape(
        Series(bent.keys[1:2], bent.grid.subset([1]), bent.load_kw[1:2], bent.temperature_c[1:2])
    )
    known = freeze(bent, [True] * 3, shape=shape.with_rows(np.array([1]), own)).expected(bent.grid, bent.temperature_c)
    told = freeze(bent, [True] * 3).expected(bent.grid, bent.temperature_c)
    np.testing.assert_allclose(known.mean_kw, told.mean_kw, rtol=1e-9)
    np.testing.assert_allclose(known.sd_kw, told.sd_kw, rtol=1e-9)


def test_round_trip_says_the_same(make_series, cut_series, tmp_path):
    series = make_series(3, 200)
    past, future = cut_series(series, 0, 170), cut_series(series, 170, 200)
    load = past.load_kw.copy()
    load[2] = np.nan
    frozen = freeze(altered(past, load), [True, True, False])
    digest, path = save(frozen, {"x": np.arange(3)}, tmp_path)
    assert path.stem == digest[:32]
    assert save(frozen, {"x": np.arange(3)}, tmp_path) == (digest, path)
    again, extra = FrozenBaselines.from_bytes(path.read_bytes(), str(path))
    assert extra["x"].tolist() == [0, 1, 2]
    assert again.keys == frozen.keys
    assert again.refusals == frozen.refusals
    assert again.warnings == frozen.warnings
    assert again.scores[:2] == frozen.scores[:2]
    one = frozen.expected(future.grid, future.temperature_c)
    two = again.expected(future.grid, future.temperature_c)
    for field in ("mean_kw", "sd_kw", "level_sd_kw"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    assert again.to_bytes(extra) == frozen.to_bytes(extra)


def broken_archives(content: bytes) -> list[bytes]:
    other = io.BytesIO()
    np.save(other, np.arange(3))
    less = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(less, "w") as out:
        for name in whole.namelist():
            if name != "level_error.npy":
                out.writestr(name, whole.read(name))
    flipped = bytearray(content)
    flipped[200] ^= 0xFF
    flipped[300] ^= 0xFF
    return [b"", b"no", content[:100], content[: len(content) // 2], other.getvalue(), less.getvalue(), bytes(flipped)]


def test_a_broken_file_is_one_clear_error(make_series):
    content = freeze(make_series(1, 60), [True]).to_bytes({})
    for broken in broken_archives(content):
        with pytest.raises(BaselineError) as caught:
            FrozenBaselines.from_bytes(broken, "the-file.npz")
        assert "the-file.npz" in str(caught.value)


def test_interval_holds_what_it_says_on_days_never_seen(make_series, cut_series):
    inside = []
    for seed in range(4):
        series = make_series(10, 280, seed=seed, noise=0.02, memory_h=30.0)
        past, future = cut_series(series, 0, 240), cut_series(series, 240, 280)
        frozen = freeze(past, [True] * 10)
        told = frozen.expected(future.grid, future.temperature_c)
        inside.append(np.abs(future.load_kw - told.mean_kw) <= 1.6448536 * told.sd_kw)
        scored = np.mean([s.coverage_90_pct for s in frozen.scores])
        assert 85 <= scored <= 95
    assert 0.85 <= np.mean(inside) <= 0.95


def test_no_input_is_changed(make_series):
    series = make_series(2, 100)
    load, temperature = series.load_kw.copy(), series.temperature_c.copy()
    series.load_kw.setflags(write=False)
    series.temperature_c.setflags(write=False)
    freeze(series, [True, True])
    np.testing.assert_array_equal(series.load_kw, load)
    np.testing.assert_array_equal(series.temperature_c, temperature)


def test_gaps_cost_little(make_series, cut_series):
    series = make_series(3, 220)
    past, future = cut_series(series, 0, 190), cut_series(series, 190, 220)
    rng = np.random.default_rng(2)
    load = np.where(rng.random(past.load_kw.shape) < 0.2, np.nan, past.load_kw)
    load[:, 2000:2400] = np.nan
    whole = freeze(past, [True] * 3).expected(future.grid, future.temperature_c)
    gappy = freeze(altered(past, load), [True] * 3).expected(future.grid, future.temperature_c)
    assert np.abs(whole.mean_kw - gappy.mean_kw).mean() < 0.01 * 10_000


def test_a_constant_load_is_expected_to_stay(make_series, cut_series):
    series = make_series(2, 120)
    series = altered(series, np.full_like(series.load_kw, 7_000.0))
    past, future = cut_series(series, 0, 90), cut_series(series, 90, 120)
    frozen = freeze(past, [True, True])
    told = frozen.expected(future.grid, future.temperature_c)
    np.testing.assert_allclose(told.mean_kw, 7_000.0, rtol=1e-6)
    assert np.all(told.sd_kw > 0)
    assert np.all(told.level_sd_kw > 0)


@pytest.mark.parametrize("start", ["2023-08-15", "2024-01-10"])
def test_a_clock_change_after_the_freeze_moves_the_day_with_the_clock(make_series, cut_series, start):
    series = make_series(2, 105, start=start, noise=0.0, warmth=0.0)
    past, future = cut_series(series, 0, 70), cut_series(series, 70, 105)
    told = freeze(past, [True, True]).expected(future.grid, future.temperature_c)
    assert np.abs(told.mean_kw - future.load_kw).max() < 0.02 * 10_000


def test_a_holiday_never_seen_before_is_an_ordinary_day(make_series, cut_series):
    series = make_series(1, 120, start="2024-09-01", noise=0.005)  # no English holiday until Christmas
    past, future = cut_series(series, 0, 110), cut_series(series, 110, 120)
    assert not past.grid.is_holiday.any()
    assert future.grid.is_holiday.any()
    told = freeze(past, [True]).expected(future.grid, future.temperature_c)
    assert np.all(told.components.get("holiday", np.zeros(1)) == 0)
    assert np.abs(told.mean_kw - future.load_kw).max() < 0.1 * 10_000


def test_components_add_up(make_series):
    series = make_series(2, 100)
    told = freeze(series, [True, True]).expected(series.grid, series.temperature_c)
    np.testing.assert_allclose(sum(told.components.values()), told.mean_kw)


def test_a_meter_installed_late_in_the_batch_is_scored_on_its_own_days(make_series):
    series = make_series(2, 260)
    load = series.load_kw.copy()
    load[1, : 150 * 24] = np.nan
    frozen = freeze(altered(series, load), [True, True])
    assert frozen.is_usable.all()
    assert frozen.scores[1].cv_rmse_pct < 5
    assert frozen.hour_sd_kw[1] < 0.05 * 10_000
    assert 80 <= frozen.scores[1].coverage_90_pct <= 97


def test_uncertainty_grows_with_the_horizon(make_series, cut_series):
    series = make_series(4, 300)
    frozen = freeze(cut_series(series, 0, 200), [True] * 4)
    future = cut_series(series, 200, 300)
    told = frozen.expected(future.grid, future.temperature_c)
    assert np.all(np.diff(told.level_sd_kw, axis=1) >= 0)
    assert np.all(told.level_sd_kw[:, -1] > told.level_sd_kw[:, 0])
