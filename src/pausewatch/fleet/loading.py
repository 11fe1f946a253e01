"""Loading a fleet file: every problem at once, each with its line, key, value and the nearest valid one."""

from __future__ import annotations

import contextlib
import gc
import glob
import hashlib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pausewatch.errors import FleetError, FleetProblem
from pausewatch.fleet import sources as source_specs
from pausewatch.fleet.checks import check_ids, check_parts, warn_fleet
from pausewatch.fleet.fleet import Fleet
from pausewatch.fleet.kept import KeptFleet
from pausewatch.fleet.pauses import Pause
from pausewatch.fleet.sites import Site
from pausewatch.fleet.yaml_nodes import Document, read_yaml

M = TypeVar("M", bound=BaseModel)

_SOURCE_KINDS: dict[str, type[BaseModel]] = {
    "csv": source_specs.CsvSpec,
    "green_button": source_specs.GreenButtonSpec,
    "opendatasoft": source_specs.OpendatasoftSpec,
    "prometheus": source_specs.PrometheusSpec,
    "redfish": source_specs.RedfishSpec,
    "sql": source_specs.SqlSpec,
    "eia930": source_specs.Eia930Spec,
    "open_meteo": source_specs.OpenMeteoSpec,
}
_LONG = 80
_LARGE_SITES = 200


def load_fleet(path: str | Path, kept: Path | None = None) -> Fleet:
    """Read a fleet file, or the `fleet.yaml` of a folder.

    Args:
        path: the file.
        kept: folder in which the checked content of large files is kept for the next time.

    Raises:
        FleetError: the file can't be used; holds everything found wrong.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "fleet.yaml"
    with _collector_at_rest():
        fleet = _loaded(file, kept)
    if len(fleet.sites) >= _LARGE_SITES:
        # They live as long as the process: walking them at every collection costs more than inspecting a site.
        gc.freeze()
    return fleet


def _loaded(file: Path, kept: Path | None) -> Fleet:
    content = _read(file)
    digest = hashlib.sha256(content).hexdigest()
    keeping = None if kept is None else KeptFleet.of(kept, file, digest)
    known = None if keeping is None else keeping.read()
    if known is not None:
        return _read_from(Fleet.model_validate(known[0]), file, digest, known[1])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FleetError(str(file), [FleetProblem(f"{file}:{line}", "", "not UTF-8; save the file as UTF-8")]) from None
    document = read_yaml(text, str(file))
    if document.data is None:
        raise FleetError(str(file), document.problems or [FleetProblem(f"{file}:1", "", "the file is empty")])
    if not isinstance(document.data, dict):
        raise FleetError(str(file), [FleetProblem(f"{file}:1", "", "not a mapping; begin with `fleet: NAME`")])
    problems = list(document.problems)
    fleet: Fleet | None = None
    try:
        fleet = Fleet.model_validate(document.data)
    except ValidationError as error:
        # A list whose items are wrong is also reported as too short: that is no news.
        problems += [
            _problem(e, document, file)
            for e in error.errors(include_url=False)
            if not (e["type"] == "too_short" and e["input"])
        ]
    pauses = _valid(Pause, document.data.get("pauses")) if fleet is None else dict(enumerate(fleet.pauses))
    sites = _valid(Site, document.data.get("sites")) if fleet is None else dict(enumerate(fleet.sites))
    crossed = [*check_ids(document.data), *check_parts(pauses, sites, is_whole=fleet is not None)]
    problems += [_located(file, document, path, key, message) for path, key, message in crossed]
    if problems or fleet is None:
        raise FleetError(str(file), sorted(set(problems), key=_line_number))
    resolved = _with_resolved_paths(document.data, file.parent.resolve())
    fleet = Fleet.model_validate(resolved)
    warnings = tuple(_located(file, document, p, key, m) for p, key, m in warn_fleet(fleet))
    if keeping is not None:
        keeping.write(resolved, warnings)
    return _read_from(fleet, file, digest, warnings)


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Make many objects without Python's cycle collector looking through all of them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_from(fleet: Fleet, file: Path, digest: str, warnings: tuple[FleetProblem, ...]) -> Fleet:
    """Return a fleet that knows where it was read and what is odd about it."""
    fleet._path, fleet._sha256, fleet._warnings = file, digest, warnings
    return fleet


def _valid(model: type[M], items: Any) -> dict[int, M]:
    """Return those of the items that are right in themselves, by their place."""
    found: dict[int, M] = {}
    for i, item in enumerate(items if isinstance(items, list) else []):
        with contextlib.suppress(ValidationError):
            found[i] = model.model_validate(item)
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        message = "no such file; name the fleet file with --fleet"
    except PermissionError:
        message = "not allowed to read it; check the permissions"
    except OSError as error:
        message = f"can't be read: {error.strerror}"
    raise FleetError(str(file), [FleetProblem(str(file), "", message)])


def _line_number(problem: FleetProblem) -> tuple[int, str]:
    tail = problem.where.rsplit(":", 1)[-1]
    return (int(tail) if tail.isdigit() else 0, problem.key)


def _located(file: Path, document: Document, path: tuple[str | int, ...], key: str, message: str) -> FleetProblem:
    return FleetProblem(f"{file}:{document.line_of(path)}", key or _name(path, document.data), message)


def _problem(error: Any, document: Document, file: Path) -> FleetProblem:
    """Turn one of pydantic's errors into a line with a place and a remedy."""
    path = _real_path(error["loc"], document.data)
    kind = error["type"]
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) or given is None else f" (got {str(given)[:_LONG]!r})"
    message = error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        valid = _keys_at(path[:-1], document.data)
        message = f"unknown key{_nearest(str(path[-1]), valid)}"
    elif kind == "missing":
        message = "missing; add it"
    elif kind == "enum":
        expected = [part.strip("'") for part in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        message = f"{given!r} is not one of {', '.join(expected)}{_nearest(str(given), expected)}"
    elif kind == "union_tag_invalid":
        kinds = list(_SOURCE_KINDS)
        tag = str(error["ctx"]["tag"])
        path = (*path, "kind")
        message = f"{tag!r} is not one of {', '.join(kinds)}{_nearest(tag, kinds)}"
    elif kind == "union_tag_not_found":
        message = f"a source needs a kind: one of {', '.join(_SOURCE_KINDS)}"
    elif kind == "timezone_aware":
        instant = str(given).replace(" ", "T") if ":" in str(given) else f"{given}T00:00:00"
        message = f"{given!r} has no offset; write it like {instant}Z or with +01:00"
    elif kind in ("datetime_from_date_parsing", "datetime_parsing", "datetime_type"):
        message = f"{given!r} is not an ISO 8601 time with an offset; write it like 2026-09-01T00:00:00Z"
    elif kind == "string_pattern_mismatch":
        message = f"{given!r}: use lower-case letters, digits and hyphens"
    elif kind == "tuple_type":
        message = f"needs a list{shown}"
    elif kind == "too_short":
        message = "the list is empty; add at least one"
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        message = f"needs keys and values{shown}"
    else:
        message = message if error["type"] == "value_error" else message[:1].lower() + message[1:] + shown
    return FleetProblem(f"{file}:{document.line_of(path)}", _name(path, document.data), message)


def _real_path(loc: tuple[str | int, ...], data: Any) -> tuple[str | int, ...]:
    """Drop the union tags that pydantic puts between real keys."""
    out: list[str | int] = []
    here = data
    for part in loc:
        if isinstance(here, dict) and part not in here and part in _SOURCE_KINDS and here.get("kind") == part:
            continue
        out.append(part)
        here = _inside(here, part)
    return tuple(out)


def _name(path: tuple[str | int, ...], data: Any) -> str:
    """Return a path as people name it: sites[slough-1].meters[utility].unit."""
    out = ""
    here = data
    for part in path:
        here = _inside(here, part)
        if isinstance(part, int):
            label = here.get("id") if isinstance(here, dict) else None
            out += f"[{label if label is not None else part}]"
        else:
            out += f".{part}" if out else str(part)
    return out


def _inside(here: Any, part: str | int) -> Any:
    if isinstance(here, dict):
        return here.get(part)
    if isinstance(here, list) and isinstance(part, int) and part < len(here):
        return here[part]
    return None


def _nearest(given: str, valid: list[str]) -> str:
    from rapidfuzz import fuzz, process

    found = process.extractOne(given.lower(), valid, scorer=fuzz.WRatio, score_cutoff=55)
    return f"; did you mean {found[0]!r}?" if found else f"; valid are: {', '.join(valid)}"


def _keys_at(path: tuple[str | int, ...], data: Any) -> list[str]:
    """Return the keys that are valid at a path, by walking the models along it."""
    model: Any = Fleet
    here = data
    for part in path:
        here = _inside(here, part)
        if isinstance(part, str):
            model = _field_type(model, part)
        if model is None:
            return []
        if part == "source" and isinstance(here, dict):
            model = _SOURCE_KINDS.get(str(here.get("kind")))
    if model is None or not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [f.alias or name for name, f in model.model_fields.items()]


def _field_type(model: Any, key: str) -> Any:
    for name, info in getattr(model, "model_fields", {}).items():
        if (info.alias or name) == key:
            return next(_models_in(info.annotation), dict)
    return None


def _models_in(annotation: Any) -> Iterator[Any]:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)


def _with_resolved_paths(data: dict[str, Any], base: Path) -> dict[str, Any]:
    """Return the data with relative source paths made absolute; URLs stay."""
    out = dict(data)
    out["sites"] = [
        {**site, "meters": [{**m, "source": _resolved(m["source"], base)} for m in site["meters"]]}
        for site in data["sites"]
    ]
    return out


def _resolved(source: dict[str, Any], base: Path) -> dict[str, Any]:
    path = source.get("path")
    if not path or "://" in str(path) or Path(str(path)).is_absolute():
        return source
    # A bracket in the name of the fleet file's own folder is no pattern.
    folder = glob.escape(str(base)) if glob.has_magic(str(path)) else str(base)
    return {**source, "path": str(Path(folder) / str(path))}
