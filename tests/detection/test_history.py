"""Daily means of a reference that holds a plateau come back as they were, and line up with the hours they are of."""

from __future__ import annotations

import numpy as np

from pausewatch.detection.history import History

START_S = 1_767_225_600
HOURS = 10 * 24
LOAD = np.stack([1_000.0 + 100.0 * s + np.arange(HOURS) // 24 for s in range(3)])


def history() -> History:
    load = LOAD.copy()
    load[2, 24:40] = np.nan
    return History.of(START_S, [0, 2], load, LOAD - 50.0)


def test_a_day_is_told_by_its_mean_and_not_at_all_where_half_of_it_was_unseen():
    start_s, observed, expected = history().hourly(2, START_S, START_S + 3 * 86_400)
    assert start_s == START_S
    assert np.isnan(observed[24:48]).all()
    assert observed[:24].tolist() == [1_200.0] * 24
    assert expected[48:].tolist() == [1_152.0] * 24


def test_it_begins_on_a_whole_day_and_ends_on_the_hour():
    start_s, observed, expected = history().hourly(0, START_S + 2 * 86_400 + 7_200, START_S + 4 * 86_400 - 3_600)
    assert start_s == START_S + 2 * 86_400
    assert len(observed) == len(expected) == 47
    assert observed[23] == 1_002.0
    assert observed[24] == 1_003.0


def test_there_is_none_of_a_series_without_a_plateau_nor_after_the_end():
    assert history().hourly(1, START_S, START_S + 86_400) is None
    assert history().hourly(0, START_S + 86_400, START_S) is None


def test_it_comes_back_from_plain_arrays():
    again = History.from_state(history().state())
    assert again.start_s == START_S
    assert again.series.tolist() == [0, 2]
    np.testing.assert_array_equal(again.observed_kw, history().observed_kw)
    np.testing.assert_array_equal(again.expected_kw, history().expected_kw)
    nothing = History.from_state(History.of(START_S, [], LOAD, LOAD).state())
    assert nothing.hourly(0, START_S, START_S + 86_400) is None
