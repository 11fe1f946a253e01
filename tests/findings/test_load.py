"""Findings on load: judged by look, circumstances and declarations, sized at the IT load."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from tests.builders import declaration_data
from tests.detection.watch_days import (
    EXPECTED_KW,
    HOURS,
    PAUSE_HOUR,
    episode,
    hour_at,
    lane_day,
    metered_site,
    noise,
    watch_day,
    with_run,
)

from pausewatch.detection.plateaus import ReferenceStep
from pausewatch.findings.assess import assess
from pausewatch.findings.load import load_findings
from pausewatch.findings.model import Assessment, DayStatus, Kind, Verdict
from pausewatch.telemetry.panel import Lane

FROM = PAUSE_HOUR + 100
LOCAL = np.arange(HOURS) % 24


def both(size_kw: float, start: int = FROM, end: int | None = None, declarations=(), **more):
    """Return a site at which both meters show a load."""
    it_load = with_run(size_kw, start, end, **more)
    utility = with_run(1.2 * size_kw, start, end, lane=Lane.UTILITY, seed=4, **more)
    return watch_day(it_load=it_load, utility=utility, site=metered_site(declarations=list(declarations)))


def the_load(day) -> Assessment:
    _, found = assess(day)
    (one,) = [a for a in found if a.kind not in (Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY)]
    assert sum(h.probability for h in one.hypotheses) == pytest.approx(1.0)
    for bounds in (one.excess_mw, one.energy_mwh, one.flop):
        assert 0 <= bounds.low <= bounds.estimate <= bounds.high
    assert one.facts
    return one


def science(**more):
    data = {
        "activity": "science",
        "start": hour_at(FROM).isoformat(),
        "end": hour_at(FROM + 24 * 60).isoformat(),
        "expected_mw": 6.0,
        "filed_at": hour_at(FROM - 100).isoformat(),
        **more,
    }
    return declaration_data(**data)


def test_a_quiet_site_has_no_findings_and_a_consistent_day():
    said, found = assess(watch_day())
    assert found == []
    assert said.status is DayStatus.CONSISTENT


def test_an_undeclared_run_is_training_like_and_sized_at_the_it_load():
    one = the_load(both(6_000.0))
    assert (one.kind, one.verdict) == (Kind.SUSTAINED_LOAD, Verdict.TRAINING_LIKE)
    assert one.start == hour_at(FROM)
    assert one.end is None
    assert one.excess_mw.estimate == pytest.approx(6.0, abs=0.05)
    assert one.energy_mwh.estimate == pytest.approx(6.0 * (HOURS - FROM), rel=0.01)
    assert one.energy_mwh.low < one.energy_mwh.estimate < one.energy_mwh.high
    # About 3e-12 J a FLOP at the wall for an H100 at 35 %.
    assert 0.5 < one.flop.estimate / (one.energy_mwh.estimate * 3.6e9 / 3.0e-12) < 2.0
    assert one.declaration_ids == ()
    assert "No declaration" in " ".join(one.facts)


def test_a_run_seen_by_the_utility_alone_is_sized_within_the_pue():
    utility = with_run(7_200.0, lane=Lane.UTILITY)
    one = the_load(watch_day(utility=utility, it_load=lane_day(Lane.IT_LOAD, noise(), has_meter=False)))
    assert one.excess_mw.low < 7.2 / 1.5 + 0.2
    assert one.excess_mw.estimate == pytest.approx(6.0, abs=0.1)
    assert one.excess_mw.high > 7.2 / 1.05


def test_a_run_that_bypasses_the_it_meter_is_told_apart():
    one = the_load(watch_day(utility=with_run(7_200.0, lane=Lane.UTILITY)))
    assert one.evidence["measured_on"] == "utility"
    assert one.evidence["features"]["it_agreement"] < 0.1
    assert "bypasses the IT meter" in " ".join(one.facts)
    assert one.verdict in (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)


def test_an_episode_that_ended_before_the_pause_is_not_of_it():
    _, found = assess(both(6_000.0, start=PAUSE_HOUR - 200, end=PAUSE_HOUR - 20))
    assert found == []


def test_declared_science_is_explained_on_the_operators_word():
    one = the_load(both(6_000.0, declarations=[science()]))
    assert one.verdict is Verdict.EXPLAINED
    assert one.declaration_ids == ("d1",)
    assert one.training_probability < 0.2
    assert "operator's word" in " ".join(one.facts)


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"filed_at": hour_at(FROM + 50).isoformat()}, "after the load had begun"),
        ({"end": hour_at(FROM + 300).isoformat()}, "the load did not"),
        ({"activity": "inference"}, "inference follows the day"),
        ({"activity": "maintenance"}, "rarely draws load"),
    ],
)
def test_a_declaration_that_does_not_fit_explains_nothing(change, objection):
    one = the_load(both(6_000.0, declarations=[science(**change)]))
    assert one.verdict is not Verdict.EXPLAINED
    assert one.declaration_ids == ("d1",)
    assert objection in " ".join(one.facts)


def test_more_than_was_declared_is_a_question_of_its_own():
    shape = 1 + 0.12 * np.cos(2 * np.pi * (LOCAL - 15) / 24)
    one = the_load(both(6_000.0, declarations=[science(expected_mw=3.0)], shape=shape))
    assert one.verdict in (Verdict.UNEXPLAINED, Verdict.TRAINING_LIKE)
    assert (one.kind is Kind.DECLARATION_EXCEEDED) == (one.verdict is Verdict.UNEXPLAINED)
    flat = the_load(both(6_000.0, declarations=[science(expected_mw=3.0)]))
    assert flat.verdict is not Verdict.EXPLAINED


def test_training_that_did_not_stop_is_a_missing_step_down():
    training = declaration_data(
        start=hour_at(-1000).isoformat(),
        end=hour_at(PAUSE_HOUR).isoformat(),
        expected_mw=6.0,
        filed_at=hour_at(-1500).isoformat(),
    )
    one = the_load(both(6_000.0, start=PAUSE_HOUR, declarations=[training]))
    assert (one.kind, one.verdict) == (Kind.MISSING_STEP_DOWN, Verdict.TRAINING_LIKE)
    assert one.declaration_ids == ("d1",)
    assert "did not come down" in " ".join(one.facts)
    later = the_load(both(6_000.0, start=PAUSE_HOUR + 24 * 7, declarations=[training]))
    assert later.kind is Kind.SUSTAINED_LOAD
    small = the_load(both(900.0, start=PAUSE_HOUR, declarations=[training]))
    assert small.kind is Kind.SUSTAINED_LOAD  # a fraction of what was declared is something else


@pytest.mark.parametrize(("size_kw", "is_back"), [(6_300.0, True), (2_400.0, False), (9_000.0, False)])
def test_training_that_stops_for_a_day_has_come_back_if_as_much_of_it_is_there_again(size_kw, is_back):
    training = declaration_data(
        start=hour_at(-1000).isoformat(),
        end=hour_at(PAUSE_HOUR).isoformat(),
        expected_mw=6.0,
        filed_at=hour_at(-1500).isoformat(),
    )
    one = the_load(both(size_kw, start=PAUSE_HOUR + 30, declarations=[training]))
    assert (one.kind is Kind.MISSING_STEP_DOWN) is is_back
    assert ("was back within two days" in " ".join(one.facts)) is is_back


def test_training_declared_during_the_pause_is_no_explanation():
    training = science(activity="training")
    one = the_load(both(6_000.0, declarations=[training]))
    assert one.verdict is Verdict.TRAINING_LIKE
    assert one.training_probability > the_load(both(6_000.0)).training_probability


def test_a_launch_is_not_training_like():
    since = np.clip((np.arange(HOURS) - FROM) / 400, 0, 1)
    shape = since * (1 + 0.5 * np.cos(2 * np.pi * (LOCAL - 15) / 24))
    one = the_load(both(6_000.0, shape=shape))
    assert one.verdict is not Verdict.TRAINING_LIKE
    assert one.training_probability < 0.1
    assert "hour of the day" in " ".join(one.facts)


def test_hours_in_which_the_site_shed_its_load_are_not_unseen():
    whole = both(6_000.0)
    it_load = whole.lanes[Lane.IT_LOAD]
    shed = np.zeros(HOURS, dtype=bool)
    shed[FROM + 200 : FROM + 220] = True
    lane = replace(
        it_load,
        residual_kw=np.where(shed, np.nan, it_load.residual_kw),
        observed_kw=np.where(shed, 1_000.0, it_load.observed_kw),
        is_shed=shed,
    )
    seen, torn = the_load(whole), the_load(watch_day(it_load=lane, utility=whole.lanes[Lane.UTILITY]))
    assert (torn.evidence["unseen_hours"], torn.evidence["shed_hours"]) == (0, 20)
    # At most what was left running, 1 MW, was of the run.
    assert torn.energy_mwh.high == pytest.approx(seen.energy_mwh.high - 20 * 6.0 + 20 * 1.0, abs=6.0)
    assert torn.energy_mwh.low == pytest.approx(seen.energy_mwh.low - 20 * 6.0, abs=6.0)
    assert "switched off" in " ".join(torn.facts)
    assert "switched off" not in " ".join(seen.facts)


def test_load_that_crept_in_is_a_slow_drift():
    since = np.clip((np.arange(HOURS) - FROM) / (HOURS - FROM), 0, 1)
    lane = with_run(6_000.0, shape=since)
    crept = episode(Lane.IT_LOAD, FROM, None, 3_000.0, is_drift=True)
    one = the_load(watch_day(it_load=lane_day(Lane.IT_LOAD, lane.residual_kw, [crept])))
    assert one.kind is Kind.SLOW_DRIFT
    assert "crept up" in " ".join(one.facts)


def test_unseen_hours_of_a_run_are_counted_against_the_operator():
    whole = both(6_000.0)
    it_load = whole.lanes[Lane.IT_LOAD]
    residual = it_load.residual_kw.copy()
    residual[FROM + 200 : FROM + 220] = np.nan
    torn = watch_day(it_load=lane_day(Lane.IT_LOAD, residual, it_load.episodes), utility=whole.lanes[Lane.UTILITY])
    seen, unseen = the_load(whole), the_load(torn)
    assert unseen.evidence["unseen_hours"] == 20
    free_mw = 40.0 - EXPECTED_KW[Lane.IT_LOAD] / 1e3
    assert unseen.energy_mwh.high >= seen.energy_mwh.high + 20 * (free_mw - 7.0)
    assert unseen.energy_mwh.estimate == pytest.approx(seen.energy_mwh.estimate, rel=0.01)
    assert unseen.flop.high > seen.flop.high


@pytest.mark.parametrize("seed", range(3))
def test_size_lies_within_its_interval(seed):
    one = the_load(both(4_000.0, start=FROM + 24 * seed))
    assert one.excess_mw.low <= 4.0 <= one.excess_mw.high


def test_an_ended_run_keeps_its_end_and_its_energy():
    one = the_load(both(6_000.0, end=FROM + 240))
    assert one.end == hour_at(FROM + 240)
    assert one.energy_mwh.estimate == pytest.approx(1_440, rel=0.02)
    assert one.end - one.start == timedelta(hours=240)


def test_no_energy_is_told_twice_where_one_load_comes_on_top_of_another():
    later = FROM + 15 * 24
    residual = noise(HOURS, seed=3)
    residual[FROM:] += 4_000.0
    residual[later:] += 3_000.0
    first = episode(Lane.IT_LOAD, FROM, None, 4_000.0 + 3_000.0 * (HOURS - later) / (HOURS - FROM))
    second = replace(episode(Lane.IT_LOAD, later, None, 3_000.0), level_kw=4_000.0)
    day = watch_day(it_load=lane_day(Lane.IT_LOAD, residual, [first, second]))
    below, above = sorted(load_findings(day, []), key=lambda a: a.start)
    assert below.excess_mw.estimate == pytest.approx(4.0, rel=0.02)
    assert below.energy_mwh.estimate == pytest.approx(4.0 * (HOURS - FROM), rel=0.02)
    assert above.energy_mwh.estimate == pytest.approx(3.0 * (HOURS - later), rel=0.02)


@pytest.mark.parametrize(("onset", "verdict"), [(1.0, Verdict.TRAINING_LIKE), (0.2, Verdict.UNEXPLAINED)])
def test_load_that_rose_within_the_reference_counts_from_the_start_of_the_pause(onset, verdict):
    view = with_run(6_000.0, 0)
    rose = replace(
        view.episodes[0], parts=((-60 * 24, None),), is_learned=True, level_kw=0.0, has_level=False
    )  # fmt: skip
    start_s = int(hour_at(-60 * 24).timestamp())
    step = ReferenceStep(start_s, step_kw=6_000.0, sd_kw=100.0, z=40.0, onset_share=onset)
    training = declaration_data(activity="training", start=hour_at(0).isoformat(), end=hour_at(PAUSE_HOUR).isoformat())
    day = watch_day(
        it_load=replace(view, episodes=(rose,), reference_steps=(step,)),
        utility=replace(with_run(7_200.0, 0, lane=Lane.UTILITY, seed=4), episodes=()),
        site=metered_site(declarations=[training]),
    )
    one = the_load(day)
    assert (one.kind, one.verdict) == (Kind.SUSTAINED_LOAD, verdict)
    assert one.start == hour_at(-60 * 24)
    assert one.energy_mwh.estimate == pytest.approx(6.0 * (HOURS - PAUSE_HOUR), rel=0.01)
    assert one.evidence["rose_within_the_reference"]
    assert one.evidence["features"]["onset_share"] == onset
    assert one.evidence["features"]["duration_days"] == pytest.approx(60 + HOURS / 24)
    assert any("within the reference" in fact for fact in one.facts)
