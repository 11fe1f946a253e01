"""Alarms that stand: what was called training-like stays so while training is likelier than all else together.

An alarm that comes and goes with one day's look tells an inspector nothing, and the day a run ends is the day on which
it would most easily go: so it takes more to raise one than to keep it (a deadband; ISA-18.2, 2016, on alarms that
chatter).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pausewatch.findings.identity import match
from pausewatch.findings.model import EXTRA_LOAD, Assessment, Finding, Kind, Verdict
from pausewatch.findings.verdicts import without_not_yet

STANDS = 0.5
"""An alarm stands while training is more probable than this."""


def held(found: Sequence[Assessment], standing: Sequence[Finding]) -> list[Assessment]:
    """Return what a day says of a site, with the alarms that stood on the report day before and still do.

    Args:
        found: what the day's evidence says by itself.
        standing: the site's findings as of the report day before by its own evidence, those withdrawn too.
    """
    known = {finding.id: finding.assessment for finding in standing if not finding.is_withdrawn}
    return [
        one if finding_id is None else still_alarmed(one, known.get(finding_id))
        for one, finding_id in zip(found, match(standing, found), strict=True)
    ]


def still_alarmed(now: Assessment, before: Assessment | None) -> Assessment:
    """Return what is said of a finding, given what the report day before said of it; None where it didn't stand."""
    if before is None or before.verdict is not Verdict.TRAINING_LIKE or not _may_stand(now):
        return now
    return replace(
        now,
        # A question about more than was declared has a name of its own; an alarm keeps the one it had.
        kind=before.kind if now.kind is Kind.DECLARATION_EXCEEDED else now.kind,
        verdict=Verdict.TRAINING_LIKE,
        facts=(
            *without_not_yet(now.facts),
            "It was called training-like on the report day before; an alarm stands while training is put above "
            f"{100 * STANDS:.0f} %.",
        ),
    )


def _may_stand(now: Assessment) -> bool:
    # What a fall tells is a question whatever it looks like.
    is_judged = now.kind in EXTRA_LOAD and now.training_probability is not None and "stopped" not in now.evidence
    return is_judged and now.verdict is Verdict.UNEXPLAINED and (now.training_probability or 0.0) > STANDS
