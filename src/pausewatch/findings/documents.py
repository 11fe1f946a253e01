"""Assessments and site days as JSON documents: exact floats, NaN included, times as UTC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pausewatch.findings.model import Assessment, Bounds, Hypothesis, Kind, SiteDay, Verdict


class JsonText(str):
    """A document that is JSON text already, so that it is not made twice."""

    __slots__ = ()


def dump(document: Any, *, is_canonical: bool = False) -> JsonText:
    """Return a document as JSON text; canonical text has its keys sorted, for comparing.

    Raises:
        TypeError: a value has no place in JSON.
    """
    if isinstance(document, JsonText):
        return document
    return JsonText(json.dumps(document, separators=(",", ":"), sort_keys=is_canonical, default=_plain))


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def assessment_document(assessment: Assessment) -> dict[str, Any]:
    """Return an assessment as a JSON document.

    Raises:
        ValueError: a time has no offset.
    """
    return {
        "site_id": assessment.site_id,
        "kind": str(assessment.kind),
        "verdict": str(assessment.verdict),
        "start": _stamp(assessment.start),
        "end": None if assessment.end is None else _stamp(assessment.end),
        "training_probability": assessment.training_probability,
        "hypotheses": [[h.name, h.probability] for h in assessment.hypotheses],
        "excess_mw": _bounds_document(assessment.excess_mw),
        "energy_mwh": _bounds_document(assessment.energy_mwh),
        "flop": _bounds_document(assessment.flop),
        "declaration_ids": list(assessment.declaration_ids),
        "evidence": dict(assessment.evidence),
        "facts": list(assessment.facts),
    }


def assessment_from(document: Mapping[str, Any]) -> Assessment:
    """Return the assessment of a document."""
    return Assessment(
        site_id=document["site_id"],
        kind=Kind(document["kind"]),
        verdict=Verdict(document["verdict"]),
        start=datetime.fromisoformat(document["start"]),
        end=None if document["end"] is None else datetime.fromisoformat(document["end"]),
        training_probability=document["training_probability"],
        hypotheses=tuple(Hypothesis(name, probability) for name, probability in document["hypotheses"]),
        excess_mw=Bounds(*document["excess_mw"]),
        energy_mwh=Bounds(*document["energy_mwh"]),
        flop=Bounds(*document["flop"]),
        declaration_ids=tuple(document["declaration_ids"]),
        evidence=document["evidence"],
        facts=tuple(document["facts"]),
    )


def content_sha256(site_day: SiteDay, assessments: Iterable[Assessment]) -> str:
    """Return the hash of what one site's inspection said; the order of its assessments doesn't matter.

    Raises:
        TypeError: a value has no place in JSON.
        ValueError: a time has no offset.
    """
    fields = [
        site_day.site_id,
        site_day.date.isoformat(),
        str(site_day.status),
        site_day.coverage,
        site_day.observed_mwh,
        site_day.expected_mwh,
        site_day.unaccounted_mwh,
        site_day.unaccounted_sd_mwh,
        site_day.detectable_mw_7d,
        site_day.detectable_flop_90d,
        list(site_day.reasons),
    ]
    texts = sorted(dump(assessment_document(assessment), is_canonical=True) for assessment in assessments)
    return text_sha256("\n".join([dump(fields), *texts]))


def _bounds_document(bounds: Bounds) -> list[float]:
    return [bounds.estimate, bounds.low, bounds.high]


def _stamp(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError(f"a time without an offset can't be recorded: {time.isoformat()}")
    return time.astimezone(UTC).isoformat()


def _plain(value: Any) -> Any:
    """Return a numpy scalar or array, or a tuple-like, as plain JSON values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} can't be kept as JSON")
