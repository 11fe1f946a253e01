"""Matching: a declaration accounts for what it spoke of beforehand, and for no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.builders import declaration_data
from tests.detection.watch_days import PAUSE_HOUR, a_pause, hour_at, metered_site
from tests.signatures.test_rule import LAUNCH, RUN

from pausewatch.findings.matching import accounting, ended_training, matches
from pausewatch.findings.model import Bounds

BEGIN, END = hour_at(PAUSE_HOUR + 100), hour_at(PAUSE_HOUR + 400)
SIZE = Bounds(6.0, 5.5, 6.5)
PAUSE = a_pause()


def declared(features=RUN, size=SIZE, **more):
    """Return the judgement on one declaration of science that fits, changed as asked."""
    data = {
        "activity": "science",
        "start": BEGIN.isoformat(),
        "end": END.isoformat(),
        "expected_mw": 6.0,
        "filed_at": (BEGIN - timedelta(days=3)).isoformat(),
        **more,
    }
    return matches(metered_site(declarations=[declaration_data(**data)]), BEGIN, END, size, features, PAUSE)


def test_what_was_filed_beforehand_with_its_time_and_size_accounts_for_a_load():
    (match,) = declared()
    assert match.accounts
    assert not match.exceeds
    assert match.objection == ""
    assert accounting([match]) is match


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"filed_at": (BEGIN + timedelta(hours=2)).isoformat()}, "after the load had begun"),
        (
            {
                "start": (BEGIN + timedelta(hours=30)).isoformat(),
                "filed_at": (BEGIN + timedelta(hours=20)).isoformat(),
            },
            "after the load had begun",
        ),
        ({"start": (BEGIN + timedelta(hours=40)).isoformat()}, "begins only on"),
        ({"end": (END - timedelta(hours=40)).isoformat()}, "the load did not"),
        ({"expected_mw": None}, "no expected load"),
        ({"expected_mw": 4.0}, "states 4 MW"),
        ({"activity": "demand_response"}, "lowers load"),
        ({"activity": "inference"}, "inference follows"),
        ({"activity": "training"}, "forbids"),
    ],
)
def test_what_does_not_fit_is_matched_with_an_objection(change, objection):
    (match,) = declared(**change)
    assert not match.accounts
    assert objection in match.objection
    assert accounting([match]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"start": (BEGIN + timedelta(hours=30)).isoformat()},
        {"end": (END - timedelta(hours=30)).isoformat()},
        {"end": None},
        {"expected_mw": 5.6},
        {"expected_mw": 40.0},
        # The load is dated some hours before the declared start, and the notice lies between.
        {
            "start": (BEGIN + timedelta(hours=4)).isoformat(),
            "filed_at": (BEGIN + timedelta(hours=3)).isoformat(),
        },
    ],
)
def test_clocks_ramps_and_meter_errors_are_forgiven(change):
    assert declared(**change)[0].accounts


def test_only_what_is_surely_larger_exceeds():
    assert declared(size=Bounds(10.0, 9.0, 11.0))[0].exceeds
    assert not declared(size=Bounds(10.0, 5.0, 15.0))[0].exceeds
    assert not declared(size=Bounds(7.0, 6.5, 7.5))[0].exceeds  # by a sixth only


def test_inference_that_moves_with_the_day_is_believed():
    assert declared(LAUNCH, activity="inference")[0].accounts
    short = replace(RUN, duration_days=2.0)
    assert declared(short, activity="inference")[0].accounts  # too short to tell


@pytest.mark.parametrize("activity", ["maintenance", "commissioning"])
def test_works_do_not_draw_load_for_weeks(activity):
    assert declared(activity=activity)[0].accounts
    assert "rarely draws" in declared(replace(RUN, duration_days=20.0), activity=activity)[0].objection


def test_a_declaration_of_another_time_does_not_speak_of_it():
    assert declared(start=(END + timedelta(days=1)).isoformat(), end=None) == []
    earlier = {
        "start": (BEGIN - timedelta(days=9)).isoformat(),
        "end": (BEGIN - timedelta(days=1)).isoformat(),
        "filed_at": (BEGIN - timedelta(days=20)).isoformat(),
    }
    assert declared(**earlier) == []


def test_training_that_ended_with_the_pause_accounts_for_nothing():
    before = (hour_at(PAUSE_HOUR) - timedelta(days=40)).isoformat()
    assert declared(activity="training", start=before, end=hour_at(PAUSE_HOUR).isoformat(), filed_at=before) == []


def test_those_that_account_for_it_come_first():
    good = declaration_data(
        id="z-good",
        activity="science",
        start=BEGIN.isoformat(),
        end=END.isoformat(),
        expected_mw=6,
        filed_at=(BEGIN - timedelta(days=1)).isoformat(),
    )
    site = metered_site(declarations=[{**good, "id": "a-bad", "expected_mw": 1}, good])
    assert [m.declaration.id for m in matches(site, BEGIN, END, SIZE, RUN, PAUSE)] == ["z-good", "a-bad"]


@pytest.mark.parametrize(
    ("begin", "end_of_training", "is_ended"),
    [
        (0, 0, True),
        (20, 0, True),
        (-30, 0, True),
        (0, None, True),
        (0, -48, True),
        (0, -24 * 5, False),  # it was declared to have stopped well before
        (72, 0, False),  # something that began days into the pause is not what did not stop
    ],
)
def test_training_declared_up_to_the_pause_is_missed_when_it_does_not_come_down(begin, end_of_training, is_ended):
    end = None if end_of_training is None else hour_at(PAUSE_HOUR + end_of_training).isoformat()
    training = declaration_data(start=hour_at(100).isoformat(), end=end, filed_at=hour_at(0).isoformat())
    site = metered_site(declarations=[training])
    assert bool(ended_training(site, PAUSE, hour_at(PAUSE_HOUR + begin))) == is_ended
