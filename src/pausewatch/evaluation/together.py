"""Told together: the coordinated loads of a fleet's sites, carried from day to day as the register carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pausewatch.detection.coordination import Quiet
from pausewatch.detection.reference import LANES, Frozen
from pausewatch.detection.shared_view import SharedView
from pausewatch.detection.watch import WatchDay
from pausewatch.evaluation.tracking import FindingHistory, Tracker
from pausewatch.evaluation.truth import TrueEvent, TrueSite
from pausewatch.findings.coordinated import members_of
from pausewatch.findings.model import Finding
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.pipeline.coordinating import together, view_document, views_of


@dataclass(frozen=True)
class SharedHistory:
    """What was said of a coordinated load on every report day, and what really happened at any site it ever named."""

    history: FindingHistory
    events: tuple[TrueEvent, ...]


@dataclass
class Together:
    """Sites of one fleet and pause that are tested together; `take` adds a day."""

    fleet: Fleet
    pause: Pause
    sites: Sequence[Site]
    frozen: Frozen
    tracker: Tracker = field(default_factory=lambda: Tracker(""))

    def take(self, seen: WatchDay) -> list[Finding]:
        """Test the sites of a day together, and return the coordinated loads as they stand."""
        views: dict[str, SharedView] = {}
        quiet: dict[str, Quiet] = {}
        mine = []
        for position, site in enumerate(self.sites):
            if self.fleet.pause_for(site, seen.day) != self.pause:
                continue
            mine.append(site)
            view = seen.shared(position)
            if view is not None:
                # As the register keeps it: rounded.
                views |= views_of({site.id: {"shared": view_document(view)}})
                row = LANES.index(view.lane) * len(self.sites) + position
                quiet[site.id] = Quiet(self.frozen.quiet.first_block, self.frozen.quiet.z[row])
        if len(mine) > 1:
            known = self.tracker.standing()
            self.tracker.take(seen.day, together(self.fleet, self.pause, mine, views, quiet, known))
        return self.tracker.standing()

    def of(self, site_id: str, truth: dict[str, TrueSite]) -> tuple[SharedHistory, ...]:
        """Return the coordinated loads that ever named a site."""
        out = []
        for history in self.tracker.histories.values():
            named = {i for _, said in history.stated for i in members_of(said)}
            if site_id in named:
                events = tuple(e for i in sorted(named) for e in truth[i].events)
                out.append(SharedHistory(history, events))
        return tuple(out)
