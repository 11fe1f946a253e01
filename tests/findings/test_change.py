"""What counts as a change, and as grown evidence."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.findings.register_values import NOON, assessment, at

from pausewatch.findings.change import growth, is_changed
from pausewatch.findings.model import Assessment, Bounds, Kind, Verdict

BEFORE = assessment()


@pytest.mark.parametrize(
    "after",
    [
        assessment(kind=Kind.SLOW_DRIFT),
        assessment(verdict=Verdict.TRAINING_LIKE),
        assessment(end=at(3)),
        assessment(start=NOON + timedelta(hours=1)),
        assessment(start=NOON - timedelta(hours=1)),
        assessment(energy=101.1),
        assessment(excess=4.05),
        assessment(probability=0.506),
        replace(BEFORE, excess_mw=Bounds(4.0, 1.0, 4.4)),
        replace(BEFORE, excess_mw=Bounds(math.nan, 3.6, 4.4)),
        replace(BEFORE, flop=Bounds(math.inf, math.inf, math.inf)),
        replace(BEFORE, declaration_ids=("d1",)),
    ],
)
def test_a_change_is_told(after: Assessment) -> None:
    assert is_changed(BEFORE, after)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        assessment(start=NOON + timedelta(minutes=59)),
        assessment(energy=100.9),
        assessment(excess=4.03),
        assessment(probability=0.504),
        assessment(facts=("Other words.",), evidence={"n": 3}),
    ],
)
def test_noise_is_not(after: Assessment) -> None:
    assert not is_changed(BEFORE, after)


def test_what_can_not_be_said_is_unchanged_while_it_can_not() -> None:
    unknown = replace(BEFORE, flop=Bounds(math.nan, math.nan, math.inf))
    assert not is_changed(unknown, unknown)


def test_evidence_grows_by_a_quarter_or_by_its_verdict() -> None:
    assert not growth(BEFORE, BEFORE)
    assert not growth(BEFORE, assessment(energy=125.0, excess=5.0))
    assert "excess" in growth(BEFORE, assessment(excess=5.1))
    assert "energy" in growth(BEFORE, assessment(energy=126.0))
    assert "training_like" in growth(BEFORE, assessment(verdict=Verdict.TRAINING_LIKE))
    alarm = assessment(verdict=Verdict.TRAINING_LIKE)
    assert not growth(alarm, alarm)
    nothing = assessment(excess=math.nan, energy=math.nan)
    assert growth(nothing, BEFORE)
    assert not growth(BEFORE, nothing)
