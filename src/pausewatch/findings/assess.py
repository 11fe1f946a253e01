"""Assessing: everything one day's inspection says of one site."""

from __future__ import annotations

from collections.abc import Sequence

from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.held import held
from pausewatch.findings.load import load_findings
from pausewatch.findings.model import Assessment, Finding, Kind, SiteDay
from pausewatch.findings.status import site_day
from pausewatch.findings.stopped import stop_findings
from pausewatch.findings.trust import contradictions, integrity_findings
from pausewatch.findings.unseen import gap_findings
from pausewatch.signatures.rule import Explainer, explain


def assess(
    day: SiteWatchDay, judge: Explainer = explain, standing: Sequence[Finding] = (), *, keeps_looks: bool = False
) -> tuple[SiteDay, list[Assessment]]:
    """Return a site's day and the anomalies that stand at its end, oldest first.

    Args:
        day: the site as seen on the report day.
        judge: what weighs the hypotheses of load: the rule, or a promoted model.
        standing: the site's findings as of the report day before by its own evidence, for an alarm stands longer than
            it takes to raise it.
        keeps_looks: keep in the evidence how each load looked on the days before, so that it can be judged again.
    """
    wrong = contradictions(day) if day.uses.integrity else []
    loads = load_findings(day, wrong, judge, keeps_looks=keeps_looks)
    unstopped = [a for a in loads if a.kind is Kind.MISSING_STEP_DOWN]
    said = [
        *loads,
        *stop_findings(day, judge, unstopped),
        *gap_findings(day),
        *integrity_findings(day, wrong),
    ]
    found = held(said, standing)
    found.sort(key=lambda a: (a.start, a.kind))
    return site_day(day, found), found
