"""Nothing worse is promoted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.told import event, history, said, trial
from tests.signatures.episodes import taught

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.gate import keep_evaluation, objections, promote, require_unseen
from pausewatch.evaluation.matters import ALL_FOUND, FALSE_TRAINING, MATTERS, RUNS_FOUND, RUNS_TYPED, gains
from pausewatch.evaluation.report import Evaluation
from pausewatch.evaluation.site_scores import SiteScore
from pausewatch.evaluation.trial import TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.registry import RULE, champion_name, roll_back, save

pytestmark = pytest.mark.usefixtures("no_shipped_judge")

FOUND, ALARMS, TYPED = RUNS_FOUND.name, FALSE_TRAINING.name, RUNS_TYPED.name


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return save(tmp_path, taught(), {"fleets": [{"seed": 7}]}, {})


def _marks(**more: float | None) -> dict[str, float | None]:
    return {matter.name: 0.5 for matter in MATTERS} | more


def _told(card: Card, mine: dict[str, Any], rule: dict[str, Any], by_chance: float = 0.05) -> dict[str, Any]:
    """Return a kept evaluation in which gains are known to so much either way."""
    return {
        "format": 2,
        "model": card.name,
        "sha256": card.sha256,
        "champion": RULE,
        "sites": 120,
        "judges": {card.name: mine, RULE: rule},
        "gains": {RULE: _gains(mine, rule, by_chance)},
    }


def _gains(mine: dict[str, Any], theirs: dict[str, Any], by_chance: float) -> dict[str, dict[str, float | None]]:
    out: dict[str, dict[str, float | None]] = {}
    for matter in MATTERS:
        ours, other = mine[matter.name], theirs[matter.name]
        if ours is None or other is None:
            out[matter.name] = {"value": None, "low": None, "high": None}
            continue
        gain = (ours - other) * (1 if matter.is_more_better else -1)
        out[matter.name] = {"value": gain, "low": gain - by_chance, "high": gain + by_chance}
    return out


def _keep(folder: Path, card: Card, told: dict[str, Any]) -> None:
    (folder / f"{card.name}.evaluation.json").write_text(json.dumps(told), encoding="utf-8")


def test_a_better_challenger_is_promoted_and_can_be_taken_back(tmp_path: Path, card: Card) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{ALARMS: 0.1}), _marks()))

    assert promote(tmp_path, card.name) == card.name
    assert champion_name(tmp_path) == card.name
    assert roll_back(tmp_path) == RULE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({FOUND: 0.4, ALARMS: 0.0}, "found 0.4 against 0.5"),
        ({ALARMS: 0.6}, "0.6 against 0.5, more than chance"),
        ({}, "no better than rule by more than chance"),
        ({ALARMS: 0.46}, "no better than rule by more than chance"),
    ],
)
def test_a_challenger_that_is_worse_or_no_better_is_refused(
    tmp_path: Path, card: Card, change: dict[str, float], words: str
) -> None:
    _keep(tmp_path, card, _told(card, _marks(**change), _marks()))

    with pytest.raises(ModelError, match=words):
        promote(tmp_path, card.name)
    assert champion_name(tmp_path) == RULE


def test_chance_may_cost_anything_but_runs_found(card: Card) -> None:
    gain = {ALARMS: 0.1}
    assert objections(_told(card, _marks(**{TYPED: 0.47}, **gain), _marks())) == []
    assert objections(_told(card, _marks(**{TYPED: 0.44}, **gain), _marks()))
    assert objections(_told(card, _marks(**{ALL_FOUND.name: 0.48}, **gain), _marks())) == []
    (lost,) = objections(_told(card, _marks(**{FOUND: 0.48}, **gain), _marks()))
    assert "of missed runs none may be lost" in lost


def test_it_must_beat_the_rule_too_and_not_only_the_champion(card: Card) -> None:
    told = _told(card, _marks(), _marks(**{FOUND: 0.9})) | {"champion": "signature-old"}
    told["judges"]["signature-old"] = _marks(**{FOUND: 0.3})
    told["gains"]["signature-old"] = _gains(_marks(), _marks(**{FOUND: 0.3}), 0.05)

    assert any("worse than rule" in one for one in objections(told))


def _site(*, is_found: bool, preset: str = "mixed") -> SiteScore:
    told = trial([event()], [history((7, said()))] if is_found else [])
    return SiteScore.of(replace(told, preset=preset))


def test_judges_are_compared_on_the_same_sites_and_one_site_proves_nothing() -> None:
    theirs = [_site(is_found=i % 3 > 0) for i in range(60)]
    one_more = [*theirs[:59], _site(is_found=True)]
    one_less = [_site(is_found=i % 3 > 0 and i != 1) for i in range(60)]
    many_more = [_site(is_found=True) for _ in range(60)]

    same, lost, won = (gains(mine, theirs)[FOUND].document() for mine in (one_more, one_less, many_more))

    assert same == {"value": 0.0, "low": 0.0, "high": 0.0, "count": 60.0}
    assert lost["value"] == pytest.approx(-1 / 60, abs=1e-4)
    assert lost["high"] == 0.0
    assert won["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert 0.2 < won["low"] < won["high"] < 0.5


def test_fewer_false_alarms_are_a_gain() -> None:
    honest = [SiteScore.of(trial([], [history((7, said()))])) for _ in range(30)]
    silent = [SiteScore.of(trial([], [])) for _ in range(30)]

    assert gains(silent, honest)[ALARMS].low > 0
    assert gains(honest, silent)[ALARMS].high < 0


def test_restless_sites_are_measured_apart() -> None:
    calm, wild = [_site(is_found=True)] * 10, [_site(is_found=False, preset="restless")] * 10
    found = {matter.name: matter.measure(matter.asked_of([*calm, *wild])).value for matter in MATTERS}

    assert found[FOUND] == 1.0
    assert found["sites as restless as a grid zone: visible training found"] == 0.0


def test_what_was_not_measured_speaks_against_it(card: Card) -> None:
    told = _told(card, _marks(**{FOUND: None, ALARMS: 0.1}), _marks(**{FOUND: None}))

    assert objections(told) == [f"not measured: {FOUND}"]


def test_a_handful_of_sites_promotes_nothing(card: Card) -> None:
    told = _told(card, _marks(**{ALARMS: 0.1}), _marks()) | {"sites": 6}

    assert objections(told) == ["evaluated on 6 sites; 100 are needed"]


def test_a_challenger_nobody_evaluated_is_refused(tmp_path: Path, card: Card) -> None:
    with pytest.raises(ModelError, match="never evaluated"):
        promote(tmp_path, card.name)


def test_an_evaluation_of_another_file_is_refused(tmp_path: Path, card: Card) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{ALARMS: 0.1}), _marks()) | {"sha256": "0" * 64})

    with pytest.raises(ModelError, match="another model"):
        promote(tmp_path, card.name)


def test_an_evaluation_of_another_version_is_refused(tmp_path: Path, card: Card) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{ALARMS: 0.1}), _marks()) | {"format": 1})

    with pytest.raises(ModelError, match=r"by another version of pausewatch.*run `pausewatch evaluate"):
        promote(tmp_path, card.name)


def test_an_evaluation_is_kept_where_no_model_was_kept_before(tmp_path: Path, card: Card) -> None:
    sites = (_site(is_found=True),)
    evaluation = Evaluation("", (), {RULE: sites, card.name: sites}, ())

    kept = keep_evaluation(tmp_path / "new" / "models", card, RULE, evaluation)

    assert json.loads(kept.read_text(encoding="utf-8"))["judges"][RULE][FOUND] == 1.0
    against = objections(json.loads(kept.read_text(encoding="utf-8")))
    assert "evaluated on 0 sites; 100 are needed" in against
    assert "no better than rule by more than chance" in against


def test_fleets_it_was_trained_on_are_no_test(card: Card) -> None:
    with pytest.raises(UsageError, match="trained on seed 7"):
        require_unseen(card, [TrialPlan("mixed", 6, 7)])
    require_unseen(card, [TrialPlan("mixed", 6, 8)])
