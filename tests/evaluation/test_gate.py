"""Nothing worse is promoted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.told import event, history, said, trial
from tests.signatures.episodes import taught

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.gate import MATTERS, keep_evaluation, objections, promote, require_unseen
from pausewatch.evaluation.report import Evaluation
from pausewatch.evaluation.scoring import score_sites
from pausewatch.evaluation.trial import TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.registry import RULE, champion_name, roll_back, save

pytestmark = pytest.mark.usefixtures("no_shipped_judge")

FOUND = MATTERS[0][0]
FALSE_TRAINING = "false training_like per site-year, at sites without training"


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return save(tmp_path, taught(), {"fleets": [{"seed": 7}]}, {})


def _marks(**more: float | None) -> dict[str, float | None]:
    return {name: 0.5 for name, _ in MATTERS} | {"Brier score of the training probability": 0.2} | more


def _told(card: Card, mine: dict[str, Any], rule: dict[str, Any]) -> dict[str, Any]:
    judges = {card.name: mine, RULE: rule}
    return {"format": 1, "model": card.name, "sha256": card.sha256, "champion": RULE, "sites": 120, "judges": judges}


def _keep(folder: Path, card: Card, told: dict[str, Any]) -> None:
    (folder / f"{card.name}.evaluation.json").write_text(json.dumps(told), encoding="utf-8")


def test_a_better_challenger_is_promoted_and_can_be_taken_back(tmp_path: Path, card: Card) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{FALSE_TRAINING: 0.1}), _marks()))

    assert promote(tmp_path, card.name) == card.name
    assert champion_name(tmp_path) == card.name
    assert roll_back(tmp_path) == RULE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({FOUND: 0.4, FALSE_TRAINING: 0.0}, "found 0.4 against 0.5"),
        ({FALSE_TRAINING: 0.6}, "0.6 against 0.5"),
        ({}, "no better than rule"),
    ],
)
def test_a_challenger_that_is_worse_or_no_better_is_refused(
    tmp_path: Path, card: Card, change: dict[str, float], words: str
) -> None:
    _keep(tmp_path, card, _told(card, _marks(**change), _marks()))

    with pytest.raises(ModelError, match=words):
        promote(tmp_path, card.name)
    assert champion_name(tmp_path) == RULE


def test_typing_may_be_given_up_down_to_its_target_and_runs_found_never(card: Card) -> None:
    typed = "of those found: training_like in the end"
    gain = {FALSE_TRAINING: 0.1}
    assert objections(_told(card, _marks(**{typed: 0.92}, **gain), _marks(**{typed: 0.97}))) == []
    assert objections(_told(card, _marks(**{typed: 0.89}, **gain), _marks(**{typed: 0.97})))
    assert objections(_told(card, _marks(**{FOUND: 0.97}, **gain), _marks(**{FOUND: 0.98})))


def test_it_must_beat_the_rule_too_and_not_only_the_champion(card: Card) -> None:
    told = _told(card, _marks(), _marks(**{FOUND: 0.9})) | {"champion": "signature-old"}
    told["judges"]["signature-old"] = _marks(**{FOUND: 0.3})

    assert any("worse than rule" in one for one in objections(told))


def test_what_was_not_measured_speaks_against_it(card: Card) -> None:
    told = _told(card, _marks(**{FOUND: None, FALSE_TRAINING: 0.1}), _marks(**{FOUND: None}))

    assert objections(told) == [f"not measured: {FOUND}"]


def test_a_handful_of_sites_promotes_nothing(card: Card) -> None:
    told = _told(card, _marks(**{FALSE_TRAINING: 0.1}), _marks()) | {"sites": 6}

    assert objections(told) == ["evaluated on 6 sites; 100 are needed"]


def test_a_challenger_nobody_evaluated_is_refused(tmp_path: Path, card: Card) -> None:
    with pytest.raises(ModelError, match="never evaluated"):
        promote(tmp_path, card.name)


def test_an_evaluation_of_another_file_is_refused(tmp_path: Path, card: Card) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{FALSE_TRAINING: 0.1}), _marks()) | {"sha256": "0" * 64})

    with pytest.raises(ModelError, match="another model"):
        promote(tmp_path, card.name)


def test_an_evaluation_is_kept_where_no_model_was_kept_before(tmp_path: Path, card: Card) -> None:
    scores = score_sites([trial([event()], [history((7, said()))])])
    evaluation = Evaluation("", (), {RULE: scores, card.name: scores}, ())

    kept = keep_evaluation(tmp_path / "new" / "models", card, RULE, evaluation)

    assert json.loads(kept.read_text(encoding="utf-8"))["judges"][RULE][FOUND] == 1.0
    against = objections(json.loads(kept.read_text(encoding="utf-8")))
    assert "evaluated on 0 sites; 100 are needed" in against
    assert "no better than rule" in against


def test_fleets_it_was_trained_on_are_no_test(card: Card) -> None:
    with pytest.raises(UsageError, match="trained on seed 7"):
        require_unseen(card, [TrialPlan("mixed", 6, 7)])
    require_unseen(card, [TrialPlan("mixed", 6, 8)])
