"""Assessments as documents: exact there and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.findings.register_values import NOON, assessment, at, site_day

from pausewatch.findings.documents import assessment_document, assessment_from, content_sha256, dump
from pausewatch.findings.model import Assessment, Bounds


def there_and_back(of: Assessment) -> Assessment:
    return assessment_from(json.loads(dump(assessment_document(of))))


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_are_exact(estimate: float, low: float, high: float) -> None:
    of = replace(assessment(end=at(2, 5)), flop=Bounds(estimate, low, high))
    assert there_and_back(of) == of


def test_nan_and_numpy_survive() -> None:
    of = replace(assessment(), flop=Bounds(math.nan, -math.inf, math.inf), evidence={"z": np.int64(3), "a": np.ones(2)})
    back = there_and_back(of)
    assert math.isnan(back.flop.estimate)
    assert back.evidence == {"z": 3, "a": [1.0, 1.0]}
    assert list(back.evidence) == ["z", "a"]


def test_times_are_utc_and_need_an_offset() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    back = there_and_back(assessment(start=there))
    assert back.start == NOON
    assert back.start.tzinfo is UTC
    with pytest.raises(ValueError, match="without an offset"):
        assessment_document(assessment(start=NOON.replace(tzinfo=None)))


def test_content_is_told_apart_by_what_it_says_and_not_by_order() -> None:
    one, two = assessment(evidence={"x": 1, "y": 2}), assessment(energy=3.0)
    same = content_sha256(site_day(), [one, two])
    assert content_sha256(site_day(), [two, assessment(evidence={"y": 2, "x": 1})]) == same
    assert content_sha256(site_day(), [one]) != same
    assert content_sha256(site_day(coverage=0.5), [one, two]) != same
