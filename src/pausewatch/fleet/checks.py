"""What one model can't see: ids that clash, pauses that cover nobody, things that don't fit each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pausewatch.fleet.accelerators import lookup
from pausewatch.fleet.fleet import Fleet
from pausewatch.fleet.meters import Measure
from pausewatch.fleet.pauses import Pause
from pausewatch.fleet.sites import Site

Path = tuple[str | int, ...]
Problem = tuple[Path, str, str]
"""Path to the value, its name (empty: made from the path), and the message."""


def check_ids(data: Any) -> Iterator[Problem]:
    """Yield ids that are used twice, from the file's plain data: found even where something else is wrong."""
    yield from _repeated(_ids(data, (), "pauses"), "pause")
    sites = _ids(data, (), "sites")
    yield from _repeated(sites, "site")
    places = [path[:-1] for path, _ in sites]
    yield from _repeated([d for at in places for d in _ids(_inside(data, at), at, "declarations")], "declaration")
    for at in places:
        yield from _repeated(_ids(_inside(data, at), at, "meters"), "meter")


def check_parts(pauses: Mapping[int, Pause], sites: Mapping[int, Site], *, is_whole: bool) -> Iterator[Problem]:
    """Yield what makes pauses and sites unusable together.

    Args:
        pauses: by their place in the file.
        sites: by their place in the file.
        is_whole: whether these are all of the file; a site that is wrong in itself is missing otherwise.
    """
    jurisdictions = sorted({site.jurisdiction for site in sites.values()})
    for i, pause in pauses.items():
        if is_whole and not any(pause.holds_in(j) for j in jurisdictions):
            yield (
                ("pauses", i, "jurisdictions"),
                "",
                f"covers no site's jurisdiction; the sites are in {', '.join(jurisdictions)}",
            )
    for i, site in sites.items():
        yield from _check_site(("sites", i), site, pauses.values())


def warn_fleet(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is odd but can be worked with."""
    for i, site in enumerate(fleet.sites):
        rated_mw = sum(
            entry.count * chip.node_w_per_chip / 1e6
            for entry in site.accelerators
            if (chip := lookup(entry.model)) is not None
        )
        if rated_mw > site.it_capacity_mw * 1.1:
            yield (
                ("sites", i, "accelerators"),
                "",
                f"the declared inventory is rated at {rated_mw:.1f} MW, above it_capacity_mw {site.it_capacity_mw:g}",
            )
        if not site.meters_of(Measure.OUTDOOR_TEMPERATURE):
            yield (
                ("sites", i, "meters"),
                "",
                "no outdoor_temperature meter: the baseline will be wider",
            )
        for j, declaration in enumerate(site.declarations):
            if declaration.is_late:
                yield (
                    ("sites", i, "declarations", j, "filed_at"),
                    "",
                    f"filed {declaration.filed_at.isoformat()}, after its start: kept, and marked late",
                )


def _check_site(at: Path, site: Site, pauses: Collection[Pause]) -> Iterator[Problem]:
    if site.it_capacity_mw > site.grid_connection_mw:
        yield (
            *_key(at, "it_capacity_mw"),
            f"{site.it_capacity_mw:g} is more than grid_connection_mw {site.grid_connection_mw:g}",
        )
    measured = Counter(m.measures for m in site.meters)
    if measured[Measure.OUTDOOR_TEMPERATURE] > 1:
        yield (*_key(at, "meters"), "more than one outdoor_temperature meter; keep the best")
    watched = any(p.holds_in(site.jurisdiction) for p in pauses)
    if watched and not measured[Measure.UTILITY_IMPORT] and not measured[Measure.IT_LOAD]:
        yield (
            *_key(at, "meters"),
            "under a pause, but with neither a utility_import nor an it_load meter",
        )
    for j, declaration in enumerate(site.declarations):
        if declaration.expected_mw is not None and declaration.expected_mw > site.grid_connection_mw:
            yield (
                (*at, "declarations", j, "expected_mw"),
                "",
                f"{declaration.expected_mw:g} is more than the site's grid connection {site.grid_connection_mw:g}",
            )


def _key(at: Path, key: str) -> tuple[Path, str]:
    return (*at, key), ""


def _inside(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _ids(data: Any, at: Path, key: str) -> list[tuple[Path, str]]:
    items = data.get(key) if isinstance(data, dict) else None
    return [
        ((*at, key, i, "id"), str(item["id"]))
        for i, item in enumerate(items if isinstance(items, list) else [])
        if isinstance(item, dict) and item.get("id") is not None
    ]


def _repeated(named: Sequence[tuple[Path, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            yield path, "", f"the {what} id {name!r} is used twice; ids are unique"
        seen.add(name)
