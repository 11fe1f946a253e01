"""A timeline: what is known on a report day, and whether another may go on from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.builders import at, fleet_of

from pausewatch.telemetry.lake import READINGS_SCHEMA, Lake
from pausewatch.telemetry.timeline import Timeline, cutoffs_us

START = at("2026-03-01T00:00")


@pytest.mark.parametrize("goes_on", [True, False])
def test_rows_are_counted_only_where_another_timeline_may_go_on(tmp_path: Path, goes_on: bool) -> None:
    site = fleet_of(tmp_path).sites[0]
    lake = Lake.open(str(tmp_path / "lake"))
    starts = [START + hour * timedelta(hours=1) for hour in range(48)]
    frame = pl.DataFrame(
        {
            "site_id": site.id,
            "meter_id": site.meters[0].id,
            "interval_start": starts,
            "interval_s": 3600,
            "value": [float(hour) for hour in range(48)],
            "unit": "kW",
            "quality": "measured",
            "source": "x.csv",
            "ingest_id": "i",
            "available_at": [start + timedelta(hours=1) for start in starts],
            "month": "2026-03",
        }
    ).cast(dict(READINGS_SCHEMA))  # type: ignore[arg-type]
    lake.append("readings", frame)
    days = [START.date()]
    cutoffs = cutoffs_us([site], days, 6)

    timeline = Timeline.load(lake, [site], START, START + timedelta(days=1), days, cutoffs, goes_on=goes_on)
    panel = timeline.advance()

    assert panel.grid.hours > 0
    assert timeline.hours.milliwatt_s.any()
    if goes_on:
        assert timeline.known().rows.tolist() == [25]
    else:
        with pytest.raises(ValueError, match="not counted"):
            timeline.known()
