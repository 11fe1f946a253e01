"""Matching: which declarations speak of an episode, and whether they account for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pausewatch.findings.model import Bounds
from pausewatch.fleet import Activity, Pause, Site
from pausewatch.fleet.declarations import Declaration
from pausewatch.signatures.features import Features

# Clocks, ramps and the tests' own dating: a declaration holds this long before and after its dates.
TOLERANCE = timedelta(hours=36)
# More than this over what was declared is no longer the declared work.
EXCEEDED_SHARE = 1.25
_LONGEST_WORKS_DAYS = 14.0
# A start is dated within hours: a notice filed in time isn't called late for that.
_DATING = timedelta(hours=6)
_INFERENCE_MOVES = 0.08


@dataclass(frozen=True)
class Match:
    """A declaration that speaks of an episode.

    Args:
        declaration: what was filed.
        accounts: whether it accounts for the episode.
        exceeds: whether the episode is larger than declared.
        objection: why it doesn't account for it, as a clause; empty where it does.
    """

    declaration: Declaration
    accounts: bool
    exceeds: bool
    objection: str


def matches(
    site: Site, start: datetime, end: datetime, excess_mw: Bounds, features: Features, pause: Pause
) -> list[Match]:
    """Return the declarations in force during an episode, those that account for it first.

    Args:
        site: with its declarations.
        start: of the episode, UTC.
        end: of the episode, or the end of what was seen.
        excess_mw: its size at the IT load.
        features: what it looks like.
        pause: the pause in force.
    """
    found = []
    for declaration in site.declarations:
        if not declaration.overlaps(start, end):
            continue
        if declaration.activity is Activity.TRAINING and (declaration.end or end) <= pause.start:
            continue
        found.append(_judge(declaration, start, end, excess_mw, features))
    return sorted(found, key=lambda m: (not m.accounts, m.declaration.id))


def ended_training(site: Site, pause: Pause, start: datetime) -> list[Declaration]:
    """Return the training that was declared up to the pause and should have come down when an episode began."""
    if abs(start - pause.start) > timedelta(hours=48) and start > pause.start:
        return []
    return [
        d
        for d in site.declarations
        if d.activity is Activity.TRAINING
        and d.start < pause.start
        and (d.end is None or d.end > pause.start - timedelta(days=3))
    ]


def accounting(found: Sequence[Match]) -> Match | None:
    """Return the declaration that accounts for the episode, if any."""
    return next((m for m in found if m.accounts), None)


def _judge(declaration: Declaration, start: datetime, end: datetime, excess_mw: Bounds, features: Features) -> Match:
    exceeds = (
        declaration.expected_mw is not None
        and excess_mw.low > declaration.expected_mw
        and excess_mw.estimate > EXCEEDED_SHARE * declaration.expected_mw
    )
    objection = _objection(declaration, start, end, features, exceeds)
    return Match(declaration, not objection, exceeds, objection)


def _objection(declaration: Declaration, start: datetime, end: datetime, features: Features, exceeds: bool) -> str:
    """Return the first reason why a declaration doesn't account for an episode; empty if none."""
    activity = declaration.activity
    moves = max(features.diurnal_share, abs(1.0 - features.weekend_ratio))
    works = activity in (Activity.MAINTENANCE, Activity.COMMISSIONING)
    reasons = (
        (activity is Activity.TRAINING, "training is what the pause forbids"),
        (
            declaration.filed_at > start + (timedelta(0) if declaration.is_late else _DATING),
            f"it was filed on {declaration.filed_at:%Y-%m-%d}, after the load had begun",
        ),
        (declaration.start > start + TOLERANCE, f"it begins only on {declaration.start:%Y-%m-%d}"),
        (
            declaration.end is not None and end > declaration.end + TOLERANCE,
            f"it ended on {declaration.end or end:%Y-%m-%d} and the load did not",
        ),
        (declaration.expected_mw is None, "it states no expected load"),
        (exceeds, f"it states {declaration.expected_mw or 0.0:g} MW"),
        (activity is Activity.DEMAND_RESPONSE, "demand response lowers load"),
        (
            activity is Activity.INFERENCE and features.duration_days >= 3 and moves < _INFERENCE_MOVES,
            "inference follows the day and the week, and this load does not",
        ),
        (
            works and features.duration_days > _LONGEST_WORKS_DAYS,
            f"{activity.value} rarely draws load for {features.duration_days:.0f} days",
        ),
    )
    return next((words for holds, words in reasons if holds), "")
