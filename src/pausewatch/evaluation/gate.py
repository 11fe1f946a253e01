"""The gate: what stands between a challenger and its promotion.

A challenger is scored beside the champion and the rule on fleets nobody trained on, and on findings that reviewers
have settled since. Judges weigh the same findings, so they are compared site by site: what both get wrong alike says
nothing, and the rest says as much as its scatter over sites allows. A challenger is promoted only if it misses no more
runs than either, is worse in nothing that matters by more than chance, and better in something by more than chance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.matters import MATTERS, Matter, gains
from pausewatch.evaluation.report import Evaluation
from pausewatch.evaluation.site_scores import SiteScore
from pausewatch.evaluation.trial import TrialPlan
from pausewatch.signatures.card import Card
from pausewatch.signatures.registry import RULE, champion_name, find_card, set_champion

FORMAT = 2
# Fewer sites than this say too little for a promotion.
LEAST_SITES = 100


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
    mine = evaluation.sites[card.name]
    rivals = [name for name in evaluation.sites if name != card.name]
    told = {"format": FORMAT, "model": card.name, "sha256": card.sha256, "champion": champion} | {
        "command": evaluation.command,
        "seeds": [plan.seed for plan in evaluation.plans],
        "sites": sum(plan.sites for plan in evaluation.plans),
        "judges": {name: marks(sites) for name, sites in evaluation.sites.items()},
        "gains": {
            rival: {name: gain.document() for name, gain in gains(mine, evaluation.sites[rival]).items()}
            for rival in rivals
        },
        "reviewed": None if reviewed is None else dict(reviewed),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def marks(sites: Sequence[SiteScore]) -> dict[str, float | None]:
    """Return what the gate looks at; null where there was nothing to measure."""
    return {matter.name: matter.measure(matter.asked_of(sites)).document()["value"] for matter in MATTERS}


def objections(told: Mapping[str, Any]) -> list[str]:
    """Return why a challenger must not be promoted, from its kept evaluation; none if it may."""
    out = []
    if told["sites"] < LEAST_SITES:
        out.append(f"evaluated on {told['sites']} sites; {LEAST_SITES} are needed")
    for rival in dict.fromkeys((told["champion"], RULE)):
        gained = told["gains"][rival]
        for matter in MATTERS:
            gain = gained[matter.name]
            if gain["value"] is None:
                out.append(f"not measured: {matter.name}")
            elif gain["high"] < 0 or (gain["value"] < 0 and not matter.may_lose):
                mine, theirs = (told["judges"][name][matter.name] for name in (told["model"], rival))
                out.append(f"worse than {rival}: {matter.name} {mine:g} against {theirs:g}{_by_chance(matter, gain)}")
        if not any(gain["low"] is not None and gain["low"] > 0 for gain in gained.values()):
            out.append(f"no better than {rival} by more than chance")
        out += _on_reviewed(told, rival)
    return list(dict.fromkeys(out))


def _by_chance(matter: Matter, gain: Mapping[str, float]) -> str:
    if gain["high"] < 0:
        return ", more than chance"
    return "" if matter.may_lose else ", and of missed runs none may be lost"


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
    if told.get("format") != FORMAT:
        raise ModelError(f"{name} was evaluated by another version of pausewatch", where=str(path), remedy=remedy)
    if told.get("sha256") != card.sha256:
        raise ModelError(f"the evaluation is of another model than {name}", where=str(path), remedy=remedy)
    return dict(told)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.evaluation.json"
