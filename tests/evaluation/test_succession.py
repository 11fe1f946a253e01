"""Learning from reviewed findings, being measured on them, and who is put in force by whom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.test_gate import ALARMS, FOUND, _keep, _marks, _told
from tests.evaluation.told import said
from tests.signatures.episodes import corpus, features, taught

from pausewatch.errors import ModelError, UsageError
from pausewatch.evaluation.corpora import build_corpora, corpus_path, read_corpus
from pausewatch.evaluation.gate import objections
from pausewatch.evaluation.labelling import labelled
from pausewatch.evaluation.retraining import promote_approved, retraining_plan
from pausewatch.evaluation.reviewed import marks_on, reviewed_findings, taught_by
from pausewatch.evaluation.succession import step_back, succeed
from pausewatch.evaluation.training import challenger, training_plans
from pausewatch.evaluation.trial import TrialPlan, run_trial
from pausewatch.findings.history import SeenReview
from pausewatch.findings.model import Review
from pausewatch.findings.register import Register
from pausewatch.signatures.card import Card
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.registry import RULE, champion_name, model_path, save
from pausewatch.signatures.rule import Cause, Circumstances, explain

pytestmark = pytest.mark.usefixtures("no_shipped_judge")


def at(day: int) -> datetime:
    return datetime(2026, 10, day, 12, tzinfo=UTC)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    (tmp_path / "home").mkdir()
    with Register.open(f"sqlite:///{tmp_path / 'home' / 'register.db'}") as opened:
        yield opened


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return save(tmp_path, taught(), {"fleets": [{"seed": 7}]}, {})


def better(folder: Path, card: Card) -> None:
    _keep(folder, card, _told(card, _marks(**{ALARMS: 0.1}), _marks()))


def review(decision: str, cause: str | None, day: int = 5, **circumstances: bool) -> SeenReview:
    evidence = {
        "features": features().document(),
        "circumstances": asdict(Circumstances(**circumstances)),
        "lanes": {"it_load": {}},
        "suspect_lanes": [],
    }
    return SeenReview(Review(decision, "because", "ann", at(day), cause), date(2026, 9, 9), said(evidence=evidence))


def test_a_promotion_is_recorded_with_its_evaluation_and_taken_back(
    tmp_path: Path, card: Card, register: Register
) -> None:
    better(tmp_path, card)
    assert succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1)) == card.name
    with pytest.raises(ModelError, match="in force already"):
        succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1))
    assert step_back(tmp_path, register, by="bob", reason="an alarm too many", at=at(2)) == RULE

    kept = register.promotions()
    assert [(p.model, p.sha256, p.action, p.decided_by) for p in kept] == [
        (card.name, card.sha256, "promote", "ann"),
        (RULE, "", "roll_back", "bob"),
    ]
    assert kept[0].evaluation["judges"][card.name][ALARMS] == 0.1
    with pytest.raises(ModelError, match="no earlier champion"):
        step_back(tmp_path, register, by="bob", reason="again", at=at(3))


def test_a_promotion_that_was_cut_short_is_finished_by_doing_it_again(
    tmp_path: Path, card: Card, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    better(tmp_path, card)

    def full(folder: Path, name: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("pausewatch.evaluation.succession.put_in_force", full)
        with pytest.raises(OSError, match="No space"):
            succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1))
    assert champion_name(tmp_path) == RULE

    succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1))
    assert champion_name(tmp_path) == card.name
    assert len(register.promotions()) == 1


@pytest.mark.parametrize(("by", "reason"), [("", "better"), ("ann", " ")])
def test_nobody_decides_without_a_name_and_a_reason(
    tmp_path: Path, card: Card, register: Register, by: str, reason: str
) -> None:
    better(tmp_path, card)
    with pytest.raises(UsageError):
        succeed(tmp_path, register, card.name, by=by, reason=reason, at=at(1))
    assert register.promotions() == []


def test_whoever_approved_it_a_worse_or_altered_challenger_is_not_promoted(
    tmp_path: Path, card: Card, register: Register
) -> None:
    _keep(tmp_path, card, _told(card, _marks(**{FOUND: 0.4, ALARMS: 0.0}), _marks()))
    with pytest.raises(ModelError, match=r"found 0\.4 against 0\.5"):
        succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1))
    better(tmp_path, card)
    model_path(tmp_path, card.name).write_bytes(b"other")
    with pytest.raises(ModelError, match="altered"):
        succeed(tmp_path, register, card.name, by="ann", reason="better", at=at(1))
    assert register.promotions() == []
    assert champion_name(tmp_path) == RULE


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"chosen_options": ["Reject"], "responded_by_user": {"id": "1", "name": "ann"}},
        {"chosen_options": ["Approve"], "responded_by_user": None},
        {"chosen_options": ["Approve", "Reject"], "responded_by_user": {"id": "1", "name": "ann"}},
    ],
)
def test_only_a_persons_approval_promotes(answer: dict[str, Any] | None) -> None:
    with pytest.raises(ModelError, match="no person approved it"):
        promote_approved(None, "signature-x", answer)  # type: ignore[arg-type]  # refused before it looks


def test_reviews_that_name_a_cause_teach_and_later_ones_measure() -> None:
    reviews = {
        "a": review("confirm", "training", 1),
        "b": review("dismiss", None, 2),
        "c": review("confirm", None, 3),
        "d": review("dismiss", "new_load_or_tenant", 9),
        "e": review("dismiss", "training", 4, is_declared=True),
    }
    known = reviewed_findings(reviews)

    assert [(r.finding_id, r.cause) for r in known] == [("a", Cause.TRAINING), ("b", None), ("d", Cause.TENANT)]
    taught = taught_by(known, at(5))
    assert [(e.cause, e.site, e.is_reviewed, e.age_days) for e in taught.examples] == [
        (Cause.TRAINING, "reviewed/sim-001", True, 3)
    ]
    assert taught.weights[0] > corpus().weights.max()


def test_a_judge_is_marked_on_reviewed_findings() -> None:
    known = reviewed_findings(
        {"a": review("confirm", "training"), "b": review("dismiss", None), "c": review("dismiss", "cooling_or_weather")}
    )

    def never(*_: object) -> tuple[Hypothesis, ...]:
        return tuple(Hypothesis(c.value, 1.0 if c is Cause.COOLING else 0.0) for c in Cause)

    assert marks_on(known, explain) == {"training": 1, "training_missed": 0, "others_called_training": 2}
    assert marks_on(known, never) == {"training": 1, "training_missed": 1, "others_called_training": 0}


@pytest.mark.parametrize("worse", ["training_missed", "others_called_training"])
def test_being_worse_on_reviewed_findings_speaks_against_a_challenger(card: Card, worse: str) -> None:
    even = {"training": 3, "training_missed": 1, "others_called_training": 1}
    told = _told(card, _marks(**{ALARMS: 0.1}), _marks())
    told["reviewed"] = {"findings": 9, "judges": {card.name: even, RULE: even}}
    assert objections(told) == []
    told["reviewed"]["judges"][card.name] = even | {worse: 2}
    assert objections(told) == [f"worse than rule on reviewed findings: {worse.replace('_', ' ')} 2 against 1"]


def test_a_retraining_learns_and_measures_on_different_fleets_each_month() -> None:
    def seeds(month: int) -> tuple[set[int], set[int]]:
        told = retraining_plan(
            datetime(2026, month, 2, tzinfo=UTC), sites=900, held_out_sites=300, pause_days=60, review_days=90
        )
        return {p["seed"] for p in told["learn_from"]}, {p["seed"] for p in told["measure_on"]}

    (learn, measure), (next_learn, next_measure) = seeds(10), seeds(11)
    assert not learn & measure
    assert not (learn | measure) & (next_learn | next_measure)
    told = retraining_plan(
        datetime(2026, 10, 2, tzinfo=UTC), sites=60, held_out_sites=12, pause_days=14, review_days=90
    )
    assert told["reviews_teach_until"] == "2026-07-04T00:00:00+00:00"


def test_training_fleets_hold_all_sites_with_a_seed_each() -> None:
    plans = training_plans(905, 3, 60)
    assert sum(p.sites for p in plans) == 905
    assert [p.seed for p in plans] == list(range(3, 3 + len(plans)))
    assert {p.preset for p in plans} == {"benign", "runs", "matrix", "wide", "tampered", "split", "restless"}
    assert max(p.sites for p in plans) <= 100


def test_a_corpus_comes_back_from_disk_as_it_was_and_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = TrialPlan("runs", 6, 9611, 14, 60)
    straight, unknown = labelled(run_trial(plan), "runs-9611")
    assert straight.examples
    [path] = build_corpora([plan], tmp_path, 1)
    monkeypatch.setattr("pausewatch.evaluation.corpora.run_trial", None)
    assert build_corpora([plan], tmp_path, 1) == [path] == [corpus_path(plan, tmp_path)]

    kept, kept_unknown = read_corpus(path)

    assert kept == straight
    assert kept_unknown == unknown
    assert kept.sha256() == straight.sha256()


def test_a_corpus_of_other_code_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = TrialPlan("runs", 6, 9611, 14, 60)
    before = corpus_path(plan, tmp_path)
    monkeypatch.setattr("pausewatch.evaluation.corpora.program_sha256", lambda _: "other")
    assert corpus_path(plan, tmp_path) != before


def test_what_reviewers_told_is_on_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = corpus(60)
    monkeypatch.setattr("pausewatch.evaluation.training.read_corpus", lambda path: (whole, Counter()))
    known = reviewed_findings({"a": review("confirm", "training", 1)})
    made = challenger([TrialPlan("runs", 60, 9)], [tmp_path], tmp_path, taught_by(known, at(5)))

    assert made.corpus["reviewed_findings"] == 1
    assert made.corpus["examples"] == 121
    assert json.loads((tmp_path / f"{made.name}.card.json").read_text())["corpus"]["reviewed_findings"] == 1
