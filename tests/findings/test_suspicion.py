"""Telemetry that was wrong speaks against a load only where it may have made it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.detection.watch_days import HOURS, PAUSE_HOUR, episode, watch_day, with_run

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.lanes import joined
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.findings.assess import assess
from pausewatch.findings.load import load_findings
from pausewatch.findings.model import DayStatus, Verdict
from pausewatch.findings.suspicion import suspect_lanes
from pausewatch.telemetry.panel import Lane

START = PAUSE_HOUR + 100
LONG = HOURS - START


def suspects(one: Contradiction, lane: Lane = Lane.IT_LOAD) -> list[Lane]:
    parts: dict[Lane, list] = {each: [] for each in Lane}
    parts[lane] = [episode(lane, START, None, 3_000.0)]
    (load,) = joined(parts[Lane.UTILITY], parts[Lane.IT_LOAD], parts[Lane.BALANCE], MarginalPue())
    return suspect_lanes(load, [one], HOURS)


@pytest.mark.parametrize(
    ("begin", "end", "is_suspect"),
    [
        (START + 120, START + 146, False),  # a day of months
        (START + 48, None, True),  # nearly all of it
        (START + 48, START + 48 + LONG // 4, True),  # a quarter
        (START - 200, START - 12, True),  # right again when the load rose
        (START + 12, START + 40, True),  # wrong from when it rose
        (START - 200, START - 100, False),  # over days before
    ],
)
def test_only_what_covers_a_load_or_its_edge_speaks_against_it(begin, end, is_suspect):
    found = suspects(Contradiction(Flaw.RESCALED, (Lane.IT_LOAD,), begin, end, 26.0))
    assert found == ([Lane.IT_LOAD] if is_suspect else [])


@pytest.mark.parametrize(("begin", "end", "is_suspect"), [(START + 12, START + 26, False), (START + 12, None, True)])
def test_a_stuck_meter_makes_no_edge_and_spoils_only_what_it_covers(begin, end, is_suspect):
    found = suspects(Contradiction(Flaw.STUCK, (Lane.IT_LOAD,), begin, end, 14.0))
    assert found == ([Lane.IT_LOAD] if is_suspect else [])


def test_a_wrong_clock_leaves_levels_as_they_are_and_spoils_the_balance():
    clock = Contradiction(Flaw.CLOCK_SHIFTED, (Lane.IT_LOAD,), START, None, 53.0)
    assert suspects(clock) == []
    assert suspects(clock, Lane.BALANCE) == [Lane.BALANCE]


def test_a_wrong_clock_is_a_question_and_the_day_is_concluded_all_the_same():
    day = watch_day()
    clock = Contradiction(Flaw.CLOCK_SHIFTED, (Lane.IT_LOAD,), PAUSE_HOUR + 10, None, 53.0)
    scale = Contradiction(Flaw.RESCALED, (Lane.IT_LOAD,), PAUSE_HOUR + 10, None, 0.5)
    for one, verdict, status in (
        (clock, Verdict.UNEXPLAINED, DayStatus.CONSISTENT),
        (scale, Verdict.CANNOT_CONCLUDE, DayStatus.CANNOT_CONCLUDE),
    ):
        said, found = assess(replace(day, contradictions=(one,)))
        assert [f.verdict for f in found] == [verdict]
        assert said.status is status


def test_the_other_meter_is_believed():
    assert suspects(Contradiction(Flaw.RESCALED, (Lane.IT_LOAD,), START, None, 0.5), Lane.UTILITY) == []


def test_a_load_that_came_with_a_meter_going_right_again_is_no_alarm():
    day = watch_day(it_load=with_run(6_000.0, start=START), utility=with_run(7_200.0, start=START, lane=Lane.UTILITY))
    (alone,) = load_findings(day, [])
    assert alone.verdict is Verdict.TRAINING_LIKE
    wrong = [Contradiction(Flaw.RESCALED, (Lane.IT_LOAD, Lane.UTILITY), START - 300, START, 0.001)]
    (found,) = load_findings(day, wrong)
    assert found.verdict is Verdict.CANNOT_CONCLUDE
