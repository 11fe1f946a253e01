"""Findings carried from day to day in memory, with the identity rules the register has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from pausewatch.findings.identity import match, new_ids
from pausewatch.findings.model import Assessment, Finding, Verdict


@dataclass
class FindingHistory:
    """What was said of one finding on every report day; None where it was withdrawn."""

    id: str
    site_id: str
    said: list[tuple[date, Assessment | None]] = field(default_factory=list)

    @property
    def first_reported_on(self) -> date:
        """The first report day that told of it."""
        return self.said[0][0]

    @property
    def stated(self) -> list[tuple[date, Assessment]]:
        """The days on which it stood."""
        return [(day, a) for day, a in self.said if a is not None]

    @property
    def last(self) -> Assessment:
        """What was said of it last, before a withdrawal if there was one."""
        return self.stated[-1][1]

    def standing(self, day: date) -> Finding | None:
        """Return it as it stood on a report day by the evidence alone; None where it didn't."""
        said = dict(self.said).get(day)
        if said is None:
            return None
        is_over = said.end is not None and said.verdict is Verdict.EXPLAINED
        return Finding(self.id, said, self.first_reported_on, day, is_open=not is_over)

    @property
    def is_withdrawn(self) -> bool:
        """Whether it no longer stands."""
        return self.said[-1][1] is None


@dataclass
class Tracker:
    """The findings of one site, or those of several together; `take` adds a day."""

    site_id: str
    histories: dict[str, FindingHistory] = field(default_factory=dict)

    def standing(self) -> list[Finding]:
        """Return every finding as it stands, those withdrawn too."""
        return [
            Finding(
                h.id,
                h.last,
                h.first_reported_on,
                h.said[-1][0],
                is_open=not h.is_withdrawn,
                is_withdrawn=h.is_withdrawn,
            )
            for h in self.histories.values()
        ]

    def take(self, day: date, assessments: Sequence[Assessment]) -> None:
        """Match a day's assessments to the known findings, as the register does, and keep them."""
        ids = match(self.standing(), assessments)
        unknown = [i for i, found in enumerate(ids) if found is None]
        fresh = new_ids([assessments[i] for i in unknown], self.histories.keys())
        for i, finding_id in zip(unknown, fresh, strict=True):
            ids[i] = finding_id
            self.histories[finding_id] = FindingHistory(finding_id, assessments[i].site_id)
        stands = dict(zip(ids, assessments, strict=True))
        for finding_id, history in self.histories.items():
            if finding_id in stands:
                history.said.append((day, stands[finding_id]))
            elif not history.is_withdrawn:
                history.said.append((day, None))
