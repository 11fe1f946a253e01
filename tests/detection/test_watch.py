"""The watch: carried or rebuilt, it knows the same; what was declared or announced is taken into account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from pausewatch.baselines.contract import Expected
from pausewatch.detection.detector import Detector
from pausewatch.detection.reference import Frozen, learn, learnable
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.detection.watch import LEAD_DAYS, Watch, first_day
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.simulation import simulate
from pausewatch.simulation.simulator import SitePlan
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.panel import Lane

START = datetime(2026, 9, 1, tzinfo=UTC)
RUN_MW = 12.0


class Scene:
    """A quiet simulated site, changed as a test asks, collected and learned."""

    def __init__(self, folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame] | None = None, **document) -> None:
        made = simulate(
            folder, plans=[SitePlan("colocation", ())], seed=5, reference_days=90, pause_days=14, interval_min=60
        )
        data = yaml.safe_load(made.fleet_path.read_text(encoding="utf-8"))
        data["pauses"][0].update(document.pop("pause", {}))
        data["sites"][0].update(document, it_capacity_mw=60.0)
        made.fleet_path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        if change is not None:
            path = folder / "telemetry/sim-001.csv"
            changed = change(pl.read_csv(path, try_parse_dates=True))
            changed.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
        self.fleet: Fleet = load_fleet(made.fleet_path)
        self.lake = Lake.open(str(folder / "lake"))
        collect(self.fleet, self.lake)
        self.frozen: Frozen = learn(self.fleet, self.lake, self.fleet.sites, self.fleet.pauses[0], Detector())

    def watch(self, last: date) -> Watch:
        return Watch.open(self.fleet, self.fleet.pauses[0], self.fleet.sites, self.frozen, self.lake, last, Detector())

    def on(self, day: date) -> SiteWatchDay:
        """Return the site as a watch rebuilt for that day sees it."""
        watch = self.watch(day)
        while True:
            seen = watch.advance()
            if seen.day == day:
                return seen.site(0)


def raised(since: datetime, until: datetime | None = None) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a change of telemetry: a run on both meters."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        on = pl.col("time_utc") >= since
        if until is not None:
            on &= pl.col("time_utc") < until
        return rows.with_columns(
            pl.when(on).then(pl.col("it_kw") + RUN_MW * 1e3).otherwise("it_kw").alias("it_kw"),
            pl.when(on).then(pl.col("utility_kw") + RUN_MW * 1.2e3).otherwise("utility_kw").alias("utility_kw"),
        )

    return change


def same(one: SiteWatchDay, other: SiteWatchDay) -> None:
    for lane in Lane:
        mine, theirs = one.lane(lane), other.lane(lane)
        hours = min(len(mine.residual_kw), len(theirs.residual_kw))
        assert len(mine.residual_kw) == len(theirs.residual_kw) == hours
        for name in ("observed_kw", "residual_kw"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True)
        assert np.array_equal(mine.expected.mean_kw, theirs.expected.mean_kw, equal_nan=True)
        assert mine.episodes == theirs.episodes
        assert mine.detectable_kw == theirs.detectable_kw
    assert one.marginal_pue == other.marginal_pue
    assert one.day_hours == other.day_hours
    assert one.seen_s == other.seen_s


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Scene:
    return Scene(tmp_path_factory.mktemp("run"), raised(START + timedelta(days=3, hours=5)))


def test_carried_day_by_day_it_knows_what_a_rebuilt_watch_knows(run):
    days = [date(2026, 9, 1) + timedelta(days=i) for i in range(9)]
    watch = run.watch(days[-1])
    seen = {}
    while watch.timeline.position < len(watch.timeline.days) - 1:
        told = watch.advance()
        seen[told.day] = told.site(0)
    assert next(iter(seen)) == first_day(run.fleet.pauses[0], run.fleet.sites)
    for day in (days[0], days[5], days[8]):
        same(seen[day], run.on(day))


def test_a_run_is_one_episode_on_each_lane_from_the_day_it_has_lasted(run):
    assert not any(view.episodes for view in run.on(date(2026, 9, 4)).lanes.values())
    seen = run.on(date(2026, 9, 6))
    for view in seen.lanes.values():
        (one,) = view.episodes
        begin = seen.grid.hour_start(0, one.start_hour)
        assert abs(begin - (START + timedelta(days=3, hours=5))) <= timedelta(hours=1)
    assert seen.lanes[Lane.IT_LOAD].episodes[0].excess_kw == pytest.approx(RUN_MW * 1e3, rel=0.05)


def test_nothing_after_the_local_day_is_shown(run):
    seen = run.on(date(2026, 9, 6))
    zone = seen.site.zone
    end = seen.grid.hour_start(0, seen.grid.hours - 1) + timedelta(hours=1)
    assert end.astimezone(zone) == datetime(2026, 9, 7, tzinfo=zone)
    first, last = seen.day_hours
    assert (last, last - first) == (seen.grid.hours, 24)


def test_training_declared_before_the_pause_is_neither_learned_nor_an_episode(tmp_path):
    begin, end = START - timedelta(days=40), START - timedelta(hours=3)
    declaration = {
        "id": "t",
        "activity": "training",
        "start": begin.isoformat(),
        "end": START.isoformat(),
        "expected_mw": RUN_MW,
        "filed_at": (begin - timedelta(days=10)).isoformat(),
    }
    declared = Scene(tmp_path / "declared", raised(begin, end), declarations=[declaration])
    quiet = Scene(tmp_path / "quiet")
    day = date(2026, 9, 4)
    told, other = declared.on(day), quiet.on(day)
    assert not any(view.episodes for view in told.lanes.values())
    expected: Expected = told.lanes[Lane.IT_LOAD].expected
    usual = other.lanes[Lane.IT_LOAD].expected.mean_kw[0, -24:]
    assert expected.mean_kw[0, -24:] == pytest.approx(usual, rel=0.05)
    # Undeclared, the same run is learned as normal, or at least distrusted.
    masked = np.isnan(told.lanes[Lane.IT_LOAD].residual_kw)
    hours = [told.grid.hour_start(0, h) for h in range(told.grid.hours)]
    assert all(masked[i] == (hour < START) for i, hour in enumerate(hours) if begin <= hour < START + timedelta(days=2))


def test_what_came_after_the_announcement_is_watched_and_not_learned(tmp_path):
    announced = START - timedelta(days=20)
    scene = Scene(tmp_path, raised(START - timedelta(days=9)), pause={"announced": announced.isoformat()})
    assert scene.frozen.baselines.reference_end_s == int(announced.timestamp())
    assert first_day(scene.fleet.pauses[0], scene.fleet.sites) == announced.astimezone(scene.fleet.sites[0].zone).date()
    seen = scene.on(date(2026, 9, 1))
    for view in seen.lanes.values():
        (one,) = view.episodes
        assert abs(seen.grid.hour_start(0, one.start_hour) - (START - timedelta(days=9))) <= timedelta(hours=1)
    assert seen.grid.hour_start(0, 0) <= announced - timedelta(days=LEAD_DAYS)


def test_declared_works_are_not_learned(tmp_path):
    begin, end = START - timedelta(days=30), START - timedelta(days=20)
    works = {
        "id": "w",
        "activity": "commissioning",
        "start": begin.isoformat(),
        "end": end.isoformat(),
        "filed_at": begin.isoformat(),
    }
    scene = Scene(tmp_path, declarations=[works])
    watch = scene.watch(date(2026, 9, 1))
    panel = watch.timeline.advance()
    load = learnable(panel, scene.fleet.sites, Lane.UTILITY)[0]
    hours = np.array([panel.grid.hour_start(0, h) for h in range(panel.grid.hours)])
    inside = (hours >= begin) & (hours < end)
    assert np.isnan(load[inside]).all()
    assert np.isfinite(load[~inside & (hours < START)]).mean() > 0.9


def test_without_readings_before_the_pause_every_lane_is_refused_with_a_reason(tmp_path):
    scene = Scene(tmp_path / "scene")
    empty = Lake.open(str(tmp_path / "empty"))
    frozen = learn(scene.fleet, empty, scene.fleet.sites, scene.fleet.pauses[0], Detector())
    assert all(
        any("28 are needed" in reason or "no meter" in reason for reason in r) for r in frozen.baselines.refusals
    )
    assert not frozen.baselines.is_usable.any()
