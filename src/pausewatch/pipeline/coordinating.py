"""Coordinating: the tests over many sites, once the sites of a day have been inspected apart."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from pausewatch.detection.coordination import Quiet, calibrated
from pausewatch.detection.groups import groups_of
from pausewatch.detection.onsets import as_tenths, from_tenths
from pausewatch.detection.reference import LANES, SHARED_BUDGET
from pausewatch.detection.shared_view import SharedView
from pausewatch.findings.coordinated import coordinated_findings
from pausewatch.findings.model import Assessment
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.pipeline.days import require_watched
from pausewatch.pipeline.learning import found_at, quiet_scores
from pausewatch.pipeline.workplace import Workplace
from pausewatch.telemetry.panel import Lane

# A site brings half of its shared budget to its owner's group and half to that of the sites within reach.
_BONDS = 2.0


def coordinate(place: Workplace, register: Register, day: date) -> list[Assessment]:
    """Test the sites of a day together and record what they show; done again, it changes nothing.

    It knows of each site what its own inspection left in its payload, so nothing that came after a site's cut-off.
    """
    sites = require_watched(place.fleet, day)
    known = register.coordinated(day - timedelta(days=1))
    found: list[Assessment] = []
    for pause in place.fleet.pauses:
        mine = [site for site in sites if place.fleet.pause_for(site, day) == pause]
        if len(mine) > 1:
            views = views_of(register.payloads(day, [site.id for site in mine]))
            quiet = _quiet(place, register, pause, mine, views)
            found += together(place.fleet, pause, mine, views, quiet, known)
    register.record_coordinated(day, [site.id for site in sites], found)
    return found


def together(
    fleet: Fleet,
    pause: Pause,
    sites: Sequence[Site],
    views: Mapping[str, SharedView],
    quiet: Mapping[str, Quiet],
    known: Sequence[Any],
) -> list[Assessment]:
    """Return the coordinated loads among the sites of one pause.

    Args:
        fleet: with its alarm budget.
        pause: the pause in force.
        sites: those under it.
        views: what each said of the day, by id; a site without one isn't tested.
        quiet: held-out scores on the lane of each view, by id.
        known: findings of the days before.
    """
    budget = SHARED_BUDGET * fleet.false_alarms_per_site_year / _BONDS
    tested = calibrated(groups_of(sites), [views.get(s.id) for s in sites], [quiet.get(s.id) for s in sites], budget)
    return coordinated_findings(sites, pause, tested, views, known)


def _quiet(
    place: Workplace, register: Register, pause: Pause, sites: Sequence[Site], views: Mapping[str, SharedView]
) -> dict[str, Quiet]:
    """Return what noise alone shows at each site on the lane of its view, from the freezes they stand on."""
    out = {}
    latest = register.latest_baselines(pause.id, [site.id for site in sites])
    loaded = {record.sequence: record for record in latest.values()}
    scores = {n: quiet_scores(found_at(record, place.home.baselines)) for n, record in sorted(loaded.items())}
    positions = {n: {site_id: i for i, site_id in enumerate(record.site_ids)} for n, record in loaded.items()}
    for site in sites:
        record, view = latest.get(site.id), views.get(site.id)
        if record is not None and view is not None:
            first_block, z = scores[record.sequence]
            row = LANES.index(view.lane) * len(record.site_ids) + positions[record.sequence][site.id]
            out[site.id] = Quiet(first_block, z[row])
    return out


def view_document(view: SharedView) -> dict[str, Any]:
    """Return a site's view as JSON values."""
    halves = np.stack([view.step_mw, view.residual_mw, view.temperature_c]).astype("<f2")
    return {
        "lane": view.lane.value,
        "first_block": view.first_block,
        "z": _packed(as_tenths(view.z).tobytes()),
        "values": _packed(halves.tobytes()),
        "dips": view.dips.tolist(),
    }


def views_of(payloads: Mapping[str, Mapping[str, Any]]) -> dict[str, SharedView]:
    """Return the views that payloads hold, by site id."""
    return {site_id: _view(payload["shared"]) for site_id, payload in payloads.items() if payload.get("shared")}


def _view(said: Mapping[str, Any]) -> SharedView:
    z = from_tenths(np.frombuffer(_unpacked(said["z"]), dtype=np.int8))
    step, residual, temperature = np.frombuffer(_unpacked(said["values"]), "<f2").astype(np.float64).reshape(3, len(z))
    dips = np.asarray(said["dips"], dtype=np.int64)
    return SharedView(Lane(said["lane"]), said["first_block"], z, step, residual, temperature, dips)


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 1)).decode("ascii")


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
