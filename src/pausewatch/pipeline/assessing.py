"""Assessing the sites of a watch: a site that the program fails at is said to be unseen, and costs no other its day.

A fault of the program is no reason to keep a report of the whole fleet from its readers, and none to hide it either:
the site's day is `cannot_conclude` and says why, its findings stand as they did, and whoever ran the inspection is told
once everything else is written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

from pausewatch.detection.compute import efficiency
from pausewatch.detection.watch import WatchDay
from pausewatch.errors import InspectionError, PausewatchError
from pausewatch.findings.assess import assess
from pausewatch.findings.model import Assessment, DayStatus, Finding, SiteDay
from pausewatch.findings.register import Register
from pausewatch.findings.status import HOURS_90_DAYS
from pausewatch.fleet import Site
from pausewatch.pipeline.coordinating import view_document
from pausewatch.pipeline.judging import Judge
from pausewatch.pipeline.payloads import payload_of
from pausewatch.pipeline.watching import BatchWatch

_LOG = logging.getLogger(__name__)
FAILED = "the program failed at this site"
"""How the reason of a day begins that could not be assessed."""
_NAMED = 8


def record(register: Register, batch: BatchWatch, seen: WatchDay) -> None:
    """Assess the sites of a watch on the day it has reached, and record them in one transaction."""
    site_days: list[SiteDay] = []
    found: list[Assessment] = []
    payloads: dict[str, Any] = {}
    wanted = {site.id for site in batch.report_on}
    stood: dict[str, list[Finding]] = {}
    for finding in register.standing(seen.day, sorted(wanted)):
        stood.setdefault(finding.site_id, []).append(finding)
    for position, site in enumerate(batch.watch.sites):
        if site.id not in wanted or batch.fleet.pause_for(site, seen.day) != batch.pause:
            continue
        try:
            said, mine, payload = _assessed(batch, seen, position, stood.get(site.id, []))
        except (PausewatchError, OSError, MemoryError):
            raise  # of the machine or the set-up, not of the site: tried again, or somebody acts
        except Exception as error:  # noqa: BLE001  # whatever it is, the other sites are none the worse for it
            _LOG.exception("%s could not be assessed on %s", site.id, seen.day)
            said, mine, payload = _failed(site, seen.day, error), _still(stood.get(site.id, [])), {}
        site_days.append(said)
        found += mine
        payloads[site.id] = payload
    register.record_day(seen.day, site_days, found, payloads=payloads)


def require_assessed(register: Register, days: Sequence[date]) -> None:
    """Make sure that every recorded site day was assessed.

    Raises:
        InspectionError: the program failed at some; everything else is recorded.
    """
    failed = [
        f"{said.site_id} on {said.date}"
        for said in register.site_days(days[0], days[-1])
        if said.date in days and any(reason.startswith(FAILED) for reason in said.reasons)
    ]
    if failed:
        raise InspectionError(
            f"{len(failed)} site days could not be assessed; they are reported as cannot_conclude",
            where=", ".join(failed[:_NAMED]) + (" and more" if len(failed) > _NAMED else ""),
            why="the program failed: its log says where",
            remedy="report it; once it is mended, inspect the first of these days again",
        )


def _assessed(
    batch: BatchWatch, seen: WatchDay, position: int, stood: Sequence[Finding]
) -> tuple[SiteDay, list[Assessment], dict[str, Any]]:
    judge: Judge = batch.judge
    one = seen.site(position)
    said, found = assess(one, judge.explain, stood)
    rejected = batch.rejected.get((one.site.id, seen.day), {})
    payload = payload_of(batch.fleet, one, said, found, batch.frozen, rejected)
    # What a site says to the tests over many sites; nothing where it has no baseline.
    view = seen.shared(position)
    shared = {} if view is None else {"shared": view_document(view)}
    return said, list(found), payload | shared | judge.payload()


def _failed(site: Site, day: date, error: Exception) -> SiteDay:
    """Return the day of a site of which nothing can be said: whatever it can run may have run."""
    return SiteDay(
        site_id=site.id,
        date=day,
        status=DayStatus.CANNOT_CONCLUDE,
        coverage=0.0,
        observed_mwh=float("nan"),
        expected_mwh=float("nan"),
        unaccounted_mwh=float("nan"),
        unaccounted_sd_mwh=float("nan"),
        detectable_mw_7d=site.it_capacity_mw,
        detectable_flop_90d=site.it_capacity_mw * HOURS_90_DAYS * efficiency(site).central,
        reasons=(
            f"{FAILED}: {type(error).__name__}; nothing is concluded of this day, and findings stand as the day before",
        ),
    )


def _still(stood: Sequence[Finding]) -> list[Assessment]:
    """Return what stood of a site the day before: a failure neither ends nor withdraws it."""
    return [finding.assessment for finding in stood if not finding.is_withdrawn]
