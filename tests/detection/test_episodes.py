"""Episodes: edges become the spans an inspector asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pausewatch.detection.changes import Change
from pausewatch.detection.creep import Drift
from pausewatch.detection.drifts import drift_episode, with_drifts
from pausewatch.detection.episodes import Episode, Noise, step_episodes
from pausewatch.detection.lanes import SiteEpisode, joined
from pausewatch.telemetry.panel import Lane

HOURS = 24 * 80
NOISE = Noise(daily_sd_kw=20.0, daily_rho=0.5, level_sd_kw=np.full(HOURS, 10.0))


def edge(hour: int, step_kw: float) -> Change:
    return Change(hour=hour, step_kw=step_kw, sd_kw=abs(step_kw) / 10, z=10.0 if step_kw > 0 else -10.0, accepted_day=0)


def raised(*spans: tuple[int, int, float], hours: int = HOURS, seed: int = 0) -> np.ndarray:
    """Return residuals that are raised by some kW in some spans."""
    out = 15.0 * np.random.default_rng(seed).standard_normal(hours)
    for start, end, size in spans:
        out[start:end] += size
    return out


def edges(*spans: tuple[int, int, float]) -> list[Change]:
    """Return the edges of spans; one that reaches past the end has no fall."""
    return [c for a, b, size in spans for c in (edge(a, size), *([edge(b, -size)] if b < HOURS else []))]


def found(*spans: tuple[int, int, float], extra: tuple[Change, ...] = ()) -> list[Episode]:
    return step_episodes("it_load", [*edges(*spans), *extra], 5.0, raised(*spans), NOISE)


def test_a_run_is_one_episode_with_its_dates_and_size():
    (episode,) = found((500, 900, 800.0))
    assert (episode.start_hour, episode.end_hour) == (500, 900)
    assert episode.excess_kw == pytest.approx(800.0, abs=10)
    assert episode.strength == 2.0
    assert not episode.is_drift
    assert episode.raised(HOURS).sum() == 400


def test_a_run_that_lasts_has_no_end():
    (episode,) = found((500, HOURS, 800.0))
    assert episode.end_hour is None
    assert episode.raised(HOURS).sum() == HOURS - 500


@pytest.mark.parametrize(("on_days", "off_days"), [(1, 1), (2, 3), (5, 6), (3, 1)])
def test_bursts_are_one_episode_of_many_parts(on_days, off_days):
    period = 24 * (on_days + off_days)
    spans = [(300 + i * period, 300 + i * period + 24 * on_days, 600.0) for i in range(4)]
    (episode,) = found(*spans)
    assert episode.parts == tuple((a, b) for a, b, _ in spans)
    assert episode.excess_kw == pytest.approx(600.0, abs=12)


def test_nights_are_one_episode():
    spans = [(310 + 24 * i, 318 + 24 * i, 900.0) for i in range(14)]
    (episode,) = found(*spans)
    assert len(episode.parts) == 14
    assert episode.end_hour == spans[-1][1]


def test_what_comes_back_after_more_than_a_week_is_another_episode():
    one, two = found((300, 500, 600.0), (500 + 8 * 24, 900, 600.0))
    assert (one.end_hour, two.start_hour) == (500, 692)


def test_an_end_is_believed_only_when_the_load_came_down():
    """The test may accept a fall that the load itself doesn't show (an interruption, a re-estimated level)."""
    spans = ((500, HOURS, 800.0),)
    (episode,) = step_episodes("it_load", [edge(500, 800.0), edge(800, -790.0)], 5.0, raised(*spans), NOISE)
    assert episode.end_hour is None


def test_an_end_into_silence_is_taken_at_the_tests_word():
    residual = raised((500, 800, 800.0))
    residual[800:880] = np.nan
    (episode,) = step_episodes("it_load", [edge(500, 800.0), edge(800, -800.0)], 5.0, residual, NOISE)
    assert episode.end_hour == 800


def test_a_small_fall_is_no_end():
    (episode,) = step_episodes(
        "it_load",
        [edge(500, 800.0), edge(800, -200.0)],
        5.0,
        raised((500, HOURS, 800.0), (800, HOURS, -200.0)),
        NOISE,
    )
    assert episode.end_hour is None


def test_a_fall_below_what_is_expected_is_no_episode_nor_its_recovery():
    down = [edge(500, -900.0), edge(600, 900.0)]
    assert step_episodes("it_load", down, 5.0, raised((500, 600, -900.0)), NOISE) == []


def test_a_rise_after_a_fall_counts_only_above_what_was_expected():
    changes = [edge(400, -300.0), edge(600, 1_300.0)]
    residual = raised((400, 600, -300.0), (600, HOURS, 1_000.0))
    (episode,) = step_episodes("it_load", changes, 5.0, residual, NOISE)
    assert episode.start_hour == 600
    assert episode.end_hour is None


def test_a_load_far_larger_on_top_stands_alone_and_leaves_the_first_its_size():
    spans = ((300, HOURS, 400.0), (300 + 20 * 24, 300 + 40 * 24, 2_000.0))
    low, high = found(*spans)
    assert low.start_hour == 300
    assert low.end_hour is None
    assert low.excess_kw == pytest.approx(400.0, abs=15)
    assert (high.start_hour, high.end_hour) == (780, 1260)
    assert high.excess_kw == pytest.approx(2_000.0, abs=25)


def test_a_run_that_is_made_larger_within_days_is_one():
    (episode,) = found((500, HOURS, 800.0), (560, HOURS, 300.0))
    assert episode.start_hour == 500


def test_what_lasted_less_than_a_day_and_is_over_is_not_sustained():
    assert found((500, 520, 900.0)) == []


def test_no_changes_are_no_episodes():
    assert found() == []


def test_an_edge_without_load_behind_it_is_no_episode():
    assert step_episodes("it_load", [edge(500, 800.0)], 5.0, raised(), NOISE) == []


def test_where_the_level_wanders_by_more_than_the_load_an_accepted_edge_is_still_an_episode():
    wandering = Noise(daily_sd_kw=2_000.0, daily_rho=0.6, level_sd_kw=np.full(HOURS, 500.0))
    spans = ((500, 900, 800.0),)
    (episode,) = step_episodes("it_load", edges(*spans), 5.0, raised(*spans), wandering)
    assert episode.excess_kw == pytest.approx(800.0, abs=1)
    assert 200.0 < episode.sd_kw < 400.0
    weak = [replace(change, z=change.z / 3) for change in edges(*spans)]
    assert step_episodes("it_load", weak, 5.0, raised(*spans), wandering) == []


WANDERING = Noise(daily_sd_kw=2_000.0, daily_rho=0.6, level_sd_kw=np.full(HOURS, 500.0))


def test_where_the_level_wanders_a_return_from_a_dip_is_no_episode():
    residual = raised((497, 500, -800.0))
    assert step_episodes("it_load", [edge(500, 800.0)], 5.0, residual, WANDERING) == []


def test_where_the_level_wanders_an_end_without_an_edge_is_dated_by_the_load():
    residual = raised((500, 740, 800.0))
    (episode,) = step_episodes("it_load", [edge(500, 800.0)], 5.0, residual[:1200], WANDERING)
    assert episode.end_hour == pytest.approx(740, abs=3)
    (lasting,) = step_episodes("it_load", [edge(500, 800.0)], 5.0, residual[:760], WANDERING)
    assert lasting.end_hour is None


@pytest.mark.parametrize(("days", "is_episode"), [(0.5, False), (3, False), (6, True), (20, True)])
def test_coming_back_from_a_drop_is_a_rise_once_the_drop_has_lasted(days, is_episode):
    at = 500 + round(24 * days)
    residual = raised((500, at, -800.0))
    told = step_episodes("it_load", [edge(500, -800.0), edge(at, 800.0)], 5.0, residual, NOISE)
    assert [(e.start_hour, e.end_hour) for e in told] == ([(at, None)] if is_episode else [])
    if told:
        assert told[0].excess_kw == pytest.approx(800.0, abs=30)


def learned(hour: int, step_kw: float) -> Change:
    return replace(edge(hour, step_kw), is_learned=True)


def test_a_plateau_of_the_reference_is_measured_above_what_was_learned_without_it():
    (episode,) = step_episodes("it_load", [learned(-900, 800.0)], 5.0, raised((0, HOURS, 800.0)), NOISE)
    assert (episode.start_hour, episode.end_hour, episode.is_learned) == (-900, None, True)
    assert episode.excess_kw == pytest.approx(800.0, abs=10)
    # Its step in the reference was measured no better than this.
    assert episode.sd_kw >= 80.0


def test_a_plateau_ends_when_the_load_comes_down():
    residual = raised((0, 1000, 800.0))
    (episode,) = step_episodes("it_load", [learned(-900, 800.0), edge(1000, -800.0)], 5.0, residual, NOISE)
    assert (episode.start_hour, episode.end_hour) == (-900, 1000)


def test_a_plateau_that_came_in_parts_is_one_episode():
    changes = [learned(-2_000, 800.0), learned(-900, 700.0), learned(300, 900.0)]
    (episode,) = step_episodes("it_load", changes, 5.0, raised((0, HOURS, 1_500.0), (300, HOURS, 900.0)), NOISE)
    assert (episode.start_hour, episode.end_hour) == (-2_000, None)


def test_a_run_on_top_of_a_plateau_is_an_episode_of_its_own_however_small():
    residual = raised((0, HOURS, 2_000.0), (1000, 1500, 300.0))
    changes = [learned(-900, 2_000.0), edge(1000, 300.0), edge(1500, -300.0)]
    plateau, run = step_episodes("it_load", changes, 5.0, residual, NOISE)
    assert (plateau.start_hour, plateau.end_hour, plateau.is_learned) == (-900, None, True)
    assert (run.start_hour, run.end_hour, run.is_learned) == (1000, 1500, False)
    assert run.excess_kw == pytest.approx(300.0, abs=20)


def test_the_size_is_measured_from_the_level_before():
    residual = raised((500, 900, 800.0)) + 3_000.0
    (episode,) = step_episodes("it_load", edges((500, 900, 800.0)), 5.0, residual, NOISE)
    assert episode.level_kw == pytest.approx(3_000.0, abs=10)
    assert episode.has_level
    assert episode.excess_kw == pytest.approx(800.0, abs=10)


def test_without_a_level_before_the_frozen_one_stands_and_the_size_is_less_certain():
    residual = raised((500, 900, 800.0))
    (sure,) = step_episodes("it_load", edges((500, 900, 800.0)), 5.0, residual, NOISE)
    residual[:500] = np.nan
    (unsure,) = step_episodes(
        "it_load", edges((500, 900, 800.0)), 5.0, residual, Noise(20.0, 0.5, np.full(HOURS, 60.0))
    )
    assert not unsure.has_level
    assert unsure.level_kw == 0.0
    assert unsure.sd_kw > sure.sd_kw


@pytest.mark.parametrize("days", [3, 10, 30])
def test_nine_in_ten_intervals_hold_the_true_size(days):
    """Daily means that remember (rho 0.6): the stated 90 % interval over 300 runs."""
    held, count, start = 0, 300, 24 * 20
    rng = np.random.default_rng(days)
    noise = Noise(daily_sd_kw=20.0, daily_rho=0.6, level_sd_kw=np.full(HOURS, 10.0))
    for _ in range(count):
        daily = np.zeros(HOURS // 24)
        shocks = 16.0 * rng.standard_normal(len(daily))
        for d in range(1, len(daily)):
            daily[d] = 0.6 * daily[d - 1] + shocks[d]
        residual = np.repeat(daily, 24) + 5.0 * rng.standard_normal(HOURS)
        end = start + 24 * days
        residual[start:end] += 500.0
        (episode,) = step_episodes("it_load", edges((start, end, 500.0)), 5.0, residual[: end + 96], noise)
        held += abs(episode.excess_kw - 500.0) <= 1.645 * episode.sd_kw
    assert 0.80 <= held / count <= 0.98, held / count


# Drifts


def drift(since_day: int, excess_kw: float, end_day: int | None = None) -> Drift:
    return Drift(since_day, since_day + 10, end_day, excess_kw, excess_kw, 1.5)


def as_episode(one: Drift, *others: tuple[int, int, float]) -> Episode:
    """Return a drift over load that is raised by its excess, and by other spans."""
    local_day = np.repeat(np.arange(HOURS // 24), 24).astype(np.int32)
    end = HOURS if one.end_day is None else 24 * one.end_day
    return drift_episode("it_load", one, local_day, raised((24 * one.since_day, end, one.excess_kw), *others), NOISE)


def test_a_drift_is_an_episode_that_crept_in():
    lasting, over = as_episode(drift(20, 300.0)), as_episode(drift(20, 300.0, 50))
    assert lasting.is_drift
    assert (lasting.start_hour, lasting.end_hour) == (480, None)
    assert (over.start_hour, over.end_hour) == (480, 1200)
    assert lasting.excess_kw == pytest.approx(300.0, abs=10)


def test_a_step_and_a_drift_of_the_same_time_are_one_named_by_the_larger():
    (step,) = found((500, HOURS, 800.0))
    assert with_drifts([step], [as_episode(drift(21, 200.0), (500, HOURS, 800.0))]) == [step]
    (small,) = found((1200, HOURS, 100.0))
    (one,) = with_drifts([small], [as_episode(drift(21, 600.0), (1200, HOURS, 100.0))])
    assert one.is_drift
    assert one.start_hour == 504
    assert one.excess_kw == pytest.approx(700.0, abs=10)


def test_a_step_the_test_made_too_small_leaves_no_drift():
    (step,) = found((500, HOURS, 800.0))
    local_day = np.repeat(np.arange(HOURS // 24), 24).astype(np.int32)
    left_over = drift_episode("it_load", drift(20, 500.0), local_day, raised((500, HOURS, 800.0)), NOISE)
    assert with_drifts([step], [left_over]) == [step]


def test_a_step_and_a_drift_of_different_times_are_two():
    (step,) = found((300, 500, 800.0))
    assert [e.is_drift for e in with_drifts([step], [as_episode(drift(40, 600.0))])] == [False, True]


# Lanes


def episode(lane: str, start: int, end: int | None = None, *, is_drift: bool = False, alarm_day: int = 0) -> Episode:
    return Episode(lane, is_drift, ((start, end),), 0.0, True, 100.0, 10.0, 2.0, alarm_day)


def test_one_episode_seen_on_two_meters_is_one():
    (one,) = joined([episode("utility", 500, None, alarm_day=9)], [episode("it_load", 503, None, alarm_day=7)])
    assert one.main.lane == "it_load"
    assert one.start_hour == 500
    assert one.alarm_day == 7
    assert one.end_hour is None


def test_it_ends_when_neither_meter_shows_it_any_longer():
    utility, it_load = episode("utility", 500, 800), episode("it_load", 500, 820)
    assert SiteEpisode(utility, it_load).end_hour == 820
    assert SiteEpisode(utility, episode("it_load", 500, None)).end_hour is None


def test_a_meter_that_shows_a_sliver_of_it_neither_dates_it_nor_keeps_it_open():
    sliver = replace(episode("balance", 450, None, is_drift=True), excess_kw=10.0)
    one = SiteEpisode(episode("utility", 500, 800), episode("it_load", 503, 800), sliver)
    assert (one.start_hour, one.end_hour) == (500, 800)


@pytest.mark.parametrize("excess_kw", [-40.0, 0.0])
@pytest.mark.parametrize("lane", ["utility", "it_load", "balance"])
def test_what_is_left_of_a_load_below_its_level_before_is_still_dated(lane: str, excess_kw: float):
    left = replace(episode(lane, 500, 800), excess_kw=excess_kw)
    alone = SiteEpisode(**({"utility": None, "it_load": None} | {lane: left}))
    beside = SiteEpisode(left, replace(left, lane="it_load", excess_kw=3 * excess_kw))
    assert (alone.start_hour, alone.end_hour) == (500, 800)
    assert beside.end_hour == 800


def test_a_meter_on_which_something_else_remains_ends_with_the_load_and_one_that_still_shows_it_does_not():
    one = SiteEpisode(episode("utility", 500, None), episode("it_load", 500, 800))
    residual = {Lane.UTILITY: raised((500, 800, 100.0), (800, HOURS, 30.0)), Lane.IT_LOAD: raised((500, 800, 100.0))}
    assert one.settled(residual).end_hour == 800
    assert one.settled({**residual, Lane.UTILITY: raised((500, HOURS, 100.0))}).end_hour is None
    unseen = np.full(HOURS, np.nan)
    assert one.settled({**residual, Lane.UTILITY: unseen}).end_hour is None
    still = SiteEpisode(episode("utility", 500, 800), episode("it_load", 500, None))
    assert still.settled(residual).end_hour is None


def test_episodes_that_began_days_apart_are_two():
    two = joined([episode("utility", 500, 900)], [episode("it_load", 600, 900)])
    assert [(e.utility is None, e.it_load is None) for e in two] == [(False, True), (True, False)]


def test_a_drift_on_one_meter_joins_the_step_it_overlaps_on_the_other():
    (one,) = joined([episode("utility", 400, None, is_drift=True)], [episode("it_load", 600, None)])
    assert one.main.lane == "it_load"
