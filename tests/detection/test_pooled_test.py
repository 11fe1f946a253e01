"""The pooled test: small steps together are found, one site alone is not, what neighbours share counts against it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.detection.quiet_scores import noise

from pausewatch.detection.coordination import Quiet, calibrated, coordinated_loads
from pausewatch.detection.groups import Bond, Group
from pausewatch.detection.pooled_test import calibrate_pooled, edges, own_steps, pooled_score, windowed
from pausewatch.detection.shared_view import SharedView
from pausewatch.telemetry.panel import Lane

BUDGET = 0.05


def model_of(z: np.ndarray, budget: float = BUDGET):
    return calibrate_pooled(windowed(edges(z)), budget, 1)


def views_of(z: np.ndarray, step_mw: float = 1.0) -> list[SharedView]:
    nothing = np.full(z.shape[1], np.nan)
    return [
        SharedView(Lane.IT_LOAD, 0, row, step_mw * np.sign(row), nothing, nothing, np.empty(0, np.int64)) for row in z
    ]


def group(sites: int) -> Group:
    return Group(Bond.OWNER, "Owner", tuple(range(sites)))


def test_steps_too_small_alone_are_found_together_at_their_half_day():
    z = noise(12, seed=2)
    z[:9, 200] = np.abs(z[:9, 200]) + 1.8  # each far below any site's own threshold
    assert np.abs(z).max() < 5.5
    (found,) = coordinated_loads(group(12), views_of(z), model_of(noise(12, seed=3)), 0)
    assert found.start_block in (199, 200)
    assert {m.site for m in found.rises} >= set(range(9)) - {m for m in range(9) if z[m, 200] < 2.3}
    assert len({m.site for m in found.rises} - set(range(9))) <= 1


def test_one_site_that_jumps_however_high_is_no_group():
    z = noise(12, seed=4)
    z[3, 100] = 12.0
    assert coordinated_loads(group(12), views_of(z), model_of(noise(12, seed=3)), 0) == []


def stepping(rows: range, every: int = 14) -> np.ndarray:
    """Return noise of 12 sites, some of which step up every few days, each in its own blocks; and at block 200."""
    z = noise(12, seed=4)
    for i in rows:
        z[i, 20 + i :: every] = 11.0
        z[i, 200] = 11.0
    return z


def test_sites_that_step_by_themselves_every_few_days_make_no_group_when_they_step_at_once():
    model = model_of(noise(12, seed=3))
    calm = noise(12, seed=4)
    calm[:7, 200] = 11.0
    (found,) = coordinated_loads(group(12), views_of(calm), model, 0)
    assert {m.site for m in found.rises} >= set(range(7))
    assert coordinated_loads(group(12), views_of(stepping(range(7))), model, 0) == []


def test_a_site_steps_by_itself_as_often_as_its_record_shows_and_no_less_than_any_site():
    usual, busy = own_steps(np.zeros((1, 240))).item(), own_steps(stepping(range(1))[:1]).item()
    assert usual == pytest.approx(1 / 250)
    assert 0.04 < busy < 0.2
    once = noise(1, seed=1)
    once[0, 50] = 11.0
    assert own_steps(once).item() == usual


@pytest.mark.parametrize("sites", [2, 6, 30])
def test_quiet_groups_keep_to_their_budget(sites):
    model = model_of(noise(sites, seed=5))
    alarms = 0
    for seed in range(40):
        score, _ = pooled_score(windowed(edges(noise(sites, 28 * 26, seed=100 + seed))), model)
        alarms += bool((score >= model.threshold).any())
    # Half a year of 40 groups at 0.05 a year: one is to be expected.
    assert alarms <= 4


def test_what_neighbours_share_is_in_the_spread():
    """Neighbours that noise raises together are judged by how they did before, not as if they were independent."""
    shared = model_of(noise(10, seed=6, shared=0.5))
    assert shared.inflation > 1.5 > model_of(noise(10, seed=6)).inflation
    alarms = {True: 0, False: 0}
    naive = model_of(noise(10, seed=7))
    for seed in range(20):
        z = windowed(edges(noise(10, seed=200 + seed, shared=0.5)))
        for is_naive, model in ((False, shared), (True, naive)):
            score, _ = pooled_score(z, model)
            alarms[is_naive] += bool((score >= model.threshold).any())
    assert alarms[False] <= 1 < alarms[True]


def test_an_end_is_dated_when_the_members_fall_together():
    z = noise(12, seed=2)
    z[:9, 200] = np.abs(z[:9, 200]) + 2.5
    z[:9, 260] = -np.abs(z[:9, 260]) - 2.5
    (found,) = coordinated_loads(group(12), views_of(z), model_of(noise(12, seed=3)), 0)
    assert found.end_block is not None
    assert abs(found.end_block - 260) <= 1


def test_a_load_that_moves_is_a_rise_and_a_fall_of_one_size():
    z = noise(4, seed=8)
    z[0, 150], z[2, 151] = 11.0, -11.0
    views = views_of(z, 6.0)
    (found,) = coordinated_loads(group(4), views, model_of(noise(4, seed=9)), 0)
    assert found.is_moved
    assert [m.site for m in found.rises] == [0]
    assert [m.site for m in found.falls] == [2]
    assert found.rise_mw == found.fall_mw == 6.0
    lone = z.copy()
    lone[2, 151] = 0.0
    assert coordinated_loads(group(4), views_of(lone, 6.0), model_of(noise(4, seed=9)), 0) == []


def test_a_fall_elsewhere_is_no_move_where_loads_fall_every_few_days():
    z = noise(6, seed=4)
    z[1, 100], z[4, 100] = 12.0, -12.0
    model = model_of(noise(6, seed=3))
    assert [c.is_moved for c in coordinated_loads(group(6), views_of(z), model, 0)] == [True]
    z[5, 10::6] = -12.0
    assert coordinated_loads(group(6), views_of(z), model, 0) == []


def test_onsets_before_the_watch_do_not_count():
    z = noise(12, seed=2)
    z[:9, 200] = np.abs(z[:9, 200]) + 2.5
    assert coordinated_loads(group(12), views_of(z), model_of(noise(12, seed=3)), 205) == []


def test_sites_that_cannot_be_told_of_are_left_out():
    quiet = [Quiet(0, row) for row in noise(3, seed=3)]
    views = views_of(noise(3, seed=4))
    assert calibrated([group(3)], [views[0], None, views[2]], quiet, 0.01)[0][0].sites == (0, 2)
    assert calibrated([group(3)], [views[0], None, None], quiet, 0.01) == []
    short = [Quiet(0, row) for row in noise(3, 40, seed=3)]
    assert calibrated([group(3)], views, short, 0.01) == []


def test_sites_whose_held_out_hours_differ_are_laid_side_by_side():
    z = noise(2, seed=3)
    apart = [Quiet(0, z[0]), Quiet(50, z[1, 50:])]
    ((_, model),) = calibrated([group(2)], views_of(z), apart, 0.01)
    assert np.isfinite(model.threshold)
    assert model.threshold > 0


def test_the_shadows_of_an_edge_are_no_edges():
    z = np.zeros((1, 20))
    z[0, 8:13] = [3.0, 6.0, 9.0, 7.0, 2.0]
    assert edges(z)[0].tolist() == [0.0] * 10 + [9.0] + [0.0] * 9


def test_what_a_strong_edge_leaves_for_two_weeks_is_no_second_edge():
    z = np.zeros((1, 150))
    z[0, [60, 80, 130]] = [12.0, 4.5, 4.5]  # the echo lies within two weeks, the other edge doesn't
    assert np.flatnonzero(edges(z)[0]).tolist() == [60, 130]
    several = noise(20, seed=2)
    several[:15, 150] = np.abs(several[:15, 150]) + 3.0
    several[:15, 172] = np.abs(several[:15, 172]) + 0.8  # what the scan still shows of it five days later
    (found,) = coordinated_loads(group(20), views_of(several), model_of(noise(20, seed=3)), 0)
    assert abs(found.start_block - 150) <= 1
