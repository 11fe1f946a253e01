from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.builders import at, csv_text, meter_data, site_data, write_fleet
from tests.builders import fleet_data as a_fleet
from typer.testing import CliRunner

from pausewatch.cli import app


def test_check_tells_each_warning_once(tmp_path: Path) -> None:
    csv = csv_text(at("2026-08-01"), [20_000.0] * 96)
    (tmp_path / "meter.csv").write_text(csv, encoding="utf-8")
    it_meter = meter_data(id="it", measures="it_load", owner="operator", source={**meter_data()["source"]})
    it_meter["source"]["path"] = "it.csv"
    (tmp_path / "it.csv").write_text(csv.replace("20000.0", "30000.0"), encoding="utf-8")
    fleet = write_fleet(tmp_path, a_fleet(sites=[site_data(meters=[meter_data(), it_meter])]))

    done = CliRunner().invoke(app, ["check", "--fleet", str(fleet)])

    assert done.exit_code == 0, done.output
    lines = Counter(line for line in done.stderr.splitlines() if "warning" in line)
    assert any("no outdoor_temperature meter" in line for line in lines)
    assert any("are the two meters swapped" in line for line in lines)
    assert set(lines.values()) == {1}


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_check_fails_when_a_meter_cannot_be_read_and_still_tells_of_the_others(tmp_path: Path, fmt: str) -> None:
    (tmp_path / "meter.csv").write_text(csv_text(at("2026-08-01"), [20_000.0] * 96), encoding="utf-8")
    lost = meter_data(id="it", measures="it_load", source={**meter_data()["source"], "path": "gone.csv"})
    fleet = write_fleet(tmp_path, a_fleet(sites=[site_data(meters=[meter_data(), lost])]))

    done = CliRunner().invoke(app, ["check", "--fleet", str(fleet), "--format", fmt])

    assert done.exit_code == 1
    assert "utility" in done.stdout
    assert [line for line in done.stderr.splitlines() if "gone.csv" in line]
