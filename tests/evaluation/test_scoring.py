"""Scores of hand-made fleets, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from tests.evaluation.told import event, history, said, trial

from pausewatch.evaluation.bootstrap import mean_of, pooled, rate_of, share_of
from pausewatch.evaluation.reliability import Said, reliability
from pausewatch.evaluation.scoring import score_trials
from pausewatch.evaluation.tables import compared, markdown
from pausewatch.findings.model import Verdict

FOUND = "untampered runs of 5 % and 5 days: found"
FALSE_TRAINING = "false training_like per site-year, at sites without training"


def test_intervals_are_the_same_every_time() -> None:
    hits, cases = [1, 0, 2, 1, 0], [1, 1, 2, 2, 1]

    assert share_of(hits, cases) == share_of(hits, cases)
    assert pooled([[1.0, 2.0], [], [7.0]], lambda v: float(np.median(v))) == pooled(
        [[1.0, 2.0], [], [7.0]], lambda v: float(np.median(v))
    )


def test_an_interval_holds_its_value() -> None:
    found = share_of([1, 0, 2, 1, 0], [1, 1, 2, 2, 1])

    assert found.value == pytest.approx(4 / 7)
    assert found.low < found.value < found.high


def test_where_all_or_none_are_hit_the_exact_limit_stands_in() -> None:
    assert share_of([1] * 10, [1] * 10).low == pytest.approx(0.05**0.1)
    assert share_of([0] * 10, [1] * 10).high == pytest.approx(1 - 0.05**0.1)
    assert rate_of([0, 0], [1.0, 1.0]).high == pytest.approx(1.498, abs=1e-3)


def test_nothing_to_measure_is_said() -> None:
    empty = mean_of([0.0], [0.0])

    assert np.isnan(empty.value)
    assert empty.document() == {"value": None, "low": None, "high": None, "count": 0.0}


def test_headlines_count_what_they_say() -> None:
    found = trial([event()], [history((7, said()), (29, said()))])
    missed = trial([event()])
    small = trial([event(mw_it=2.0)])
    honest = trial([event(name="new_tenant", group="benign", is_training=False)], [history((7, said()))])
    scores = score_trials([found, missed, small, honest])

    assert scores.headline(FOUND).measure.value == pytest.approx(0.5)
    assert scores.headline(FOUND).measure.count == 2
    assert scores.headline(FOUND).is_met is False
    assert scores.headline(FALSE_TRAINING).measure.value == pytest.approx(365.25 / 30)
    assert scores.headline("benign events called training").measure.value == 1.0
    false_open = scores.headline("false open findings (nothing behind them) per site-year, at sites without training")
    assert false_open.measure.value == 0.0
    assert {(c.size, c.found.value) for c in scores.cells} == {((0.1, 0.2), 0.5), ((0.0, 0.05), 0.0)}


def test_tables_hold_every_headline() -> None:
    scores = score_trials([trial([event()], [history((7, said()), (8, said(verdict=Verdict.UNEXPLAINED)))])])
    text = markdown(scores)

    assert all(h.name in text for h in scores.headlines)
    assert "plain run" in text
    assert compared({"one": scores, "two": scores}).count(FOUND) == 1


def test_reliability_of_an_honest_judge_is_near_the_diagonal() -> None:
    rng = np.random.default_rng(3)
    told = [[Said(p, bool(rng.random() < p)) for p in rng.random(40)] for _ in range(60)]
    found = reliability(told)

    assert found.calibration_error < 0.04
    assert sum(b[3].count for b in found.bins) == 2400
    assert found.brier.value == pytest.approx(1 / 6, abs=0.02)
