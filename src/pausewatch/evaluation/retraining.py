"""Retraining: the steps from new labels to a promotion, each of which a task can be sent to do.

Fleets are simulated anew for each retraining: their seeds follow from its date, those to learn from and those to be
measured on apart. Reviews of the last months measure; older ones teach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pausewatch.errors import ModelError
from pausewatch.evaluation.corpora import build_corpus, corpus_path
from pausewatch.evaluation.gate import keep_evaluation, objections, require_unseen, told_of
from pausewatch.evaluation.plans import evaluation_plans
from pausewatch.evaluation.proof import Asked, prove
from pausewatch.evaluation.report import evaluated
from pausewatch.evaluation.reviewed import marks_on, reviewed_findings, taught_by
from pausewatch.evaluation.succession import succeed
from pausewatch.evaluation.training import challenger, training_plans
from pausewatch.evaluation.world import TrialPlan
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress
from pausewatch.signatures.registry import RULE, champion_name, find_card, load
from pausewatch.signatures.rule import Explainer, explain

APPROVE = "Approve"
# Apart by more than any retraining has fleets.
_SEEDS_A_MONTH, _HELD_OUT_FROM = 1000, 500


def retraining_plan(
    moment: datetime, *, sites: int, held_out_sites: int, pause_days: int, review_days: int, seed: int | None = None
) -> dict[str, Any]:
    """Return what a retraining is to do, as JSON values.

    Args:
        moment: when it was asked for; reviews up to then count.
        sites: simulated sites to learn from.
        held_out_sites: simulated sites to be measured on.
        pause_days: days of their pause.
        review_days: reviews of so many last days measure, older ones teach.
        seed: of the first fleet; from the month without it.

    Raises:
        UsageError: too few sites.
    """
    first = (moment.year * 100 + moment.month) * _SEEDS_A_MONTH if seed is None else seed
    return {
        "learn_from": [asdict(plan) for plan in training_plans(sites, first, pause_days)],
        "measure_on": [asdict(p) for p in evaluation_plans(held_out_sites, first + _HELD_OUT_FROM, pause_days)],
        "reviews_teach_until": (moment - timedelta(days=review_days)).isoformat(),
        "reviews_measure_until": moment.isoformat(),
    }


def make_corpus(place: Workplace, plan: Mapping[str, Any]) -> str:
    """Simulate one fleet to learn from and keep what the detector cut out of it; return the file."""
    return str(build_corpus(TrialPlan(**plan), place.home.models))


def train_challenger(place: Workplace, plan: Mapping[str, Any]) -> str:
    """Train a challenger on the corpora that were made and on what reviewers told; return its name.

    Raises:
        ModelError: a corpus is missing, or they teach too little.
    """
    plans = [TrialPlan(**told) for told in plan["learn_from"]]
    paths = [corpus_path(one, place.home.models) for one in plans]
    gone = [str(path) for path in paths if not path.exists()]
    if gone:
        raise ModelError("a corpus is missing", where=gone[0], remedy="make it again: clear the task that did")
    until = datetime.fromisoformat(plan["reviews_teach_until"])
    with place.register() as register:
        reviewed = taught_by(reviewed_findings(register.reviewed(until)), until)
    return challenger(plans, paths, place.home.models, reviewed).name


def evaluate_challenger(
    place: Workplace, plan: Mapping[str, Any], name: str, workers: int = 1, progress: Progress | None = None
) -> dict[str, Any]:
    """Measure a challenger beside the champion and the rule, and keep it; return what a person must know to decide.

    Args:
        place: whose models and register.
        plan: of the retraining.
        name: the challenger.
        workers: processes.
        progress: told of the work.

    Raises:
        UsageError: it was trained on a fleet it is to be measured on.
    """
    folder = place.home.models
    card, champion = find_card(folder, name), champion_name(folder)
    plans = [TrialPlan(**told) for told in plan["measure_on"]]
    require_unseen(card, plans)
    judges: dict[str, Explainer] = {
        one: explain if one == RULE else load(folder, one)[0].explain for one in dict.fromkeys((champion, RULE, name))
    }
    since, until = (datetime.fromisoformat(plan[k]) for k in ("reviews_teach_until", "reviews_measure_until"))
    with place.register() as register:
        reviewed = [r for r in reviewed_findings(register.reviewed(until)) if r.reviewed_at >= since]
    on_reviewed = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "findings": len(reviewed),
        "judges": {one: marks_on(reviewed, judge) for one, judge in judges.items()},
    }
    command = "retrain_signature_model: " + ", ".join(f"{p.sites} {p.preset} sites, seed {p.seed}" for p in plans)
    result = evaluated(command, prove(plans, Asked(), workers, progress), judges)
    keep_evaluation(folder, card, champion, result, on_reviewed)
    told = told_of(folder, name)
    return {"model": name, "champion": champion, "objections": objections(told), "comparison": _comparison(told)}


def promote_approved(place: Workplace, name: str, approval: Mapping[str, Any] | None) -> str:
    """Promote a challenger that a person approved; everything is checked again. Return its name.

    Args:
        place: whose models and register.
        name: the challenger.
        approval: the person's answer: `chosen_options`, `params_input` with the `reason`, `responded_at`,
            `responded_by_user`.

    Raises:
        ModelError: nobody approved it; or it is unfit, worse, or was not evaluated against the present champion.
        UsageError: the answer has no reason.
    """
    answer = approval or {}
    person = answer.get("responded_by_user") or {}
    by = str(person.get("name") or person.get("id") or "").strip()
    if list(answer.get("chosen_options") or ()) != [APPROVE] or not by:
        raise ModelError(f"{name} is not promoted", why="no person approved it", remedy="the champion stays")
    reason = str((answer.get("params_input") or {}).get("reason") or "")
    at = answer["responded_at"]
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    with place.register() as register:
        return succeed(place.home.models, register, name, by=by, reason=reason, at=moment)


def _comparison(told: Mapping[str, Any]) -> str:
    """Return the kept evaluation as a Markdown table for the person who decides."""
    names: Sequence[str] = list(told["judges"])
    champion = told["champion"]
    lines = [f"| measure | {' | '.join(names)} | gain over {champion} (90 %) |", f"|---|{'---|' * (len(names) + 1)}"]
    for measure in told["judges"][told["model"]]:
        values = [told["judges"][name][measure] for name in names]
        shown = " | ".join("–" if v is None else f"{v:.3g}" for v in values)
        lines.append(f"| {measure} | {shown} | {_gain(told['gains'][champion][measure])} |")
    reviewed = told["reviewed"]
    for measure in ("training_missed", "others_called_training"):
        values = [reviewed["judges"][name][measure] for name in names]
        what = f"of {reviewed['findings']} reviewed findings: {measure.replace('_', ' ')}"
        lines.append(f"| {what} | {' | '.join(str(v) for v in values)} | |")
    return "\n".join(lines)


def _gain(gain: Mapping[str, float | None]) -> str:
    if gain["value"] is None:
        return "–"
    return f"{gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
