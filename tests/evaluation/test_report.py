"""Where the tables go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pausewatch.errors import PausewatchError
from pausewatch.evaluation.proof import prove
from pausewatch.evaluation.report import BEGIN, END, evaluated, write_between_marks
from pausewatch.evaluation.world import TrialPlan
from pausewatch.findings.export import json_text
from pausewatch.signatures.rule import explain


def test_the_words_around_the_tables_stay(tmp_path: Path) -> None:
    page = tmp_path / "evaluation.md"
    page.write_text(f"# Title\n{BEGIN}\nold\n{END}\nNotes.\n", encoding="utf-8")

    write_between_marks(page, "new")

    text = page.read_text(encoding="utf-8")
    assert text == f"# Title\n{BEGIN}\n\nnew\n\n{END}\nNotes.\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "evaluation.md"
    page.write_text("mine", encoding="utf-8")

    with pytest.raises(PausewatchError, match="no place for the tables"):
        write_between_marks(page, "new")
    assert page.read_text(encoding="utf-8") == "mine"


def test_a_small_fleet_goes_all_the_way() -> None:
    plans = [TrialPlan("violations", 3, 5, pause_days=14, reference_days=60)]
    proof = prove(plans)
    trials = proof.trials
    result = evaluated("pausewatch evaluate", proof, {"the rule": explain})
    document = json.loads(json_text(result.document()))

    assert len(trials) == 3
    assert all(len(t.days) >= 14 for t in trials)
    assert document["fleets"][0]["seed"] == 5
    assert document["judges"]["the rule"]["sites"] == 3
    assert "Training found" in result.markdown()
    # The rule on the evidence as it is kept says what the rule said on the day.
    before = [a.verdict for t in trials for h in t.histories for _, a in h.stated]
    again = evaluated("", proof, {"the rule": explain})
    assert again.document()["judges"] == result.document()["judges"]
    assert before
