"""Models in a folder: what is refused, what is promoted, and the way back."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.signatures.episodes import features, taught

from pausewatch.errors import ModelError
from pausewatch.signatures.archive import archived
from pausewatch.signatures.card import card_path, read_card
from pausewatch.signatures.registry import (
    RULE,
    champion,
    champion_name,
    load,
    model_path,
    roll_back,
    save,
    set_champion,
    shipped_models,
)
from pausewatch.signatures.rule import Circumstances

CORPUS = {"fleets": [{"preset": "mixed", "seed": 7}], "examples": 120}


@pytest.fixture
def name(tmp_path: Path) -> str:
    return save(tmp_path, taught(), CORPUS, {}).name


def _edit(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = card_path(folder, name)
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def test_a_model_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    model, card = load(tmp_path, name)

    assert model.explain(features(), Circumstances()) == taught().explain(features(), Circumstances())
    assert card.seeds == {7}
    assert card.limits


def test_a_model_trained_again_elsewhere_is_the_same_file(tmp_path: Path, name: str) -> None:
    again = (
        "import sys; from pathlib import Path; from tests.signatures.episodes import corpus;"
        "from pausewatch.signatures.model import train; from pausewatch.signatures.registry import save;"
        "print(save(Path(sys.argv[1]), train(corpus()), {}, {}).name)"
    )
    root = Path(__file__).parents[2]
    said = subprocess.run(
        [sys.executable, "-c", again, str(tmp_path / "again")], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == name
    assert model_path(tmp_path / "again", name).read_bytes() == model_path(tmp_path, name).read_bytes()


def test_a_tampered_model_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(model_path(tmp_path, name), "a") as archive:
        archive.writestr("more", "x")

    with pytest.raises(ModelError, match="altered"):
        load(tmp_path, name)


def test_a_pickle_with_the_right_hash_is_refused(tmp_path: Path, name: str) -> None:
    import hashlib
    import pickle

    content = pickle.dumps({"coef_": 1})
    model_path(tmp_path, name).write_bytes(content)
    _edit(tmp_path, name, lambda told: told.update(sha256=hashlib.sha256(content).hexdigest()))

    with pytest.raises(ModelError, match="can't be read"):
        load(tmp_path, name)


def test_a_type_nobody_named_is_refused(tmp_path: Path, name: str) -> None:
    import hashlib

    from skops import io

    content = io.dumps({"model": _Stranger()})
    model_path(tmp_path, name).write_bytes(content)
    _edit(tmp_path, name, lambda told: told.update(sha256=hashlib.sha256(content).hexdigest()))

    with pytest.raises(ModelError, match="not trusted"):
        load(tmp_path, name)


@pytest.mark.parametrize(("column", "value"), [("left", 9_999), ("right", 0), ("feature_idx", 99)])
def test_trees_that_lead_outside_themselves_are_refused(tmp_path: Path, name: str, column: str, value: int) -> None:
    import hashlib

    estimator = copy.deepcopy(taught().estimator)
    nodes = estimator._predictors[3][0].nodes
    nodes[column][np.flatnonzero(nodes["is_leaf"] == 0)[-1]] = value
    content = archived(estimator)
    model_path(tmp_path, name).write_bytes(content)
    _edit(tmp_path, name, lambda told: told.update(sha256=hashlib.sha256(content).hexdigest()))

    with pytest.raises(ModelError, match="another kind"):
        load(tmp_path, name)


class _Stranger:
    def __init__(self) -> None:
        self.value = 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "format 99 is unknown"),
        ({"versions": {"scikit-learn": "0.1.0"}}, r"made by scikit-learn 0\.1"),
        ({"columns": ["something"]}, r"not measured \(something\)"),
    ],
)
def test_a_model_of_another_version_is_refused(tmp_path: Path, name: str, change: dict[str, Any], words: str) -> None:
    _edit(tmp_path, name, lambda told: told.update(change))

    with pytest.raises(ModelError, match=words):
        load(tmp_path, name)


def test_an_unknown_model_is_refused_with_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=name):
        read_card(tmp_path, "signature-none")


def test_without_a_promotion_of_its_own_a_home_has_the_shipped_judge(tmp_path: Path, name: str) -> None:
    shipped = champion_name(shipped_models())
    assert shipped != RULE
    found = champion(tmp_path)
    assert found is not None
    assert champion_name(tmp_path) == found.name == shipped


def test_the_rule_can_be_put_in_force(tmp_path: Path) -> None:
    set_champion(tmp_path, RULE)
    assert champion_name(tmp_path) == RULE
    assert champion(tmp_path) is None


def test_the_models_that_are_shipped_can_be_loaded(tmp_path: Path) -> None:
    names = [p.name.removesuffix(".card.json") for p in shipped_models().glob("*.card.json")]

    for shipped in names:
        _, card = load(tmp_path, shipped)  # found beside the sources where the home doesn't hold it
        assert {"model", "rule"} <= card.held_out.keys()
    assert champion_name(shipped_models()) in {RULE, *names}


def test_a_promotion_can_be_taken_back(tmp_path: Path, name: str) -> None:
    set_champion(tmp_path, name)
    found = champion(tmp_path)

    assert found is not None
    assert found.name == name
    assert roll_back(tmp_path) == champion_name(shipped_models())
    assert roll_back(tmp_path) == RULE
    assert champion(tmp_path) is None
    with pytest.raises(ModelError, match="no earlier champion"):
        roll_back(tmp_path)


def test_a_champion_that_was_tampered_with_stops_the_inspection(tmp_path: Path, name: str) -> None:
    set_champion(tmp_path, name)
    model_path(tmp_path, name).write_bytes(b"something")

    with pytest.raises(ModelError, match="altered"):
        champion(tmp_path)


def test_a_day_without_anything_to_judge_imports_no_library_of_models() -> None:
    # The shipped champion, proven by its hash: reading it costs a process seconds.
    program = (
        "import sys; from pathlib import Path; from pausewatch.signatures.registry import champion; "
        "found = champion(Path('nowhere')); assert found is not None; "
        "print(sorted({'skops', 'sklearn', 'scipy'} & set(sys.modules))); found.model; print('skops' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
