"""The judge in force, and how a report names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.signatures.episodes import features, taught

from pausewatch.pipeline.concluding import judges_of
from pausewatch.pipeline.judging import judge_of
from pausewatch.settings import Home
from pausewatch.signatures.registry import RULE, save, set_champion
from pausewatch.signatures.rule import Circumstances, explain


@dataclass(frozen=True)
class _Place:
    home: Home


def _place(folder: Path) -> Any:
    return _Place(Home.at(folder, {}))


def test_a_home_that_chose_the_rule_is_judged_by_it(tmp_path: Path) -> None:
    place = _place(tmp_path)
    set_champion(place.home.models, RULE)
    judge = judge_of(place)

    assert judge.explain(features(), Circumstances()) == explain(features(), Circumstances())
    assert judge.payload() == {}
    assert judges_of([judge.payload()]) == {}


def test_a_promoted_model_judges_and_is_named_with_its_hash(tmp_path: Path) -> None:
    place = _place(tmp_path)
    card = save(place.home.models, taught(), {"fleets": []}, {})
    set_champion(place.home.models, card.name)
    judge = judge_of(place)

    assert judge.explain(features(), Circumstances()) != explain(features(), Circumstances())
    assert judges_of([judge.payload(), judge.payload()]) == {f"signature model {card.name}": card.sha256}
