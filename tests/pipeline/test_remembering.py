"""Memories: a day inspected from what an earlier day left says what a day inspected from the beginning says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from tests.pipeline.fleets import FIRST, small_fleet

from pausewatch.detection.watch import Watch
from pausewatch.pipeline import Workplace, fit_baselines, inspect_sites
from pausewatch.pipeline.collecting import collect_sites
from pausewatch.pipeline.inspecting import inspect_days
from pausewatch.simulation.simulator import SitePlan

PLANS = (SitePlan("cloud", ("plain_run",)), SitePlan("mixed", ()))
DAYS = [FIRST + timedelta(days=i) for i in range(6)]
STAMP = "%Y-%m-%dT%H:%M:%SZ"
Change = Callable[[pl.DataFrame], pl.DataFrame]


def of_day(day: date) -> pl.Expr:
    begin = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    return (pl.col("time_utc") >= begin) & (pl.col("time_utc") < begin + timedelta(hours=20))


def as_it_was(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def late(rows: pl.DataFrame) -> pl.DataFrame:
    """Let most of the second day arrive on the fourth."""
    arrival = pl.lit(f"{DAYS[3]}T18:00:00Z")
    return rows.with_columns(pl.when(of_day(DAYS[1])).then(arrival).otherwise("available").alias("available"))


def corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """Correct a day, twice, and hours of the reference's last weeks; one arrival in the hours after a midnight."""
    out = [rows]
    for day, arrival, share in (
        (DAYS[1], f"{DAYS[3]}T18:00:00Z", 0.5),
        (DAYS[1], f"{DAYS[4]}T03:30:00Z", 0.9),
        (DAYS[0] - timedelta(days=9), f"{DAYS[2]}T12:00:00Z", 1.2),
    ):
        again = rows.filter(of_day(day))
        out.append(
            again.with_columns(
                pl.col("utility_kw") * share, pl.col("it_kw") * share, pl.lit(arrival).alias("available")
            )
        )
    return pl.concat(out)


def outage(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(~of_day(DAYS[2]))


CHANGES: dict[str, Change] = {f.__name__: f for f in (as_it_was, late, corrected, outage)}


def rewrite(folder: Path, change: Change) -> None:
    """Rewrite the first site's telemetry."""
    path = folder / "sim" / "telemetry" / "sim-001.csv"
    change(pl.read_csv(path, try_parse_dates=True, schema_overrides={"available": pl.Utf8})).write_csv(
        path, datetime_format=STAMP
    )


@pytest.fixture(scope="module")
def fleets(tmp_path_factory) -> dict[str, Path]:
    """Homes with frozen baselines, by what was changed; nothing inspected yet."""
    out = {}
    for name, change in CHANGES.items():
        folder = out[name] = tmp_path_factory.mktemp(name)
        small_fleet(folder / "sim", PLANS, reference_days=60)
        data = yaml.safe_load((folder / "sim/fleet.yaml").read_text(encoding="utf-8"))
        for site in data["sites"]:
            for meter in site["meters"]:
                meter["source"]["available_column"] = "available"
        (folder / "sim/fleet.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        for path in sorted((folder / "sim/telemetry").iterdir()):
            rows = pl.read_csv(path, try_parse_dates=True)
            arrived = (pl.col("time_utc") + timedelta(hours=1)).dt.strftime(STAMP)
            rows.with_columns(arrived.alias("available")).write_csv(path, datetime_format=STAMP)
        rewrite(folder, change)
        place = Workplace.at(folder / "sim/fleet.yaml", folder / "home")
        collect_sites(place)
        fit_baselines(place)
    return out


@pytest.fixture
def used(monkeypatch) -> list[date | None]:
    """The day of the memory each watch was opened with."""
    out: list[date | None] = []
    opened = Watch.open

    def spied(*args: Any, **more: Any) -> Watch:
        memory = args[7] if len(args) > 7 else more.get("memory")
        out.append(None if memory is None else memory.known.day)
        return opened(*args, **more)

    monkeypatch.setattr(Watch, "open", staticmethod(spied))
    return out


def home_of(folder: Path, tmp_path: Path, name: str) -> Workplace:
    shutil.copytree(folder, tmp_path / name)
    return Workplace.at(tmp_path / name / "sim/fleet.yaml", tmp_path / name / "home")


def forget(place: Workplace) -> None:
    shutil.rmtree(place.home.state, ignore_errors=True)


def memories(place: Workplace) -> list[Path]:
    return sorted(path for path in place.home.state.rglob("*") if path.is_file())


def told(place: Workplace) -> dict[str, Any]:
    """Return everything the register holds of days and findings."""
    with place.register() as register:
        days = register.site_days()
        return {
            "days": [str(day) for day in days],
            "payloads": [register.payload(day.date, day.site_id) for day in days],
            "findings": [str(finding) for day in DAYS for finding in register.findings(day)],
        }


def both(folder: Path, tmp_path: Path, steps: list[date]) -> tuple[Workplace, Workplace]:
    """Inspect the same days in two homes, one of which forgets in between."""
    remembering, forgetful = (home_of(folder, tmp_path, name) for name in ("remembering", "forgetful"))
    for day in steps:
        inspect_sites(remembering, day)
        forget(forgetful)
        inspect_sites(forgetful, day)
    return remembering, forgetful


@pytest.mark.parametrize("name", CHANGES)
def test_day_after_day(fleets, tmp_path, used, name):
    remembering, forgetful = both(fleets[name], tmp_path, DAYS)
    assert used[::2] == [None, *DAYS[:-1]]
    assert set(used[1::2]) == {None}
    assert told(remembering) == told(forgetful)


@pytest.mark.parametrize("name", CHANGES)
def test_alone_a_day_says_what_days_in_turn_say(fleets, tmp_path, name):
    alone, in_turn = (home_of(fleets[name], tmp_path, n) for n in ("alone", "in_turn"))
    for day in DAYS:
        forget(alone)
        inspect_sites(alone, day)
    inspect_days(in_turn, DAYS)
    assert told(alone) == told(in_turn)


def test_skipped_days(fleets, tmp_path, used):
    remembering, forgetful = both(fleets["corrected"], tmp_path, [DAYS[0], DAYS[2], DAYS[5]])
    assert used[::2] == [None, DAYS[0], DAYS[2]]
    assert told(remembering) == told(forgetful)


def test_a_day_again_and_an_earlier_one(fleets, tmp_path, used):
    steps = [*DAYS[:4], DAYS[3], DAYS[1], DAYS[4]]
    remembering, forgetful = both(fleets["late"], tmp_path, steps)
    assert used[::2] == [None, *DAYS[:3], DAYS[2], None, DAYS[3]]
    assert told(remembering) == told(forgetful)


def test_readings_that_come_after_all_are_not_missed(fleets, tmp_path, used):
    """A file is given more rows whose arrival it dates before a day that was inspected without them."""
    places = [home_of(fleets["as_it_was"], tmp_path, name) for name in ("remembering", "forgetful")]
    for place in places:
        folder = place.home.path.parent
        path = folder / "sim/telemetry/sim-001.csv"
        whole = path.read_bytes()
        shutil.rmtree(folder / "home/lake")
        rewrite(folder, lambda rows: rows.filter(~of_day(DAYS[2])))
        collect_sites(place)
        for day in DAYS[:4]:
            inspect_sites(place, day)
        path.write_bytes(whole)
        collect_sites(place)
    forget(places[1])
    used.clear()
    for place in places:
        inspect_sites(place, DAYS[4])
    assert used == [None, None]
    assert told(places[0]) == told(places[1])


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "other"])
def test_a_damaged_memory_is_passed_over(fleets, tmp_path, used, harm):
    remembering, forgetful = both(fleets["late"], tmp_path, DAYS[:1])
    (path,) = memories(remembering)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-100], "flipped": bytes(flipped), "empty": b"", "other": b"PK nothing"}[harm])
    forget(forgetful)
    for place in (remembering, forgetful):
        inspect_sites(place, DAYS[1])
    assert used == [None] * 4
    assert told(remembering) == told(forgetful)


def test_an_interrupted_write_leaves_the_memories_as_they_were(fleets, tmp_path, used, monkeypatch):
    place = home_of(fleets["late"], tmp_path, "home")
    inspect_sites(place, DAYS[0])
    before = memories(place)

    def broken(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", broken)
        inspect_sites(place, DAYS[1])
    assert memories(place) == before
    inspect_sites(place, DAYS[2])
    assert used == [None, DAYS[0], DAYS[0]]


def test_other_circumstances_are_not_gone_on_from(fleets, tmp_path, used):
    place = home_of(fleets["late"], tmp_path, "home")
    inspect_sites(place, DAYS[0])
    path = place.fleet.path
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    begin = (DAYS[0] - timedelta(days=20)).isoformat() + "T00:00:00Z"
    data["sites"][0].setdefault("declarations", []).append(
        {"id": "works", "activity": "maintenance", "start": begin, "filed_at": begin, "expected_mw": 1}
    )
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    inspect_sites(Workplace.at(path, place.home.path), DAYS[1])
    assert used == [None, None]


def test_few_memories_are_kept(fleets, tmp_path):
    place = home_of(fleets["late"], tmp_path, "home")
    for day in DAYS:
        inspect_sites(place, day)
    assert [path.stem[33:43] for path in memories(place)] == [day.isoformat() for day in DAYS[-2:]]
    assert all(np.load(path, allow_pickle=False).files for path in memories(place))
