"""Wide sites: ranges respected, as varied as real sites are, and on their own clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from pausewatch.simulation import Occurrence, SitePlan, simulate_sites
from pausewatch.simulation.design import INTERVALS_MIN
from pausewatch.simulation.kinds import KINDS, WIDE

YEAR = {"reference_days": 275, "pause_days": 89, "interval_min": 60}


@pytest.fixture(scope="module")
def wide():
    return list(simulate_sites(preset="wide", sites=120, seed=5, **YEAR))


def test_sizes_kinds_meters_and_growth_span_their_ranges(wide):
    truths = [site.truth for site in wide]
    sizes = np.array([t["it_capacity_mw"] for t in truths])
    assert sizes.min() >= 1
    assert sizes.max() <= 1000
    # Even on a log scale: a third in each decade.
    assert np.histogram(np.log10(sizes), bins=[0, 1, 2, 3.001])[0].min() >= 35
    assert {t["kind"] for t in truths} == set(KINDS)
    for t in truths:
        design, parameters, ranges = t["design"], t["parameters"], WIDE[t["kind"]]
        assert 0.2 <= design["utility_accuracy_pct"] <= 1
        assert 0.2 <= design["it_accuracy_pct"] <= 1
        assert 0 <= design["missing_share"] <= 0.2
        assert 1.05 <= design["pue"] <= 1.6
        assert -0.02 <= parameters["growth_month"] <= 0.1
        assert ranges.noise_sd[0] <= parameters["noise_sd"] <= ranges.noise_sd[1]
        assert parameters["mean_mw"] <= ranges.utilisation[1] * t["it_capacity_mw"]
    for has in ("has_it_meter", "has_temperature"):
        assert 0.03 < np.mean([not t["design"][has] for t in truths]) < 0.25
    for supply in ("solar_share", "battery_share"):
        assert 0.02 < np.mean([t["design"][supply] > 0 for t in truths]) < 0.25


def test_meters_of_a_site_are_the_columns_of_its_table(wide):
    for site in wide:
        columns = [m["source"]["value_column"] for m in site.document["meters"]]
        assert ["time_utc", *columns] == site.table.columns
        assert ("it_kw" in columns) == site.truth["design"]["has_it_meter"]
        assert ("temperature_c" in columns) == site.truth["design"]["has_temperature"]
        assert ("generation_kw" in columns) == (site.truth["design"]["solar_share"] > 0)


def test_the_pue_is_as_drawn_and_higher_when_it_is_hot(wide):
    hotter = []
    for site in wide:
        design = site.truth["design"]
        if design["solar_share"] or design["battery_share"]:
            continue
        assert site.utility_mw.sum() / site.it_mw.sum() == pytest.approx(design["pue"], abs=0.03)
        pue = site.utility_mw / site.it_mw
        if design["has_temperature"]:
            warm = site.table.select("time_utc", "temperature_c")
            joined = pl.DataFrame({"time_utc": site.time_utc, "pue": pue}).join(warm, on="time_utc")
            hot = joined.filter(pl.col("temperature_c") > pl.col("temperature_c").quantile(0.9))["pue"].mean()
            cold = joined.filter(pl.col("temperature_c") < pl.col("temperature_c").quantile(0.1))["pue"].mean()
            hotter.append(hot >= cold - 0.01)
    assert np.mean(hotter) > 0.9


def test_sites_vary_as_real_ones_do(wide):
    """UK Power Networks' 48 sites: mean utilisation 0.32; CV 3, 7 and 27 %; an hour's change 1.2 %; peak 1.1 to 1.5."""
    of = {}
    for name, sites in (("all", wide), ("colocation", [s for s in wide if s.truth["kind"] == "colocation"])):
        of[name] = np.array(
            [
                (
                    s.it_mw.mean() / s.truth["it_capacity_mw"],
                    s.utility_mw.std() / s.utility_mw.mean(),
                    np.abs(np.diff(s.utility_mw)).mean() / s.utility_mw.mean(),
                    s.utility_mw.max() / s.utility_mw.mean(),
                )
                for s in sites
                if not s.truth["design"]["solar_share"] and not s.truth["design"]["battery_share"]
            ]
        )
    assert 0.25 < of["all"][:, 0].mean() < 0.45
    low, middle, high = np.quantile(of["all"][:, 1], [0.1, 0.5, 0.9])
    assert low < 0.07
    assert 0.06 < middle < 0.12
    assert 0.15 < high < 0.4
    assert 0.03 < np.median(of["colocation"][:, 1]) < 0.1
    assert 0.006 < np.median(of["colocation"][:, 2]) < 0.02
    assert 1.1 < np.median(of["all"][:, 3]) < 1.5


def test_weekends_are_a_little_lower(wide):
    ratios = []
    for site in wide:
        if site.truth["kind"] == "mining":
            continue
        weekday = site.time_utc.dt.weekday().to_numpy()
        ratios.append(site.it_mw[weekday >= 6].mean() / site.it_mw[weekday < 6].mean())
    assert 0.93 < np.median(ratios) < 0.99


def test_as_much_is_missing_as_is_said(wide):
    for site in wide:
        if site.truth["design"]["missing_share"] < 0.02:
            continue
        missing = 1 - site.table["utility_kw"].is_not_null().sum() / len(site.time_utc)
        assert missing == pytest.approx(site.truth["design"]["missing_share"], abs=0.03)


def test_on_site_supply_is_taken_off_the_import_and_metered(wide):
    with_solar = next(s for s in wide if s.truth["design"]["solar_share"] and not s.truth["design"]["battery_share"])
    table = with_solar.table.drop_nulls()
    assert table["generation_kw"].min() >= 0
    night = table.filter(pl.col("generation_kw") == 0)
    assert 0.3 < len(night) / len(table) < 0.7
    total = with_solar.table.with_columns(pl.col("utility_kw") + pl.col("generation_kw")).drop_nulls()
    pue = with_solar.truth["design"]["pue"] * with_solar.it_mw.mean() * 1e3
    assert total["utility_kw"].mean() == pytest.approx(pue, rel=0.05)
    with_battery = next(s for s in wide if s.truth["design"]["battery_share"])
    given = with_battery.table["battery_kw"].drop_nulls()
    assert given.max() > 0 > given.min()
    assert -0.2 < given.sum() / given.filter(given > 0).sum() < 0


def test_without_an_interval_asked_for_each_site_has_its_own():
    made = list(simulate_sites(preset="wide", sites=80, seed=2, reference_days=14, pause_days=2, interval_min=None))
    minutes = [site.truth["design"]["interval_min"] for site in made]
    assert set(minutes) == set(INTERVALS_MIN)
    for site, interval in zip(made, minutes, strict=True):
        assert (site.time_utc[1] - site.time_utc[0]).total_seconds() == 60 * interval
        said = site.document["meters"][0]["interval"]
        assert said == ("1h" if interval == 60 else f"{interval}min")


def test_the_interval_does_not_change_what_a_site_is():
    designs = []
    for minutes in (5, 60):
        (site,) = simulate_sites(preset="wide", sites=1, seed=9, reference_days=20, pause_days=2, interval_min=minutes)
        designs.append({k: v for k, v in site.truth["design"].items() if k != "interval_min"})
    assert designs[0] == designs[1]


def test_a_share_given_to_a_run_leaves_room_for_it():
    made = simulate_sites(preset="runs", sites=80, seed=3, reference_days=30, pause_days=60, interval_min=60)
    shares = []
    for site in made:
        events = [e for e in site.truth["events"] if e["name"] == "plain_run"]
        shares += [e["mw_it"] / site.truth["it_capacity_mw"] for e in events]
        assert (site.it_mw <= site.truth["it_capacity_mw"] * (1 + 1e-9)).all()
    assert min(shares) < 0.05
    assert max(shares) > 0.6


@pytest.mark.parametrize("number", range(8))
def test_days_follow_the_local_clock_through_its_changes(number):
    """The same local hours are busy before and after the clocks change, so UTC hours differ."""
    plans = [SitePlan("cloud", ("nightly_batch",), is_wide=True)] * (number + 1)
    given = {"reference_days": 30, "pause_days": 100, "interval_min": 60}
    *_, site = simulate_sites(plans=plans, seed=1, **given)
    *_, quiet = simulate_sites(plans=[SitePlan("cloud", (), is_wide=True)] * (number + 1), seed=1, **given)
    zone = site.document["timezone"]
    added = pl.DataFrame({"time": site.time_utc, "mw": site.it_mw - quiet.it_mw}).filter(
        pl.col("time") >= datetime.fromisoformat(site.truth["events"][0]["start"]) + pl.duration(days=2)
    )
    local = added.with_columns(pl.col("time").dt.convert_time_zone(zone).dt.hour().alias("hour"))
    busy = local.group_by("hour").agg((pl.col("mw") > 0).mean().alias("busy"))
    # Each local hour is always busy or never; in UTC hours there are some that are both where the clocks changed.
    assert set(busy["busy"].round(3).to_list()) <= {0.0, 1.0}
    utc = added.with_columns(pl.col("time").dt.hour().alias("hour")).group_by("hour").agg((pl.col("mw") > 0).mean())
    offsets = {t.utcoffset() for t in added["time"].dt.convert_time_zone(zone).to_list()}
    assert utc["mw"].is_between(0.001, 0.999, closed="both").any() == (len(offsets) > 1)
    assert site.time_utc.dt.offset_by("1h")[0] == site.time_utc[1]
    assert site.time_utc[0].replace(tzinfo=UTC) < datetime(2026, 9, 1, tzinfo=UTC)


def test_what_is_longer_than_the_pause_begins_in_its_first_half():
    given = {"reference_days": 14, "pause_days": 20, "interval_min": 60}
    plans = [SitePlan("cloud", (Occurrence("plain_run", {"days": (90, 90)}),), is_wide=True)] * 20
    starts = [datetime.fromisoformat(s.truth["events"][0]["start"]) for s in simulate_sites(plans=plans, **given)]
    days = [(start - datetime(2026, 9, 1, tzinfo=UTC)).total_seconds() / 86_400 for start in starts]
    assert min(days) >= 1
    assert 7 < max(days) < 12
