"""What a day's inspection may know: the versions of readings that had arrived by its cut-off, and nothing later."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from tests.pipeline.fleets import FIRST, LAST, files_of, place_of, small_fleet

from pausewatch.pipeline import inspect_day, replay
from pausewatch.pipeline.workplace import Workplace
from pausewatch.simulation.simulator import SitePlan

LATE_DAY, ARRIVAL = date(2026, 9, 3), "2026-09-05T18:00:00Z"
PLANS = (SitePlan("cloud", ()), SitePlan("mixed", ("plain_run",)))


def fleet_with(folder: Path, change) -> Workplace:
    """Write a fleet whose sources say when each row arrived; `change` rewrites the first site's rows."""
    small_fleet(folder, PLANS)
    data = yaml.safe_load((folder / "fleet.yaml").read_text(encoding="utf-8"))
    for site in data["sites"]:
        for meter in site["meters"]:
            meter["source"]["available_column"] = "available"
    (folder / "fleet.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    for path in sorted((folder / "telemetry").iterdir()):
        rows = pl.read_csv(path, try_parse_dates=True)
        arrived = (pl.col("time_utc") + timedelta(hours=1)).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = rows.with_columns(arrived.alias("available"))
        if path.name == "sim-001.csv":
            rows = change(rows)
        rows.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%SZ")
    return place_of(folder)


def of_the_day() -> pl.Expr:
    """Return the rows of most of the late day (London is an hour ahead)."""
    begin = datetime.fromisoformat(f"{LATE_DAY}T00:00:00+00:00")
    return (pl.col("time_utc") >= begin) & (pl.col("time_utc") < begin + timedelta(hours=20))


def late(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.when(of_the_day()).then(pl.lit(ARRIVAL)).otherwise("available").alias("available"))


def never(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(~of_the_day())


def corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with a later version of the day that says half of it."""
    again = rows.filter(of_the_day()).with_columns(
        pl.col("utility_kw") / 2, pl.col("it_kw") / 2, pl.lit(ARRIVAL).alias("available")
    )
    return pl.concat([rows, again])


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[str, Path]:
    """Replays of the same fleet: late, never arrived, corrected, and as it was."""
    out = {}
    for change in (late, never, corrected, lambda rows: rows):
        name = change.__name__.strip("<>")
        folder = tmp_path_factory.mktemp("arrivals") / name
        out[name] = replay(fleet_with(folder / "sim", change), FIRST, LAST, folder / "out")
    return out


def day_of(out: Path, day: date, site: str = "sim-001") -> dict[str, str]:
    with (out / "reports" / day.isoformat() / "site_days.csv").open(newline="", encoding="utf-8") as text:
        return next(row for row in csv.DictReader(text) if row["site_id"] == site)


def test_before_they_arrive_late_readings_are_as_good_as_none(told):
    for day in (date(2026, 9, 1), date(2026, 9, 2), LATE_DAY, date(2026, 9, 4)):
        assert day_of(told["late"], day) == day_of(told["never"], day)
        for name in ("findings.csv", "site_days.csv"):
            late_report, other = (told[k] / "reports" / day.isoformat() / name for k in ("late", "never"))
            assert late_report.read_bytes() == other.read_bytes()
    assert float(day_of(told["late"], LATE_DAY)["coverage"]) < 0.3
    assert day_of(told["late"], LATE_DAY)["status"] == "cannot_conclude"


def test_once_they_have_arrived_they_count(told):
    assert float(day_of(told["late"], LAST)["coverage"]) == float(day_of(told["never"], LAST)["coverage"])
    late_days, never_days = (
        next(
            s["daily_observed_mwh"]
            for s in json.loads((told[k] / "reports" / LAST.isoformat() / "report.json").read_text())["sites"]
            if s["site_id"] == "sim-001"
        )
        for k in ("late", "never")
    )
    at = -1 - (LAST - LATE_DAY).days
    assert never_days[at] is None or np.isnan(never_days[at])
    assert late_days[at] > 0


def test_a_correction_changes_no_earlier_day(told):
    for day in (date(2026, 9, 1), LATE_DAY, date(2026, 9, 4)):
        assert day_of(told["corrected"], day) == day_of(told["lambda"], day)
        assert day_of(told["corrected"], day, "sim-002") == day_of(told["lambda"], day, "sim-002")


def test_a_day_inspected_after_everything_arrived_still_says_what_was_known(told):
    folder = told["late"].parent
    place = place_of(folder / "sim", "alone")
    from pausewatch.pipeline import fit_baselines
    from pausewatch.telemetry.collect import collect

    collect(place.fleet, place.lake())
    fit_baselines(place)
    alone = Path(inspect_day(place, LATE_DAY))
    replayed = told["late"] / "reports" / LATE_DAY.isoformat()
    assert (alone / "site_days.csv").read_bytes() == (replayed / "site_days.csv").read_bytes()
    assert files_of(alone)
