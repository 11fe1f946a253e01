"""Alarm lines: what being surer, or less sure, before calling load training would have cost on the same fleets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.site_scores import SiteScore, is_big_run, is_visible_training, rate, share
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.findings.verdicts import LINES, AlarmLines
from pausewatch.signatures.rule import Explainer

OTHERS = (
    AlarmLines(((0.5, 1),), 0.5),
    AlarmLines(((0.75, 1),)),
    AlarmLines(((0.75, 3),)),
    AlarmLines(((0.75, 5),)),
    AlarmLines(((0.9, 3), (0.8, 5), (0.7, 10), (0.6, 21))),
    AlarmLines(((0.95, 1), (0.9, 3), (0.75, 5), (0.65, 10))),
    LINES,
    AlarmLines(((0.95, 3), (0.85, 7))),
    AlarmLines(((0.9, 7),), 0.9),
)


def line_rows(trials: Sequence[SiteTrial], judge: Explainer) -> list[dict[str, Any]]:
    """Return what each set of lines gives, as JSON values.

    Args:
        trials: of every site; coordinated loads keep the lines in force.
        judge: what weighs the hypotheses.
    """
    return [_row(trials, judge, lines) for lines in OTHERS]


def _row(trials: Sequence[SiteTrial], judge: Explainer, lines: AlarmLines) -> dict[str, Any]:
    sites = [SiteScore.of(rejudged(trial, judge, lines)) for trial in trials]
    honest = [s for s in sites if s.is_honest]
    return {
        "lines": [[line, days] for line, days in lines.lines],
        "known": lines.known,
        "in_force": lines == LINES,
        "big_typed": share(sites, lambda o: is_big_run(o) and o.is_found, lambda o: o.is_typed).document(),
        "typed": share(sites, lambda o: is_visible_training(o) and o.is_found, lambda o: o.is_typed).document(),
        "false_training": rate(honest, lambda f: f.was_called_training).document(),
        "false_training_of_nothing": rate(honest, lambda f: f.was_called_training and f.behind is None).document(),
        "benign_called_training": share(
            sites, lambda o: o.event.group == "benign", lambda o: o.was_called_training
        ).document(),
    }
