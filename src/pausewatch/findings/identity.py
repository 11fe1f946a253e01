"""Which known finding an assessment is about, and the readable ids of new ones.

An assessment continues a known finding of the same site and kind family when their time spans overlap or lie within
48 h of each other. The pair with the largest overlap is matched first (ties: the nearest start), one to one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from pausewatch.findings.documents import assessment_document, dump
from pausewatch.findings.model import EXTRA_LOAD, Assessment, Finding, Kind

MAX_GAP = timedelta(hours=48)
CODES = {
    Kind.SUSTAINED_LOAD: "sl",
    Kind.MISSING_STEP_DOWN: "ms",
    Kind.SLOW_DRIFT: "sd",
    Kind.UNACCOUNTED_ENERGY: "ue",
    Kind.TELEMETRY_GAP: "tg",
    Kind.TELEMETRY_INTEGRITY: "ti",
    Kind.DECLARATION_EXCEEDED: "de",
    Kind.COORDINATED_LOAD: "cl",
}
_ABOUT_METERS = frozenset({Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY})


class _Pair(NamedTuple):
    """A possible match; pairs sort best first, by facts only, so that the order of the input can't matter."""

    minus_overlap_s: float
    start_distance_s: float
    is_other_kind: bool
    finding_id: str
    assessment_key: str
    finding_index: int
    assessment_index: int


def family(kind: Kind) -> str:
    """Return the kind family: a finding may change its kind within it as evidence grows."""
    return "extra_load" if kind in EXTRA_LOAD else str(kind)


def match(known: Sequence[Finding], assessments: Sequence[Assessment]) -> list[str | None]:
    """Return, for each assessment, the id of the known finding it is about, or None if it is new.

    A known finding without an end goes on until now if it is open, else until the day after its last change: what was
    withdrawn long ago doesn't swallow what begins today.

    Args:
        known: findings as of the days before, of any sites.
        assessments: what one day's inspection says.
    """
    findings_at: dict[tuple[str, str], list[int]] = defaultdict(list)
    for finding_index, finding in enumerate(known):
        findings_at[finding.site_id, family(finding.assessment.kind)].append(finding_index)
    assessments_at: dict[tuple[str, str], list[int]] = defaultdict(list)
    for assessment_index, assessment in enumerate(assessments):
        assessments_at[assessment.site_id, family(assessment.kind)].append(assessment_index)
    pairs: list[_Pair] = []
    for place in findings_at.keys() & assessments_at.keys():
        pairs += _pairs(known, assessments, findings_at[place], assessments_at[place])
    matched: list[str | None] = [None] * len(assessments)
    taken: set[int] = set()
    for candidate in sorted(pairs):
        if matched[candidate.assessment_index] is None and candidate.finding_index not in taken:
            matched[candidate.assessment_index] = candidate.finding_id
            taken.add(candidate.finding_index)
    return matched


def new_ids(assessments: Sequence[Assessment], taken: Collection[str]) -> list[str]:
    """Return a readable id for each new finding: `{site_id}-{YYYYMMDD of its UTC start}-{code}`, then `-2`, `-3`.

    The ids depend on what the assessments say and not on their order.

    Args:
        assessments: assessments no known finding was matched to.
        taken: ids that are in use already.
    """
    used = set(taken)
    ids = [""] * len(assessments)
    order = list(range(len(assessments)))
    if len(order) > 1:
        order.sort(key=lambda i: (assessments[i].start, dump(assessment_document(assessments[i]), is_canonical=True)))
    for index in order:
        assessment = assessments[index]
        stem = f"{assessment.site_id}-{assessment.start.astimezone(UTC):%Y%m%d}-{CODES[assessment.kind]}"
        candidate, number = stem, 1
        while candidate in used:
            number += 1
            candidate = f"{stem}-{number}"
        used.add(candidate)
        ids[index] = candidate
    return ids


def _pairs(
    known: Sequence[Finding],
    assessments: Sequence[Assessment],
    finding_indexes: Sequence[int],
    assessment_indexes: Sequence[int],
) -> list[_Pair]:
    """Return the possible matches at one site within one kind family."""
    now_s = _latest_s([known[i] for i in finding_indexes], [assessments[i] for i in assessment_indexes])
    keys = dict.fromkeys(assessment_indexes, "")
    if len(assessment_indexes) > 1:
        keys = {i: dump(assessment_document(assessments[i]), is_canonical=True) for i in assessment_indexes}
    pairs = []
    for finding_index in finding_indexes:
        finding = known[finding_index]
        start_s, end_s = finding.assessment.start.timestamp(), _known_end_s(finding, now_s)
        for assessment_index in assessment_indexes:
            assessment = assessments[assessment_index]
            if assessment.kind in _ABOUT_METERS and not _same_meters(finding.assessment, assessment):
                continue
            other_start_s = assessment.start.timestamp()
            other_end_s = now_s if assessment.end is None else assessment.end.timestamp()
            overlap_s = min(end_s, other_end_s) - max(start_s, other_start_s)
            if overlap_s < -MAX_GAP.total_seconds():
                continue
            is_other_kind = finding.assessment.kind is not assessment.kind
            distance_s = abs(start_s - other_start_s)
            key = keys[assessment_index]
            pairs.append(_Pair(-overlap_s, distance_s, is_other_kind, finding.id, key, finding_index, assessment_index))
    return pairs


def _latest_s(known: Sequence[Finding], assessments: Sequence[Assessment]) -> float:
    """Return the latest time anything here speaks of: where spans without an end are cut to be compared."""
    spans = [finding.assessment for finding in known] + list(assessments)
    stamps = [time.timestamp() for span in spans for time in (span.start, span.end) if time is not None]
    return max(*stamps, *(_after_last_change_s(finding) for finding in known))


def _known_end_s(finding: Finding, now_s: float) -> float:
    end = finding.assessment.end
    if end is not None:
        return end.timestamp()
    return now_s if finding.is_open else _after_last_change_s(finding)


def _after_last_change_s(finding: Finding) -> float:
    """Return the end of the day after the finding's last change, UTC: a local day may end that late."""
    end = datetime.combine(finding.last_updated_on + timedelta(days=2), time.min, tzinfo=UTC)
    return max(end, finding.assessment.start).timestamp()


def _same_meters(known: Assessment, assessment: Assessment) -> bool:
    for name in ("lane", "meters"):
        if name in known.evidence and name in assessment.evidence:
            left, right = _plain_set(known.evidence[name]), _plain_set(assessment.evidence[name])
            if left != right:
                return False
    return True


def _plain_set(value: Any) -> frozenset[str]:
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return frozenset(str(item) for item in values)
