"""Simulated fleets: the same bytes for the same seed, and a truth that agrees with the telemetry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pausewatch.errors import SimulationError
from pausewatch.fleet import Activity, Measure, load_fleet
from pausewatch.simulation import PRESETS, simulate
from pausewatch.simulation.events import BENIGN, EVASIONS, EVENTS, TAMPER, VIOLATIONS
from pausewatch.simulation.simulator import PAUSE_START, SitePlan

SHORT = {"reference_days": 14, "pause_days": 12, "interval_min": 60}
LONG = {"reference_days": 70, "pause_days": 100, "interval_min": 60, "missing_share": 0.0}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def telemetry(folder: Path, site_id: str) -> pl.DataFrame:
    return pl.read_csv(folder / "telemetry" / f"{site_id}.csv", try_parse_dates=True)


def simulated(folder: Path, *events: str, kind: str = "cloud", seed: int = 3, **more):
    plans = [SitePlan(kind, events)]
    made = simulate(folder, plans=plans, seed=seed, **{**LONG, **more})
    return made, telemetry(folder, "sim-001")


def span_of(event: dict) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path):
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        simulate(tmp_path / name, preset="mixed", sites=5, seed=seed, **SHORT)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    one, three = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "three")
    assert all(one[name] != three[name] for name in one if name.startswith("telemetry"))


def test_simulating_into_the_same_folder_again_changes_nothing(tmp_path):
    simulate(tmp_path, preset="mixed", sites=3, seed=5, **SHORT)
    before = bytes_of(tmp_path)
    simulate(tmp_path, preset="mixed", sites=3, seed=5, **SHORT)
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_sites_data_do_not_depend_on_how_many_sites_there_are(preset, tmp_path):
    few = simulate(tmp_path / "few", preset=preset, sites=2, seed=7, **SHORT)
    many = simulate(tmp_path / "many", preset=preset, sites=5, seed=7, **SHORT)
    assert few.truth["sites"] == many.truth["sites"][:2]
    for site in few.truth["sites"]:
        name = f"{site['site_id']}.csv"
        assert (tmp_path / "few/telemetry" / name).read_bytes() == (tmp_path / "many/telemetry" / name).read_bytes()


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_writes_a_fleet_that_loads_and_telemetry_it_names(preset, tmp_path):
    made = simulate(tmp_path, preset=preset, sites=9, seed=8, **SHORT)
    fleet = load_fleet(made.fleet_path)
    assert [s.id for s in fleet.sites] == [s["site_id"] for s in made.truth["sites"]]
    assert len({s.timezone for s in fleet.sites}) == 8
    assert {p.start for p in fleet.pauses} == {PAUSE_START}
    assert json.loads((tmp_path / "truth.json").read_text()) == made.truth
    for site in fleet.sites:
        assert {m.measures for m in site.meters} - {Measure.ONSITE_GENERATION, Measure.BATTERY} <= {
            Measure.UTILITY_IMPORT,
            Measure.IT_LOAD,
            Measure.OUTDOOR_TEMPERATURE,
        }
        table = telemetry(tmp_path, site.id)
        for meter in site.meters:
            assert {meter.source.time_column, meter.source.value_column} <= set(table.columns)
        step = table["time_utc"].unique().sort().diff().drop_nulls()
        assert step.min() == step.mode().to_list()[0]


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 30, 60])
def test_the_interval_is_as_asked(minutes, tmp_path):
    made = simulate(tmp_path, preset="quiet", sites=1, seed=1, reference_days=14, pause_days=1, interval_min=minutes)
    meter = load_fleet(made.fleet_path).sites[0].meters[0]
    assert meter.interval_s == 60 * minutes
    table = telemetry(tmp_path, "sim-001")
    assert table["time_utc"].diff().drop_nulls().min().total_seconds() == 60 * minutes
    assert table["time_utc"].max() >= datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_runs_and_is_labelled_within_the_data(name, tmp_path):
    made, table = simulated(tmp_path, name, seed=2, reference_days=40, pause_days=30)
    (event,) = made.truth["sites"][0]["events"]
    start, end = span_of(event)
    assert event["name"] == name
    assert start < end <= table["time_utc"].max().replace(tzinfo=UTC) + (table["time_utc"][1] - table["time_utc"][0])
    groups = {**dict.fromkeys(VIOLATIONS, "violation"), **dict.fromkeys(EVASIONS, "evasion")}
    groups |= {**dict.fromkeys(BENIGN, "benign"), **dict.fromkeys(TAMPER, "tamper")}
    assert event["class"] == groups[name]
    assert event["is_training"] == (name in VIOLATIONS or name in EVASIONS)
    assert made.truth["sites"][0]["violates"] == event["is_training"]
    assert event["visible"] or name in {"replaced_one_for_one", "behind_the_meter"}
    assert (table["utility_kw"].drop_nulls() > 0).all()
    load_fleet(made.fleet_path)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["plain_run", "bursts", "off_peak", "slow_ramp", "new_tenant", "inference_growth"])
def test_the_labelled_energy_is_the_difference_that_the_event_makes(name, seed, tmp_path):
    """The event's own random numbers come after the ordinary load's: with and without it that load is the same."""
    made, with_event = simulated(tmp_path / "with", name, seed=seed)
    _, without = simulated(tmp_path / "without", seed=seed)
    (event,) = made.truth["sites"][0]["events"]
    start, end = span_of(event)
    inside = (with_event["time_utc"] >= start) & (with_event["time_utc"] < end)
    difference = (with_event["it_kw"] - without["it_kw"]) / 1e3
    hours = 1.0
    # Each meter has a gain of its own within its class, on all of the load.
    error_mwh = 0.02 * without["it_kw"].filter(inside).sum() / 1e3 + 0.03 * event["energy_mwh"]
    assert difference.filter(inside).sum() * hours == pytest.approx(event["energy_mwh"], abs=error_mwh + 1.0)
    assert event["mw_it"] == pytest.approx(event["energy_mwh"] / inside.sum(), rel=0.05, abs=0.02)


def test_a_plain_run_shows_on_both_meters_and_a_hidden_one_at_the_utility_alone(tmp_path):
    for name, shows in (("plain_run", True), ("hidden_from_it_meter", False)):
        made, run = simulated(tmp_path / name, name)
        _, quiet = simulated(tmp_path / f"{name}-quiet")
        start, end = span_of(made.truth["sites"][0]["events"][0])
        inside = (run["time_utc"] >= start) & (run["time_utc"] < end)
        mw = made.truth["sites"][0]["events"][0]["mw_it"]
        at_it = (run["it_kw"].filter(inside).mean() - quiet["it_kw"].filter(inside).mean()) / 1e3
        at_utility = (run["utility_kw"].filter(inside).mean() - quiet["utility_kw"].filter(inside).mean()) / 1e3
        assert (at_it > 0.7 * mw) == shows
        assert 0.8 * mw < at_utility < 1.8 * mw


def test_training_declared_up_to_the_pause_and_not_stopped_goes_on(tmp_path):
    for name, goes_on in (("not_stopped", True), ("declared_training_stopped", False)):
        made, table = simulated(tmp_path / name, name)
        site = load_fleet(made.fleet_path).sites[0]
        (declaration,) = site.declarations
        assert declaration.activity is Activity.TRAINING
        assert declaration.end == PAUSE_START
        assert declaration.filed_at < declaration.start < PAUSE_START
        hour = (table["time_utc"] - pl.Series([PAUSE_START]).dt.replace_time_zone("UTC")[0]).dt.total_hours()
        before = table["it_kw"].filter((hour >= -72) & (hour < -13)).mean() / 1e3
        after = table["it_kw"].filter((hour >= 1) & (hour < 60)).mean() / 1e3
        assert (before - after > 0.5 * declaration.expected_mw) != goes_on


def test_science_is_declared_before_it_begins_and_by_its_size(tmp_path):
    made, _ = simulated(tmp_path, "declared_science")
    site = load_fleet(made.fleet_path).sites[0]
    (declaration,) = site.declarations
    event = made.truth["sites"][0]["events"][0]
    assert declaration.activity is Activity.SCIENCE
    assert not declaration.is_late
    assert declaration.expected_mw == pytest.approx(event["mw_it"], rel=0.15)


def test_tampering_changes_what_meters_say_and_not_the_truth(tmp_path):
    made, stuck = simulated(tmp_path / "stuck", "stuck_meter")
    start, end = span_of(made.truth["sites"][0]["events"][0])
    held = stuck.filter((pl.col("time_utc") > start) & (pl.col("time_utc") < end))["it_kw"]
    assert held.n_unique() == 1
    made, out = simulated(tmp_path / "out", "telemetry_outage")
    start, end = span_of(made.truth["sites"][0]["events"][0])
    assert out.filter((pl.col("time_utc") > start) & (pl.col("time_utc") < end)).is_empty()
    made, replayed = simulated(tmp_path / "replayed", "replayed")
    start, end = span_of(made.truth["sites"][0]["events"][0])
    values = replayed["it_kw"].to_numpy()
    inside = np.flatnonzero(((replayed["time_utc"] >= start) & (replayed["time_utc"] < end)).to_numpy())
    assert np.array_equal(values[inside[:100]], values[inside[:100] - 7 * 24])


def test_some_readings_are_missing_as_asked(tmp_path):
    _, table = simulated(tmp_path, missing_share=0.1)
    assert table["utility_kw"].null_count() / len(table) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"preset": "nothing"}, "demo, honest"),
        ({"sites": 0}, "sites: 0"),
        ({"reference_days": 13}, "at least 14"),
        ({"pause_days": 0}, "pause days"),
        ({"interval_min": 7}, "7 min"),
        ({"plans": [SitePlan("cloud", ("no_such_event",))]}, "no_such_event"),
        ({"plans": [SitePlan("no_such_kind", ())]}, "no_such_kind"),
        ({"missing_share": 1.5}, "missing"),
        ({"missing_share": -0.1}, "missing"),
    ],
    ids=str,
)
def test_bad_arguments_say_what_is_wrong_and_write_nothing(change, said, tmp_path):
    with pytest.raises(SimulationError) as caught:
        simulate(tmp_path / "out", **{"preset": "quiet", "sites": 1, **SHORT, **change})
    assert said in str(caught.value)
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SimulationError, match="something else"):
        simulate(tmp_path, preset="quiet", sites=1, **SHORT)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_said_plainly(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(SimulationError):
        simulate(tmp_path / "out", preset="quiet", sites=1, **SHORT)


def test_a_smaller_fleet_leaves_nothing_of_a_larger_one_behind(tmp_path):
    simulate(tmp_path, preset="quiet", sites=3, seed=1, **SHORT)
    simulate(tmp_path, preset="quiet", sites=1, seed=1, **SHORT)
    assert [p.name for p in sorted((tmp_path / "telemetry").iterdir())] == ["sim-001.csv"]
