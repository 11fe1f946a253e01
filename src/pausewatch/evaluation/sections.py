"""Sections of an evaluation beside the scores, as JSON values: misses, lines, envelope, peers, ablation, left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pausewatch.evaluation.ablation import ablation_rows
from pausewatch.evaluation.bounds import missed_runs
from pausewatch.evaluation.envelope_check import PROMISED, envelope_rows
from pausewatch.evaluation.leaving_out import left_out_rows
from pausewatch.evaluation.lines import line_rows
from pausewatch.evaluation.peers.comparison import comparison
from pausewatch.evaluation.proof import Proof
from pausewatch.evaluation.site_scores import without_restless
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.signatures.rule import Explainer

BUDGET = 0.05


def sections(proof: Proof, told: Sequence[SiteTrial], judge: Explainer, *, leave_out: bool = False) -> dict[str, Any]:
    """Return every section that was asked for, by name, in the order they are shown.

    Args:
        proof: what was run.
        told: the evaluation's trials as the judge in force told them.
        judge: the judge in force.
        leave_out: whether to retrain the learned judge without one evasion or kind of site at a time.
    """
    told, trials = without_restless(told), without_restless(proof.trials)
    out: dict[str, Any] = {"missed_runs": missed_runs(told), "alarm_lines": line_rows(trials, judge)}
    if proof.injected:
        out["envelope"] = {
            "promised": list(PROMISED),
            "rows": [row.document() for row in envelope_rows(proof.injected)],
            "runs": [run.document() for run in proof.injected],
        }
    if proof.scores:
        out["peers"] = [row.document() for row in comparison(told, proof.scores, BUDGET)]
    if proof.ablated:
        out["ablation"] = ablation_rows(proof.ablated, judge)
    if leave_out:
        out["left_out"] = left_out_rows(trials)
    return out
