"""Load that comes back at the same size is judged by all the days it was there."""

from __future__ import annotations

import numpy as np
from tests.detection.watch_days import HOURS, PAUSE_HOUR, episode, lane_day, watch_day

from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.load import load_findings
from pausewatch.findings.model import Assessment, Verdict
from pausewatch.signatures.features import Features
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause, Circumstances
from pausewatch.telemetry.panel import Lane


def fairly_sure(_: Features, __: Circumstances) -> tuple[Hypothesis, ...]:
    """Weigh training above the line that holds in the end, and under that of the first days."""
    return tuple(Hypothesis(c, {Cause.TRAINING: 0.85, Cause.SCIENCE: 0.15}.get(c, 0.0)) for c in Cause)


def loads_of(*sizes_kw: float, days: int = 3) -> SiteWatchDay:
    """Return a site with loads of so many kW, three days each, four days apart."""
    residual = 30.0 * np.random.default_rng(2).standard_normal(HOURS)
    episodes = []
    for i, size in enumerate(sizes_kw):
        begin = PAUSE_HOUR + 24 + 7 * 24 * i
        residual[begin : begin + 24 * days] += size
        episodes.append(episode(Lane.IT_LOAD, begin, begin + 24 * days, size))
    return watch_day(it_load=lane_day(Lane.IT_LOAD, residual, episodes))


def judged(*sizes_kw: float) -> list[Assessment]:
    return sorted(load_findings(loads_of(*sizes_kw), (), fairly_sure), key=lambda a: a.start)


def test_a_load_of_three_days_is_an_alarm_the_second_time() -> None:
    first, second = judged(5_000.0, 5_500.0)
    assert [first.verdict, second.verdict] == [Verdict.UNEXPLAINED, Verdict.TRAINING_LIKE]
    assert second.evidence["circumstances"]["earlier_days"] == 3.0
    assert "has been there before" in " ".join(second.facts)
    assert "has been there before" not in " ".join(first.facts)


def test_loads_of_another_size_are_not_the_same_again() -> None:
    assert [a.verdict for a in judged(1_500.0, 5_500.0)] == [Verdict.UNEXPLAINED] * 2
    assert [a.evidence["circumstances"]["earlier_days"] for a in judged(9_000.0, 5_500.0, 5_000.0)] == [0.0, 0.0, 3.0]
