"""Each DAG for real over a small fleet: undisturbed, disturbed, run again, with nothing to do, with bad input."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.dags.airflow_home import AirflowHome

from pausewatch.errors import InspectionError, UsageError
from pausewatch.findings.register import Register
from pausewatch.pipeline import Workplace, fit_baselines, inspect_day
from pausewatch.pipeline.collecting import collect_sites
from pausewatch.pipeline.due import complete_day, due_days, inspection_parts
from pausewatch.pipeline.environment import workplace_from_environment
from pausewatch.pipeline.learning import learning_batches
from pausewatch.reports.keys import Signer

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("airflow")]

DAYS = [date(2026, 9, d) for d in range(5, 11)]


def after(day: int, hour: int = 12) -> str:
    """Return a time on a day of September; at noon UTC every site's day before is cut off."""
    return f"2026-09-{day:02d}T{hour:02d}:00:00+00:00"


@dataclass(frozen=True)
class Story:
    """What every run said, and where what it made is."""

    said: dict[str, dict[str, Any]]
    reference: Workplace
    undisturbed: Workplace
    disturbed: Workplace
    unreachable: Workplace

    def states(self, name: str) -> dict[str, list[str]]:
        """Return the states of a run's tasks, by task."""
        out: dict[str, list[str]] = {}
        for task in self.said[name]["tasks"]:
            out.setdefault(task["task"], []).append(task["state"])
        return out

    def tries(self, name: str, task_id: str) -> list[int]:
        """Return how often each of a task's instances was tried."""
        return [task["tries"] for task in self.said[name]["tasks"] if task["task"] == task_id]

    def names(self, name: str, task_id: str) -> list[str]:
        """Return the names that a task's instances show."""
        return [task["name"] for task in self.said[name]["tasks"] if task["task"] == task_id]


@pytest.fixture(scope="module")
def reference(fleet_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A home in which the pipeline did everything, a day at a time, without an orchestrator."""
    place = Workplace.at(fleet_path, tmp_path_factory.mktemp("reference"))
    Signer.load_or_create(place.home.keys)
    collect_sites(place)
    fit_baselines(place)
    for day in DAYS:
        inspect_day(place, day)
    return place


@pytest.fixture(scope="module")
def story(airflow_home: AirflowHome, reference: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("homes")
    fleet_path = reference.fleet.path
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    for home in (undisturbed, disturbed):
        shutil.copytree(reference.home.keys, home / "keys")
    unreachable = _without_a_file(fleet_path, folder / "unreachable")
    broken = folder / "broken.yaml"
    broken.write_text("fleet: broken\nsights: []\n", encoding="utf-8")
    there = {"PAUSEWATCH_HOME": str(disturbed)}
    two = {"batch_size": 2}
    steps: dict[str, dict[str, Any]] = {
        "collect": {"run": "collect_telemetry", "conf": two},
        "collect again": {"run": "collect_telemetry"},
        "fit": {"run": "fit_baselines"},
        "first day": {"run": "daily_inspection", "conf": {"day": "2026-09-05"}, "run_after": after(6)},
        "catch up": {"run": "daily_inspection", "conf": two, "run_after": after(8)},
        "nothing due": {"run": "daily_inspection", "run_after": after(8, 13)},
        "past day": {"run": "daily_inspection", "conf": {"day": "2026-09-06"} | two, "run_after": after(9)},
        "next days": {"run": "daily_inspection", "run_after": after(11)},
        "too early": {"run": "daily_inspection", "conf": {"day": "2026-09-11"}, "run_after": after(11)},
        "backfill": {"look": "backfill", "logical_date": "2026-09-07T00:00:00+00:00"},
        "disturbed collect": {"run": "collect_telemetry", "env": there},
        "no baselines": {"run": "daily_inspection", "conf": two, "run_after": after(6), "env": there},
        "disturbed fit": {"run": "fit_baselines", "env": there},
        "disturbed first day": {
            "run": "daily_inspection",
            "conf": two,
            "run_after": after(6),
            "env": there,
            "fault": "baselines unreadable once",
        },
        "disturbed batch": {
            "run": "daily_inspection",
            "conf": two,
            "run_after": after(8),
            "env": there,
            "fault": "second batch breaks between days",
        },
        "disturbed conclude": {
            "run": "daily_inspection",
            "run_after": after(11),
            "env": there,
            "fault": "conclude breaks after first report",
        },
        "failing site": {
            "run": "daily_inspection",
            "conf": {"day": "2026-09-10"} | two,
            "run_after": after(11),
            "env": there,
            "fault": "program fails at a site",
        },
        "mended": {"run": "daily_inspection", "conf": {"day": "2026-09-10"}, "run_after": after(11), "env": there},
        "unreachable": {
            "run": "collect_telemetry",
            "conf": two,
            "env": {"PAUSEWATCH_FLEET": str(unreachable), "PAUSEWATCH_HOME": str(folder / "unreachable-home")},
        },
        "no fleet named": {"run": "collect_telemetry", "env": {"PAUSEWATCH_FLEET": None}},
        "broken fleet": {"run": "fit_baselines", "env": {"PAUSEWATCH_FLEET": str(broken)}},
    }
    said = airflow_home.run(fleet_path, undisturbed, list(steps.values()))
    return Story(
        dict(zip(steps, said, strict=True)),
        reference,
        Workplace.at(fleet_path, undisturbed),
        Workplace.at(fleet_path, disturbed),
        Workplace.at(unreachable, folder / "unreachable-home"),
    )


def _without_a_file(fleet_path: Path, to: Path) -> Path:
    """Copy a fleet and take the telemetry of its second site away."""
    shutil.copytree(fleet_path.parent, to)
    (to / "telemetry" / "sim-002.csv").unlink()
    return to / fleet_path.name


def _reports(place: Workplace) -> dict[str, bytes]:
    return {str(p.relative_to(place.reports)): p.read_bytes() for p in place.reports.rglob("*") if p.is_file()}


def _assert_same(place: Workplace, reference: Workplace) -> None:
    """Check every file of every report, byte for byte, and what the register holds."""
    mine, theirs = _reports(place), _reports(reference)
    assert sorted(mine) == sorted(theirs)
    assert [name for name in theirs if mine[name] != theirs[name]] == []
    with place.register() as one, reference.register() as other:
        assert one.site_days() == other.site_days()
        assert one.findings() == other.findings()
        assert [r.day for r in one.reports()] == DAYS
        assert _shas(one) == _shas(other)


def _shas(register: Register) -> list[str]:
    return [record.sha256 for record in register.baselines()]


def test_collecting_maps_over_batches_and_tells_the_inspection(story: Story) -> None:
    assert story.said["collect"]["state"] == "success"
    assert story.names("collect", "collect") == ["sim-001 .. sim-002", "sim-003 .. sim-004"]
    assert story.names("collect again", "collect") == ["sim-001 .. sim-004"]
    lake = story.undisturbed.lake()
    assert lake.ingests().collect().height == sum(len(site.meters) for site in story.undisturbed.fleet.sites)


def test_baselines_are_those_the_pipeline_fits(story: Story) -> None:
    assert story.said["fit"]["state"] == "success"
    assert story.names("fit", "fit") == ["accord-2026: sim-001 .. sim-004"]
    with story.undisturbed.register() as register, story.reference.register() as other:
        assert _shas(register) == _shas(other)


def test_a_day_asked_for_is_inspected_and_its_report_named(story: Story) -> None:
    assert story.said["first day"]["state"] == "success"
    assert story.names("first day", "inspect") == ["2026-09-05: sim-001 .. sim-004"]
    assert story.said["first day"]["xcom"] == [str(story.undisturbed.reports / "2026-09-05")]


def test_days_that_were_missed_are_inspected_in_order(story: Story) -> None:
    assert story.names("catch up", "inspect") == [
        "2026-09-06 to 2026-09-07: sim-001 .. sim-002",
        "2026-09-06 to 2026-09-07: sim-003 .. sim-004",
    ]
    assert [Path(p).name for p in story.said["catch up"]["xcom"]] == ["2026-09-06", "2026-09-07"]


def test_with_nothing_due_the_run_skips(story: Story) -> None:
    assert story.said["nothing due"]["state"] == "success"
    assert story.states("nothing due") == {
        key: ["skipped"] for key in ("choose_days", "inspect", "conclude", "every_site_assessed")
    }


def test_a_past_day_inspected_again_says_the_same_and_later_days_stand(story: Story) -> None:
    assert story.states("past day") == {
        "choose_days": ["success"],
        "inspect": ["success", "success"],
        "conclude": ["success"],
        "every_site_assessed": ["success"],
    }
    # The day that was not yet reported and those after it, but none before: the past day changed nothing.
    assert story.names("next days", "inspect") == ["2026-09-08 to 2026-09-10: sim-001 .. sim-004"]


def test_the_dags_leave_what_the_pipeline_leaves(story: Story) -> None:
    _assert_same(story.undisturbed, story.reference)


def test_a_day_before_its_cutoff_is_refused_at_once(story: Story) -> None:
    assert story.said["too early"]["state"] == "failed"
    assert story.tries("too early", "choose_days") == [1]
    assert "2026-09-11 can't be inspected at 2026-09-11 12:00 UTC" in story.said["too early"]["log"]


def test_a_backfill_inspects_the_days_of_its_dates(story: Story) -> None:
    assert story.said["backfill"]["parts"] == [
        {"days": ["2026-09-07"], "site_ids": ["sim-001", "sim-002"], "name": "2026-09-07: sim-001 .. sim-002"},
        {"days": ["2026-09-07"], "site_ids": ["sim-003", "sim-004"], "name": "2026-09-07: sim-003 .. sim-004"},
    ]


def test_without_baselines_the_inspection_fails_at_once_and_says_what_to_do(story: Story) -> None:
    assert story.said["no baselines"]["state"] == "failed"
    assert story.tries("no baselines", "inspect") == [1, 1]
    assert "no frozen baselines for pause accord-2026" in story.said["no baselines"]["log"]


@pytest.mark.parametrize(
    ("run", "task_id", "tries"),
    [
        ("disturbed first day", "inspect", [1, 2]),
        ("disturbed batch", "inspect", [1, 2]),
        ("disturbed conclude", "conclude", [2]),
    ],
)
def test_a_task_that_failed_half_way_is_tried_again(story: Story, run: str, task_id: str, tries: list[int]) -> None:
    assert story.said[run]["state"] == "success"
    assert sorted(story.tries(run, task_id)) == tries


def test_what_retried_tasks_leave_is_what_an_undisturbed_run_leaves(story: Story) -> None:
    _assert_same(story.disturbed, story.reference)


def test_a_site_the_program_fails_at_fails_the_run_once_the_report_is_written(story: Story) -> None:
    assert story.said["failing site"]["state"] == "failed"
    assert story.states("failing site") == {
        "choose_days": ["success"],
        "inspect": ["success", "success"],
        "conclude": ["success"],
        "every_site_assessed": ["failed"],
    }
    assert story.tries("failing site", "every_site_assessed") == [1]
    assert "sim-002 on 2026-09-10: 1 site days could not be assessed" in story.said["failing site"]["log"]
    assert story.said["mended"]["state"] == "success"


def test_a_silent_source_fails_its_batch_after_everything_else_was_stored(story: Story) -> None:
    assert story.said["unreachable"]["state"] == "failed"
    assert story.states("unreachable") == {
        "choose_sites": ["success"],
        "collect": ["failed", "success"],
        "telemetry_collected": ["success"],
        "every_meter_collected": ["upstream_failed"],
    }
    assert story.tries("unreachable", "collect") == [4, 1]
    assert "3 meters could not be read; all others were stored" in story.said["unreachable"]["log"]
    for meter in ("utility", "it", "temperature"):
        assert f"site sim-002, meter {meter}" in story.said["unreachable"]["log"]
    stored = set(story.unreachable.lake().ingests().collect()["site_id"].to_list())
    assert stored == {"sim-001", "sim-003", "sim-004"}


def test_a_variable_that_is_not_set_is_named_at_once(story: Story) -> None:
    assert story.said["no fleet named"]["state"] == "failed"
    assert story.tries("no fleet named", "choose_sites") == [1]
    assert "PAUSEWATCH_FLEET is not set" in story.said["no fleet named"]["log"]
    with pytest.raises(UsageError, match="PAUSEWATCH_FLEET and PAUSEWATCH_HOME are not set"):
        workplace_from_environment({})


def test_a_bad_fleet_file_fails_at_once_with_its_line(story: Story) -> None:
    assert story.said["broken fleet"]["state"] == "failed"
    assert story.tries("broken fleet", "choose_sites") == [1]
    assert "broken.yaml:2: sights" in story.said["broken fleet"]["log"]


def test_what_is_due_follows_reports_inputs_and_chain(story: Story, tmp_path: Path) -> None:
    place = Workplace.at(story.reference.fleet.path, tmp_path / "home")
    noon = datetime(2026, 9, 11, 12, tzinfo=UTC)
    assert due_days(place, datetime(2026, 8, 1, tzinfo=UTC)) == []  # no pause yet
    assert due_days(place, noon) == [date(2026, 9, 10)]  # no report yet: the latest alone
    assert due_days(story.reference, noon) == []
    report = story.reference.reports / "2026-09-08"
    moved = report.rename(tmp_path / "taken")
    try:  # a report that is gone, and those chained to it
        assert due_days(story.reference, noon) == DAYS[3:]
    finally:
        moved.rename(report)
    commented = story.reference.fleet.path.with_name("commented.yaml")
    commented.write_text("# new\n" + story.reference.fleet.path.read_text(encoding="utf-8"), encoding="utf-8")
    changed = Workplace.at(commented, story.reference.home.path)  # another fleet file: the latest day says so
    assert due_days(changed, noon) == DAYS[-1:]


def test_only_days_and_sizes_that_can_be_are_taken(reference: Workplace) -> None:
    fleet = reference.fleet
    with pytest.raises(InspectionError, match="no pause is in force"):
        complete_day(fleet, date(2026, 7, 1), datetime(2026, 9, 11, tzinfo=UTC))
    with pytest.raises(UsageError, match="a batch size of 0"):
        inspection_parts(fleet, DAYS, 0)
    with pytest.raises(UsageError, match="multiple of 100"):
        learning_batches(fleet, 50)
    assert learning_batches(fleet) == [("accord-2026", ["sim-001", "sim-002", "sim-003", "sim-004"])]
