"""Each series' model is chosen by backtest, kept with its numbers, and told where the baselines are spoken of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipeline.fleets import FIRST, place_of, small_fleet
from typer.testing import CliRunner

from pausewatch.baselines.registry import DEFAULT_CANDIDATES, model_words
from pausewatch.cli import app
from pausewatch.errors import InspectionError, UsageError
from pausewatch.pipeline import fit_baselines, inspect_day
from pausewatch.pipeline.learning import load_freeze
from pausewatch.settings import Home
from pausewatch.telemetry.collect import collect


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("choosing")
    small_fleet(folder / "sim")
    place = place_of(folder / "sim")
    collect(place.fleet, place.lake())
    fit_baselines(place)
    return folder


def test_the_choice_and_every_candidates_numbers_are_in_the_register_and_in_the_freeze(base):
    with place_of(base / "sim").register() as register:
        (record,) = register.baselines()
    assert record.scores
    frozen = load_freeze(record).baselines
    for key, choice in zip(frozen.keys, frozen.choices, strict=True):
        told = record.scores[key]
        assert told["model"] == choice.model
        assert told["reason"] == choice.reason
        assert [t["model"] for t in told["trials"]] == list(DEFAULT_CANDIDATES)
        assert {t.model for t in choice.trials} == set(DEFAULT_CANDIDATES)


def test_the_report_names_the_model_that_was_chosen(base):
    place = place_of(base / "sim")
    report = json.loads((Path(inspect_day(place, FIRST)) / "report.json").read_text())
    with place.register() as register:
        scores = register.baselines()[0].scores
    named = {
        f"{site['site_id']}/{line['lane']}": (line["model"], line["chosen_because"])
        for site in report["sites"]
        for line in site["baselines"]
    }
    assert named
    for key, (model, because) in named.items():
        assert model == model_words(scores[key]["model"])
        assert because == scores[key]["reason"]
    held = [line["coverage_by_horizon_pct"] for site in report["sites"] for line in site["baselines"]]
    assert all(len(shares) == 4 for shares in held)


def test_only_the_candidates_asked_for_are_tried_and_another_choice_is_another_freeze(base):
    place = place_of(base / "sim", "other")
    collect(place.fleet, place.lake())
    fit_baselines(place, candidates=("ridge",))
    with place.register() as register:
        (record,) = register.baselines()
    assert all([t["model"] for t in told["trials"]] == ["ridge", "persistence"] for told in record.scores.values())
    with place_of(base / "sim").register() as register:
        assert register.baselines()[0].sha256 != record.sha256
    # The home's setting is what is taken where nothing is asked for.
    fit_baselines(replace(place, home=replace(place.home, candidates=("ridge",))))
    with place.register() as register:
        assert len(register.baselines()) == 1


def test_an_unknown_candidate_is_refused_before_any_work(base, tmp_path):
    with pytest.raises(UsageError, match="oracle"):
        fit_baselines(place_of(base / "sim"), candidates=("oracle",))
    done = CliRunner().invoke(
        app, ["baseline", "--fleet", str(base / "sim"), "--home", str(tmp_path), "--candidates", "ridge,oracle"]
    )
    assert isinstance(done.exception, UsageError)


def test_the_environment_names_candidates(tmp_path):
    assert Home.at(tmp_path, {}).candidates == ()
    assert Home.at(tmp_path, {"PAUSEWATCH_CANDIDATES": "ridge, boosted"}).candidates == ("ridge", "boosted")


def test_a_site_is_explained_in_words_and_drawn(base, tmp_path):
    site = place_of(base / "sim").fleet.sites[0].id
    command = ["baseline", "--fleet", str(base / "sim"), "--home", str(base / "home"), "--explain", site]
    one = CliRunner().invoke(app, [*command, "--plot", str(tmp_path / "one.svg")])
    assert one.exit_code == 0, one.output
    two = CliRunner().invoke(app, [*command, "--plot", str(tmp_path / "two.svg")])
    assert two.exit_code == 0, two.output
    with place_of(base / "sim").register() as register:
        scores = register.baselines()[0].scores
    for key in (f"{site}/utility", f"{site}/it_load"):
        assert f"{key} (pause" in one.stdout
        assert scores[key]["reason"] in one.stdout
    for name in DEFAULT_CANDIDATES:
        assert name in one.stdout
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    assert b"held-out residuals" in drawn
    assert b"hours inside the 90 % interval" in drawn
    assert b"hour of week" in drawn


def test_a_site_without_baselines_has_nothing_to_explain(base, tmp_path):
    site = place_of(base / "sim").fleet.sites[0].id
    command = ["baseline", "--fleet", str(base / "sim"), "--home", str(tmp_path), "--explain", site]
    assert isinstance(CliRunner().invoke(app, command).exception, InspectionError)
