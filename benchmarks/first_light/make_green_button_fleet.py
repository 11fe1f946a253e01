"""Write a fleet file in which every Green Button file of a folder is the utility meter of one small site.

    python benchmarks/first_light/make_green_button_fleet.py --data ../shared/data --out DIR [--folder openespi]

Units and intervals are left to the files. PG&E's interval blocks come without a reading type: their meter is given Wh,
the base unit of the reading types PG&E sends apart, and a connection that its largest reading fits in.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

import yaml

UNIT = {"PGEIntervalBlock.xml": "Wh"}
CONNECTION_MW = {"PGEIntervalBlock.xml": 1.0}
SMALL_MW = 0.05  # houses and small buildings


def write_fleet(data: Path, out: Path, folder: str = "utility_samples") -> Path:
    """Write fleet.yaml over the files of a folder of `data`/green_button; return its path."""
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(p for p in (data / "green_button" / folder).iterdir() if p.name.endswith((".xml", ".xml.gz")))
    fleet = {
        "fleet": f"green-button-{folder.replace('_', '-')}",
        "pauses": [{"id": "sample", "jurisdictions": ["US-CA"], "start": "2014-01-01T00:00:00Z"}],
        "sites": [_site(file, out) for file in files],
    }
    path = out / "fleet.yaml"
    path.write_text(yaml.safe_dump(fleet, sort_keys=False), encoding="utf-8")
    return path


def _site(file: Path, out: Path) -> dict[str, object]:
    name = file.name.removesuffix(".gz").removesuffix(".xml")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+", "-", name)
    meter: dict[str, object] = {"id": "utility", "measures": "utility_import", "owner": "utility"}
    if file.name in UNIT:
        meter["unit"] = UNIT[file.name]
    meter["source"] = {"kind": "green_button", "path": os.path.relpath(file.resolve(), out.resolve())}
    connection_mw = CONNECTION_MW.get(file.name, SMALL_MW)
    return {
        "id": words.lower(),
        "name": name,
        "owner": "sample",
        "jurisdiction": "US-CA",
        "timezone": "America/Los_Angeles",
        "latitude": 37.4,
        "longitude": -122.0,
        "grid_connection_mw": connection_mw,
        "it_capacity_mw": connection_mw * 0.8,
        "meters": [meter],
    }


def main() -> None:
    """Write the fleet file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the shared data folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--folder", default="utility_samples", help="folder of green_button")
    options = parser.parse_args()
    print(f"wrote {write_fleet(options.data, options.out, options.folder)}")


if __name__ == "__main__":
    main()
