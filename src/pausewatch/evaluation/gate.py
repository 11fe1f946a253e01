"""The gate: what stands between a challenger and its promotion.

A challenger is scored beside the champion and the rule on fleets nobody trained on, and on findings that reviewers
have settled since. It is promoted only if it misses no more runs than either, is worse in nothing that matters, and
better in something.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.report import Evaluation
from pausewatch.evaluation.scoring import Scores
from pausewatch.evaluation.trial import TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.registry import RULE, champion_name, find_card, set_champion

FORMAT = 1
# Fewer sites than this say too little for a promotion.
LEAST_SITES = 100
# What matters, and whether more of it is better. Typing is asked of untampered runs: an evasion may end as a question.
MATTERS: tuple[tuple[str, bool], ...] = (
    ("untampered runs of 5 % and 5 days: found", True),
    ("of those found: training_like in the end", True),
    ("all visible training: found", True),
    ("false training_like per site-year, at sites without training", False),
    ("false open findings (nothing behind them) per site-year, at sites without training", False),
    ("benign events called training", False),
    ("evasions and tampering: found, cannot_conclude, or below the stated line", True),
)
# Some of it may be given up for the rest, as long as its target is met; of runs found, nothing.
SPARE = {"of those found: training_like in the end": 0.9}
_BRIER = "Brier score of the training probability"


def require_unseen(card: Card, plans: list[TrialPlan]) -> None:
    """Refuse to judge a model on fleets it was trained on.

    Raises:
        UsageError: a fleet's seed is one of its corpus.
    """
    seen = sorted(card.seeds & {plan.seed for plan in plans})
    if seen:
        raise UsageError(f"{card.name} was trained on seed {seen[0]}", remedy="choose another --seed")


def keep_evaluation(
    folder: Path, card: Card, champion: str, evaluation: Evaluation, reviewed: Mapping[str, Any] | None = None
) -> Path:
    """Keep what an evaluation said of a challenger beside it; return the file.

    Args:
        folder: of the models.
        card: the challenger.
        champion: who judges now.
        evaluation: of both, and of the rule.
        reviewed: what the judges made of reviewed findings, by judge under `judges`; None where none were asked.
    """
    path = _path(folder, card.name)
    told = {"format": FORMAT, "model": card.name, "sha256": card.sha256, "champion": champion} | {
        "command": evaluation.command,
        "seeds": [plan.seed for plan in evaluation.plans],
        "sites": sum(plan.sites for plan in evaluation.plans),
        "judges": {name: marks(scores) for name, scores in evaluation.scores.items()},
        "reviewed": None if reviewed is None else dict(reviewed),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def marks(scores: Scores) -> dict[str, float | None]:
    """Return what the gate looks at; null where there was nothing to measure."""
    found = {name: scores.headline(name).measure.document()["value"] for name, _ in MATTERS}
    return found | {_BRIER: scores.reliability.brier.document()["value"]}


def objections(told: Mapping[str, Any]) -> list[str]:
    """Return why a challenger must not be promoted, from its kept evaluation; none if it may."""
    mine = told["judges"][told["model"]]
    out = []
    if told["sites"] < LEAST_SITES:
        out.append(f"evaluated on {told['sites']} sites; {LEAST_SITES} are needed")
    for rival in dict.fromkeys((told["champion"], RULE)):
        theirs = told["judges"][rival]
        better = False
        for name, is_more_better in (*MATTERS, (_BRIER, False)):
            if mine[name] is None or theirs[name] is None:
                out.append(f"not measured: {name}")
                continue
            gain = (mine[name] - theirs[name]) * (1 if is_more_better else -1)
            better = better or gain > 0
            if gain < 0 and not mine[name] >= SPARE.get(name, np.inf):
                out.append(f"worse than {rival}: {name} {mine[name]:g} against {theirs[name]:g}")
        if not better:
            out.append(f"no better than {rival}")
        out += _on_reviewed(told, rival)
    return list(dict.fromkeys(out))


def _on_reviewed(told: Mapping[str, Any], rival: str) -> list[str]:
    """Return what speaks against a challenger in what it made of reviewed findings."""
    judges = (told.get("reviewed") or {}).get("judges", {})
    if told["model"] not in judges or rival not in judges:
        return []
    mine, theirs = judges[told["model"]], judges[rival]
    return [
        f"worse than {rival} on reviewed findings: {name.replace('_', ' ')} {mine[name]} against {theirs[name]}"
        for name in ("training_missed", "others_called_training")
        if mine[name] > theirs[name]
    ]


def promote(folder: Path, name: str) -> str:
    """Promote a challenger that its kept evaluation speaks for; return its name.

    Raises:
        ModelError: it was not evaluated, not against the present champion, or it is worse; or its file is unfit.
    """
    evidence_for(folder, name)
    set_champion(folder, name)
    return name


def evidence_for(folder: Path, name: str) -> dict[str, Any]:
    """Return the kept evaluation that speaks for a challenger.

    Raises:
        ModelError: it was not evaluated, not against the present champion, or it is worse.
    """
    told = told_of(folder, name)
    remedy = f"run `pausewatch evaluate --model {name}`"
    path = _path(folder, name)
    if told["champion"] != champion_name(folder):
        raise ModelError(
            f"{name} was evaluated against {told['champion']}, and the champion is {champion_name(folder)}",
            where=str(path),
            remedy=remedy,
        )
    against = objections(told)
    if against:
        raise ModelError(f"{name} is not promoted", why="; ".join(against), remedy="the champion stays")
    return told


def told_of(folder: Path, name: str) -> dict[str, Any]:
    """Return the kept evaluation of a challenger.

    Raises:
        ModelError: there is none, it can't be read, or it is of another file.
    """
    card = find_card(folder, name)
    path = _path(folder, name)
    remedy = f"run `pausewatch evaluate --model {name}`"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{name} was never evaluated", where=str(folder), remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise ModelError("an evaluation can't be read", where=str(path), why=str(error), remedy=remedy) from error
    if told.get("format") != FORMAT or told.get("sha256") != card.sha256:
        raise ModelError(f"the evaluation is of another model than {name}", where=str(path), remedy=remedy)
    return dict(told)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.evaluation.json"
