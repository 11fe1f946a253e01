"""The registry: models in a folder, each with its card, and which of them is the champion.

A model is stored with skops, never pickled, and is loaded only if its hash, its format and its libraries are those of
its card and it holds no type but those named here. Without a champion the rule judges.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pausewatch.errors import ModelError
from pausewatch.signatures.archive import archived
from pausewatch.signatures.card import FORMAT, Card, card_path, read_card, write_card
from pausewatch.signatures.encoding import COLUMNS
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.model import SignatureModel
from pausewatch.signatures.rule import Circumstances
from pausewatch.signatures.trees import are_sound_trees
from pausewatch.whole import write_whole

# Every type a model may hold beyond those skops trusts by itself: the trees, which are tables of nodes.
TRUSTED: tuple[str, ...] = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
_CHAMPION = "champion.json"
RULE = "rule"
"""Name of the judge that needs no model."""


@dataclass(frozen=True)
class Champion:
    """A promoted model: its name and hash, and its file as its card describes it.

    Most days have nothing to judge: what reads a model takes seconds to import, and is asked only then.
    """

    name: str
    sha256: str
    found: _Found

    @cached_property
    def model(self) -> SignatureModel:
        """The model; reading it raises ModelError where the file holds something else."""
        return self.found.model()

    def explain(self, features: Features, circumstances: Circumstances) -> tuple[Hypothesis, ...]:
        """Return what the model says of a finding."""
        return self.model.explain(features, circumstances)


def model_path(folder: Path, name: str) -> Path:
    """Return where a model lies."""
    return folder / f"{name}.skops"


def save(folder: Path, model: SignatureModel, corpus: dict[str, Any], held_out: dict[str, Any]) -> Card:
    """Write a model and its card into a folder; return the card."""
    content = archived(model.estimator)
    digest = hashlib.sha256(content).hexdigest()
    card = Card(
        name=f"signature-{digest[:12]}",
        sha256=digest,
        temperature=model.temperature,
        causes=model.causes,
        columns=model.columns,
        corpus=corpus,
        held_out=held_out,
        versions=_versions(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    model_path(folder, card.name).write_bytes(content)
    write_card(folder, card)
    return card


def load(folder: Path, name: str) -> tuple[SignatureModel, Card]:
    """Load a model and its card.

    Raises:
        ModelError: it is unknown, altered, made by other libraries, sees what is not measured, or holds a type not
            named.
    """
    found = _found(folder, name)
    return found.model(), found.card


@dataclass(frozen=True)
class _Found:
    """A model's file, the one that its card describes."""

    path: Path
    content: bytes
    card: Card

    def model(self) -> SignatureModel:
        """Read the model out of it.

        Raises:
            ModelError: it holds a type not named, or is of another kind.
        """
        from skops import io

        where = str(self.path)
        try:
            foreign = sorted(set(io.get_untrusted_types(data=self.content)) - set(TRUSTED))
            if foreign:
                raise ModelError("a signature model holds types that are not trusted", where=where, why=str(foreign))
            estimator = io.loads(self.content, trusted=list(TRUSTED))
        except ModelError:
            raise
        except Exception as error:  # skops raises what its zip and its JSON raise
            raise ModelError("a signature model can't be read", where=where, why=str(error)) from error
        if not are_sound_trees(estimator, len(self.card.columns)):
            raise ModelError("a signature model is of another kind", where=where)
        return SignatureModel(estimator, self.card.temperature, self.card.causes, self.card.columns)


def _found(folder: Path, name: str) -> _Found:
    card = find_card(folder, name)
    path = model_path(_holding(folder, name), name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError("a signature model can't be read", where=str(path), why=error.strerror or "") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError("a signature model was altered since it was made", where=str(path), remedy="restore its file")
    unknown = sorted(set(card.columns) - set(COLUMNS))
    if unknown:
        raise ModelError(
            "a signature model sees features that are not measured",
            where=str(path),
            why=", ".join(unknown),
            remedy="run `pausewatch train`",
        )
    made, here = (_release(v["scikit-learn"]) for v in (card.versions, _versions()))
    if made != here:
        raise ModelError(
            f"a signature model was made by scikit-learn {made}",
            where=str(path),
            why=f"here is {here}",
            remedy="run `pausewatch train`",
        )
    return _Found(path, content, card)


def find_card(folder: Path, name: str) -> Card:
    """Read the card of a folder's model, or of one that comes with pausewatch.

    Raises:
        ModelError: neither has it, or it can't be used.
    """
    return read_card(_holding(folder, name), name)


def shipped_models() -> Path:
    """Return the folder of the models that come with pausewatch: in the package, or beside its sources."""
    inside = Path(__file__).resolve().parents[1] / "models"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[3] / "models"


def champion(home_models: Path) -> Champion | None:
    """Return the promoted model: the home's if it ever promoted one, else the shipped one; None is the rule.

    Its file is proven by its hash now, and read when it is first asked.

    Raises:
        ModelError: a model is promoted and can't be used.
    """
    name = champion_name(home_models)
    if name == RULE:
        return None
    found = _found(home_models, name)
    return Champion(name, found.card.sha256, found)


def champion_name(folder: Path) -> str:
    """Return the name of a folder's champion, else of the shipped one; the rule's where none was promoted."""
    return str(_state(folder)["champion"])


def set_champion(folder: Path, name: str) -> None:
    """Promote a model, or the rule by its name; what was before can be taken back."""
    if name != RULE:
        load(folder, name)
    state = _state(folder)
    _write_state(folder, {"format": FORMAT, "champion": name, "previous": [*state["previous"], state["champion"]]})


def previous_champion(folder: Path) -> str:
    """Return who judged before the present champion, and still can.

    Raises:
        ModelError: there was none before, or it can't be used any more.
    """
    state = _state(folder)
    if not state["previous"]:
        raise ModelError("there is no earlier champion", where=str(folder))
    name = str(state["previous"][-1])
    if name != RULE:
        load(folder, name)
    return name


def roll_back(folder: Path) -> str:
    """Put the champion before this one back; return its name.

    Raises:
        ModelError: there was none before, or it can't be used any more.
    """
    name = previous_champion(folder)
    state = _state(folder)
    _write_state(folder, {"format": FORMAT, "champion": name, "previous": state["previous"][:-1]})
    return name


def _holding(folder: Path, name: str) -> Path:
    shipped = shipped_models()
    return shipped if not card_path(folder, name).exists() and card_path(shipped, name).exists() else folder


def _state(folder: Path) -> dict[str, Any]:
    path = folder / _CHAMPION
    if not path.exists() and folder != shipped_models():
        return _state(shipped_models())
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"format": FORMAT, "champion": RULE, "previous": []}
    except (OSError, ValueError) as error:
        raise ModelError("the champion's record can't be read", where=str(path), why=str(error)) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT or not {"champion", "previous"} <= told.keys():
        raise ModelError("the champion's record is of an unknown format", where=str(path))
    return told


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    write_whole(folder / _CHAMPION, (json.dumps(state, indent=1, sort_keys=True) + "\n").encode())


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("pausewatch", "scikit-learn", "skops")}


def _release(text: str) -> str:
    return ".".join(text.split(".")[:2])
