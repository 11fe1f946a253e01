"""The energy balance: the marginal PUE of a made-up building is found, and where it can't be, that is said."""

from __future__ import annotations

import numpy as np
import pytest

from pausewatch.baselines.energy_balance import (
    PRIOR_PUE,
    PRIOR_PUE_SD,
    EnergyBalance,
    fit_energy_balance,
)
from pausewatch.telemetry.grid import HourGrid

HOURS = 24 * 200
PUE = 1.3
RNG = np.random.default_rng(7)
GRID = HourGrid(np.datetime64("2026-01-05T00:00:00", "s"), HOURS, ("UTC",), (None,))
HOUR = np.arange(HOURS)
WEATHER = 12 - 8 * np.cos(2 * np.pi * HOUR / 8766) + 4 * np.sin(2 * np.pi * (HOUR - 9) / 24)
WEATHER = (WEATHER + np.convolve(RNG.standard_normal(HOURS + 71), np.ones(72) / 8, "valid"))[None]
WANDER = np.convolve(RNG.standard_normal(HOURS + 47), np.ones(48) / np.sqrt(48), "valid")


def draw(it_load_kw: np.ndarray, seed: int = 1) -> np.ndarray:
    """Return what a building draws: fixed losses, IT load, and compressors above 14 degrees."""
    noise = 10 * np.random.default_rng(seed).standard_normal(it_load_kw.shape)
    return 900 + it_load_kw * (PUE + 0.005 * np.maximum(WEATHER - 14, 0)) + noise


def moving(share: float = 0.05) -> np.ndarray:
    """Return an IT load of 20 MW that wanders by such a share."""
    return (20_000 * (1 + share * WANDER))[None]


def test_the_marginal_pue_of_a_moving_load_is_told() -> None:
    it_load = moving()
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)

    cold = fitted.lagged_c(GRID, np.full_like(WEATHER, 5.0))
    hot = fitted.lagged_c(GRID, np.full_like(WEATHER, 22.0))
    for lagged, true in ((cold, PUE), (hot, PUE + 0.005 * 8)):
        mean, sd = fitted.marginal_pue(lagged)
        assert mean[0] == pytest.approx(true, abs=0.01)
        assert abs(mean[0] - true) < 4 * sd[0] + 0.003
        assert sd[0] < 0.02


def test_a_load_that_never_moved_tells_no_marginal_pue() -> None:
    it_load = np.full((1, HOURS), 20_000.0)
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)

    mean, sd = fitted.marginal_pue(fitted.lagged_c(GRID, WEATHER))

    assert sd[0] > 0.6 * PRIOR_PUE_SD
    assert abs(mean[0] - PRIOR_PUE) < 2 * PRIOR_PUE_SD


def test_doubt_grows_as_the_it_load_leaves_what_the_reference_held() -> None:
    told, flat = moving(0.05), moving(0.0004)
    sds = []
    for it_load in (told, flat):
        fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)
        near, far = (
            fitted.doubt_sd_kw(fitted.columns(GRID, k * it_load, WEATHER))[0, -500:].mean() for k in (1.0, 1.5)
        )
        assert far > 3 * near
        sds.append(far)
    # Where the load hardly moved, half as much again is a step into the dark: the prior's width of it.
    assert sds[1] > 5 * sds[0]
    assert sds[1] == pytest.approx(PRIOR_PUE_SD * 10_000, rel=0.5)


def test_doubt_grows_beyond_the_weather_that_was_seen() -> None:
    it_load = moving()
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)

    usual, heat = (
        fitted.doubt_sd_kw(fitted.columns(GRID, it_load, np.full_like(WEATHER, c)))[0, -500:].mean()
        for c in (float(np.median(WEATHER)), float(WEATHER.max()) + 12)
    )

    assert heat > 3 * usual


def test_honest_growth_cancels_and_hidden_load_does_not() -> None:
    it_load = moving()
    late = HOUR >= HOURS - 24 * 30
    grown = it_load * np.where(late, 1.2, 1.0)
    fitted = fit_energy_balance(
        GRID.sliced(0, HOURS - 720), draw(it_load)[:, :-720], it_load[:, :-720], WEATHER[:, :-720]
    )

    left = draw(grown) - fitted.moved_kw(fitted.columns(GRID, grown, WEATHER))
    hidden = draw(it_load) + 200 * late - fitted.moved_kw(fitted.columns(GRID, it_load, WEATHER))

    assert abs(left[0, late].mean() - left[0, ~late].mean()) < 40
    assert hidden[0, late].mean() - hidden[0, ~late].mean() == pytest.approx(200, abs=40)


def test_hours_of_something_else_do_not_bend_the_fit() -> None:
    it_load = moving()
    drawn = draw(it_load)
    drawn[0, 1000:1200] += 6_000

    mean, _ = fit_energy_balance(GRID, drawn, it_load, WEATHER).marginal_pue(np.full_like(WEATHER, 5.0))

    assert mean[0] == pytest.approx(PUE, abs=0.01)


def test_a_site_without_it_load_is_not_fitted_and_spoils_no_other() -> None:
    it_load = moving()
    grid = HourGrid(GRID.start, HOURS, ("UTC",) * 3, (None,) * 3)
    none = np.full_like(it_load, np.nan)
    weather = np.concatenate([WEATHER, WEATHER, none])
    alone = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)
    fitted = fit_energy_balance(
        grid, np.concatenate([draw(it_load)] * 3), np.concatenate([it_load, none, np.zeros_like(it_load)]), weather
    )

    assert fitted.is_fitted.tolist() == [True, False, False]
    assert np.allclose(fitted.terms[0], alone.terms[0], rtol=1e-9)
    mean, sd = fitted.marginal_pue(np.full_like(weather, 5.0))
    assert (mean[1], sd[1]) == (PRIOR_PUE, PRIOR_PUE_SD)


def test_a_balance_survives_being_kept() -> None:
    it_load = moving()
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)

    again = EnergyBalance.from_state(fitted.state())

    columns = fitted.columns(GRID, it_load, WEATHER)
    assert np.array_equal(again.columns(GRID, it_load, WEATHER), columns)
    assert np.array_equal(again.doubts_kw(columns), fitted.doubts_kw(columns))


def test_a_batch_without_a_temperature_still_has_a_balance() -> None:
    it_load = moving()
    unknown = np.full_like(WEATHER, np.nan)
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, unknown)

    rest = fitted.at_rest_kw(GRID, draw(it_load), it_load, unknown)

    assert fitted.is_fitted.all()
    assert np.isfinite(rest).all()
    assert rest.std() < 0.5 * draw(it_load).std()


def test_the_temperature_that_a_building_feels_follows_behind() -> None:
    from scipy.signal import lfilter

    it_load = moving()
    fitted = fit_energy_balance(GRID, draw(it_load), it_load, WEATHER)
    kept = float(np.exp(-1.0 / fitted.lag_h[0]))
    slow, _ = lfilter([1 - kept], [1, -kept], WEATHER, axis=1, zi=kept * WEATHER[:, :1])
    np.testing.assert_allclose(fitted.lagged_c(GRID, WEATHER), slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("change_c", [10.0, 12.0])
def test_a_change_point_in_weather_that_was_never_seen_is_within_the_doubt(change_c: float) -> None:
    it_load = moving()
    compressors = 0.01 * np.maximum(WEATHER - change_c, 0)
    drawn = 900 + it_load * (PUE + compressors) + 2 * np.random.default_rng(1).standard_normal(it_load.shape)
    was_seen = change_c + 1.0 < WEATHER
    fitted = fit_energy_balance(GRID, np.where(was_seen, drawn, np.nan), it_load, WEATHER)

    columns = fitted.columns(GRID, it_load, WEATHER)
    left = drawn - fitted.moved_kw(columns)
    left -= left[was_seen].mean()
    doubt = fitted.doubt_sd_kw(columns)
    cold = (change_c - 4.0 > WEATHER) & (HOUR > 72)

    # Compressors stop where nothing was seen: the slope that was told goes on too far, by hundreds of times the noise.
    assert np.abs(left[cold]).max() > 100 * left[was_seen].std()
    assert (np.abs(left[cold]) < 2.0 * doubt[cold]).all()
