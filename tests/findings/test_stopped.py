"""A stop of load older than the reference is a question, sized from the pause's start, and never more than that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.builders import declaration_data
from tests.detection.watch_days import HOURS, PAUSE_HOUR, episode, hour_at, lane_day, metered_site, noise, watch_day

from pausewatch.detection.stops import Stop
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Kind, Verdict
from pausewatch.telemetry.panel import Lane

AT = PAUSE_HOUR + 20 * 24


def lane_with_stop(lane: Lane, size_kw: float, *, seed: int = 3, shows: bool = True, shape=1.0):
    residual = noise(HOURS, seed=seed)
    missing = np.zeros(HOURS)
    missing[AT:] = size_kw
    residual = residual - missing * shape
    view = lane_day(lane, residual)
    return replace(view, stops=(Stop(lane.value, AT, size_kw, 40.0, -size_kw, 4.0),)) if shows else view


def found(size_kw: float = 6_000.0, declarations=(), *, at_it: bool = True, shape=1.0):
    day = watch_day(
        it_load=lane_with_stop(Lane.IT_LOAD, size_kw if at_it else 0.0, shows=at_it, shape=shape),
        utility=lane_with_stop(Lane.UTILITY, 1.2 * size_kw, seed=4, shape=shape),
        site=metered_site(declarations=list(declarations)),
    )
    return [a for a in assess(day)[1] if a.kind is Kind.SUSTAINED_LOAD]


def test_a_stop_is_an_open_question_with_its_energy_since_the_pause_began():
    (one,) = found()
    assert (one.kind, one.verdict) == (Kind.SUSTAINED_LOAD, Verdict.UNEXPLAINED)
    assert (one.start, one.end) == (hour_at(PAUSE_HOUR), hour_at(AT))
    assert one.excess_mw.estimate == pytest.approx(6.0, rel=0.02)
    assert one.energy_mwh.estimate == pytest.approx(6.0 * 20 * 24, rel=0.02)
    assert one.training_probability < 0.5
    assert sum(h.probability for h in one.hypotheses) == pytest.approx(1.0)
    assert "since before the reference" in one.facts[0]
    assert "it was flat" in one.facts[0]


@pytest.mark.parametrize(("known_kw", "is_asked"), [(5_000.0, False), (1_000.0, True)])
def test_the_end_of_load_that_a_finding_tells_of_is_not_told_again(known_kw, is_asked):
    it_load = lane_with_stop(Lane.IT_LOAD, 6_000.0)
    told = replace(it_load, episodes=(episode(Lane.IT_LOAD, PAUSE_HOUR, None, known_kw),))
    day = watch_day(it_load=told, utility=lane_with_stop(Lane.UTILITY, 7_200.0, seed=4))
    assert any("stopped" in a.evidence for a in assess(day)[1]) is is_asked


def test_what_followed_the_day_says_so():
    shape = 1 + 0.4 * np.cos(2 * np.pi * np.arange(HOURS) / 24)
    (one,) = found(shape=shape)
    assert "followed the hour of the day" in one.facts[0]
    flat = found()[0]
    assert one.training_probability < flat.training_probability


def test_a_small_stop_is_not_asked_about():
    assert found(size_kw=1_000.0) == []


def test_a_fall_the_it_meter_does_not_show_is_none():
    assert found(at_it=False) == []


@pytest.mark.parametrize(
    ("activity", "change", "verdict"),
    [
        ("maintenance", {}, Verdict.EXPLAINED),
        ("maintenance", {"end": hour_at(AT + 48).isoformat()}, Verdict.UNEXPLAINED),
        ("maintenance", {"filed_at": hour_at(AT + 100).isoformat()}, Verdict.UNEXPLAINED),
        ("inference", {}, Verdict.UNEXPLAINED),
    ],
)
def test_declared_works_explain_it_while_they_last(activity, change, verdict):
    data = declaration_data(
        activity=activity,
        **{
            "start": hour_at(AT).isoformat(),
            "end": hour_at(HOURS + 240).isoformat(),
            "filed_at": hour_at(AT - 100).isoformat(),
            **change,
        },
    )
    (one,) = found(declarations=[data])
    assert one.verdict is verdict


def declared_training(mw: float = 6.5, end_hour: int = PAUSE_HOUR):
    return declaration_data(
        activity="training",
        expected_mw=mw,
        start=hour_at(PAUSE_HOUR - 600).isoformat(),
        end=hour_at(end_hour).isoformat(),
        filed_at=hour_at(PAUSE_HOUR - 700).isoformat(),
    )


def asked(declarations, *, fell_at_pause: bool = False, at: int = AT):
    """Return what is said of a site whose load of 6 MW stops days into the pause, or also when it began."""
    lanes = {}
    for lane, size in ((Lane.IT_LOAD, 6_000.0), (Lane.UTILITY, 7_200.0)):
        view = lane_with_stop(lane, size)
        if fell_at_pause:
            observed = view.observed_kw.copy()
            observed[:PAUSE_HOUR] += size
            view = replace(view, observed_kw=observed)
        lanes[lane.value] = replace(view, stops=(replace(view.stops[0], hour=at),))
    return assess(watch_day(**lanes, site=metered_site(declarations=declarations)))[1]


def test_declared_training_that_stops_days_into_the_pause_did_not_stop_when_it_had_to():
    (one,) = asked([declared_training()])
    assert (one.kind, one.verdict) == (Kind.MISSING_STEP_DOWN, Verdict.TRAINING_LIKE)
    assert one.declaration_ids
    assert "declared up to the pause" in one.facts[1]
    assert one.evidence["circumstances"]["did_not_step_down"]


def test_training_that_a_load_is_already_said_to_be_the_rest_of_is_not_told_again_by_the_stop_of_another():
    lanes = {
        lane.value: replace(lane_with_stop(lane, size), episodes=(episode(lane, PAUSE_HOUR, None, size / 3),))
        for lane, size in ((Lane.IT_LOAD, 6_000.0), (Lane.UTILITY, 7_200.0))
    }
    said = assess(watch_day(**lanes, site=metered_site(declarations=[declared_training()])))[1]
    assert [a.kind for a in said if a.declaration_ids] == [Kind.MISSING_STEP_DOWN]
    assert "stopped" not in next(a for a in said if a.declaration_ids).evidence


@pytest.mark.parametrize(
    ("declarations", "more"),
    [
        ([declared_training()], {"fell_at_pause": True}),
        ([declared_training(20.0)], {}),
        ([declared_training()], {"at": PAUSE_HOUR + 24}),
        ([declared_training(end_hour=PAUSE_HOUR - 240)], {}),
    ],
    ids=["came-down-then", "another-size", "a-day-late", "ended-long-before"],
)
def test_another_load_that_stops_is_not_the_declared_training(declarations, more):
    said = [a for a in asked(declarations, **more) if "stopped" in a.evidence]
    assert [(a.kind, a.verdict) for a in said] == [(Kind.SUSTAINED_LOAD, Verdict.UNEXPLAINED)]
