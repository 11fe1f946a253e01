"""The retraining DAG for real: measured and not put forward, rejected, approved by nobody, approved by a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.dags.airflow_home import AirflowHome

from pausewatch.findings.records import PromotionRecord
from pausewatch.pipeline import Workplace
from pausewatch.signatures.registry import champion_name, shipped_models

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(1200)]

CONF = {"sites": 72, "held_out_sites": 12, "pause_days": 18, "seed": 9601}


@dataclass(frozen=True)
class Story:
    """What every run said, and who judges after all of them."""

    said: dict[str, dict[str, Any]]
    place: Workplace

    def state(self, name: str, task_id: str) -> list[str]:
        """Return the states of a task's instances in a run."""
        return [task["state"] for task in self.said[name]["tasks"] if task["task"] == task_id]

    def promotions(self) -> list[PromotionRecord]:
        """Return what the register holds."""
        with self.place.register() as register:
            return register.promotions()


@pytest.fixture(scope="module")
def story(airflow_home: AirflowHome, fleet_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = tmp_path_factory.mktemp("retraining")
    runs = {"measured": "small corpus teaches"} | {
        name: name for name in ("rejected", "nobody answered", "approved without a reason", "approved")
    }
    steps = [
        {"run": "retrain_signature_model", "conf": CONF, "run_after": "2026-10-02T03:00:00+00:00", "fault": fault}
        for fault in runs.values()
    ]
    said = airflow_home.run(fleet_path, home, steps)
    return Story(dict(zip(runs, said, strict=True)), Workplace.at(fleet_path, home))


def test_a_challenger_is_trained_and_measured_and_a_handful_of_sites_puts_nothing_forward(story: Story) -> None:
    assert story.said["measured"]["state"] == "success"
    names = [task["name"] for task in story.said["measured"]["tasks"] if task["task"] == "make_corpus"]
    assert names == [
        "benign 9601",
        "runs 9602",
        "matrix 9603",
        "wide 9604",
        "tampered 9605",
        "split 9606",
        "restless 9607",
    ]
    assert story.state("measured", "evaluate") == ["success"]
    for task_id in ("put_forward", "approve", "promote"):
        assert story.state("measured", task_id) == ["skipped"]
    assert "evaluated on 14 sites; 100 are needed" in story.said["measured"]["log"]


def test_a_rejection_promotes_nothing_and_is_no_failure(story: Story) -> None:
    assert story.said["rejected"]["state"] == "success"
    assert story.state("rejected", "approve") == ["success"]
    assert story.state("rejected", "promote") == ["skipped"]


@pytest.mark.parametrize(
    ("run", "words"),
    [("nobody answered", "no person approved it"), ("approved without a reason", "no reason is given")],
)
def test_what_no_person_approved_with_a_reason_fails_at_once(story: Story, run: str, words: str) -> None:
    assert story.said[run]["state"] == "failed"
    assert story.state(run, "promote") == ["failed"]
    assert [task["tries"] for task in story.said[run]["tasks"] if task["task"] == "promote"] == [1]
    assert words in story.said[run]["log"]


def test_an_approved_challenger_judges_and_the_register_says_who_decided_and_why(story: Story) -> None:
    assert story.said["approved"]["state"] == "success"
    name = champion_name(story.place.home.models)
    assert name.startswith("signature-")
    [kept] = story.promotions()
    assert (kept.model, kept.previous, kept.action) == (name, champion_name(shipped_models()), "promote")
    assert (kept.decided_by, kept.reason) == ("ann", "fewer false alarms")
    assert kept.decided_at.isoformat() == "2026-10-02T09:00:00+00:00"
    assert kept.evaluation["sha256"] == kept.sha256
