"""What the register gives back besides findings: fleets, baselines, reports, and what recording a day did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class FleetRecord:
    """One version of a fleet file, as it was read."""

    sequence: int
    sha256: str
    name: str
    path: str
    document: str
    recorded_at: datetime


@dataclass(frozen=True)
class BaselineRecord:
    """One freeze of baselines; of two, the one with the higher `sequence` was recorded later."""

    sequence: int
    sha256: str
    pause_id: str
    path: str
    site_ids: tuple[str, ...]
    scores: Mapping[str, Any]
    config_sha256: str
    frozen_at: datetime


@dataclass(frozen=True)
class ReportRecord:
    """A report as it was last issued for its day."""

    sequence: int
    day: date
    path: str
    manifest_sha256: str


@dataclass(frozen=True)
class PromotionRecord:
    """A change of the judge of findings.

    Args:
        sequence: the order they were recorded in.
        model: who judges from then on, `rule` for the rule.
        sha256: of the model's file; empty for the rule.
        previous: who judged before.
        action: `promote` or `roll_back`.
        decided_by: who decided it.
        reason: why, in their words.
        decided_at: when.
        evaluation: what was measured of both before.
    """

    sequence: int
    model: str
    sha256: str
    previous: str
    action: str
    decided_by: str
    reason: str
    decided_at: datetime
    evaluation: Mapping[str, Any]


@dataclass(frozen=True)
class DayRecorded:
    """What recording a day changed.

    Args:
        changed: sites whose day is new or says something else than before.
        dropped: later days whose inspection no longer stands, with their sites: they must be inspected again.
    """

    changed: frozenset[str] = frozenset()
    dropped: Mapping[date, tuple[str, ...]] = field(default_factory=dict)
