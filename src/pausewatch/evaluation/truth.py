"""The truth of a simulated fleet: what really happened at each site, as `truth.json` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class TrueEvent:
    """Something that really happened at a site.

    Args:
        name: what it was, as the simulator names it.
        group: violation, evasion, benign or tamper.
        start: when it began, UTC.
        end: when it ended, UTC.
        mw_it: mean load it added at the IT load, MW.
        energy_mwh: energy it added at the IT load, MWh.
        is_training: whether it was training during the pause.
        is_visible: whether any meter could show it.
        began: when the load began, where that is before its start (a run under way when the pause begins).
    """

    name: str
    group: str
    start: datetime
    end: datetime
    mw_it: float
    energy_mwh: float
    is_training: bool
    is_visible: bool
    began: datetime | None = None

    @property
    def onset(self) -> datetime:
        """When its load began."""
        return self.began or self.start


@dataclass(frozen=True)
class TrueSite:
    """One simulated site: what it is and what happened there.

    `marginal_pue` is what a megawatt more of IT load adds at its utility's meter, on the mean of the pause.
    """

    site_id: str
    kind: str
    it_capacity_mw: float
    violates: bool
    events: tuple[TrueEvent, ...]
    marginal_pue: float = 1.2


def true_sites(document: Mapping[str, Any]) -> dict[str, TrueSite]:
    """Return the sites of a `truth.json` by id."""
    return {
        told["site_id"]: TrueSite(
            site_id=told["site_id"],
            kind=told["kind"],
            it_capacity_mw=float(told["it_capacity_mw"]),
            violates=bool(told["violates"]),
            events=tuple(_event(e) for e in told["events"]),
            marginal_pue=float(told.get("marginal_pue", 1.2)),
        )
        for told in document["sites"]
    }


def _event(told: Mapping[str, Any]) -> TrueEvent:
    return TrueEvent(
        name=told["name"],
        group=told["class"],
        start=datetime.fromisoformat(told["start"]),
        end=datetime.fromisoformat(told["end"]),
        mw_it=float(told["mw_it"]),
        energy_mwh=float(told["energy_mwh"]),
        is_training=bool(told["is_training"]),
        is_visible=bool(told["visible"]),
        began=datetime.fromisoformat(told["began"]) if "began" in told else None,
    )
