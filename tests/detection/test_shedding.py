"""Hours in which a site sheds load are set aside where it is used to that; what stays down, or is no habit, is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.detection.test_watch import Scene, same

from pausewatch.baselines.contract import Series
from pausewatch.baselines.ridge import RidgeBaseline
from pausewatch.detection.shedding import LONGEST_HOURS, shed_hours, shed_lines, without_shed
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Kind, Verdict
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import Lane

HOURS = 120 * 24
START = datetime(2026, 3, 2, tzinfo=UTC)


def load(seed: int = 0, swing_kw: float = 200.0) -> np.ndarray:
    """Return ordinary load of 10 MW with a daily wave and a memory of hours, kW."""
    rng = np.random.default_rng(seed)
    out = np.zeros(HOURS)
    for h in range(1, HOURS):
        out[h] = 0.9 * out[h - 1] + 20.0 * rng.standard_normal()
    return 10_000.0 + swing_kw * np.cos(2 * np.pi * np.arange(HOURS) / 24) + out


def spells(count: int = 15, hours: int = 5, seed: int = 1) -> np.ndarray:
    """Return which hours are dear: spells in the afternoon of some days."""
    rng = np.random.default_rng(seed)
    out = np.zeros(HOURS, dtype=bool)
    for day in rng.choice(np.arange(2, HOURS // 24 - 1), count, replace=False):
        begin = 24 * int(day) + 15
        out[begin : begin + hours] = True
    return out


def series(*rows: np.ndarray) -> Series:
    zones, countries = ("UTC",) * len(rows), (None,) * len(rows)
    grid = HourGrid(np.datetime64(START.replace(tzinfo=None), "s"), HOURS, zones, countries)
    keys = tuple(f"s{i}/it_load" for i in range(len(rows)))
    return Series(keys, grid, np.stack(rows), np.full((len(rows), HOURS), np.nan))


def lines(reference: Series) -> np.ndarray:
    return shed_lines(reference.load_kw, RidgeBaseline().shape(reference).rest_kw)


@pytest.mark.parametrize("depth", [0.4, 0.7, 0.98])
def test_a_habit_of_shedding_is_seen_and_its_hours_set_aside(depth: float):
    dear = spells()
    reference = series(load() * np.where(dear, 1 - depth, 1.0))
    (line,) = lines(reference)
    assert 0.3 * depth * 10_000 < line < 0.7 * depth * 10_000
    kept = without_shed(reference, RidgeBaseline().shape(reference).rest_kw, np.array([line]))
    assert np.isnan(kept.load_kw[0][dear]).all()
    # An hour at either side is lost with each spell, and nothing else.
    assert np.isnan(kept.load_kw[0]).sum() == dear.sum() + 2 * 15
    assert np.nanstd(kept.load_kw[0]) < 0.4 * reference.load_kw[0].std()


def test_ordinary_sites_have_no_such_habit():
    rng = np.random.default_rng(3)
    heavy = load(4) + 300.0 * rng.standard_t(3, HOURS)
    tripped = load(5)
    tripped[500:505] = 0.0
    left = load(6)
    left[1500:] *= 0.5
    nightly = load(7) * np.where(np.arange(HOURS) % 24 < 8, 0.6, 1.0)
    assert np.isinf(lines(series(load(), load(2, swing_kw=3_000.0), heavy, tripped, left, nightly))).all()


def test_a_reference_that_was_never_seen_has_no_line():
    assert np.isinf(lines(series(np.full(HOURS, np.nan), load()))).all()


def test_only_series_with_the_habit_lose_hours():
    dear = spells()
    level = np.stack([np.where(dear, -9_000.0, 0.0), np.where(dear, -9_000.0, 0.0)])
    marked = shed_hours(level, np.array([4_500.0, np.inf]))
    assert marked[0][dear].all()
    assert not marked[1].any()


def test_load_that_stays_down_is_no_shedding():
    level = np.zeros((2, HOURS))
    level[0, 1000 : 1000 + LONGEST_HOURS] = -9_000.0
    level[1, 1000 : 1000 + LONGEST_HOURS + 1] = -9_000.0
    marked = shed_hours(level, np.array([4_500.0, 4_500.0]))
    assert marked[0].sum() == LONGEST_HOURS + 2
    assert not marked[1].any()


def test_hours_are_shed_against_the_level_of_the_days_before_a_run_or_not():
    """A run on top of a site that goes on shedding, and sheds with it."""
    dear = spells(seed=9)
    level = np.where(dear, -9_000.0, 0.0) + np.where(np.arange(HOURS) >= 1200, 5_000.0, 0.0)
    marked = shed_hours(level[None], np.array([4_500.0]))[0]
    assert marked[dear].all()
    assert marked.sum() == dear.sum() + 2 * 15


def test_what_comes_later_changes_no_earlier_hour():
    level = np.where(spells(seed=5), -9_000.0, 0.0)[None]
    line = np.array([4_500.0])
    whole = shed_hours(level, line)
    for end in (800, 1203, 1500):
        # A spell at the end may still turn out to be none.
        assert (shed_hours(level[:, :end], line)[0, : end - 60] == whole[0, : end - 60]).all()


def miner(run_mw: float, since: datetime) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a change of telemetry: a site that is off by nine tenths in dear hours, with a run from a time on."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        time = pl.col("time_utc")
        # Every third day, for a few hours that move with the date.
        is_dear = (time.dt.ordinal_day() % 3 == 0) & (time.dt.hour() - 12 - time.dt.ordinal_day() % 5).is_between(0, 4)
        left = pl.when(is_dear).then(0.1).otherwise(1.0)
        run = pl.when(time >= since).then(run_mw * 1e3).otherwise(0.0)
        return rows.with_columns((pl.col("it_kw") + run) * left, (pl.col("utility_kw") + 1.2 * run) * left)

    return change


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder: Path = tmp_path_factory.mktemp("mine")
    return Scene(folder, miner(5.0, datetime(2026, 9, 4, 3, tzinfo=UTC)))


def test_a_run_at_a_site_that_sheds_is_found_and_the_day_says_what_was_left_out(mine: Scene):
    before, later = mine.on(date(2026, 9, 3)), mine.on(date(2026, 9, 9))
    assert assess(before)[1] == []
    said, found = assess(later)
    (run,) = [f for f in found if f.kind is Kind.SUSTAINED_LOAD]
    assert run.verdict in (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)
    assert abs(run.start - datetime(2026, 9, 4, 3, tzinfo=UTC)) <= timedelta(hours=2)
    assert run.excess_mw.low <= 5.0 <= run.excess_mw.high
    shed = later.lanes[Lane.IT_LOAD].is_shed[slice(*later.day_hours)]
    assert any("not compared" in reason for reason in said.reasons) == bool(shed.any())
    # Without the shed hours the line is that of any site: a few per cent of the load, not most of it.
    assert before.lanes[Lane.IT_LOAD].detectable_kw < 0.15 * before.lanes[Lane.IT_LOAD].expected.mean_kw.mean()


def test_a_watch_of_a_site_that_sheds_is_the_same_carried_or_rebuilt(mine: Scene):
    carried = mine.watch(date(2026, 9, 10))
    while True:
        seen = carried.advance()
        if seen.day == date(2026, 9, 10):
            break
    rebuilt = mine.on(date(2026, 9, 10))
    assert rebuilt.lanes[Lane.IT_LOAD].is_shed.any()
    same(seen.site(0), rebuilt)
