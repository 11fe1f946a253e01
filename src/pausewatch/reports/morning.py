"""What an inspector acts on this morning: which findings come first, and the sentence that sums the day up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pausewatch.findings.coordinated import members_of
from pausewatch.findings.false_discovery import could_be_chance
from pausewatch.findings.model import DayStatus, Verdict
from pausewatch.findings.part_of import PART_OF
from pausewatch.reports.daily import DailyReport, FindingView, SiteView
from pausewatch.reports.numbers import counted
from pausewatch.reports.words import STATUSES, VERDICTS

_SEVERITY = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
_STATUS_SEVERITY = {status: rank for rank, status in enumerate(STATUSES)}
_TO_ACT_ON = (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)


@dataclass(frozen=True)
class Morning:
    """The day at a glance. Every site is counted once: to act on, cannot be concluded, or neither.

    Args:
        attention: open findings that are not explained, most severe and largest first.
        folded: explained and closed findings.
        site_count: sites in the report.
        act_on: sites with an open finding that looks like training or is unexplained.
        cannot_conclude: further sites of which the day does not allow a conclusion.
        sentence: the summary, in one sentence.
    """

    attention: tuple[FindingView, ...]
    folded: tuple[FindingView, ...]
    site_count: int
    act_on: int
    cannot_conclude: int
    sentence: str

    @property
    def quiet(self) -> int:
        """Sites that give no cause to act."""
        return self.site_count - self.act_on - self.cannot_conclude


def summarise(report: DailyReport) -> Morning:
    """Return what an inspector acts on, in order, and the day's sentence."""
    attention = tuple(_ordered(view for view in report.findings if _needs_attention(view)))
    folded = tuple(_ordered(view for view in report.findings if not _needs_attention(view)))
    act_on = {i for v in attention if v.finding.assessment.verdict in _TO_ACT_ON for i in _sites_of(v)}
    open_questions = {i for v in attention for i in _sites_of(v)} - act_on
    unseen = {s.site_day.site_id for s in report.sites if s.site_day.status is DayStatus.CANNOT_CONCLUDE}
    site_ids = {s.site_day.site_id for s in report.sites} | {v.finding.site_id for v in attention}
    unclear = (unseen | open_questions) - act_on
    return Morning(
        attention=attention,
        folded=folded,
        site_count=len(site_ids),
        act_on=len(act_on),
        cannot_conclude=len(unclear),
        sentence=_sentence(attention, len(site_ids), len(act_on), len(unclear)),
    )


def ordered_sites(sites: Iterable[SiteView]) -> list[SiteView]:
    """Return the sites, the least calm first, then by id."""
    return sorted(sites, key=lambda s: (_STATUS_SEVERITY[s.site_day.status], s.site_day.site_id))


def _sites_of(view: FindingView) -> set[str]:
    """Return the sites a finding is about: of a coordinated load, every member."""
    return {view.finding.site_id, *members_of(view.finding.assessment)}


def _is_part(view: FindingView, shown: Iterable[FindingView]) -> bool:
    """Return whether a finding is told as part of a coordinated load that is shown beside it: one thing, said once."""
    whole = view.finding.assessment.evidence.get(PART_OF, {}).get("finding")
    return any(other.finding.id == whole for other in shown)


def _needs_attention(view: FindingView) -> bool:
    return view.finding.is_open and view.finding.assessment.verdict is not Verdict.EXPLAINED


def _ordered(views: Iterable[FindingView]) -> list[FindingView]:
    return sorted(views, key=_rank)


def _rank(view: FindingView) -> tuple[bool, int, bool, float, float, str]:
    said = view.finding.assessment
    return (
        not view.finding.is_open,
        _SEVERITY[said.verdict],
        could_be_chance(view.finding),
        -_size(said.flop.estimate),
        -_size(said.energy_mwh.estimate),
        view.finding.id,
    )


def _size(value: float) -> float:
    return value if math.isfinite(value) else -1.0


def _sentence(attention: tuple[FindingView, ...], sites: int, act_on: int, unclear: int) -> str:
    if not sites:
        return "No site is in this report."
    unclear_text = f"{unclear} cannot be concluded on" if unclear else "every other site could be concluded on"
    if not act_on:
        calm = "give no cause to act" if sites > 1 else "gives no cause to act"
        if not unclear:
            return f"{'All ' if sites > 1 else 'The '}{counted(sites, 'site')} {calm}."
        return f"Of {counted(sites, 'site')}, none needs action, and {unclear_text}."
    looks = sum(v.finding.assessment.verdict is Verdict.TRAINING_LIKE and not _is_part(v, attention) for v in attention)
    asks = sum(v.finding.assessment.verdict is Verdict.UNEXPLAINED for v in attention)
    parts = []
    if looks:
        parts.append(f"{counted(looks, 'finding')} {'look' if looks > 1 else 'looks'} like training")
    if asks:
        parts.append(f"{asks if looks else counted(asks, 'finding')} {'are' if asks > 1 else 'is'} unexplained")
    verb = "needs" if act_on == 1 else "need"
    return f"Of {counted(sites, 'site')}, {act_on} {verb} action ({' and '.join(parts)}) and {unclear_text}."
