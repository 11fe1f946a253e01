"""Meter hours against a slow oracle: any intervals, any order, corrections, gaps, as known on any report day."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import at
from tests.naive import Row, meter_hours

from pausewatch.sources.schema import UTC_US
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.meter_hours import Contributions, MeterHours, contributions

ZONES = ("UTC", "Asia/Kathmandu")
METERS = (("a", "utility"), ("a", "it"), ("b", "utility"))
SERIES = np.asarray([0, 0, 1], dtype=np.intp)
HOURS = 30
BEGIN_S = int(at("2026-03-01").timestamp())
GRID = HourGrid(np.datetime64("2026-03-01T00:00:00", "s"), HOURS, ZONES, (None, None))
DAY_US = 86_400_000_000
DAYS = 4
# The two sites' days end at different times.
CUTOFFS = np.asarray(
    [[BEGIN_S * 1_000_000 + (d + 1) * DAY_US + s * 3_600_000_000 for d in range(DAYS)] for s in (0, 5)]
)

rows = st.builds(
    lambda minute, interval, value, day, late: Row(
        BEGIN_S + minute * 60, interval * 60, value, BEGIN_S * 1_000_000 + day * DAY_US + late * 3_600_000_000
    ),
    minute=st.one_of(st.integers(-90, HOURS * 60 + 90), st.sampled_from([0, 15, 30, 45, 60, 120])),
    interval=st.sampled_from([1, 5, 15, 30, 60, 120]),
    value=st.one_of(st.none(), st.integers(-500, 90_000).map(lambda v: v / 7)),
    day=st.integers(-1, DAYS + 1),
    late=st.sampled_from([0, 0, 1, 5]),
)
fleets = st.tuples(*[st.lists(rows, max_size=25)] * len(METERS))


def changes_of(versions: tuple[list[Row], ...]) -> Contributions:
    flat = [(*METERS[m], *row) for m, mine in enumerate(versions) for row in mine]
    frame = pl.DataFrame(
        flat,
        schema={
            "site_id": pl.Utf8,
            "meter_id": pl.Utf8,
            "start_s": pl.Int64,
            "interval_s": pl.Int32,
            "value": pl.Float64,
            "available_us": pl.Int64,
        },
        orient="row",
    ).with_columns(
        (pl.col("start_s") * 1_000_000).cast(UTC_US).alias("interval_start"),
        pl.col("available_us").cast(UTC_US).alias("available_at"),
    )
    return contributions(frame, meters=METERS, series_of_meter=SERIES, grid=GRID, cutoffs_us=CUTOFFS)


@settings(max_examples=150, deadline=None)
@given(versions=fleets)
def test_hours_are_those_of_the_oracle_on_every_report_day(versions: tuple[list[Row], ...]) -> None:
    changes = changes_of(versions)
    advanced = MeterHours.empty(len(METERS), HOURS)
    for day in range(DAYS):
        advanced.add(changes.on(day, day))
        rebuilt = MeterHours.empty(len(METERS), HOURS)
        rebuilt.add(changes.on(0, day))
        assert (advanced.seconds == rebuilt.seconds).all()
        assert (advanced.milliwatt_s == rebuilt.milliwatt_s).all()
        for m, mine in enumerate(versions):
            first_s = GRID.start_s + int(GRID.offset_s[SERIES[m]])
            seconds, milliwatt_s = meter_hours(mine, int(CUTOFFS[SERIES[m], day]), first_s, HOURS)
            assert advanced.seconds[m].tolist() == seconds
            assert advanced.milliwatt_s[m].tolist() == milliwatt_s


@settings(max_examples=40, deadline=None)
@given(versions=fleets, seed=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(versions: tuple[list[Row], ...], seed: object) -> None:
    shuffled = tuple(list(mine) for mine in versions)
    for mine in shuffled:
        seed.shuffle(mine)  # type: ignore[attr-defined]
    one, other = MeterHours.empty(3, HOURS), MeterHours.empty(3, HOURS)
    one.add(changes_of(versions).on(0, DAYS - 1))
    other.add(changes_of(shuffled).on(0, DAYS - 1))
    assert (one.milliwatt_s == other.milliwatt_s).all()
    assert (one.seconds == other.seconds).all()


def _one(*mine: Row) -> MeterHours:
    hours = MeterHours.empty(3, HOURS)
    hours.add(changes_of((list(mine), [], [])).on(0, DAYS - 1))
    return hours


def test_mean_and_coverage_of_an_hour() -> None:
    quarter = [Row(BEGIN_S + i * 900, 900, value, 0) for i, value in enumerate((100.0, 200.0, 600.0))]
    hours = _one(*quarter)
    assert hours.mean_kw()[0, 0] == pytest.approx(300.0)
    assert hours.coverage()[0, 0] == 0.75
    assert np.isnan(hours.mean_kw()[0, 1])
    assert hours.coverage()[0, 1] == 0.0


def test_overlapping_intervals_never_cover_more_than_all() -> None:
    hours = _one(Row(BEGIN_S, 7200, 4.0, 0), Row(BEGIN_S + 3600, 3600, 4.0, 0))
    assert hours.coverage()[0, :2].tolist() == [1.0, 1.0]
    assert hours.mean_kw()[0, :2].tolist() == [4.0, 4.0]


def test_a_correction_to_unusable_makes_the_hour_unseen() -> None:
    later = BEGIN_S * 1_000_000 + 2 * DAY_US
    changes = changes_of(([Row(BEGIN_S, 3600, 5.0, 0), Row(BEGIN_S, 3600, None, later)], [], []))
    hours = MeterHours.empty(3, HOURS)
    hours.add(changes.on(0, 0))
    assert hours.coverage()[0, 0] == 1.0
    hours.add(changes.on(1, DAYS - 1))
    assert hours.coverage()[0, 0] == 0.0


def test_no_readings() -> None:
    assert not _one().seconds.any()
