"""A fleet: the pauses and the sites of one watch, as one file declares them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

from pydantic import Field, PrivateAttr

from pausewatch.errors import FleetProblem, UsageError
from pausewatch.fleet.base import Declared
from pausewatch.fleet.pauses import Pause
from pausewatch.fleet.sites import Site


class Fleet(Declared):
    """Everything one fleet file declares."""

    name: str = Field(alias="fleet", min_length=1, description="name on every report")
    significant_quantity_flop: float = Field(1e24, gt=0, description="the compute that must not go unseen")
    false_alarms_per_site_year: float = Field(0.05, gt=0, le=10, description="the alarm budget")
    cutoff_hours: float = Field(6, ge=0, le=24 * 14, description="hours after local midnight a day is inspected")
    pauses: tuple[Pause, ...] = Field(min_length=1, description="the declared pauses")
    sites: tuple[Site, ...] = Field(min_length=1, description="the sites under watch")

    _path: Path = PrivateAttr(default=Path("fleet.yaml"))
    _sha256: str = PrivateAttr(default="")
    _warnings: tuple[FleetProblem, ...] = PrivateAttr(default=())

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @property
    def sha256(self) -> str:
        """Hash of the file's bytes."""
        return self._sha256

    @property
    def warnings(self) -> tuple[FleetProblem, ...]:
        """What is odd but can be worked with."""
        return self._warnings

    @cached_property
    def _by_id(self) -> dict[str, Site]:
        return {site.id: site for site in self.sites}

    def site(self, site_id: str) -> Site:
        """Return a site by id.

        Raises:
            UsageError: there is none; the nearest id is named.
        """
        found = self._by_id.get(site_id)
        if found is not None:
            return found
        from rapidfuzz import process

        near = process.extractOne(site_id, [s.id for s in self.sites])
        hint = f"did you mean {near[0]}?" if near else ""
        raise UsageError(f"no site {site_id!r}", where=str(self.path), remedy=hint)

    def selected(self, site_ids: Sequence[str] | None) -> tuple[Site, ...]:
        """Return the named sites in fleet order, or all.

        Raises:
            UsageError: a name is not a site's.
        """
        if site_ids is None:
            return self.sites
        wanted = {self.site(site_id).id for site_id in site_ids}
        return tuple(site for site in self.sites if site.id in wanted)

    def pause_for(self, site: Site, day: date) -> Pause | None:
        """Return the pause in force at the site at any time of that local day, the earliest where several are."""
        start, end = site.day_bounds(day)
        held = [p for p in self.pauses if p.holds_in(site.jurisdiction) and p.overlaps(start, end)]
        return min(held, key=lambda p: p.start, default=None)
