"""Inference follows request rates: real ones where they are given."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from pausewatch.errors import SimulationError
from pausewatch.simulation import SitePlan, simulate_sites
from pausewatch.simulation.requests import demand, load_request_rates, served

GIVEN = {"reference_days": 28, "pause_days": 5, "interval_min": 60, "missing_share": 0.0}


def written(path: Path, days: int = 14, gap: bool = False) -> Path:
    t = np.arange(0, days * 86_400, 600)
    rate = 100 + 40 * np.sin(2 * np.pi * t / 86_400)
    if gap:
        rate[20:30] = 0
    rows = "".join(f"{a},{b},7,m\n" for a, b in zip(t, rate, strict=True))
    with gzip.open(path, "wt") as file:
        file.write("t,rate,clients,model\n" + rows)
    return path


def test_rates_are_read_over_their_mean_and_zeros_filled(tmp_path):
    (plain,) = load_request_rates(written(tmp_path / "a.csv.gz"))
    (gap,) = load_request_rates(written(tmp_path / "b.csv.gz", gap=True))
    assert len(plain) == 14 * 144
    assert plain.mean() == pytest.approx(1)
    assert gap.min() > 0.5
    assert np.abs(gap - plain).max() < 0.05


def test_rates_that_are_too_short_or_not_there_are_said_plainly(tmp_path):
    with pytest.raises(SimulationError, match="a week"):
        load_request_rates(written(tmp_path / "a.csv.gz", days=2))
    (tmp_path / "b.csv").write_text("time,value\n1,2\n")
    with pytest.raises(SimulationError, match="KeyError"):
        load_request_rates(tmp_path / "b.csv")


def test_a_site_that_is_given_rates_follows_them(tmp_path):
    plans = [SitePlan("inference", (), is_wide=True)]
    (with_rates,) = simulate_sites(plans=plans, request_rates=written(tmp_path / "a.csv.gz"), **GIVEN)
    (without,) = simulate_sites(plans=plans, **GIVEN)
    local = with_rates.time_utc.dt.convert_time_zone(with_rates.document["timezone"]).dt.hour().to_numpy()
    means = np.array([with_rates.it_mw[local == hour].mean() for hour in range(24)])
    assert abs(int(means.argmax()) - 6) <= 2
    assert not np.allclose(with_rates.it_mw, without.it_mw)


def test_what_idles_draws_too():
    assert served(np.array([0.0, 1.0, 1.8, 50.0]), 0.6) == pytest.approx([0.6, 1.0, 1.32, 1.32])


def test_the_built_in_shape_is_a_day_that_peaks_in_the_afternoon():
    local_s = np.arange(0, 200 * 86_400, 3600.0)
    shape = demand(local_s, 3600.0, np.random.default_rng(1))
    assert shape.mean() == pytest.approx(1, abs=0.08)
    by_hour = shape.reshape(-1, 24).mean(axis=0)
    assert 9 <= by_hour.argmax() <= 21
    assert 0.05 < np.std(by_hour) < 0.25


@pytest.mark.shared_data
def test_real_services_vary_more_than_the_power_that_serves_them(shared_data):
    real = shared_data / "inference_demand/servegen_request_rate_10min.csv.gz"
    rates = load_request_rates(real)
    assert len(rates) == 3
    assert all(0.2 < np.std(r) < 0.6 for r in rates)
    made = simulate_sites(plans=[SitePlan("inference", (), is_wide=True)] * 6, request_rates=real, **GIVEN)
    assert all(0.01 < site.it_mw.std() / site.it_mw.mean() < 0.4 for site in made)
