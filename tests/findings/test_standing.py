"""Declared training that no fall ended is asked about though no test found an edge; one that came down is not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.builders import declaration_data
from tests.detection.watch_days import HOURS, PAUSE_HOUR, episode, hour_at, lane_day, metered_site, noise, watch_day

from pausewatch.findings.assess import assess
from pausewatch.findings.model import Kind, Verdict
from pausewatch.telemetry.panel import Lane

MW, PUE = 6.0, 1.2


def declared(**more):
    return declaration_data(
        **{
            "activity": "training",
            "expected_mw": MW,
            "start": hour_at(PAUSE_HOUR - 1400).isoformat(),
            "end": hour_at(PAUSE_HOUR).isoformat(),
            "filed_at": hour_at(PAUSE_HOUR - 1500).isoformat(),
            **more,
        }
    )


def said(load_mw, *, hours: int = HOURS, declarations=None, it_only_mw=None, known=None):
    """Return what is said of a site above whose expected load so many MW stand at each hour; no test found anything."""
    lanes = {}
    for lane, factor, seed in ((Lane.IT_LOAD, 1.0, 3), (Lane.UTILITY, PUE, 4)):
        mw = it_only_mw if it_only_mw is not None and lane is Lane.UTILITY else load_mw
        residual = (noise(HOURS, seed=seed) + 1e3 * factor * np.asarray(mw))[:hours]
        lanes[lane.value] = lane_day(lane, residual, () if known is None else (episode(lane, known, None, 5_000.0),))
    return assess(watch_day(**lanes, site=metered_site(declarations=declarations or [declared()])))[1]


def until(hour: int, mw: float = MW):
    return np.where(np.arange(HOURS) < hour, mw, 0.0)


def test_training_that_stands_after_the_pause_began_is_asked_about_from_the_pause_on():
    (one,) = said(until(HOURS))
    assert (one.kind, one.verdict) == (Kind.MISSING_STEP_DOWN, Verdict.TRAINING_LIKE)
    assert (one.start, one.end) == (hour_at(PAUSE_HOUR), None)
    assert one.excess_mw.estimate == pytest.approx(MW, rel=0.05)
    assert one.declaration_ids
    assert {told["test"] for told in one.evidence["lanes"].values()} == {"no_step_down"}
    assert any("not as much came down" in fact for fact in one.facts)


def test_its_end_is_dated_and_the_stop_is_not_told_twice():
    (one,) = said(until(PAUSE_HOUR + 15 * 24))
    assert one.kind is Kind.MISSING_STEP_DOWN
    assert one.end == hour_at(PAUSE_HOUR + 15 * 24)
    assert one.energy_mwh.low <= MW * 15 * 24 <= one.energy_mwh.high


@pytest.mark.parametrize("stands", [0.6, 1.8])
def test_where_what_stands_and_what_was_declared_differ_the_interval_holds_both(stands):
    (one,) = said(until(HOURS, stands * MW))
    assert one.excess_mw.estimate == pytest.approx(stands * MW, rel=0.05)
    assert one.excess_mw.low <= MW <= one.excess_mw.high


@pytest.mark.parametrize(
    "load_mw",
    [
        until(PAUSE_HOUR),
        until(PAUSE_HOUR - 9 * 24),
        np.interp(np.arange(HOURS), [PAUSE_HOUR - 500, PAUSE_HOUR], [MW, 0.0]),
        until(HOURS, 0.0),
        until(HOURS, 0.3 * MW),
        # Training came down; something smaller stays.
        until(PAUSE_HOUR) + 0.4 * MW,
    ],
    ids=["at-the-pause", "days-before", "wound-down", "never-ran", "too-small", "part-of-it-stays"],
)
def test_training_that_came_down_or_never_ran_is_not_asked_about(load_mw):
    assert said(load_mw) == []


@pytest.mark.parametrize(
    ("declaration", "more"),
    [
        (declared(end=hour_at(PAUSE_HOUR - 240).isoformat()), {}),
        (declared(start=hour_at(PAUSE_HOUR - 100).isoformat()), {}),
        (declared(activity="science"), {}),
        (declared(expected_mw=None), {}),
        (declared(expected_mw=0.0), {}),
        (declared(), {"hours": PAUSE_HOUR + 24}),
        (declared(), {"it_only_mw": until(PAUSE_HOUR)}),
    ],
    ids=["ended-before", "just-begun", "other-work", "no-size", "nothing", "a-day-in", "meters-disagree"],
)
def test_where_an_absence_says_nothing_nothing_is_said(declaration, more):
    kinds = {a.kind for a in said(until(HOURS), declarations=[declaration], **more)}
    assert Kind.MISSING_STEP_DOWN not in kinds


def test_an_hour_without_an_expectation_where_the_pause_begins_leaves_its_size_known():
    view = lane_day(Lane.IT_LOAD, noise(HOURS, seed=3) + 1e3 * MW)
    view.expected.mean_kw[0, PAUSE_HOUR] = view.expected.level_sd_kw[0, PAUSE_HOUR] = np.nan
    site = metered_site(utility=False, declarations=[declared()])
    no_utility = lane_day(Lane.UTILITY, noise(HOURS), has_meter=False)
    (one,) = assess(watch_day(it_load=view, utility=no_utility, site=site))[1]
    assert 0 < one.excess_mw.low < MW < one.excess_mw.high
    assert np.isfinite(one.evidence["lanes"]["it_load"]["statistic_over_threshold"])


def test_what_the_tests_found_from_the_pauses_start_on_is_not_told_again():
    (one,) = said(until(HOURS), known=PAUSE_HOUR + 5)
    assert {told["test"] for told in one.evidence["lanes"].values()} == {"page_glr_step"}
