"""Presets: every one loads, is the same again, and spans what it says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from pausewatch.errors import SimulationError
from pausewatch.fleet import Measure, load_fleet
from pausewatch.simulation import PRESETS, Occurrence, SitePlan, simulate, simulate_sites
from pausewatch.simulation.documents import fleet_document
from pausewatch.simulation.events import BENIGN, EVASIONS, TAMPER, VIOLATIONS
from pausewatch.simulation.simulator import PAUSE_START

SHORT = {"reference_days": 20, "pause_days": 15, "interval_min": 60}
WIDE = ("matrix", "runs", "evasions", "benign", "tampered", "split", "wide", "restless")


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_hundred_sites_of_any_preset_load_and_declare_what_can_be_used(preset, tmp_path: Path):
    made = list(simulate_sites(preset=preset, sites=100, seed=3, **SHORT))
    document = fleet_document("test", PAUSE_START.timestamp(), [site.document for site in made])
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    fleet = load_fleet(tmp_path)
    assert len(fleet.sites) == 100
    assert {str(w) for w in fleet.warnings if "no outdoor_temperature" not in str(w)} == set()
    for site, simulated in zip(fleet.sites, made, strict=True):
        assert site.meters_of(Measure.UTILITY_IMPORT)
        for declaration in site.declarations:
            assert not declaration.is_late
            assert declaration.expected_mw <= site.it_capacity_mw * 1.31
        peak = simulated.table["utility_kw"].max() / 1e3
        if preset in WIDE and not any(e["tampers"] for e in simulated.truth["events"]):
            assert peak <= site.grid_connection_mw * 1.2


@pytest.mark.parametrize("preset", WIDE)
def test_a_wide_site_depends_on_the_seed_and_its_number_alone(preset):
    few = list(simulate_sites(preset=preset, sites=5, seed=7, **SHORT))
    many = list(simulate_sites(preset=preset, sites=11, seed=7, **SHORT))
    other = list(simulate_sites(preset=preset, sites=5, seed=8, **SHORT))
    for one, same, different in zip(few, many, other, strict=False):
        assert one.truth == same.truth
        assert one.document == same.document
        assert one.table.equals(same.table)
        assert not one.table.equals(different.table)


def test_a_restless_site_wanders_more_than_its_kind_and_no_more_than_a_grid_zone():
    noise = {
        preset: np.median([s.truth["parameters"]["noise_sd"] for s in simulate_sites(preset=preset, sites=40, **SHORT)])
        for preset in ("wide", "restless")
    }
    assert 2 * noise["wide"] < noise["restless"] <= 0.15
    groups = [s.truth["events"][-1]["class"] for s in simulate_sites(preset="restless", sites=10, **SHORT)]
    assert groups[::2] == ["violation"] * 5
    assert "violation" not in groups[1::2]


def test_what_is_in_memory_is_what_is_written_as_either_format(tmp_path: Path):
    given = {"preset": "matrix", "sites": 6, "seed": 2, **SHORT}
    csv = simulate(tmp_path / "csv", **given)
    parquet = simulate(tmp_path / "parquet", telemetry_format="parquet", **given)
    assert csv.truth == parquet.truth
    for site, truth in zip(simulate_sites(**given), csv.truth["sites"], strict=True):
        assert site.truth == truth
        name = truth["site_id"]
        assert pl.read_parquet(tmp_path / "parquet/telemetry" / f"{name}.parquet").equals(site.table)
        text = pl.read_csv(tmp_path / "csv/telemetry" / f"{name}.csv", try_parse_dates=True)
        assert text["time_utc"].to_list() == site.table["time_utc"].to_list()
        assert np.allclose(
            text["utility_kw"].to_numpy(), site.table["utility_kw"].to_numpy(), atol=6e-4, equal_nan=True
        )
    for path in (csv.fleet_path, parquet.fleet_path):
        assert len(load_fleet(path).sites) == 6


def test_another_format_leaves_nothing_of_the_first_behind(tmp_path: Path):
    simulate(tmp_path, preset="wide", sites=2, **SHORT)
    simulate(tmp_path, preset="wide", sites=1, telemetry_format="parquet", **SHORT)
    assert [p.name for p in (tmp_path / "telemetry").iterdir()] == ["sim-001.parquet"]


def test_the_matrix_has_every_class_evenly_and_every_event():
    plans = PRESETS["matrix"](480, np.random.default_rng([1, 0]))
    last = [p.events[-1] if p.events else "" for p in plans]
    names = [e.name if isinstance(e, Occurrence) else e for e in last]
    assert set(VIOLATIONS) | set(EVASIONS) | set(BENIGN) | set(TAMPER) <= set(names)
    for number, group in ((0, VIOLATIONS), (1, EVASIONS), (2, {**BENIGN, **TAMPER})):
        counts = Counter(names[number::4])
        assert set(counts) == set(group)
        assert max(counts.values()) - min(counts.values()) <= 1
    assert max(Counter(p.kind for p in plans).values()) < 1.5 * 480 / 6
    runs = [e.given for e in last if isinstance(e, Occurrence) and e.name == "plain_run"]
    shares, days = np.array([(g["share"][0], g["days"][0]) for g in runs]).T
    for values, (low, high) in ((shares, (0.02, 0.9)), (days, (3, 180))):
        assert values.min() >= low
        assert values.max() <= high
        thirds = np.histogram(np.log(values / low) / np.log(high / low), bins=3, range=(0, 1))[0]
        assert thirds.min() >= 5
    assert abs(np.corrcoef(np.log(shares), np.log(days))[0, 1]) < 0.4


def test_benign_sites_hold_nothing_forbidden_and_often_several_things():
    made = list(simulate_sites(preset="benign", sites=60, seed=1, **SHORT))
    assert not any(site.truth["violates"] for site in made)
    counts = Counter(len(site.truth["events"]) for site in made)
    assert {1, 2, 3, 4} <= set(counts)
    assert {e["name"] for site in made for e in site.truth["events"]} == set(BENIGN) | set(TAMPER)


def test_tampered_sites_are_tampered_with_save_for_duplicates():
    made = simulate_sites(preset="tampered", sites=33, seed=1, **SHORT)
    for site in made:
        main = site.truth["events"][-1]
        assert main["tampers"] == (main["name"] != "duplicates")


def test_split_runs_are_of_one_owner_and_two_to_fifty_sites():
    made = list(simulate_sites(preset="split", sites=200, seed=1, **SHORT))
    groups: dict[float, list] = {}
    for site in made:
        for event in site.truth["events"]:
            if event["name"] == "split":
                groups.setdefault(event["details"]["group"], []).append((site, event))
    assert len(groups) >= 3
    for members in list(groups.values())[:-1]:
        assert 2 <= len(members) == members[0][1]["details"]["members"] <= 50
        (owner,) = {site.document["owner"] for site, _ in members}
        assert owner.startswith("Splitter")
        assert any(s.document["owner"] == owner and not s.truth["violates"] for s in made)
        starts = [np.datetime64(event["start"][:-1]) for _, event in members]
        assert max(starts) - min(starts) <= np.timedelta64(timedelta(hours=6, minutes=1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"telemetry_format": "xlsx"}, "xlsx"),
        ({"plans": [SitePlan("cloud", (Occurrence("no_such", {}),))]}, "no_such"),
        ({"plans": [SitePlan("cloud", (Occurrence("plain_run", {"size": (1, 2)}),))]}, "size"),
        ({"request_rates": Path("no/such/rates.csv")}, "request rates"),
    ],
    ids=str,
)
def test_bad_arguments_say_what_is_wrong_and_write_nothing(change, said, tmp_path: Path):
    with pytest.raises(SimulationError, match=said):
        simulate(tmp_path / "out", **{"sites": 1, **SHORT, **change})
    assert not (tmp_path / "out").exists()
