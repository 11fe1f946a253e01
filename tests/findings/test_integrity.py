"""Telemetry that contradicts itself, the other meter or chance: found, dated, and never taken as measured."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection.watch_days import HOURS, PAUSE_HOUR, hour_at, lane_day, noise, watch_day, with_run

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.integrity.copies import copied_spans
from pausewatch.detection.integrity.it_above_site import it_above_site
from pausewatch.detection.integrity.stuck import stuck_spans
from pausewatch.findings.assess import assess
from pausewatch.findings.model import DayStatus, Kind, Verdict
from pausewatch.findings.trust import contradictions
from pausewatch.telemetry.panel import METERED, Lane

LOAD = noise(sd_kw=300.0, seed=11) + 20_000.0
FROM, LATE = PAUSE_HOUR + 50, PAUSE_HOUR + 300


def replayed(start: int, end: int, days: int = 7, load: np.ndarray = LOAD) -> np.ndarray:
    out = load.copy()
    out[start:end] = out[start - 24 * days : end - 24 * days]
    return out


def test_load_never_repeats_itself():
    assert copied_spans(Lane.IT_LOAD, LOAD, 0) == []


@pytest.mark.parametrize("days", [1, 7, 28, 35])
def test_a_week_played_back_is_found_and_dated(days):
    (copy,) = copied_spans(Lane.IT_LOAD, replayed(LATE, LATE + 24 * min(days, 7), days), 0)
    assert copy == Contradiction(Flaw.COPIED, (Lane.IT_LOAD,), LATE, LATE + 24 * min(days, 7), float(days))


def test_a_playback_that_goes_on_has_no_end():
    (copy,) = copied_spans(Lane.IT_LOAD, replayed(HOURS - 30, HOURS), 0)
    assert (copy.start_hour, copy.end_hour) == (HOURS - 30, None)


def test_a_week_played_back_again_and_again_is_one_copy():
    load = LOAD.copy()
    for at in range(FROM, FROM + 21 * 24):
        load[at] = load[at - 7 * 24]
    (copy,) = copied_spans(Lane.IT_LOAD, load, 0)
    assert (copy.start_hour, copy.end_hour, copy.detail) == (FROM, FROM + 21 * 24, 7.0)


def test_missing_hours_do_not_hide_a_copy():
    load = replayed(FROM, FROM + 96)
    load[FROM + 30 : FROM + 33] = np.nan
    (copy,) = copied_spans(Lane.IT_LOAD, load, 0)
    assert (copy.start_hour, copy.end_hour) == (FROM, FROM + 96)


def test_a_few_equal_hours_are_chance():
    load = np.round(LOAD / 50) * 50  # a coarse meter says the same again and again
    assert copied_spans(Lane.IT_LOAD, load, 0) == []
    assert copied_spans(Lane.IT_LOAD, replayed(FROM, FROM + 12), 0) == []


@pytest.mark.parametrize("load", [np.full(HOURS, 5_000.0), np.full(HOURS, np.nan), np.zeros(HOURS), LOAD[:30]])
def test_a_constant_or_unseen_load_is_no_copy(load):
    assert copied_spans(Lane.IT_LOAD, load, 0) == []


def test_a_copy_from_before_the_span_asked_for_is_not_told_again():
    assert copied_spans(Lane.IT_LOAD, replayed(PAUSE_HOUR - 100, PAUSE_HOUR - 50), PAUSE_HOUR) == []


def test_half_a_day_of_one_value_is_stuck_and_a_spike_is_not():
    screened = np.zeros(200, dtype=np.bool_)
    screened[50] = True
    screened[100:140] = True
    (one,) = stuck_spans(Lane.UTILITY, screened, 0)
    assert (one.start_hour, one.end_hour, one.detail) == (100, 140, 40.0)
    assert stuck_spans(Lane.UTILITY, np.arange(200) % 11 == 0, 0) == []
    screened[120:130] = False
    (one,) = stuck_spans(Lane.UTILITY, screened, 0)
    assert (one.start_hour, one.end_hour) == (100, 140)
    screened[180:] = True
    assert stuck_spans(Lane.UTILITY, screened, 0)[-1].end_hour is None
    assert len(stuck_spans(Lane.UTILITY, screened, 150)) == 1


def test_racks_that_draw_more_than_the_site_are_wrong_and_a_class_error_is_not():
    site = np.full(500, 10_000.0)
    assert it_above_site(np.full(500, 10_150.0), site, 0) == []
    load = np.where((np.arange(500) >= 100) & (np.arange(500) < 200), 15_000.0, 8_000.0)
    (one,) = it_above_site(load, site, 0)
    assert (one.start_hour, one.end_hour, one.detail) == (100, 200, 1.5)
    assert set(one.lanes) == set(METERED)
    load[:] = np.nan
    assert it_above_site(load, site, 0) == []


def stuck_day(lane: Lane, start: int = HOURS - 48):
    """Return a site at which a lane's meter hangs up to now."""
    screened = np.zeros(HOURS, dtype=np.bool_)
    screened[start:] = True
    residual = np.where(screened, np.nan, noise(seed=1))
    return watch_day(**{lane.value: lane_day(lane, residual)}, screened={lane: screened})


@pytest.mark.parametrize("lane", METERED)
def test_a_stuck_meter_is_a_finding_and_its_day_is_not_consistent(lane):
    said, found = assess(stuck_day(lane))
    (finding,) = [a for a in found if a.kind is Kind.TELEMETRY_INTEGRITY]
    assert finding.verdict is Verdict.CANNOT_CONCLUDE
    assert finding.start == hour_at(HOURS - 48)
    assert finding.end is None
    assert finding.evidence["flaw"] == "stuck"
    assert finding.evidence["lane"] == lane.value
    assert sum(h.probability for h in finding.hypotheses) == pytest.approx(1.0)
    assert said.status is DayStatus.CANNOT_CONCLUDE
    assert said.reasons


def test_a_replayed_week_makes_the_day_cannot_conclude_and_is_remembered_when_it_is_over():
    for end, status in ((HOURS, DayStatus.CANNOT_CONCLUDE), (HOURS - 100, DayStatus.CONSISTENT)):
        residual = replayed(end - 24 * 7, end, load=noise(seed=2))
        said, found = assess(watch_day(it_load=lane_day(Lane.IT_LOAD, residual)))
        (finding,) = [a for a in found if a.kind is Kind.TELEMETRY_INTEGRITY]
        assert finding.evidence["flaw"] == "copied"
        assert finding.start == hour_at(end - 24 * 7)
        assert (finding.end is None) == (end == HOURS)
        assert finding.training_probability > 0.5
        assert said.status is status


def test_it_above_utility_is_a_finding_on_both_meters():
    it_load = noise(seed=2)
    it_load[HOURS - 40 :] += 10_000.0
    said, found = assess(watch_day(it_load=lane_day(Lane.IT_LOAD, it_load)))
    (finding,) = [a for a in found if a.evidence.get("flaw") == "it_above_site"]
    assert finding.evidence["lane"] == "it_load+utility"
    assert finding.evidence["meters"] == ["utility", "it"]
    assert said.status is not DayStatus.CONSISTENT


def test_a_run_on_a_meter_that_contradicts_itself_is_not_taken_as_measured():
    run = with_run(900.0, start=FROM)
    residual = replayed(FROM + 24, HOURS, load=run.residual_kw)
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, residual, run.episodes))
    _, found = assess(day)
    load = next(a for a in found if a.kind is Kind.SUSTAINED_LOAD)
    assert load.evidence["suspect_lanes"] == ["it_load"]
    assert load.verdict is not Verdict.EXPLAINED


def test_a_meter_a_site_does_not_have_contradicts_nothing():
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False))
    assert contradictions(day) == []
