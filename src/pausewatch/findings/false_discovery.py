"""False discovery over the fleet: which findings chance alone could explain, among so many sites tested every day.

An alarm budget holds at each site; over thousands of sites it still means chance findings. Each open finding on load is
given the probability that noise at its site would have taken its statistic as high since the pause began, and these are
set against each other over all sites and groups tested (Benjamini & Hochberg 1995). No finding is hidden for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pausewatch.detection.extremes import WEEKS_PER_YEAR
from pausewatch.findings.model import Assessment, Finding, Kind, Verdict

# Where more than this share of the findings as strong as one would be false, chance alone could explain it.
COULD_BE_CHANCE = 0.1
_ON_LOAD = frozenset(
    {
        Kind.SUSTAINED_LOAD,
        Kind.MISSING_STEP_DOWN,
        Kind.SLOW_DRIFT,
        Kind.DECLARATION_EXCEEDED,
        Kind.UNACCOUNTED_ENERGY,
        Kind.COORDINATED_LOAD,
    }
)


@dataclass(frozen=True)
class FalseDiscovery:
    """What chance is to be expected to have brought to a day's report.

    Args:
        tested: sites and groups of sites that were tested.
        open_findings: open findings on load that aren't explained and rest on a statistic.
        expected_by_chance: false ones to expect since each site's pause began, of the alarm budget.
        false_share: estimated share of false ones among them, at most 1; None where there is none.
        could_be_chance: ids of those that chance alone could explain.
    """

    tested: int
    open_findings: int
    expected_by_chance: float
    false_share: float | None
    could_be_chance: tuple[str, ...]


def chance_per_year(said: Assessment, site_budget: float) -> float | None:
    """Return how often a year noise takes a finding's statistic as high; None where it rests on no statistic.

    At the threshold that is the budget. Beyond, the weekly maximum falls off at least as fast as an exponential that
    reaches from its mode to the threshold: a statistic of r thresholds is (budget / 52)^(r - 1) times as frequent.
    """
    if said.kind not in _ON_LOAD:
        return None
    told = said.evidence.get("chance_per_year")
    if told is not None:
        return float(told)
    lanes = said.evidence.get("lanes") or {}
    ratios = [lane.get("statistic_over_threshold") for lane in lanes.values()]
    known = [float(r) for r in ratios if r is not None and math.isfinite(r)]
    if not known or site_budget <= 0:
        return None
    return float(site_budget * (site_budget / WEEKS_PER_YEAR) ** (max(known) - 1.0))


def with_false_discovery(
    findings: Sequence[Finding],
    site_budget: float,
    years_of: Callable[[str], float],
    tested: int,
    expected_by_chance: float,
) -> tuple[list[Finding], FalseDiscovery]:
    """Return the findings with their chance in evidence, and what chance brought over the fleet.

    Args:
        findings: as they stand on a report day.
        site_budget: alarms a year of a site's own tests.
        years_of: how long a site has been under its pause, by id.
        tested: sites and groups that were tested.
        expected_by_chance: false findings to expect of the whole alarm budget.
    """
    from statsmodels.stats.multitest import multipletests

    chances: dict[str, float] = {}
    for finding in findings:
        rate = chance_per_year(finding.assessment, site_budget) if _asks(finding) else None
        if rate is not None:
            chances[finding.id] = -math.expm1(-rate * years_of(finding.site_id))
    ids = sorted(chances)
    others = max(tested - len(ids), 0)
    q_of: dict[str, float] = {}
    if ids:
        adjusted = multipletests([chances[i] for i in ids] + [1.0] * others, method="fdr_bh")[1]
        q_of = {i: float(q) for i, q in zip(ids, adjusted, strict=False)}
    out = [
        _told(finding, chances[finding.id], q_of[finding.id]) if finding.id in q_of else finding for finding in findings
    ]
    return out, FalseDiscovery(
        tested=tested,
        open_findings=len(ids),
        expected_by_chance=expected_by_chance,
        false_share=min(expected_by_chance / len(ids), 1.0) if ids else None,
        could_be_chance=tuple(i for i in ids if q_of[i] > COULD_BE_CHANCE),
    )


def could_be_chance(finding: Finding) -> bool:
    """Tell whether chance alone could explain a finding, among so many tested."""
    q = finding.assessment.evidence.get("q_value")
    return q is not None and q > COULD_BE_CHANCE


def _asks(finding: Finding) -> bool:
    return finding.is_open and finding.assessment.verdict is not Verdict.EXPLAINED


def _told(finding: Finding, chance: float, q: float) -> Finding:
    more = {"chance_probability": float(f"{chance:.3g}"), "q_value": float(f"{q:.3g}")}
    said = replace(finding.assessment, evidence={**finding.assessment.evidence, **more})
    return replace(finding, assessment=said)
