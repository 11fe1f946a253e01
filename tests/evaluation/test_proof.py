"""The proof end to end on a handful of sites: every part is there, and processes change nothing."""

from __future__ import annotations

import json

import pytest

from pausewatch.errors import UsageError
from pausewatch.evaluation.envelope_check import Injected, check_envelope, envelope_rows
from pausewatch.evaluation.plans import ablation_plans, envelope_plans, evaluation_plans
from pausewatch.evaluation.proof import Asked, Proof, Task, prove, tasks_of
from pausewatch.evaluation.report import evaluated
from pausewatch.evaluation.world import TrialPlan, world_of
from pausewatch.findings.export import json_text
from pausewatch.signatures.rule import explain

PLANS = [TrialPlan("runs", 3, 6401, 16, 90), TrialPlan("benign", 3, 6402, 16, 90)]


@pytest.fixture(scope="module")
def proof() -> Proof:
    results = [*(Task(plan).run() for plan in PLANS), Task(PLANS[1], "peers").run()]
    bare = [Task(plan, "without", without=name).run() for name in ("everything", "step_test") for plan in PLANS]
    ablated: dict[str, list] = {}
    for result in bare:
        ablated.setdefault(result.task.without, []).extend(result.trials)
    with world_of(TrialPlan("wide", 6, 6403, 20, 120)) as world:
        injected = check_envelope(world, 7, 7, multiples=(0.3, 3.0))
    return Proof(
        tuple(PLANS),
        tuple(t for r in results for t in r.trials),
        tuple(s for r in results for s in r.scores),
        ablated,
        tuple(injected),
    )


def test_every_part_is_written_and_shown(proof: Proof) -> None:
    result = evaluated("pausewatch evaluate", proof, {"the rule": explain}, leave_out=True)
    document = json.loads(json_text(result.document()))
    page = result.markdown()

    assert document["judges"]["the rule"]["sites"] == 6
    assert document["peers"][0]["name"] == "pausewatch"
    assert {row["without"] for row in document["ablation"]} == {"", "step_test"}
    assert {row["multiple"] for row in document["envelope"]["rows"]} == {0.3, 3.0}
    assert "missed_runs" in document
    for heading in ("What a user would pick instead", "each lane and test is worth", "stated as detectable found"):
        assert heading in page
    assert "never shown" in page or "Too few episodes" in page


def test_large_injected_runs_are_found_and_small_ones_are_not(proof: Proof) -> None:
    small, large = envelope_rows(proof.injected)

    assert large.found.value > 0.9
    assert small.found.value < 0.3
    assert small.is_kept is None


def test_the_promise_is_of_the_stated_size_alone() -> None:
    def run(found: bool, site: str) -> Injected:
        return Injected("f", site, "cloud", "utility", 7.0, 1.0, 1.0, 0.1, 1.2, found, found, 1.0 if found else None)

    nine = [run(i != 0, f"s{i}") for i in range(10)]
    half = [run(i % 2 == 0, f"s{i}") for i in range(10)]

    assert envelope_rows(nine)[0].is_kept
    assert envelope_rows(half)[0].is_kept is False


def test_two_processes_say_what_one_says() -> None:
    plans = [TrialPlan("violations", 2, 5, 14, 60), TrialPlan("quiet", 2, 6, 14, 60)]

    alone, together = prove(plans), prove(plans, workers=2)

    assert alone.trials == together.trials


def test_plans_hold_the_sites_asked_for_and_share_no_seed() -> None:
    plans = evaluation_plans(400, 500, 60)

    assert sum(p.sites for p in plans if p.preset != "restless") == 400
    assert sum(p.sites for p in plans if p.preset == "restless") == 60
    assert max(p.sites for p in plans) <= 60
    assert len({p.seed for p in plans}) == len(plans)
    assert {p.preset for p in plans} == {"runs", "evasions", "benign", "tampered", "wide", "split", "restless"}
    assert not {p.seed for p, _, _ in envelope_plans(60, 500)} & {p.seed for p in plans}
    assert [p.sites for p in ablation_plans(plans, 20)] == [20] * 6


def test_some_presets_alone_may_be_asked_for_and_an_unknown_one_is_named() -> None:
    plans = evaluation_plans(130, 500, 60, ["benign", "restless"])

    assert sum(p.sites for p in plans) == 130
    assert {p.preset for p in plans} == {"benign", "restless"}
    with pytest.raises(UsageError, match="--preset bening"):
        evaluation_plans(130, 500, 60, ["bening"])


def test_only_what_is_asked_for_is_run() -> None:
    plans = evaluation_plans(12, 1, 14)

    assert {t.how for t in tasks_of(plans, Asked())} == {"trial"}
    assert {t.how for t in tasks_of(plans, Asked(True, True, True))} == {"trial", "peers", "without", "envelope"}


@pytest.mark.parametrize(("sites", "seed", "days"), [(2, 1, 60), (60, -1, 60), (60, 1, 3)])
def test_fleets_that_say_nothing_are_refused(sites: int, seed: int, days: int) -> None:
    with pytest.raises(UsageError):
        evaluation_plans(sites, seed, days)
