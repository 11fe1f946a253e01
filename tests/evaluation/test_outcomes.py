"""What became of true events, against hand-made truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.evaluation.told import event, history, moment, said, trial

from pausewatch.evaluation.outcomes import event_outcomes, finding_outcomes
from pausewatch.evaluation.scoring import score_trials
from pausewatch.evaluation.together import SharedHistory
from pausewatch.findings.model import Kind, Verdict


def test_a_run_is_found_on_the_first_day_that_asks_about_it() -> None:
    story = history(
        (6, said(verdict=Verdict.EXPLAINED)), (7, said(verdict=Verdict.UNEXPLAINED)), (8, said()), (29, said())
    )
    (outcome,) = event_outcomes(trial([event()], [story]))

    assert outcome.is_found
    assert outcome.is_typed
    assert outcome.delay_report_days == 2
    assert outcome.delay_days == pytest.approx(3.25)
    assert outcome.share == pytest.approx(0.1)
    assert outcome.days == pytest.approx(15)
    assert outcome.is_energy_held


def test_a_run_explained_away_is_a_miss_and_not_honest() -> None:
    (outcome,) = event_outcomes(trial([event()], [history((6, said(verdict=Verdict.EXPLAINED)))]))

    assert not outcome.is_found
    assert outcome.delay_days is None
    assert outcome.is_energy_held is None
    assert not outcome.is_honest


def test_a_run_as_old_as_the_telemetry_has_no_edge_and_is_counted_apart() -> None:
    old = event(begin=0, stop=20, began=moment(-150))
    site = replace(trial([old, event()], [history((6, said()), (29, said()))]), metered_since=moment(-150))
    assert [o.has_edge for o in event_outcomes(site)] == [False, True]
    scores = score_trials([site, site])
    assert scores.headline("untampered runs of 5 % and 5 days: found").measure.count == 4
    apart = scores.headline("of those whose start the telemetry holds: found").measure
    assert (apart.value, apart.count) == (1.0, 2)


def test_what_stands_last_decides_the_type() -> None:
    (outcome,) = event_outcomes(trial([event()], [history((6, said()), (9, said(verdict=Verdict.UNEXPLAINED)))]))

    assert outcome.is_found
    assert outcome.was_called_training
    assert not outcome.is_typed


def test_a_finding_that_began_long_before_is_not_about_the_event() -> None:
    (outcome,) = event_outcomes(trial([event(begin=20, stop=28)], [history((3, said(begin=1)), (29, said(begin=1)))]))

    assert not outcome.is_found


@pytest.mark.parametrize(
    ("silent", "line_mw", "is_honest"),
    [((), 1.0, False), (range(5, 14), 1.0, True), ((), 12.0, True), ((5, 6), 1.0, False)],
)
def test_honesty_is_silence_for_half_the_time_or_a_line_above(
    silent: tuple[int, ...], line_mw: float, is_honest: bool
) -> None:
    (outcome,) = event_outcomes(trial([event(group="evasion")], silent=silent, line_mw=line_mw))

    assert outcome.is_honest is is_honest


def test_a_gap_that_stands_is_notice_and_counts_towards_energy() -> None:
    gap = history(
        (6, said(kind=Kind.TELEMETRY_GAP, verdict=Verdict.CANNOT_CONCLUDE, energy_mwh=1000.0)), name="sim-001-gap"
    )
    load = history((9, said(energy_mwh=2500.0)))

    (outcome,) = event_outcomes(trial([event(group="evasion", name="blanked")], [gap, load]))

    assert outcome.is_noticed
    assert outcome.is_energy_held  # 3,600 MWh: neither alone holds it


def test_energy_of_a_run_that_goes_on_counts_up_to_the_end_of_the_watch() -> None:
    (outcome,) = event_outcomes(trial([event(begin=10, stop=50)], [history((12, said(begin=10, energy_mwh=4800.0)))]))

    assert outcome.days == pytest.approx(20)
    assert outcome.is_energy_held


def test_training_that_hardly_touched_the_watch_is_not_counted() -> None:
    assert not event_outcomes(trial([event(begin=29.5, stop=40)]))


def test_a_false_finding_has_nothing_behind_it() -> None:
    alone = history((3, said(begin=1, end=said(begin=3).start)))
    about = history((8, said()), name="other")
    first, second = finding_outcomes(trial([event(is_training=False, group="benign")], [alone, about]))

    assert first.behind is None
    assert first.was_open
    assert second.behind is not None
    assert second.was_called_training


def test_training_stands_behind_before_anything_else() -> None:
    long = event(is_training=False, group="benign", name="new_tenant", begin=1, stop=29)
    (found,) = finding_outcomes(trial([long, event()], [history((8, said()))]))

    assert found.behind is not None
    assert found.behind.is_training


def test_a_withdrawn_finding_does_not_stand_open() -> None:
    (found,) = finding_outcomes(trial([], [history((8, said()), (9, None))]))

    assert found.was_open
    assert not found.stands_open


def shared(
    filed_at: str, *members: str, events: tuple = (), verdict: Verdict = Verdict.UNEXPLAINED, mw: float = 10.0
) -> SharedHistory:
    group = {"by": "owner", "name": "Example Cloud", "sites": len(members)}
    parts = [{"site_id": m, "start": moment(5).isoformat(), "excess_mw": mw} for m in members]
    told = said(
        kind=Kind.COORDINATED_LOAD,
        verdict=verdict,
        site_id=filed_at,
        energy_mwh=40_000.0,
        evidence={"group": group, "members": parts},
    )
    return SharedHistory(replace(history((7, told), (8, told)), site_id=filed_at), tuple(events))


def test_a_run_is_found_at_every_site_a_coordinated_load_names_and_its_energy_is_no_one_sites() -> None:
    site = replace(trial([event()]), shared=(shared("other", "other", "sim-001", events=(event(),)),))

    (outcome,) = event_outcomes(site)

    assert outcome.is_found
    assert outcome.delay_report_days == 2
    assert outcome.is_energy_held is None
    assert finding_outcomes(site) == []  # counted where it is filed


def test_a_coordinated_load_is_false_only_where_nothing_happened_at_any_of_its_sites() -> None:
    one = replace(trial(), shared=(shared("sim-001", "sim-001", "other", events=(event(),)),))
    none = replace(trial(), shared=(shared("sim-001", "sim-001", "other"),))

    assert finding_outcomes(one)[0].behind is not None
    assert finding_outcomes(none)[0].behind is None
    assert finding_outcomes(none)[0].was_open


def test_a_coordinated_load_that_does_not_name_a_site_says_nothing_of_it() -> None:
    (outcome,) = event_outcomes(replace(trial([event()]), shared=(shared("other", "other", "third"),)))

    assert not outcome.is_found


def test_a_finding_of_its_own_gives_the_type_before_a_coordinated_load() -> None:
    site = replace(trial([event()], [history((9, said()))]), shared=(shared("other", "other", "sim-001"),))

    (outcome,) = event_outcomes(site)

    assert outcome.is_typed
    assert outcome.is_energy_held
    assert outcome.delay_report_days == 2


def test_a_run_under_way_before_the_pause_may_be_dated_to_its_beginning() -> None:
    run = event(begin=0, stop=20, began=moment(-40))
    early, too_early = (history((1, said(begin=day))) for day in (-38, -50))

    assert event_outcomes(trial([run], [early]))[0].is_found
    assert not event_outcomes(trial([run], [too_early]))[0].is_found


@pytest.mark.parametrize(("mw", "is_typed"), [(10.0, True), (2.0, False)])
def test_a_question_about_a_part_of_an_alarm_is_told_with_its_verdict(mw: float, is_typed: bool) -> None:
    asked = history(*[(day, said(verdict=Verdict.UNEXPLAINED)) for day in (6, 7, 8)])
    alarm = shared("other", "other", "sim-001", events=(event(),), verdict=Verdict.TRAINING_LIKE, mw=mw)
    site = replace(trial([event()], [asked]), shared=(alarm,))

    assert [a.verdict is Verdict.TRAINING_LIKE for _, a in site.told[0].stated] == [False, is_typed, is_typed]
    assert event_outcomes(site)[0].is_typed is is_typed


def test_an_honest_member_of_a_false_alarm_is_a_false_alarm_of_its_own() -> None:
    asked = history(*[(day, said(verdict=Verdict.UNEXPLAINED)) for day in (6, 7, 8)])
    alarm = shared("other", "other", "sim-001", verdict=Verdict.TRAINING_LIKE)
    (outcome,) = finding_outcomes(replace(trial([], [asked]), shared=(alarm,)))

    assert outcome.was_called_training
