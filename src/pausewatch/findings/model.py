"""A finding: an anomaly with an identity, a history and hypotheses; and a site's day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pausewatch.signatures.hypotheses import Hypothesis

__all__ = ["Assessment", "Bounds", "DayStatus", "Finding", "Hypothesis", "Kind", "Review", "SiteDay", "Verdict"]


class Kind(StrEnum):
    """What kind of anomaly a finding is about."""

    SUSTAINED_LOAD = "sustained_load"
    MISSING_STEP_DOWN = "missing_step_down"
    SLOW_DRIFT = "slow_drift"
    UNACCOUNTED_ENERGY = "unaccounted_energy"
    TELEMETRY_GAP = "telemetry_gap"
    TELEMETRY_INTEGRITY = "telemetry_integrity"
    DECLARATION_EXCEEDED = "declaration_exceeded"
    COORDINATED_LOAD = "coordinated_load"


EXTRA_LOAD = frozenset(
    {
        Kind.SUSTAINED_LOAD,
        Kind.MISSING_STEP_DOWN,
        Kind.SLOW_DRIFT,
        Kind.UNACCOUNTED_ENERGY,
        Kind.DECLARATION_EXCEEDED,
    }
)
"""Kinds of load at one site: a finding may change its kind within them as evidence grows."""


class Verdict(StrEnum):
    """What is concluded of a finding, from alarm to explained."""

    TRAINING_LIKE = "training_like"
    UNEXPLAINED = "unexplained"
    EXPLAINED = "explained"
    CANNOT_CONCLUDE = "cannot_conclude"


class DayStatus(StrEnum):
    """What is concluded of one site on one local day."""

    CONSISTENT = "consistent"
    ANOMALOUS = "anomalous"
    CANNOT_CONCLUDE = "cannot_conclude"


@dataclass(frozen=True)
class Bounds:
    """An estimate with its 90 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Assessment:
    """What one day's inspection says of one anomaly, before it is matched to a known finding.

    Args:
        site_id: the site.
        kind: what kind of anomaly.
        verdict: what is concluded.
        start: when it began, UTC.
        end: when it ended, UTC, or None while it lasts.
        training_probability: calibrated, 0 to 1.
        hypotheses: all explanations, summing to 1.
        excess_mw: mean load above expectation, at the IT load, MW.
        energy_mwh: energy above expectation since `start`, at the IT load, MWh.
        flop: compute that energy could have bought.
        declaration_ids: declarations that were matched.
        evidence: features, statistics and meters it rests on, by name (JSON values only).
        facts: the smallest set of plain sentences that carries it, for an inspector.
    """

    site_id: str
    kind: Kind
    verdict: Verdict
    start: datetime
    end: datetime | None
    training_probability: float
    hypotheses: tuple[Hypothesis, ...]
    excess_mw: Bounds
    energy_mwh: Bounds
    flop: Bounds
    declaration_ids: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    """A reviewer's reasoned decision on a finding; `cause` is what was behind it, where the reviewer came to know."""

    decision: str
    reason: str
    reviewer: str
    reviewed_at: datetime
    cause: str | None = None


@dataclass(frozen=True)
class Finding:
    """An assessment with its identity: `id` is stable across days.

    `is_open` is False once its evidence ended it (the episode is over and explained, or the inspection no longer
    reports it: `is_withdrawn`) or a reviewer closed it.
    """

    id: str
    assessment: Assessment
    first_reported_on: date
    last_updated_on: date
    is_open: bool = True
    reviews: tuple[Review, ...] = ()
    is_withdrawn: bool = False

    @property
    def site_id(self) -> str:
        """The site it is about."""
        return self.assessment.site_id


@dataclass(frozen=True)
class SiteDay:
    """What is concluded of one site on one local day (a row of site_days.csv).

    Energies are MWh over the local day at the site's outermost observed lane; NaN where nothing can be said.
    """

    site_id: str
    date: date
    status: DayStatus
    coverage: float
    observed_mwh: float
    expected_mwh: float
    unaccounted_mwh: float
    unaccounted_sd_mwh: float
    detectable_mw_7d: float
    detectable_flop_90d: float
    reasons: tuple[str, ...] = ()
