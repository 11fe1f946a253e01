"""Gaps: what wasn't seen is bounded by what the site could have drawn, never in the operator's favour."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection.watch_days import HOURS, PAUSE_HOUR, hour_at, lane_day, noise, watch_day, with_run

from pausewatch.detection.gaps import Gap, gaps, runs
from pausewatch.findings.assess import assess
from pausewatch.findings.model import DayStatus, Kind, Verdict
from pausewatch.findings.quantities import free_capacity_mw
from pausewatch.findings.unseen import gap_findings
from pausewatch.telemetry.panel import METERED, Lane

BOTH = {Lane.UTILITY: True, Lane.IT_LOAD: True}


def silent(lane: Lane, start: int, end: int, seed: int = 1):
    residual = noise(seed=seed)
    residual[start:end] = np.nan
    return lane_day(lane, residual)


def blind_day(start: int, end: int):
    return watch_day(utility=silent(Lane.UTILITY, start, end), it_load=silent(Lane.IT_LOAD, start, end, seed=2))


def test_runs_are_joined_over_short_breaks_and_short_ones_left_out():
    marked = np.zeros(60, dtype=np.bool_)
    marked[5:15] = marked[17:30] = marked[50:53] = True
    assert runs(marked, 5) == [(5, 15), (17, 30)]
    assert runs(marked, 5, bridge=2) == [(5, 30)]
    assert runs(np.ones(7, dtype=np.bool_), 7) == [(0, 7)]
    assert runs(np.zeros(0, dtype=np.bool_), 1) == []


def test_lanes_that_went_blind_together_are_one_gap():
    load = noise()
    one, other = load.copy(), load.copy()
    one[1000:1100] = other[1003:1098] = np.nan
    assert gaps({Lane.UTILITY: one, Lane.IT_LOAD: other}, BOTH, 0) == [Gap((Lane.UTILITY, Lane.IT_LOAD), 1000, 1100)]
    other = load.copy()
    other[1030:1100] = np.nan
    assert len(gaps({Lane.UTILITY: one, Lane.IT_LOAD: other}, BOTH, 0)) == 2


def test_less_than_a_day_is_no_gap_and_one_that_lasts_has_no_end():
    load = noise()
    load[500:523] = np.nan
    load[HOURS - 24 :] = np.nan
    assert gaps({Lane.UTILITY: load, Lane.IT_LOAD: noise()}, BOTH, 0) == [Gap((Lane.UTILITY,), HOURS - 24, None)]
    assert gaps({Lane.UTILITY: load, Lane.IT_LOAD: noise()}, {Lane.UTILITY: False, Lane.IT_LOAD: True}, 0) == []


def test_a_site_that_nobody_saw_could_have_drawn_all_it_has_free():
    start, end = HOURS - 24 * 10, HOURS - 24 * 5
    (gap,) = gap_findings(blind_day(start, end))
    assert gap.kind is Kind.TELEMETRY_GAP
    assert gap.verdict is Verdict.CANNOT_CONCLUDE
    assert (gap.start, gap.end) == (hour_at(start), hour_at(end))
    assert gap.excess_mw.low == 0.0
    assert gap.excess_mw.high >= 40.0 - 20.0  # IT capacity less what is expected of it
    assert gap.excess_mw.low <= gap.excess_mw.estimate <= gap.excess_mw.high
    assert gap.energy_mwh.high == pytest.approx(gap.excess_mw.high * 120)
    assert gap.flop.high > gap.flop.estimate >= gap.flop.low == 0.0
    assert gap.evidence["saw_nothing_else"]
    assert sum(h.probability for h in gap.hypotheses) == pytest.approx(1.0)


@pytest.mark.parametrize("silent_lane", METERED)
def test_what_another_meter_saw_is_not_bounded_by_capacity(silent_lane):
    day = watch_day(**{silent_lane.value: silent(silent_lane, HOURS - 60, HOURS)})
    (gap,) = gap_findings(day)
    assert gap.verdict is Verdict.UNEXPLAINED
    assert gap.excess_mw.high == 0.0
    assert not gap.evidence["saw_nothing_else"]
    assert gap.end is None


def test_with_one_meter_its_silence_is_all_there_is():
    day = watch_day(
        utility=silent(Lane.UTILITY, HOURS - 60, HOURS), it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False)
    )
    (gap,) = gap_findings(day)
    assert gap.verdict is Verdict.CANNOT_CONCLUDE
    # The utility's meter tells the IT load only within the PUE: the free capacity is taken at its most.
    assert gap.excess_mw.high >= 40.0 - 24.0 / 1.2


def test_without_a_baseline_all_the_capacity_is_free():
    start = HOURS - 60
    blank = noise()
    blank[start:] = np.nan
    refused = lane_day(Lane.UTILITY, blank, refusals=("10 days of history are too few",))
    day = watch_day(utility=refused, it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False))
    assert free_capacity_mw(day) == 40.0
    (gap,) = gap_findings(day)
    assert gap.excess_mw.high == 40.0
    assert np.isfinite(gap.energy_mwh.estimate)


@pytest.mark.parametrize("hours", [24, 48, 200, 900])
def test_a_longer_silence_never_bounds_less(hours):
    end = HOURS - 24
    short, long = (gap_findings(blind_day(end - h, end))[0] for h in (hours, hours + 24))
    assert long.energy_mwh.high > short.energy_mwh.high
    assert long.excess_mw.high >= short.excess_mw.high - 1e-9


def test_silence_at_the_start_of_the_pause_or_of_a_run_is_less_innocent():
    (ordinary,) = gap_findings(blind_day(PAUSE_HOUR + 300, PAUSE_HOUR + 360))
    (at_start,) = gap_findings(blind_day(PAUSE_HOUR - 10, PAUSE_HOUR + 40))
    assert at_start.training_probability > ordinary.training_probability
    run = with_run(6_000.0, start=PAUSE_HOUR + 350)
    residual = run.residual_kw.copy()
    residual[PAUSE_HOUR + 300 : PAUSE_HOUR + 350] = np.nan
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, residual, run.episodes))
    (before_run,) = gap_findings(day)
    assert before_run.evidence["at_edge"]


def test_silence_before_the_pause_is_nobodys_business():
    assert gap_findings(blind_day(PAUSE_HOUR - 200, PAUSE_HOUR - 100)) == []


def test_a_day_without_eyes_is_never_consistent():
    for start in (HOURS - 24, HOURS - 12, HOURS - 7):
        said, _ = assess(blind_day(start, HOURS))
        assert said.status is DayStatus.CANNOT_CONCLUDE, start
        assert said.coverage < 0.75


def stepped(start: int, end: int, size_kw: float, seed: int = 1):
    residual = noise(seed=seed)
    residual[start:end] = np.nan
    residual[end:] += size_kw
    return residual


@pytest.mark.parametrize("size_kw", [600.0, -600.0])
def test_silence_from_which_the_load_comes_back_changed_is_evidence(size_kw):
    start, end = HOURS - 24 * 10, HOURS - 24 * 7
    day = watch_day(
        utility=lane_day(Lane.UTILITY, stepped(start, end, 1.2 * size_kw)),
        it_load=lane_day(Lane.IT_LOAD, stepped(start, end, size_kw, seed=2)),
    )
    (gap,) = gap_findings(day)
    (plain,) = gap_findings(blind_day(start, end))
    assert (plain.verdict, plain.evidence["hides_a_step"]) == (Verdict.CANNOT_CONCLUDE, False)
    assert (gap.verdict, gap.evidence["hides_a_step"]) == (Verdict.UNEXPLAINED, True)
    assert gap.evidence["steps"]["it_load"]["unaccounted_kw"] == pytest.approx(size_kw, abs=60.0)
    assert any(f"MW {'more' if size_kw > 0 else 'less'} than hour" in fact for fact in gap.facts)
    assert (gap.training_probability > plain.training_probability) == (size_kw > 0)


def test_a_step_beside_one_silent_meter_is_told_too():
    start, end = HOURS - 24 * 10, HOURS - 24 * 7
    (gap,) = gap_findings(watch_day(it_load=lane_day(Lane.IT_LOAD, stepped(start, end, 900.0))))
    assert gap.verdict is Verdict.UNEXPLAINED
    assert gap.evidence["steps"]["it_load"]["is_clear"]


def test_an_episode_that_begins_or_ends_in_a_silence_is_told():
    start = PAUSE_HOUR + 24 * 20
    for begin, end, words in ((start + 24, None, "began"), (start - 24 * 9, start + 24, "ended")):
        run = with_run(900.0, start=begin, end=end)
        residual = run.residual_kw.copy()
        residual[start : start + 48] = np.nan
        day = watch_day(
            utility=silent(Lane.UTILITY, start, start + 48), it_load=lane_day(Lane.IT_LOAD, residual, run.episodes)
        )
        (gap,) = gap_findings(day)
        assert gap.evidence["hides_a_step"]
        assert any(words in fact for fact in gap.facts)


def test_a_gap_that_still_lasts_has_no_other_side():
    (gap,) = gap_findings(blind_day(HOURS - 60, HOURS))
    assert gap.evidence["steps"] == {}
    assert gap.verdict is Verdict.CANNOT_CONCLUDE
