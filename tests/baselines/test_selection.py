import numpy as np
import pytest

from pausewatch.baselines.contract import Series
from pausewatch.baselines.freeze import FrozenBaselines, freeze
from pausewatch.baselines.registry import DEFAULT_CANDIDATES
from pausewatch.baselines.selection import Trial, _judged, choose, select
from pausewatch.errors import UsageError


def trial(model, bias, spread=1.0, coverage=90.0, months=5):
    return Trial(model, bias, bias, bias, spread, coverage, months, 4 * months, bias if months >= 2 else float("nan"))


def test_the_least_bias_wins():
    model, reason = choose([trial("ridge", 1.0), trial("persistence", 2.0), trial("boosted", 0.5)])
    assert model == "boosted"
    assert "least bias" in reason


def test_a_model_that_loses_to_persistence_is_never_chosen():
    model, reason = choose([trial("ridge", 1.3, 0.1), trial("persistence", 1.25, 5.0), trial("boosted", 1.4)])
    assert model == "persistence"
    assert "ridge, boosted lost to persistence" in reason


def test_equal_bias_is_decided_by_spread_then_coverage_then_cost():
    assert choose([trial("ridge", 1.0, 2.0), trial("persistence", 9.0), trial("boosted", 1.02, 1.0)])[0] == "boosted"
    assert (
        choose([trial("ridge", 1.0, coverage=70.0), trial("persistence", 9.0), trial("boosted", 1.0)])[0] == "boosted"
    )
    model, reason = choose([trial("ridge", 1.0), trial("persistence", 9.0), trial("boosted", 0.99, 0.99)])
    assert model == "ridge"
    assert "costs least" in reason


def test_with_too_little_held_out_it_is_the_ridge():
    model, reason = choose([trial("ridge", 1.0, months=1), trial("persistence", 0.1, months=1)])
    assert model == "ridge"
    assert "nothing was compared" in reason


def test_weather_is_worth_a_model_and_noise_is_not(make_series):
    warm = make_series(2, 330, seed=2, warmth=0.02, noise=0.01, start="2023-06-01")
    picked = select(warm, ["ridge", "persistence", "structural"], fold_days=56)
    assert all(c.model != "persistence" for c in picked.choices)
    assert {t.model for t in picked.choices[0].trials} == {"ridge", "persistence", "structural"}


def judged(model, biases):
    return [Trial(model, b, b, b, 1.0, 90.0, 8, 32, float("nan")) for b in biases]


def test_peers_outweigh_a_few_months_of_luck():
    others = [1.0] * 9
    told = _judged([judged("ridge", [1.0, *others]), judged("boosted", [0.95, *[1.4] * 9])])
    assert told[1][0].judged_bias_pct > told[0][0].judged_bias_pct
    assert told[0][0].judged_bias_pct == pytest.approx(1.0)
    # What is clear on the site itself stays.
    told = _judged([judged("ridge", [1.0, *others]), judged("boosted", [0.3, *[1.4] * 9])])
    assert told[1][0].judged_bias_pct < told[0][0].judged_bias_pct
    alone = _judged([judged("ridge", [1.0]), judged("boosted", [0.95])])
    assert alone[1][0].judged_bias_pct == pytest.approx(0.95)


def test_a_site_with_little_history_is_left_to_its_peers():
    short = Trial("ridge", *[float("nan")] * 5, 0, 0, float("nan"))
    plain, better = Trial(**{**vars(short), "model": "persistence"}), Trial(**{**vars(short), "model": "boosted"})
    told = _judged(
        [
            [short, *judged("ridge", [1.0] * 6)],
            [plain, *judged("persistence", [2.0] * 6)],
            [better, *judged("boosted", [0.8] * 6)],
        ]
    )
    model, reason = choose([of_model[0] for of_model in told])
    assert model == "boosted"
    assert "its peers decide" in reason


def test_ridge_and_persistence_are_always_tried_and_a_wrong_name_is_an_error(make_series):
    series = make_series(1, 120)
    assert {t.model for t in select(series, []).choices[0].trials} == {"ridge", "persistence"}
    with pytest.raises(UsageError, match="oracle"):
        select(series, ["oracle"])


def frozen_with_two_models(make_series) -> tuple[Series, FrozenBaselines]:
    series = make_series(3, 300, seed=3, warmth=0.02, noise=0.01, start="2023-08-01")
    load = series.load_kw.copy()
    rng = np.random.default_rng(1)
    # One site repeats each week exactly, whatever the weather: last week is the best forecast.
    load[1] = 8_000 + 2_000 * rng.random(168)[series.grid.hour_of_week[1]]
    load[2, 10 * 24 :] = np.nan
    series = Series(series.keys, series.grid, load, series.temperature_c)
    return series, freeze(series, [True] * 3, candidates=("persistence", "structural"))


def test_a_batch_of_different_models_is_frozen_saved_and_read(make_series):
    series, frozen = frozen_with_two_models(make_series)
    assert len(frozen.choices) == 3
    assert frozen.is_usable.tolist() == [True, True, False]
    assert np.isfinite(frozen.scores[0].cv_rmse_pct)
    assert frozen.heldout is not None
    content = frozen.to_bytes({})
    again, _ = FrozenBaselines.from_bytes(content, "x")
    assert again.choices[:2] == frozen.choices[:2]
    one = frozen.expected(series.grid, series.temperature_c)
    two = again.expected(series.grid, series.temperature_c)
    np.testing.assert_array_equal(one.mean_kw, two.mean_kw)
    np.testing.assert_array_equal(one.sd_kw, two.sd_kw)
    assert np.isfinite(one.mean_kw[:2]).all()
    assert again.to_bytes({}) == content
    assert frozen_with_two_models(make_series)[1].to_bytes({}) == content


def test_only_the_candidates_asked_for_are_tried(make_series):
    series = make_series(2, 120)
    usual = freeze(series, [True, True])
    assert [t.model for t in usual.choices[0].trials] == list(DEFAULT_CANDIDATES)
    only = freeze(series, [True, True], candidates=("ridge",))
    assert all(c.model in {"ridge", "persistence"} for c in only.choices)
