"""Part of a coordinated load: a site's own question about load that an alarm over several sites is made of.

A site's own look may be too faint, or too short, for an alarm where several sites together are plain. Its finding then
takes the verdict of the coordinated load and says so; probability and hypotheses stay those of its own look. It is told
when findings are read, from what was recorded of both, and never recorded itself: which finding is which, and what
later days make of it, doesn't depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from pausewatch.detection.groups import REACH_KM, Bond
from pausewatch.detection.onsets import BLOCK_H
from pausewatch.detection.pooled_test import WINDOW_BLOCKS
from pausewatch.findings.model import Assessment, Finding, Kind, Verdict
from pausewatch.findings.verdicts import without_not_yet

PART_OF = "part_of"
"""Where evidence names the coordinated load."""
# What may be a part: load past the IT meter isn't what a group is seen by, and what should have stopped has no onset.
_KINDS = (Kind.SUSTAINED_LOAD, Kind.SLOW_DRIFT)
# The test's own window: sites of one job start within half a day of each other.
_BLOCK = timedelta(hours=BLOCK_H)
_NEAR = WINDOW_BLOCKS * _BLOCK
# A part is sized by its edge alone, a finding by all of its hours.
_SIZE = 3.0
# Of the time of either, this much must be common.
_COMMON_SHARE = 0.5


def with_group_verdicts(findings: Iterable[Finding], shared: Iterable[Finding]) -> list[Finding]:
    """Return findings with the verdict of the coordinated load that each is part of, where it is an alarm.

    Args:
        findings: as they stand on a report day; those that are closed, explained or blind stay as they are.
        shared: the coordinated loads as they stand on that day.
    """
    loads: dict[str, list[Finding]] = {}
    for load in shared:
        if load.is_open and load.assessment.verdict is Verdict.TRAINING_LIKE:
            for member in load.assessment.evidence["members"]:
                loads.setdefault(member["site_id"], []).append(load)
    return [_told(f, loads[f.site_id]) if f.is_open and f.site_id in loads else f for f in findings]


def _told(finding: Finding, loads: Sequence[Finding]) -> Finding:
    mine = [load for load in loads if _is_part(finding, load)]
    if not mine:
        return finding
    load = max(mine, key=lambda one: (one.assessment.training_probability, one.id))
    return replace(
        finding,
        assessment=_raised(finding.assessment, load),
        last_updated_on=max(finding.last_updated_on, load.last_updated_on),
    )


def _is_part(finding: Finding, load: Finding) -> bool:
    """Tell whether a site's own question is about its part of a coordinated load: its onset, its size, its time."""
    said, whole = finding.assessment, load.assessment
    if said.verdict is not Verdict.UNEXPLAINED or said.kind not in _KINDS or said.declaration_ids:
        return False
    if said.site_id in whole.evidence.get("declared_members", {}):
        return False
    part: Mapping[str, Any] = next(m for m in whole.evidence["members"] if m["site_id"] == said.site_id)
    began = datetime.fromisoformat(part["start"])
    if not began - _NEAR <= said.start <= began + _BLOCK + _NEAR:
        return False
    if not part["excess_mw"] / _SIZE <= said.excess_mw.estimate <= part["excess_mw"] * _SIZE:
        return False
    day = max(finding.last_updated_on, load.last_updated_on)
    now = datetime.combine(day + timedelta(days=1), time.min, UTC)
    ends = [one.end or max(now, one.start) for one in (said, whole)]
    starts = [said.start, began]
    return min(ends) - max(starts) >= _COMMON_SHARE * (max(ends) - min(starts))


def _raised(said: Assessment, load: Finding) -> Assessment:
    whole = load.assessment
    group, sites = whole.evidence["group"], len(whole.evidence["members"])
    of = group["name"] if group["by"] == Bond.OWNER.value else f"neighbours within {REACH_KM:.0f} km of {group['name']}"
    fact = (
        f"It is part of the coordinated load {load.id} over {sites} sites of {of}, which looks like training "
        f"({100 * whole.training_probability:.0f} %): it began with it, and is of its size here. By its own look alone "
        "it would be a question."
    )
    named = {
        "finding": load.id,
        "group": dict(group),
        "sites": sites,
        "training_probability": whole.training_probability,
        "own_verdict": said.verdict.value,
    }
    return replace(
        said,
        verdict=whole.verdict,
        evidence={**said.evidence, PART_OF: named},
        facts=(fact, *without_not_yet(said.facts)),
    )
