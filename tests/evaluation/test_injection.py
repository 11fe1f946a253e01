"""A load laid over a watch's hours is the same load written into every file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import learn
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.detection.watch import Watch
from pausewatch.evaluation.injection import added_kw, constant_kw, forked
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Kind
from pausewatch.fleet import load_fleet
from pausewatch.simulation import simulate
from pausewatch.simulation.simulator import SitePlan
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake

START = datetime(2026, 9, 7, 10, 30, tzinfo=UTC)
END = START + timedelta(days=5)
LAST = date(2026, 9, 14)
RUN_MW, PUE = 3.0, 1.25
LOADS = {"it_kw": RUN_MW * 1e3, "utility_kw": RUN_MW * 1e3 * PUE}


def _watch(folder: Path, with_run: bool, interval_min: int) -> Watch:
    made = simulate(
        folder,
        plans=[SitePlan("colocation", ()), SitePlan("cloud", ())],
        seed=5,
        reference_days=70,
        pause_days=14,
        interval_min=interval_min,
        missing_share=0.01,
    )
    if with_run:
        path = folder / "telemetry/sim-001.csv"
        rows = pl.read_csv(path, try_parse_dates=True)
        begin = pl.col("time_utc").dt.epoch("s")
        length = 60 * interval_min
        covered = pl.min_horizontal(begin + length, int(END.timestamp())) - pl.max_horizontal(
            begin, int(START.timestamp())
        )
        share = covered.clip(0, length) / length
        changed = rows.with_columns(pl.col(c) + share * kw for c, kw in LOADS.items())
        changed.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ", float_precision=3)
    fleet = load_fleet(made.fleet_path)
    lake = Lake.open(str(folder / "lake"))
    collect(fleet, lake)
    frozen = learn(fleet, lake, fleet.sites, fleet.pauses[0], Detector())
    return Watch.open(fleet, fleet.pauses[0], fleet.sites, frozen, lake, LAST, Detector())


def _on(watch: Watch, day: date) -> SiteWatchDay:
    seen = watch.advance()
    while seen.day < day:
        seen = watch.advance()
    return seen.site(0)


@pytest.mark.parametrize("interval_min", [15, 60])
@pytest.mark.parametrize("fork_day", [date(2026, 9, 2), date(2026, 9, 9)])
def test_injected_load_says_what_written_load_says(tmp_path: Path, interval_min: int, fork_day: date) -> None:
    written, base = _watch(tmp_path / "a", True, interval_min), _watch(tmp_path / "b", False, interval_min)
    _on(base, fork_day)
    load = constant_kw(base.timeline.grid, 0, START, END, RUN_MW)
    fork = forked(base, added_kw(base, {0: load}, {0: PUE}))

    theirs, mine = _on(written, LAST), _on(fork, LAST)

    for lane, view in theirs.lanes.items():
        assert np.array_equal(view.observed_kw, mine.lanes[lane].observed_kw, equal_nan=True)
        assert np.array_equal(view.residual_kw, mine.lanes[lane].residual_kw, equal_nan=True)
    if fork_day < START.date():
        assert assess(mine) == assess(theirs)
        assert any(a.kind is Kind.SUSTAINED_LOAD for a in assess(mine)[1])


def test_the_forked_watch_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    base, alone = _watch(tmp_path / "a", False, 60), _watch(tmp_path / "b", False, 60)
    _on(base, date(2026, 9, 3))
    load = constant_kw(base.timeline.grid, 0, START, END, 40.0)
    fork = forked(base, added_kw(base, {0: load}, {0: PUE}))
    _on(fork, LAST)

    assert assess(_on(base, LAST)) == assess(_on(alone, LAST))


def test_a_constant_load_keeps_its_energy(tmp_path: Path) -> None:
    grid = _watch(tmp_path, False, 60).timeline.grid

    load = constant_kw(grid, 0, START, END, RUN_MW)

    assert load.sum() / 1e3 == pytest.approx(RUN_MW * 5 * 24)
    assert load.max() == pytest.approx(RUN_MW * 1e3)
