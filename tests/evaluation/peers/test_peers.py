"""Every peer keeps the protocol: no look at tomorrow, a limit at the budget, and load that lasts is told."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from tests.evaluation.told import FIRST, event, trial

from pausewatch.evaluation.outcomes import event_outcomes
from pausewatch.evaluation.peers.catalogue import PEERS, LaneScores
from pausewatch.evaluation.peers.comparison import comparison
from pausewatch.evaluation.peers.history import History
from pausewatch.evaluation.peers.protocol import Peer, limits
from pausewatch.evaluation.peers.telling import told_by
from pausewatch.telemetry.panel import Lane

REFERENCE, PAUSE, STEP_DAY, STEP_KW = 120, 30, 12, 900.0
SITES = 3


def a_history(step_kw: float = STEP_KW) -> History:
    """Return three sites of 10 MW with a daily shape; the first steps up, the last has no meter."""
    rng = np.random.default_rng(4)
    days = REFERENCE + PAUSE
    shape = 300 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    day_to_day = 60 * rng.standard_normal((SITES, days, 1))
    load = 10_000 + shape + day_to_day + 30 * rng.standard_normal((SITES, days, 24))
    load[0, REFERENCE + STEP_DAY :] += step_kw
    load[1, REFERENCE + 3, 4:9] = np.nan
    load[2] = np.nan
    return History(
        ("a", "b", "c"),
        Lane.UTILITY,
        np.array([True, True, False]),
        FIRST - timedelta(days=REFERENCE),
        REFERENCE,
        load,
        load.mean(axis=2) - 10_000,
    )


@pytest.fixture(params=PEERS, ids=lambda p: p.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    return request.param


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_load_that_lasts_scores_above_any_ordinary_day(peer: Peer) -> None:
    told = peer.scores(a_history())

    assert told.pause[0, STEP_DAY : STEP_DAY + 4].max() > np.nanmax(told.pause[0, :STEP_DAY])
    assert told.pause[0, STEP_DAY : STEP_DAY + 4].max() > np.nanmax(told.reference[0])


# A forest's score saturates short of what once in twenty years asks for, and Prophet's interval is no budget.
@pytest.mark.parametrize("peer", PEERS[:4], ids=lambda p: p.name)
def test_a_load_that_lasts_passes_the_limit_and_a_quiet_site_does_not(peer: Peer) -> None:
    told = peer.scores(a_history())
    loud = told.pause >= limits(told.reference, np.full(SITES, 0.05), peer.limit, told.least_scale).at()[:, None]

    assert loud[0, STEP_DAY : STEP_DAY + 4].any()
    assert not loud[0, :STEP_DAY].any()
    assert not loud[1:].any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_no_score_depends_on_what_came_after_its_day(peer: Peer) -> None:
    whole = a_history()
    until = REFERENCE + STEP_DAY + 2
    told, early = peer.scores(whole), peer.scores(whole.until(until))

    # Prophet draws its interval at random: one more day is another draw.
    near = 0.1 if "Prophet" in peer.name else 1e-9
    assert early.pause.shape[1] == STEP_DAY + 2
    assert np.allclose(told.pause[:, : STEP_DAY + 2], early.pause, rtol=near, atol=near, equal_nan=True)
    assert np.allclose(told.reference, early.reference, rtol=near, atol=near, equal_nan=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_lane_without_a_meter_has_no_score(peer: Peer) -> None:
    assert np.isnan(peer.scores(a_history()).pause[2, :]).all() or peer.name.startswith("CUSUM")


def test_the_limit_is_passed_as_often_as_the_budget_says() -> None:
    rng = np.random.default_rng(1)
    # Gumbel noise by the week: the tail the limits are made for.
    daily = np.repeat(rng.gumbel(size=(400, 60)), 7, axis=1)
    fresh = rng.gumbel(size=(400, 520))

    limit = limits(daily, np.full(400, 1.0)).at()

    assert 0.6 < (fresh >= limit[:, None]).sum() / 400 / (520 / 52.18) < 1.6


def test_a_reference_of_days_gives_no_limit() -> None:
    assert np.isinf(limits(np.ones((1, 20)), np.array([0.05])).at()).all()


def lane(score: list[float], *, limit: float = 5.0, since: int = 0) -> LaneScores:
    return LaneScores("fixed threshold", "", "sim-001", FIRST, np.array(score), np.full(len(score), since), limit, 1.0)


def test_alarms_a_week_apart_are_one_finding_and_others_two() -> None:
    score = [0.0] * 30
    for day in (5, 6, 11, 25):
        score[day] = 9.0
    told = told_by(trial(), [lane(score)])

    assert [h.first_reported_on for h in told.histories] == [FIRST + timedelta(days=d) for d in (5, 25)]
    first = told.histories[0].last
    assert first.start.date() == FIRST + timedelta(days=5)
    assert first.end is not None
    assert first.end.date() == FIRST + timedelta(days=12)


def test_a_finding_says_on_each_day_only_what_was_known_then() -> None:
    score = [0.0] * 30
    score[5] = score[9] = 9.0
    (found,) = told_by(trial(), [lane(score)]).histories

    ends = {day: a.end for day, a in found.stated}
    assert ends[FIRST + timedelta(days=5)] is None
    assert ends[FIRST + timedelta(days=7)] is not None
    assert ends[FIRST + timedelta(days=9)] is None


def test_a_run_told_by_a_peer_is_found_and_not_typed() -> None:
    score = [9.0 if 6 <= d < 20 else 0.0 for d in range(30)]
    (outcome,) = event_outcomes(told_by(trial([event()]), [lane(score, since=1)]))

    assert outcome.is_found
    assert outcome.delay_report_days == 1
    assert not outcome.is_typed


def test_limits_are_raised_until_false_findings_keep_to_the_budget() -> None:
    quiet = [8.0 if d == 3 else 0.0 for d in range(30)]
    first, *peers = comparison([trial()], [lane(quiet)], 0.05)

    assert first.name == "pausewatch"
    assert first.typed is not None
    assert [round(r.false_open.value, 1) for r in peers] == [12.2, 0.0]
    assert peers[1].raised > 3.0
    assert peers[0].typed is None
