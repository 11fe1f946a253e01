"""Telling: a peer's alarms as findings of the same form, so that the same rules score them.

Days with an alarm that are no more than a week apart are one finding. A peer knows no hypotheses, sizes or
declarations: each of its findings is `unexplained`, from the day its alarm says it began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from pausewatch.evaluation.peers.catalogue import LaneScores
from pausewatch.evaluation.tracking import FindingHistory
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.findings.model import Assessment, Bounds, Kind, Verdict
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause

_JOIN_DAYS = 7
_NOTHING = Bounds(0.0, 0.0, 0.0)


def told_by(trial: SiteTrial, lanes: Sequence[LaneScores], more: float = 0.0) -> SiteTrial:
    """Return a site's trial as a peer would have told it.

    Args:
        trial: the site, as this program told it.
        lanes: the peer's scores of its lanes.
        more: scales by which the peer's limits are raised.
    """
    began: dict[date, date] = {}
    for lane in lanes:
        for day, since in lane.alarms(more):
            on, start = (lane.first_day + timedelta(days=i) for i in (day, since))
            began[on] = min(began.get(on, start), start)
    watched = {d.said.date for d in trial.days}
    groups: list[list[date]] = []
    for on in sorted(began.keys() & watched):
        if groups and (on - groups[-1][-1]).days <= _JOIN_DAYS:
            groups[-1].append(on)
        else:
            groups.append([on])
    histories = tuple(_history(trial, i, days, began) for i, days in enumerate(groups))
    return replace(trial, histories=histories)


def by_site(scores: Sequence[LaneScores]) -> dict[str, dict[tuple[str, str], list[LaneScores]]]:
    """Return scores by peer, fleet and site."""
    out: dict[str, dict[tuple[str, str], list[LaneScores]]] = {}
    for lane in scores:
        out.setdefault(lane.peer, {}).setdefault((lane.fleet, lane.site_id), []).append(lane)
    return out


def _history(trial: SiteTrial, number: int, alarms: Sequence[date], began: Mapping[date, date]) -> FindingHistory:
    start = min(trial.day(alarms[0]).start - (alarms[0] - began[alarms[0]]), trial.day(alarms[0]).start)
    said: list[tuple[date, Assessment | None]] = []
    for seen in trial.days:
        on = seen.said.date
        if on < alarms[0]:
            continue
        latest = max(d for d in alarms if d <= on)
        is_over = (on - latest).days > 0
        said.append((on, _assessment(trial, start, trial.day(latest).end if is_over else None)))
        if on > alarms[-1]:
            break
    return FindingHistory(f"{trial.truth.site_id}-peer-{number}", trial.truth.site_id, said)


def _assessment(trial: SiteTrial, start: datetime, end: datetime | None) -> Assessment:
    return Assessment(
        site_id=trial.truth.site_id,
        kind=Kind.SUSTAINED_LOAD,
        verdict=Verdict.UNEXPLAINED,
        start=start,
        end=end,
        training_probability=0.5,
        hypotheses=(Hypothesis(Cause.TRAINING, 0.5), Hypothesis(Cause.CHANCE, 0.5)),
        excess_mw=_NOTHING,
        energy_mwh=_NOTHING,
        flop=_NOTHING,
    )
