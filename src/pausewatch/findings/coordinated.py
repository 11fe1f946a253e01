"""Findings on coordinated load: what several sites show together, filed under the site with the largest part.

One object a group: `site_id` is the site with the largest part on the day it was first reported, every member with its
part stands in `evidence.members`, and load, energy and compute are those of all members together. While it is open no
member's day is `consistent`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.detection.coordination import Coordinated, Member, coordinated_loads
from pausewatch.detection.groups import Bond, Group
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.onsets import BLOCK_H
from pausewatch.detection.pooled_test import EDGE_Z, PooledModel
from pausewatch.detection.shared_view import SharedView, block_of, block_start
from pausewatch.findings.group_signs import Signs, signs_of
from pausewatch.findings.group_verdicts import earlier_trainings, verdict_of, weighed
from pausewatch.findings.model import Assessment, Bounds, DayStatus, Finding, Kind, SiteDay, Verdict
from pausewatch.findings.quantities import flop_of
from pausewatch.findings.verdicts import not_yet
from pausewatch.findings.wording import megawatts, spell
from pausewatch.fleet import Activity, Pause, Site
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

_Z90 = 1.6448536
_SAME = timedelta(days=3)
_DECLARED_WITHIN = timedelta(hours=36)
# What was reported stands until its score falls well below the threshold.
_EASED = 0.8
_ASKING = (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)


def coordinated_findings(
    sites: Sequence[Site],
    pause: Pause,
    tested: Iterable[tuple[Group, PooledModel]],
    views: Mapping[str, SharedView],
    known: Sequence[Finding] = (),
) -> list[Assessment]:
    """Return the coordinated loads of a day, owners' before those of sites within reach.

    Args:
        sites: those under the pause; groups hold positions in it.
        pause: the pause in force.
        tested: the groups with their calibrated tests, owners first.
        views: what each site said of the day, by id.
        known: findings of the days before: what is told again stays filed where it was.
    """
    since = block_of(pause.reference_end)
    told = [f for f in known if f.assessment.kind is Kind.COORDINATED_LOAD and not f.is_withdrawn]
    out: list[Assessment] = []
    for group, model in tested:
        mine = [views[sites[i].id] for i in group.sites]
        before = [f.assessment for f in told if _group_of(f.assessment) == (group.bond.value, group.name)]
        for load in coordinated_loads(group, mine, model, since, _EASED if before else 1.0):
            again = _told_before(load, before)
            if not math.isnan(load.score) and load.score < model.threshold and again is None:
                continue
            said = _assess(load, sites, views, again)
            # Edges that stand alone are told of at their sites; beside that only a load that clearly moved is.
            is_moot = math.isnan(load.score) and said.verdict is not Verdict.EXPLAINED
            if not is_moot and not _is_told(said, out):
                out.append(said)
    return sorted(out, key=lambda a: (a.site_id, a.start))


def members_of(said: Assessment) -> list[str]:
    """Return the ids of the sites that a coordinated load is of."""
    return [member["site_id"] for member in said.evidence.get("members", ())]


def with_group_status(site_day: SiteDay, findings: Iterable[Finding]) -> SiteDay:
    """Return a site's day with what stands of coordinated loads that it takes part in.

    Args:
        site_day: as its own meters tell it.
        findings: coordinated loads as they stood on that day.
    """
    if site_day.status is DayStatus.ANOMALOUS:
        return site_day
    mine = [
        f
        for f in findings
        if site_day.site_id in members_of(f.assessment)
        and not f.is_withdrawn
        and f.assessment.start.date() <= site_day.date
        and (f.assessment.end is None or f.assessment.end.date() >= site_day.date)
    ]
    for verdicts, status in ((_ASKING, DayStatus.ANOMALOUS), ((Verdict.CANNOT_CONCLUDE,), DayStatus.CANNOT_CONCLUDE)):
        ids = [f.id for f in mine if f.assessment.verdict in verdicts]
        if ids:
            return replace(
                site_day, status=status, reasons=(*site_day.reasons, f"part of coordinated load {', '.join(ids)}")
            )
    return site_day


def _group_of(said: Assessment) -> tuple[str, str]:
    group = said.evidence["group"]
    return group["by"], group["name"]


def _told_before(load: Coordinated, before: Sequence[Assessment]) -> Assessment | None:
    start = block_start(load.start_block)
    near = [a for a in before if abs(a.start - start) <= _SAME]
    return min(near, key=lambda a: abs(a.start - start), default=None)


def _is_told(said: Assessment, others: Sequence[Assessment]) -> bool:
    """Tell whether an owner's finding already tells of most of these sites at this time."""
    mine = set(members_of(said))
    return any(
        abs(other.start - said.start) <= _SAME and 2 * len(mine & set(members_of(other))) >= len(mine)
        for other in others
    )


def _assess(
    load: Coordinated,
    sites: Sequence[Site],
    views: Mapping[str, SharedView],
    again: Assessment | None,
) -> Assessment:
    signs = signs_of(load, sites, views)
    start = block_start(load.start_block)
    end = None if load.end_block is None else block_start(load.end_block)
    declared = _declared(load, sites, start)
    hypotheses = weighed(load, signs, len(declared))
    training = probability(hypotheses, Cause.TRAINING)
    verdict = verdict_of(hypotheses, earlier_trainings(load, signs, sites, views, len(declared)))
    of = [sites[member.site].id for member in load.rises]
    largest = sites[max(load.rises, key=lambda m: m.step_mw).site].id
    excess, energy, flop = _quantities(load, sites, views)
    return Assessment(
        site_id=again.site_id if again is not None and again.site_id in of else largest,
        kind=Kind.COORDINATED_LOAD,
        verdict=verdict,
        start=start,
        end=end,
        training_probability=training,
        hypotheses=hypotheses,
        excess_mw=excess,
        energy_mwh=energy,
        flop=flop,
        declaration_ids=tuple(declared.values()),
        evidence=_evidence(load, sites, views, signs, declared),
        facts=(*_facts(load, sites, signs, declared), *not_yet(training, verdict)),
    )


def _declared(load: Coordinated, sites: Sequence[Site], start: datetime) -> dict[str, str]:
    """Return the members whose own declaration, filed in time, speaks of a rise of other work then; by site id."""
    out = {}
    for member in load.rises:
        for declaration in sites[member.site].declarations:
            if (
                declaration.activity not in (Activity.TRAINING, Activity.DEMAND_RESPONSE)
                and not declaration.is_late
                and abs(declaration.start - start) <= _DECLARED_WITHIN
            ):
                out[sites[member.site].id] = declaration.id
    return out


def _quantities(load: Coordinated, sites: Sequence[Site], views: Mapping[str, SharedView]) -> tuple[Bounds, ...]:
    """Return load, energy and compute of all members; less what fell elsewhere where the load only moved."""
    left = 1.0 - min(load.fall_mw / load.rise_mw, 1.0) if load.is_moved else 1.0
    total = load.rise_mw
    low_share, high_share = _margin(load, sites, views)
    low = max(total - _Z90 * load.sd_mw, 0.0) / total * low_share
    high = (total + _Z90 * load.sd_mw) / total * high_share
    excess = Bounds(total * left, total * low * left, total * high)
    energy = np.zeros(3)
    flop = np.zeros(3)
    for member in load.rises:
        site = sites[member.site]
        until = views[site.id].end_block if load.end_block is None else load.end_block
        mwh = member.step_mw * max(until - member.block, 1) * BLOCK_H
        mine = Bounds(mwh * left, mwh * low * left, mwh * high)
        bought = flop_of(site, mine)
        energy += (mine.estimate, mine.low, mine.high)
        flop += (bought.estimate, bought.low, bought.high)
    return excess, Bounds(*energy.tolist()), Bounds(*flop.tolist())


def _margin(load: Coordinated, sites: Sequence[Site], views: Mapping[str, SharedView]) -> tuple[float, float]:
    """Return what the marginal PUE leaves open of the sum, for the part that was seen at the utility alone."""
    at_utility = sum(m.step_mw for m in load.rises if views[sites[m.site].id].lane is Lane.UTILITY)
    share = at_utility / load.rise_mw
    usual = MarginalPue()
    return 1 - share * (1 - usual.central / usual.high), 1 + share * (usual.central / usual.low - 1)


def _evidence(
    load: Coordinated,
    sites: Sequence[Site],
    views: Mapping[str, SharedView],
    signs: Signs,
    declared: Mapping[str, str],
) -> dict[str, Any]:
    model = load.model
    has_score = not math.isnan(load.score)
    return {
        "group": {"by": load.group.bond.value, "name": load.group.name, "sites": len(load.group.sites)},
        "test": "pooled_mixture" if has_score else "complementary_edges",
        "score": round(load.score, 3) if has_score else None,
        "threshold": round(model.threshold, 3) if has_score else None,
        "statistic_over_threshold": round(load.score / model.threshold, 3) if has_score else None,
        "chance_per_year": _chance_per_year(load) if has_score else None,
        "members": [_part(member, load, sites, views) for member in sorted(load.rises, key=lambda m: -m.step_mw)],
        "fell": [_part(member, load, sites, views) for member in sorted(load.falls, key=lambda m: m.step_mw)],
        "fall_over_rise": round(load.fall_mw / load.rise_mw, 3),
        "declared_members": dict(declared),
        **signs.document(),
    }


def _chance_per_year(load: Coordinated) -> float:
    """Return how often a year noise takes this group's score as high."""
    rarer = (load.score - load.model.threshold) / load.model.scale
    return float(f"{load.model.alarms_per_year * math.exp(-rarer):.3g}")


def _part(member: Member, load: Coordinated, sites: Sequence[Site], views: Mapping[str, SharedView]) -> dict[str, Any]:
    site = sites[member.site]
    total = load.rise_mw if member.step_mw > 0 else load.fall_mw
    return {
        "site_id": site.id,
        "share": round(abs(member.step_mw) / total, 4),
        "excess_mw": round(member.step_mw, 4),
        "share_of_it_capacity": round(member.step_mw / site.it_capacity_mw, 4),
        "standard_score": round(member.z, 1),
        "probability": round(member.probability, 3),
        "lane": views[site.id].lane.value,
        "start": block_start(member.block).isoformat(),
    }


def _facts(
    load: Coordinated,
    sites: Sequence[Site],
    signs: Signs,
    declared: Mapping[str, str],
) -> tuple[str, ...]:
    group, start = load.group, block_start(load.start_block)
    whose = f"{group.name}’s" if group.bond is Bond.OWNER else f"the sites within 100 km of {group.name}:"
    count, of = len(load.rises), len(group.sites)
    until = "and is still up" if load.end_block is None else f"and came down together about {_when(load.end_block)}"
    said = [
        f"Load stepped up at {count} of {whose} {of} sites within half a day of {start:%-d %b %Y %H:%M} UTC {until}: "
        f"{megawatts(load.rise_mw)} at the IT load together, "
        f"{100 * load.rise_mw / sum(sites[m.site].it_capacity_mw for m in load.rises):.1f} % of their IT capacity."
    ]
    if not math.isnan(load.score):
        visible = sum(abs(member.z) >= EDGE_Z for member in load.rises)
        alone = "None of them stands" if not visible else "One stands" if visible == 1 else f"{visible} stand"
        said.append(
            f"{alone} out alone; so much at once comes by chance about once in "
            f"{_years(1 / max(_chance_per_year(load), 1e-9))} at these sites."
        )
    if load.falls:
        names = ", ".join(sites[member.site].name for member in load.falls)
        same = "about what rose: the load moved" if load.is_moved else "other than what rose"
        said.append(f"At the same time {megawatts(load.fall_mw)} fell at {names}, {same}.")
        if load.is_moved:
            said.append(
                "A load that moves adds nothing to what the owner draws. If what moved was training that had to stop, "
                "it goes on elsewhere: ask what it is."
            )
    if signs.elsewhere > 0.5:
        said.append(
            f"{signs.controls} sites of others in the same region show the same rise: weather, the grid or the "
            "calendar is the likelier cause."
        )
    if abs(signs.warmer_c) >= 4:
        said.append(f"It became {abs(signs.warmer_c):.0f} °C {'warmer' if signs.warmer_c > 0 else 'colder'} there.")
    if signs.dips_chance < 0.01:
        said.append(
            f"Their load dipped in the same hours {signs.shared_dips} times where {signs.expected_dips:.1f} were to be "
            "expected: one job that restarts dips everywhere."
        )
    if signs.alike < 0.35 and count > 2:
        said.append("Each of them rose by much the same share of its IT capacity.")
    if declared:
        said.append(f"Declarations of other work speak of {len(declared)} of them; that rests on the operator's word.")
    largest = max(load.rises, key=lambda m: m.step_mw)
    said.append(
        f"It is filed under one site; the largest part is {sites[largest.site].name}'s with "
        f"{megawatts(largest.step_mw)}."
    )
    return tuple(said)


def _when(block: int) -> str:
    return f"{block_start(block):%-d %b %Y %H:%M} UTC"


def _years(years: float) -> str:
    return spell(years * 365.25 * 24) if years < 1 else f"{years:,.0f} years" if years < 1e6 else "a million years"
