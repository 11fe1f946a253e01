"""A model's card: what it was made of, how well it did, what it can't do, and the hash of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pausewatch.errors import ModelError

FORMAT = 1
LIMITS = (
    "Learned from simulated fleets alone: real load holds what no simulator thought of.",
    "Its probabilities hold for a mix of causes like its corpus; where training is rarer, they are too high.",
    "It speaks only where no declaration accounts for the load; a cause it wasn't taught keeps the rule's probability.",
    "Simulated runs are interrupted every 3 to 50 hours: one that never is looks less like training than it should.",
    "Science and batch work that nobody declared looks like training to any meter, and to this model.",
)


@dataclass(frozen=True)
class Card:
    """What a model says of itself.

    Args:
        name: of the model, from its hash.
        sha256: of its file.
        temperature: what its logits are divided by.
        causes: what it was taught, in the order of its probabilities.
        columns: what it sees, in order.
        corpus: fleets, examples, sites by cause, hash.
        held_out: recall, precision and log loss by cause on sites it was not trained on, of it and of the rule.
        versions: of the libraries that made it.
        limits: what not to expect.
        format: of the card and the file.
    """

    name: str
    sha256: str
    temperature: float
    causes: tuple[str, ...]
    columns: tuple[str, ...]
    corpus: Mapping[str, Any]
    held_out: Mapping[str, Any]
    versions: Mapping[str, str]
    limits: tuple[str, ...] = LIMITS
    format: int = FORMAT

    @property
    def seeds(self) -> frozenset[int]:
        """Seeds of the fleets it was trained on."""
        return frozenset(int(fleet["seed"]) for fleet in self.corpus["fleets"])


def card_path(folder: Path, name: str) -> Path:
    """Return where a model's card lies."""
    return folder / f"{name}.card.json"


def write_card(folder: Path, card: Card) -> None:
    """Write a card beside its model."""
    text = json.dumps(asdict(card), indent=1, sort_keys=True) + "\n"
    card_path(folder, card.name).write_text(text, encoding="utf-8")


def read_card(folder: Path, name: str) -> Card:
    """Read a model's card.

    Raises:
        ModelError: there is none, or it is of a format this version doesn't know.
    """
    path = card_path(folder, name)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = sorted(p.name.removesuffix(".card.json") for p in folder.glob("*.card.json"))
        raise ModelError(
            f"no signature model {name!r}", where=str(folder), remedy=f"choose one of {', '.join(known) or 'none yet'}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError("a model's card can't be read", where=str(path), why=str(error)) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        found = told.get("format") if isinstance(told, dict) else None
        raise ModelError(
            f"a model of format {found!r} is unknown to this version",
            where=str(path),
            remedy=f"it reads format {FORMAT}; train again with `pausewatch train`",
        )
    try:
        return Card(**{**told, **{key: tuple(told[key]) for key in ("causes", "columns", "limits")}})
    except (KeyError, TypeError) as error:
        raise ModelError("a model's card is incomplete", where=str(path), why=str(error)) from error
