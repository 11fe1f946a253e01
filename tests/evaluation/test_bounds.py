"""What forbade a run to be found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.evaluation.told import event, history, moment, said, trial

from pausewatch.evaluation.bounds import missed_runs
from pausewatch.evaluation.noise import LaneNoise
from pausewatch.telemetry.panel import Lane

IT = LaneNoise(Lane.IT_LOAD, innovation_sd_kw=100.0, daily_sd_kw=200.0, daily_rho=0.5, alarms_per_year=0.0125)
UTILITY = replace(IT, lane=Lane.UTILITY)


def test_a_large_step_is_told_by_its_edge_and_a_small_one_takes_its_days() -> None:
    # log(365.25 / 0.0125) = 10.28; a step of 100 kW brings 0.5 at its edge and 1/24 a day.
    assert IT.lorden_days(1.0) == 0.0
    assert IT.lorden_days(0.1) == pytest.approx((10.2826 - 0.5) * 24, rel=1e-3)


def test_cooling_helps_the_utility_meter() -> None:
    assert UTILITY.lorden_days(0.1, 1.4) < UTILITY.lorden_days(0.1, 1.05) < IT.lorden_days(0.1)


def test_a_larger_budget_bounds_less() -> None:
    assert replace(IT, alarms_per_year=1.0).lorden_days(0.1) < IT.lorden_days(0.1)


@pytest.mark.parametrize(
    ("run", "line_mw", "noise", "because"),
    [
        (event(began=moment(-30), begin=0), 1.0, (IT,), "on when the watch began: no edge in its time"),
        (event(), 12.0, (IT,), "below the stated line"),
        (event(begin=5, stop=11), 1.0, (replace(IT, innovation_sd_kw=1e5, daily_sd_kw=3e4),), "over before Lorden"),
        (event(), 1.0, (IT,), "nothing: it should have been found"),
    ],
)
def test_each_missed_run_has_its_reason(run: object, line_mw: float, noise: tuple, because: str) -> None:
    site = replace(trial([run], line_mw=line_mw), noise=noise)

    (missed,) = missed_runs([site])

    assert missed["because"].startswith(because)
    assert missed["over_line"] == pytest.approx(10.0 / line_mw, rel=1e-3)
    assert missed["lorden_days"] is not None


def test_what_was_found_or_can_not_be_seen_is_no_miss() -> None:
    found = trial([event()], [history((6, said()))])
    hidden = trial([event(is_visible=False)])
    shaped = trial([event(group="evasion")])

    assert missed_runs([found, hidden, shaped]) == []
