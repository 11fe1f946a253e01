"""Loading a fleet file: every problem in one go, each with its place, and nothing read as what it isn't."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.builders import (
    at,
    csv_source,
    declaration_data,
    fleet_data,
    fleet_of,
    meter_data,
    pause_data,
    site_data,
    write_fleet,
)

from pausewatch.errors import FleetError, FleetProblem, UsageError
from pausewatch.fleet import Fleet, load_fleet


def problems_of(folder: Path, data: dict[str, Any] | str) -> tuple[FleetProblem, ...]:
    path = write_fleet(folder, data) if data != "" else folder / "fleet.yaml"
    path.touch()
    with pytest.raises(FleetError) as caught:
        load_fleet(path)
    assert caught.value.exit_code == 2
    assert all("\n" not in str(problem) for problem in caught.value.problems)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return caught.value.problems


def only(folder: Path, data: dict[str, Any] | str) -> str:
    (problem,) = problems_of(folder, data)
    return str(problem)


def with_meter(**more: Any) -> dict[str, Any]:
    return fleet_data(sites=[site_data(meters=[meter_data(**more)])])


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = write_fleet(tmp_path, fleet_data(sites=[site_data(declarations=[declaration_data()])]))
    fleet = load_fleet(path)
    assert isinstance(fleet, Fleet)
    assert (fleet.name, fleet.significant_quantity_flop, fleet.false_alarms_per_site_year) == ("demo", 1e24, 0.05)
    assert fleet.cutoff_hours == 6
    assert fleet.path == path
    assert len(fleet.sha256) == 64
    site = fleet.site("slough-1")
    assert site.meters[0].interval_s == 900
    assert site.meters[0].source.path == str(tmp_path / "meter.csv")  # type: ignore[union-attr]
    assert site.declarations[0].start == at("2026-05-01")


def test_the_demo_of_the_contract_is_valid(tmp_path: Path) -> None:
    text = """
    fleet: demo                          # name on every report
    significant_quantity_flop: 1.0e24
    pauses:
      - {id: accord-2026, jurisdictions: [GB, US-TX], announced: 2026-06-01T00:00:00Z,
         start: 2026-09-01T00:00:00Z, end: 2027-03-01T00:00:00Z}
    sites:
      - id: slough-1
        name: Slough 1
        owner: Example Cloud
        jurisdiction: GB
        timezone: Europe/London
        country: GB
        latitude: 51.52
        longitude: -0.62
        grid_connection_mw: 60
        it_capacity_mw: 40
        accelerators: [{model: H100-SXM, count: 20000}]
        meters:
          - {id: utility, measures: utility_import, unit: kW, interval: 15min, accuracy_pct: 0.5, owner: utility,
             source: {kind: csv, path: telemetry/slough-1.csv, time_column: time_utc, value_column: utility_kw}}
        declarations:
          - {id: slough-1-d1, activity: training, start: 2026-05-01T00:00:00Z, end: 2026-09-01T00:00:00Z,
             expected_mw: 18, filed_at: 2026-04-20T09:00:00Z, reference: "notice 17/2026"}
    """
    fleet = load_fleet(write_fleet(tmp_path, text))
    assert fleet.pauses[0].reference_end == at("2026-06-01")
    assert not fleet.sites[0].declarations[0].is_late


def test_a_folder_stands_for_its_fleet_file(tmp_path: Path) -> None:
    write_fleet(tmp_path)
    assert load_fleet(tmp_path).name == "demo"
    assert load_fleet(str(tmp_path)).path == tmp_path / "fleet.yaml"


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = """\
fleet: demo
falsealarms_per_site_year: 0.1
pauses:
  - id: accord
    jurisdictions: [GB]
    start: 2026-09-01
  - id: accord
    jurisdictions: [GB]
    start: 2026-09-01T00:00:00Z
sites:
  - id: a
    name: A
    owner: O
    jurisdiction: GB
    timezone: Europe/Londn
    grid_connection_mw: 60
    it_capacity_mw: minus
    accelerators:
      - {model: H10O, count: 5}
    meters:
      - id: utility
        measures: utility_imprt
        unit: kWatt
        interval: 15min
        source: {kind: cvs, path: x.csv, time_column: t, value_column: v}
  - id: b
    name: B
    owner: O
    jurisdiction: GB
    timezone: UTC
    grid_connection_mw: 10
    it_capacity_mw: 40
    meters:
      - id: utility
        measures: utility_import
        unit: kW
        interval: 15min
        source: {kind: csv, path: x.csv, time_colum: t, time_column: t, value_column: v}
"""
    found = {problem.key: problem for problem in problems_of(tmp_path, text)}
    lines = {key: int(problem.where.rsplit(":", 1)[1]) for key, problem in found.items()}
    assert lines == {
        "falsealarms_per_site_year": 2,
        "pauses[accord].start": 6,
        "pauses[accord].id": 7,
        "sites[a].timezone": 15,
        "sites[a].it_capacity_mw": 17,
        "sites[a].accelerators[0].model": 19,
        "sites[a].meters[utility].measures": 22,
        "sites[a].meters[utility].unit": 23,
        "sites[a].meters[utility].source.kind": 25,
        "sites[b].meters[utility].source.time_colum": 38,
    }
    assert all(str(tmp_path / "fleet.yaml") in problem.where for problem in found.values())
    said = {key: problem.message for key, problem in found.items()}
    assert "did you mean 'false_alarms_per_site_year'" in said["falsealarms_per_site_year"]
    assert "'2026-09-01'" in said["pauses[accord].start"]
    assert "used twice" in said["pauses[accord].id"]
    assert "'Europe/Londn'" in said["sites[a].timezone"]
    assert "Europe/London" in said["sites[a].timezone"]
    assert "'minus'" in said["sites[a].it_capacity_mw"]
    assert "H100-SXM" in said["sites[a].accelerators[0].model"]
    assert "did you mean 'utility_import'" in said["sites[a].meters[utility].measures"]
    assert "did you mean 'kW'" in said["sites[a].meters[utility].unit"]
    assert "did you mean 'csv'" in said["sites[a].meters[utility].source.kind"]
    assert "did you mean 'time_column'" in said["sites[b].meters[utility].source.time_colum"]


def test_a_site_that_is_wrong_does_not_hide_what_is_wrong_at_another(tmp_path: Path) -> None:
    data = fleet_data(sites=[site_data(timezone="Nowhere"), site_data(id="b", it_capacity_mw=99)])
    assert [p.key for p in problems_of(tmp_path, data)] == ["sites[slough-1].timezone", "sites[b].it_capacity_mw"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("fleet: demo\npauses:\n\t- id: x\n", 3, "tab"),
        ("fleet: demo\nsites:\n  - id: x\n  \tname: y\n", 4, "tab"),
        ("", 1, "empty"),
        ("# only a remark\n", 1, "empty"),
        ("~\n", 1, "empty"),
        ("- a\n- b\n", 1, "mapping"),
        ("fleet: demo\n---\nfleet: again\n", 2, "document"),
        ("fleet: 'open\n", 2, ""),
        ('fleet: "\x01"\n', 1, "not valid YAML"),
        ("fleet: &a [*a]\n", 1, "aliases"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "\n".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]" for i in range(7)),
            1,
            "aliases",
        ),
        ("a: " + "[" * 3000 + "]" * 3000, 1, ""),
    ],
    ids=[
        "tab",
        "tab-after-spaces",
        "empty",
        "remark",
        "null",
        "list",
        "two",
        "quote",
        "control",
        "loop",
        "bomb",
        "deep",
    ],
)
def test_broken_yaml_names_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    problem = problems_of(tmp_path, text)[0]
    assert problem.where == f"{tmp_path / 'fleet.yaml'}:{line}"
    assert said in problem.message


def test_a_key_given_twice(tmp_path: Path) -> None:
    text = yaml.safe_dump(fleet_data(), sort_keys=False) + "fleet: again\n"
    assert "given twice, first on line 1" in only(tmp_path, text)


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_bytes(b"fleet: demo\n# caf\xe9\n")
    with pytest.raises(FleetError, match=r"fleet.yaml:2: not UTF-8"):
        load_fleet(tmp_path)


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    path = write_fleet(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_fleet(path).name == "demo"


def test_no_file_and_no_fleet_file_in_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "fleet.yaml", tmp_path / "gone" / "fleet.yaml"):
        with pytest.raises(FleetError, match="no such file"):
            load_fleet(path)


@pytest.mark.parametrize("start", ["2026-09-01", "2026-09-01T00:00:00", "2026-09-01 00:00"])
def test_a_time_without_zone_is_refused_with_the_way_to_write_it(tmp_path: Path, start: str) -> None:
    said = only(tmp_path, fleet_data(pauses=[pause_data(start=start)]))
    assert "has no offset" in said
    assert "2026-09-01T00:00" in said.split("write it like")[1]


@pytest.mark.parametrize("start", [20260901, 1788220800, 1788220800.5])
def test_a_number_is_not_taken_for_a_time(tmp_path: Path, start: float) -> None:
    assert "not an ISO 8601 time" in only(tmp_path, fleet_data(pauses=[pause_data(start=start)]))


def test_times_with_an_offset_become_utc(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path, pauses=[pause_data(start="2026-09-01T00:00:00+05:45")])
    assert fleet.pauses[0].start.isoformat() == "2026-08-31T18:15:00+00:00"


def test_plain_yaml_words_stay_what_they_are(tmp_path: Path) -> None:
    text = yaml.safe_dump(fleet_data(), sort_keys=False)
    text = text.replace("country: GB", "country: NO").replace("name: Slough 1", "name: 2026")
    text = text.replace("jurisdiction: GB", "jurisdiction: NO").replace("- GB", "- NO\n  end:")
    fleet = load_fleet(write_fleet(tmp_path, text))
    assert (fleet.sites[0].country, fleet.sites[0].jurisdiction, fleet.sites[0].name) == ("NO", "NO", "2026")
    assert fleet.pauses[0].end is None


def test_null_true_and_numbers_are_read_as_such(tmp_path: Path) -> None:
    source = csv_source(where={"is_main": True, "feeder": 7, "name": "7"}, available_column=None)
    meter = fleet_of(tmp_path, site_data(meters=[meter_data(source=source)])).sites[0].meters[0]
    assert meter.source.where == {"is_main": True, "feeder": 7, "name": "7"}  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["pause", "site", "meter", "declaration"])
def test_duplicate_ids(tmp_path: Path, kind: str) -> None:
    data = {
        "pause": fleet_data(pauses=[pause_data(), pause_data()]),
        "site": fleet_data(sites=[site_data(), site_data()]),
        "meter": fleet_data(sites=[site_data(meters=[meter_data(), meter_data(measures="it_load")])]),
        "declaration": fleet_data(
            sites=[
                site_data(declarations=[declaration_data()]),
                site_data(id="b", declarations=[declaration_data()]),
            ]
        ),
    }[kind]
    assert f"the {kind} id" in only(tmp_path, data)


def test_a_pause_that_covers_nobody(tmp_path: Path) -> None:
    said = only(tmp_path, fleet_data(pauses=[pause_data(), pause_data(id="b", jurisdictions=["US-TX"])]))
    assert "covers no site's jurisdiction; the sites are in GB" in said


def test_a_pause_everywhere_covers_all(tmp_path: Path) -> None:
    assert fleet_of(tmp_path, pauses=[pause_data(jurisdictions=["*"])]).pauses[0].holds_in("US-TX")


def test_a_pause_in_the_past_is_fine(tmp_path: Path) -> None:
    pauses = [pause_data(start="2001-01-01T00:00:00Z", end="2002-01-01T00:00:00Z")]
    assert fleet_of(tmp_path, pauses=pauses).pauses[0].end == at("2002-01-01")


@pytest.mark.parametrize(
    ("pause", "said"),
    [
        ({"end": "2026-09-01T00:00:00Z"}, "not after its start"),
        ({"announced": "2026-10-01T00:00:00Z"}, "announced after its start"),
        ({"jurisdictions": []}, "empty"),
        ({"jurisdictions": "GB"}, "needs a list"),
    ],
)
def test_a_pause_out_of_order(tmp_path: Path, pause: dict[str, Any], said: str) -> None:
    assert said in only(tmp_path, fleet_data(pauses=[pause_data(**pause)]))


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [("15min", 900), ("1h", 3600), ("1d", 86400), ("PT30M", 1800), ("P1D", 86400), ("60s", 60), ("5 minutes", None)],
)
def test_intervals(tmp_path: Path, interval: str, seconds: int | None) -> None:
    if seconds is None:
        assert "15min" in only(tmp_path, with_meter(interval=interval))
    else:
        meters = [meter_data(interval=interval)]
        assert fleet_of(tmp_path, site_data(meters=meters)).sites[0].meters[0].interval_s == seconds


@pytest.mark.parametrize("interval", ["7min", "0min", "7h", "2d", 15, "99999999999999999999d", "soon"])
def test_intervals_that_do_not_fit(tmp_path: Path, interval: str) -> None:
    assert "interval" in only(tmp_path, with_meter(interval=interval))


def test_it_capacity_above_the_grid_connection(tmp_path: Path) -> None:
    said = only(tmp_path, fleet_data(sites=[site_data(it_capacity_mw=70)]))
    assert "it_capacity_mw: 70 is more than grid_connection_mw 60" in said


def test_a_declaration_that_ends_before_it_starts(tmp_path: Path) -> None:
    data = fleet_data(sites=[site_data(declarations=[declaration_data(end="2026-04-01T00:00:00Z")])])
    assert "not after its start" in only(tmp_path, data)


def test_a_late_filing_is_kept_and_marked(tmp_path: Path) -> None:
    late = declaration_data(filed_at="2026-05-02T00:00:00Z")
    fleet = fleet_of(tmp_path, site_data(declarations=[late]))
    assert fleet.sites[0].declarations[0].is_late
    (warning,) = [w for w in fleet.warnings if "late" in w.message]
    assert warning.key.endswith("declarations[d1].filed_at")


def test_an_inventory_above_the_it_capacity_is_told_not_refused(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path, site_data(accelerators=[{"model": "H100", "count": 60000}]))
    assert any("rated at 76.5 MW" in w.message for w in fleet.warnings)


def test_an_unknown_accelerator_names_the_nearest(tmp_path: Path) -> None:
    said = only(tmp_path, fleet_data(sites=[site_data(accelerators=[{"model": "H-1000", "count": 5}])]))
    assert "'H-1000' is not in the catalogue; nearest are H100" in said


@pytest.mark.parametrize(
    ("meter", "said"),
    [
        ({"unit": None}, "needs the meter's unit"),
        ({"interval": None}, "needs the meter's interval"),
        ({"unit": "degC"}, "does not fit utility_import"),
        ({"measures": "outdoor_temperature"}, "use degC or degF"),
        ({"source": "meter.csv"}, "needs keys and values"),
        ({"source": {"path": "meter.csv"}}, "needs a kind: one of csv"),
        ({"source": {"kind": "green_button"}}, "give either path, or url"),
        ({"source": {"kind": "green_button", "url": "https://x"}}, "needs subscription"),
        ({"source": {"kind": "prometheus", "url": "http://x", "quory": "y"}}, ""),
        ({"accuracy_pct": -1}, "greater than or equal to 0"),
    ],
)
def test_meters_that_do_not_hang_together(tmp_path: Path, meter: dict[str, Any], said: str) -> None:
    assert any(said in str(p) for p in problems_of(tmp_path, with_meter(**meter)))


def test_a_watched_site_needs_a_load_meter(tmp_path: Path) -> None:
    thermometer = meter_data(id="t", measures="outdoor_temperature", unit="degC")
    data = fleet_data(sites=[site_data(meters=[thermometer])])
    assert "neither a utility_import nor an it_load meter" in only(tmp_path, data)


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "sql", "url": "postgresql://reader:hunter2@host/db", "query": "select 1"},
        {"kind": "csv", "path": "s3://key:hunter2@bucket/x.csv", "time_column": "t", "value_column": "v"},
        {"kind": "prometheus", "url": "https://x", "query": "q", "credentials": "Bearer hunter2"},
        {"kind": "prometheus", "url": "https://x", "query": "q", "credentials": {"password": "hunter2"}},
        {"kind": "prometheus", "url": "https://x", "query": "q", "credentials": ["hunter2"]},
        {"kind": "prometheus", "url": "https://x", "query": "q", "password": "hunter2"},
        {"kind": "green_button", "url": "https://u:hunter2@x", "subscription": 5, "credentials": "a"},
        {"kind": "green_buton", "url": "https://u:hunter2@x", "credentials": "hunter2!"},
    ],
)
def test_secrets_are_never_echoed(tmp_path: Path, source: dict[str, Any]) -> None:
    found = problems_of(tmp_path, with_meter(source=source))
    assert found
    assert "hunter2" not in "\n".join(map(str, found))


def test_a_name_of_a_secret_is_taken(tmp_path: Path) -> None:
    source = {"kind": "green_button", "url": "https://x", "subscription": 5, "credentials": "pge_green-button"}
    meter = fleet_of(tmp_path, site_data(meters=[meter_data(source=source)])).sites[0].meters[0]
    assert meter.source.credentials == "pge_green-button"  # type: ignore[union-attr]
    assert meter.source.subscription == "5"  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/data/x.csv", "s3://bucket/x.csv", "memory://x.csv"])
def test_absolute_paths_and_urls_stay(tmp_path: Path, path: str) -> None:
    meters = [meter_data(source=csv_source(path))]
    assert fleet_of(tmp_path, site_data(meters=meters)).sites[0].meters[0].source.path == path  # type: ignore[union-attr]


def test_an_unknown_site_names_the_nearest(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path, site_data(), site_data(id="texas-1"))
    with pytest.raises(UsageError, match="did you mean slough-1"):
        fleet.site("slogh-1")
    assert [s.id for s in fleet.selected(["texas-1"])] == ["texas-1"]
    assert len(fleet.selected(None)) == 2


def test_a_thousand_sites_load_in_seconds(tmp_path: Path) -> None:
    # Listing the time zones for each site once made this take minutes.
    assert len(fleet_of(tmp_path, *[site_data(id=f"s-{i}") for i in range(1000)]).sites) == 1000


def large_fleet(folder: Path, sites: int = 200) -> Path:
    return write_fleet(folder, fleet_data(sites=[site_data(id=f"site-{i}") for i in range(sites)]))


def test_a_large_file_that_is_kept_is_read_the_same_and_not_as_yaml_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = large_fleet(tmp_path), tmp_path / "kept" / "program"
    plain, first = load_fleet(path), load_fleet(path, kept)
    assert [p.suffix for p in kept.iterdir()] == [".json"]
    monkeypatch.setattr("pausewatch.fleet.loading.read_yaml", lambda *_: pytest.fail("read as YAML again"))
    again = load_fleet(path, kept)
    for fleet in (first, again):
        assert fleet == plain
        assert (fleet.path, fleet.sha256, fleet.warnings) == (plain.path, plain.sha256, plain.warnings)
        assert fleet.site("site-7") == plain.sites[7]


def test_what_is_kept_is_passed_over_where_it_is_damaged_or_of_another_file(tmp_path: Path) -> None:
    path, kept = large_fleet(tmp_path), tmp_path / "kept" / "program"
    load_fleet(path, kept)
    (one,) = kept.iterdir()
    for content in (b"", b"{}", one.read_bytes().replace(b"site-7", b"site-x")):
        one.write_bytes(content)
        assert load_fleet(path, kept).site("site-7")
    large_fleet(tmp_path, 201)
    assert len(load_fleet(path, kept).sites) == 201
    path.write_text("fleet: broken", encoding="utf-8")
    with pytest.raises(FleetError):
        load_fleet(path, kept)


def test_few_files_are_kept_and_small_ones_not_at_all(tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "program"
    load_fleet(large_fleet(tmp_path, 199), kept)
    assert not kept.exists()
    for sites in range(200, 207):
        load_fleet(large_fleet(tmp_path, sites), kept)
    assert len(list(kept.iterdir())) == 4


@pytest.mark.parametrize("was_enabled", [True, False])
def test_the_cycle_collector_is_left_as_it_was(tmp_path: Path, was_enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_enabled else gc.disable)()
        load_fleet(write_fleet(tmp_path))
        assert gc.isenabled() == was_enabled
        with pytest.raises(FleetError):
            load_fleet(tmp_path / "none.yaml")
        assert gc.isenabled() == was_enabled
    finally:
        (gc.enable if before else gc.disable)()
