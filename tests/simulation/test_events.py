"""Every event at every kind of site and every interval: its label says what it did."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import polars as pl
import pytest

from pausewatch.simulation import Occurrence, SimulatedSite, SitePlan, simulate_sites
from pausewatch.simulation.events import BENIGN, EVASIONS, EVENTS, TAMPER, VIOLATIONS
from pausewatch.simulation.kinds import KINDS
from pausewatch.simulation.simulator import PAUSE_START

HOURLY = {"reference_days": 60, "pause_days": 90, "interval_min": 60, "missing_share": 0.0}
NOT_IN_THE_LOAD = {"replaced_one_for_one"}
TOUCHED = {"blanked", "replayed", "scaled", "shifted", "telemetry_outage", "stuck_meter", "unit_change"}
TOUCHED |= {"ct_ratio_change", "meter_drift", "clock_change"}


@lru_cache(maxsize=8)
def one(*events: str | Occurrence, kind: str = "cloud", seed: int = 4, **more) -> SimulatedSite:
    plans = [SitePlan(kind, events, is_wide=True)]
    (site,) = simulate_sites(plans=plans, seed=seed, **{**HOURLY, **more})
    return site


def span(event: dict) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])


def inside(site: SimulatedSite, event: dict) -> np.ndarray:
    start, end = span(event)
    return ((site.time_utc >= start) & (site.time_utc < end)).to_numpy()


def seen(site: SimulatedSite, column: str) -> np.ndarray:
    full = pl.DataFrame({"time_utc": site.time_utc}).join(site.table.unique("time_utc"), on="time_utc", how="left")
    return full.sort("time_utc")[column].to_numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(set(EVENTS) - NOT_IN_THE_LOAD))
def test_the_energy_of_a_label_is_the_difference_that_the_event_makes(name, kind):
    site, without = one(name, kind=kind), one(kind=kind)
    (event,) = site.truth["events"]
    mask = inside(site, event)
    difference = (site.it_mw - without.it_mw)[mask]
    assert difference.sum() == pytest.approx(event["energy_mwh"], abs=0.06)
    assert difference.mean() == pytest.approx(event["mw_it"], abs=0.001)
    assert (site.it_mw <= site.truth["it_capacity_mw"] * (1 + 1e-9)).all()
    assert (site.it_mw > 0).all()
    assert (site.utility_mw >= 0).all()


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60])
@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_runs_at_every_interval_and_in_a_pause_of_a_day(name, minutes):
    site = one(name, interval_min=minutes, reference_days=14, pause_days=1, seed=minutes)
    (event,) = site.truth["events"]
    start, end = span(event)
    assert start < end
    last = site.time_utc[-1] + (site.time_utc[1] - site.time_utc[0])
    assert end <= last
    assert event["is_training"] == (name in VIOLATIONS or name in EVASIONS)
    if event["is_training"]:
        assert start >= PAUSE_START
        assert event["mw_it"] >= 0


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_label_says_whether_the_meters_were_touched(name):
    site, without = one(name), one()
    (event,) = site.truth["events"]
    assert event["tampers"] == (name in TOUCHED)
    assert event["class"] in {"violation", "evasion", "benign", "tamper"}
    if name in TAMPER or (name in BENIGN and event["tampers"]):
        # Nothing but the telemetry differs.
        assert np.array_equal(site.it_mw, without.it_mw)
        assert np.array_equal(site.utility_mw, without.utility_mw)
        columns = set(site.table.columns) & set(without.table.columns) - {"time_utc"}
        assert any(not np.array_equal(seen(site, c), seen(without, c), equal_nan=True) for c in columns)


@pytest.mark.parametrize("name", ["hidden_from_it_meter", "battery_smoothing", "behind_the_meter"])
def test_what_goes_past_the_it_meter_is_not_seen_by_it(name):
    site, without = one(name), one("shifted")
    (event,) = site.truth["events"]
    mask = inside(site, event)
    quiet = one()
    added = (site.it_mw - quiet.it_mw)[mask].mean()
    # Any event that needs an IT meter gives the site one, the same one.
    before = ~inside(without, without.truth["events"][0])
    assert np.array_equal(seen(site, "it_kw")[before & ~mask], seen(without, "it_kw")[before & ~mask])
    own_gain = np.nanmean(seen(site, "it_kw")[~mask] / quiet.it_mw[~mask])
    assert np.nanmean(seen(site, "it_kw")[mask] - own_gain * quiet.it_mw[mask]) == pytest.approx(
        0, abs=0.01 * 1e3 * added
    )


@pytest.mark.parametrize("part", [0.1, 0.5, 1.0])
def test_supply_behind_the_meter_takes_its_part_of_the_run_off_the_utility(part):
    given = {"share": (0.3, 0.3), "days": (20, 20)}
    supplied = one(Occurrence("behind_the_meter", {**given, "supplied": (part, part)}))
    hidden = one(Occurrence("hidden_from_it_meter", given))
    (event,) = supplied.truth["events"]
    mask = inside(supplied, event)
    missing = (hidden.utility_mw - supplied.utility_mw)[mask].mean()
    # With its cooling and losses.
    assert 1.0 < missing / (part * event["mw_it"]) < 1.8
    if part == 1:
        assert np.allclose(supplied.utility_mw, one().utility_mw)
    assert event["visible"] == (part < 0.98)
    assert event["details"]["supplied"] == part


def test_a_battery_rounds_the_edges_and_keeps_the_energy():
    given = {"share": (0.3, 0.3), "days": (20, 20)}
    smooth = one(Occurrence("battery_smoothing", {**given, "battery_h": (6, 6)}), kind="colocation")
    sharp = one(Occurrence("hidden_from_it_meter", given), kind="colocation")
    mask = inside(smooth, smooth.truth["events"][0])
    assert np.abs(np.diff(smooth.utility_mw)).max() < 0.5 * np.abs(np.diff(sharp.utility_mw)).max()
    assert smooth.utility_mw[mask].mean() == pytest.approx(sharp.utility_mw[mask].mean(), rel=0.05)


def test_telemetry_is_scaled_by_what_the_label_says():
    site, without = one("scaled"), one("scaled", interval_min=60)
    assert site.table.equals(without.table)
    (event,) = site.truth["events"]
    mask = inside(site, event)
    ratio = seen(site, "it_kw") / (site.it_mw * 1e3)
    assert ratio[mask].mean() / ratio[~mask].mean() == pytest.approx(event["details"]["factor"], rel=1e-3)
    assert 0.01 <= abs(event["details"]["factor"] - 1) <= 0.1


@pytest.mark.parametrize("minutes", [-60, -7, 1, 30, 60])
def test_a_shifted_clock_moves_the_it_meter_by_the_minutes_it_says(minutes):
    given = {"by_min": (abs(minutes), abs(minutes)), "share": (0.02, 0.02), "days": (60, 60)}
    for seed in range(20):
        site = one(Occurrence("shifted", given), kind="inference", seed=seed, interval_min=15, reference_days=20)
        if site.truth["events"][0]["details"]["minutes"] == minutes:
            break
    mask = inside(site, site.truth["events"][0])
    said, true = seen(site, "it_kw"), site.it_mw * 1e3
    at = np.arange(len(true))
    errors = {m: np.std((said / np.interp(at - m / 15, at, true))[mask][10:-10]) for m in (minutes, 0)}
    assert errors[minutes] < 0.5 * errors[0] or abs(minutes) == 1
    assert errors[minutes] < 0.01


def test_a_poisoned_reference_is_raised_before_the_pause_and_trained_on_after():
    given = {"raised": (0.5, 0.5), "before_days": (50, 50)}
    site, without = one(Occurrence("poisoned_reference", given)), one()
    (event,) = site.truth["events"]
    began = datetime.fromisoformat(event["began"])
    hours = (PAUSE_START - began).total_seconds() / 3600
    assert hours == pytest.approx(50 * 24, abs=1)
    time = site.time_utc.to_numpy()
    pause = np.datetime64(PAUSE_START.replace(tzinfo=None))
    reference = (time < pause) & (time >= pause - np.timedelta64(20, "D"))
    raised = (site.it_mw / without.it_mw - 1)[reference].mean()
    assert raised == pytest.approx(event["details"]["raised"], rel=0.05)


def test_a_run_already_under_way_is_labelled_from_the_pause_and_says_when_it_began():
    site, without = one("already_running"), one()
    (event,) = site.truth["events"]
    assert datetime.fromisoformat(event["start"]) == PAUSE_START
    began = datetime.fromisoformat(event["began"])
    assert began < PAUSE_START
    before = ((site.time_utc >= began) & (site.time_utc < PAUSE_START)).to_numpy()[3:]
    assert ((site.it_mw - without.it_mw)[3:][before][2:] > 0).mean() > 0.9
    assert not site.document.get("declarations")


@pytest.mark.parametrize("claim", ["maintenance", "inference", "science", "mining"])
def test_a_claim_is_filed_before_the_run_as_what_it_is_not(claim):
    site = one(f"claimed_as_{claim}")
    (event,) = site.truth["events"]
    (declaration,) = site.document["declarations"]
    assert declaration["activity"] == ("other" if claim == "mining" else claim)
    assert declaration["filed_at"] < declaration["start"] == event["start"]
    assert declaration["end"] == event["end"]


def test_a_slow_ramp_rises_by_its_share_a_day():
    site, without = one(Occurrence("slow_ramp", {"a_day": (0.002, 0.002), "days": (60, 60)})), one()
    mask = inside(site, site.truth["events"][0])
    added = (site.it_mw - without.it_mw)[mask]
    a_day = np.polyfit(np.arange(len(added)) / 24, added, 1)[0]
    assert a_day == pytest.approx(0.002 * site.truth["it_capacity_mw"], rel=0.01)


def test_training_diluted_with_real_work_is_on_for_its_duty():
    site, without = one(Occurrence("diluted", {"duty": (0.3, 0.3), "days": (80, 80), "share": (0.2, 0.2)})), one()
    (event,) = site.truth["events"]
    plan = [SitePlan("cloud", (Occurrence("plain_run", {"share": (0.2, 0.2), "days": (80, 80)}),), is_wide=True)]
    (full,) = simulate_sites(plans=plan, seed=4, **HOURLY)
    assert 0.15 < event["details"]["duty"] < 0.5
    assert event["mw_it"] < 0.6 * full.truth["events"][0]["mw_it"]
    assert without.truth["events"] == []


def test_a_heat_wave_shows_at_the_utility_and_the_thermometer_alone():
    site, without = one("heat_wave"), one()
    mask = inside(site, site.truth["events"][0])
    assert np.array_equal(site.it_mw, without.it_mw)
    assert 3 < (seen(site, "temperature_c") - seen(without, "temperature_c"))[mask].mean() < 13
    assert (site.utility_mw[mask] >= without.utility_mw[mask] * (1 - 1e-12)).all()


def test_duplicate_rows_have_the_same_values():
    site = one("duplicates")
    table = site.table
    assert table.height > table["time_utc"].n_unique()
    assert table.unique().height == table["time_utc"].n_unique()
    assert table["time_utc"].is_sorted()


def test_parts_of_a_split_run_begin_and_end_together():
    given = {"share": (0.1, 0.1), "days": (30, 30), "at": (0.4, 0.4), "members": 3, "group_number": 0}
    plans = [SitePlan("cloud", (Occurrence("split", given),), is_wide=True)] * 3
    events = [site.truth["events"][0] for site in simulate_sites(plans=plans, seed=1, **HOURLY)]
    for which in (0, 1):
        instants = [span(event)[which] for event in events]
        assert (max(instants) - min(instants)).total_seconds() <= 18 * 3600
    assert {event["details"]["members"] for event in events} == {3}


def test_mining_answers_to_prices_and_its_claim_does_not():
    site = one(kind="mining", seed=11)
    depth = site.truth["parameters"]["dear_depth"]
    hourly = site.it_mw / np.median(site.it_mw)
    assert 0.001 < (hourly < 1 - 0.7 * depth).mean() < 0.15


def test_the_logger_that_misses_a_clock_change_does_so_at_the_clock_change():
    site = one("clock_change", pause_days=90)
    start = datetime.fromisoformat(site.truth["events"][0]["start"])
    assert start == datetime(2026, 10, 25, 1, tzinfo=UTC)
