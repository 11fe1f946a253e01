"""What is left out of the evidence is as if the site hadn't it, and what remains has its alarm budget."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pausewatch.detection.detector import Detector
from pausewatch.detection.evidence import Evidence
from pausewatch.detection.reference import Frozen, learn
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.detection.watch import Watch
from pausewatch.errors import UsageError
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Kind
from pausewatch.fleet import Fleet, load_fleet
from pausewatch.simulation import simulate
from pausewatch.simulation.simulator import Occurrence, SitePlan
from pausewatch.telemetry.collect import collect
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.panel import Lane

DAYS = 24
PLANS = (
    SitePlan("colocation", (Occurrence("plain_run", {"share": (0.3, 0.3), "days": (20, 20), "at": (0.0, 0.0)}),)),
    SitePlan("colocation", (Occurrence("slow_ramp", {"a_day": (0.02, 0.02), "days": (23, 23)}),)),
    SitePlan("cloud", ("stuck_meter",)),
    SitePlan(
        "colocation", (Occurrence("already_running", {"share": (0.3, 0.3), "before_days": (40, 40), "days": (90, 90)}),)
    ),
)


class Scene:
    """Four sites to which one thing each happens."""

    def __init__(self, folder: Path) -> None:
        made = simulate(folder, plans=PLANS, seed=11, reference_days=120, pause_days=DAYS, interval_min=60)
        self.fleet: Fleet = load_fleet(made.fleet_path)
        self.lake = Lake.open(str(folder / "lake"))
        collect(self.fleet, self.lake)

    def learned(self, uses: Evidence) -> Frozen:
        return learn(self.fleet, self.lake, self.fleet.sites, self.fleet.pauses[0], Detector(uses=uses))

    def last_day(self, uses: Evidence) -> list[SiteWatchDay]:
        pause, sites = self.fleet.pauses[0], self.fleet.sites
        last = pause.start.date() + timedelta(days=DAYS - 1)
        watch = Watch.open(self.fleet, pause, sites, self.learned(uses), self.lake, last, Detector(uses=uses))
        seen = watch.advance()
        while seen.day < last:
            seen = watch.advance()
        return [seen.site(i) for i in range(len(sites))]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("evidence"))


def test_everything_is_on_by_default(scene: Scene) -> None:
    run, _, stuck, _ = scene.last_day(Evidence())

    assert all(view.has_meter and view.episodes and not view.episodes[0].is_drift for view in run.lanes.values())
    assert any(a.kind is Kind.TELEMETRY_INTEGRITY for a in assess(stuck)[1])


def test_a_lane_left_out_is_a_meter_the_site_lacks(scene: Scene) -> None:
    run, *_ = scene.last_day(Evidence().without("it_load_lane"))

    assert not run.lanes[Lane.IT_LOAD].has_meter
    assert run.lanes[Lane.IT_LOAD].refusals == ("there is no meter for this lane",)
    assert run.lanes[Lane.UTILITY].episodes
    whole = scene.learned(Evidence()).calibration.alarms_per_year
    left = scene.learned(Evidence().without("it_load_lane")).calibration.alarms_per_year
    # Without the IT meter there is no balance either.
    assert np.allclose(left, 3 * whole)


def test_a_test_left_out_finds_nothing_and_leaves_its_budget(scene: Scene) -> None:
    run, crept, *_ = scene.last_day(Evidence().without("step_test"))
    _, ramp, *_ = scene.last_day(Evidence().without("drift_test"))

    assert all(e.is_drift for view in run.lanes.values() for e in view.episodes)
    assert any(e.is_drift for view in crept.lanes.values() for e in view.episodes)
    assert not any(e.is_drift for view in ramp.lanes.values() for e in view.episodes)
    whole = scene.learned(Evidence()).calibration
    assert (scene.learned(Evidence().without("drift_test")).calibration.step_threshold < whole.step_threshold).all()
    assert (scene.learned(Evidence().without("step_test")).calibration.drift.threshold <= whole.drift.threshold).all()


def test_what_is_stated_as_detectable_goes_with_the_tests(scene: Scene) -> None:
    whole, stepless = (scene.last_day(e)[0].lanes for e in (Evidence(), Evidence().without("step_test")))

    assert all(stepless[lane].detectable_kw > whole[lane].detectable_kw for lane in whole)
    neither = scene.last_day(Evidence(step_test=False, drift_test=False))[0].lanes
    assert all(np.isinf(view.detectable_kw) for view in neither.values())


def test_without_integrity_no_telemetry_contradicts_itself(scene: Scene) -> None:
    _, _, stuck, _ = scene.last_day(Evidence().without("integrity"))

    assert not any(a.kind is Kind.TELEMETRY_INTEGRITY for a in assess(stuck)[1])


def test_without_the_reference_test_what_ran_in_the_reference_is_learned(scene: Scene) -> None:
    assert any(scene.learned(Evidence()).steps)
    assert not any(scene.learned(Evidence().without("reference_test")).steps)


def test_what_does_not_exist_can_not_be_left_out() -> None:
    with pytest.raises(UsageError, match="no evidence 'the_weather'"):
        Evidence().without("the_weather")
