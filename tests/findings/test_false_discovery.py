"""False discovery: what chance explains among many sites is said of each finding, and none is hidden."""

from __future__ import annotations

import pytest
from tests.findings.register_values import assessment, known

from pausewatch.findings.false_discovery import chance_per_year, could_be_chance, with_false_discovery
from pausewatch.findings.model import Finding, Kind, Verdict

BUDGET = 0.045


def finding(name: str, strength: float | None, **more: object) -> Finding:
    evidence = {} if strength is None else {"lanes": {"utility": {"statistic_over_threshold": strength}}}
    return known(name, assessment(name, evidence=evidence, **more))  # type: ignore[arg-type]


def told(findings: list[Finding], tested: int):
    return with_false_discovery(findings, BUDGET, lambda _: 0.25, tested, 0.3)


def test_at_the_threshold_chance_is_the_budget_and_beyond_it_rarer():
    at_it, above = (chance_per_year(finding("a", r).assessment, BUDGET) for r in (1.0, 2.0))
    assert at_it == pytest.approx(BUDGET)
    assert above is not None
    assert above < BUDGET / 1000


def test_a_finding_is_weaker_evidence_in_a_larger_fleet():
    (alone,), _ = told([finding("a", 1.05)], 1)
    (among_many,), many = told([finding("a", 1.05)], 12_000)
    assert not could_be_chance(alone)
    assert could_be_chance(among_many)
    assert many.could_be_chance == ("a",)
    (strong,), _ = told([finding("a", 4.0)], 12_000)
    assert not could_be_chance(strong)


def test_adjusted_as_benjamini_and_hochberg_say():
    found = [finding(f"s{i}", r) for i, r in enumerate((1.0, 1.2, 1.5))]
    out, _ = told(found, 10)
    p = sorted(f.assessment.evidence["chance_probability"] for f in out)
    expected = [min(p[j] * 10 / (j + 1) for j in range(i, 3)) for i in range(3)]
    assert sorted(f.assessment.evidence["q_value"] for f in out) == pytest.approx(expected, rel=0.01)


def test_every_finding_is_still_there_and_says_what_it_said():
    found = [
        finding("a", 1.0),
        finding("b", None),
        finding("c", 3.0, verdict=Verdict.EXPLAINED),
        finding("d", 2.0, kind=Kind.TELEMETRY_GAP),
    ]
    out, discovery = told(found, 100)
    assert [f.id for f in out] == ["a", "b", "c", "d"]
    assert [f.assessment.verdict for f in out] == [f.assessment.verdict for f in found]
    assert ["q_value" in f.assessment.evidence for f in out] == [True, False, False, False]
    assert discovery.open_findings == 1
    assert discovery.false_share == pytest.approx(0.3)


def test_a_quiet_day_has_no_share_to_speak_of():
    out, discovery = told([], 50)
    assert out == []
    assert discovery.false_share is None
