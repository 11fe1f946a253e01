"""A run that was already on is reported on the pause's first day, with its rise in sight, the same from any memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.pipeline.fleets import FIRST, place_of, small_fleet

from pausewatch.pipeline import Workplace, fit_baselines, inspect_sites
from pausewatch.pipeline.collecting import collect_sites
from pausewatch.pipeline.payloads import unpacked
from pausewatch.simulation.events import Occurrence
from pausewatch.simulation.simulator import SitePlan

BEFORE_DAYS = 60
RUN = Occurrence("already_running", {"share": (0.3, 0.3), "before_days": (BEFORE_DAYS, BEFORE_DAYS), "days": (30, 30)})
DAYS = [FIRST + timedelta(days=i) for i in range(3)]


def ready(folder: Path, home: str) -> Workplace:
    place = place_of(folder, home)
    collect_sites(place)
    fit_baselines(place)
    return place


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plateaus") / "fleet"
    small_fleet(folder, (SitePlan("colocation", (RUN,)), SitePlan("cloud", ())))
    return folder


@pytest.fixture(scope="module")
def carried(fleet: Path) -> Workplace:
    place = ready(fleet, "carried")
    for day in DAYS:
        inspect_sites(place, day)
    return place


def test_it_is_reported_on_the_first_day_and_dated_from_its_rise(carried: Workplace) -> None:
    with carried.register() as register:
        (found,) = register.findings(DAYS[0], ["sim-001"])
        assert register.findings(DAYS[-1], ["sim-002"]) == []
    pause = carried.fleet.pauses[0]
    began = pause.start - timedelta(days=BEFORE_DAYS)
    said = found.assessment
    assert abs(said.start - began) < timedelta(hours=3)
    assert said.end is None
    # A day of the pause, not two months.
    assert said.energy_mwh.estimate == pytest.approx(24 * said.excess_mw.estimate, rel=0.2)


def test_its_rise_is_in_the_curves_and_the_expected_load_is_without_it(carried: Workplace) -> None:
    with carried.register() as register:
        payload = register.payload(DAYS[-1], "sim-001")
        (found,) = register.findings(DAYS[-1], ["sim-001"])
    assert payload is not None
    size_kw = 1e3 * found.assessment.excess_mw.estimate
    curve = next(c for c in payload["curves"] if c["lane"] == "it_load")
    start = datetime.fromisoformat(curve["start"])
    rose = int((found.assessment.start - start) / timedelta(hours=1))
    observed, expected = unpacked(curve["observed"]), unpacked(curve["expected"])
    assert rose >= 20 * 24
    assert len(observed) == len(expected) > rose + BEFORE_DAYS * 24
    above = observed - expected
    assert abs(np.nanmean(above[: rose - 24])) < 0.2 * size_kw
    assert np.nanmean(above[rose + 24 :]) == pytest.approx(size_kw, rel=0.2)


def test_a_day_from_memory_says_what_a_day_from_the_beginning_says(fleet: Path, carried: Workplace) -> None:
    rebuilt = ready(fleet, "rebuilt")
    inspect_sites(rebuilt, DAYS[-1])
    with carried.register() as kept, rebuilt.register() as fresh:
        assert fresh.payload(DAYS[-1], "sim-001") == kept.payload(DAYS[-1], "sim-001")
        (one,), (other,) = (r.findings(DAYS[-1], ["sim-001"]) for r in (kept, fresh))
    assert one.assessment == other.assessment
