"""Outcomes: what became of every true event, and what stood behind every finding on load.

The rules, so that another tool can be scored alike: a finding is *about* an event if their times overlap (36 h of
tolerance) and it began no earlier than a week before the event's load did (which of a run under way is before the
pause). An event of training is *found* on the first report day
on which a finding on load about it is `training_like` or `unexplained`, and *typed* by what stands last. Of several
events a finding is charged to training first, then to the one that began nearest to it. A finding is *false* if no
event whatever was going on in its time. A coordinated load is about the events of every site it names, and counts as a
finding of the one it is filed under; its energy, which is of all of them, is not held against one site's. A site's own
finding counts as the reports told it: with the verdict of the coordinated load that it is part of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from pausewatch.evaluation.tracking import FindingHistory
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.evaluation.truth import TrueEvent
from pausewatch.findings.coordinated import members_of
from pausewatch.findings.model import EXTRA_LOAD, Assessment, DayStatus, Kind, Verdict

TOLERANCE = timedelta(hours=36)
EARLIEST = timedelta(days=7)
# A coordinated load's energy is that of all its sites.
_SHARED = frozenset({Kind.COORDINATED_LOAD})
LOAD_KINDS = EXTRA_LOAD | _SHARED
OPEN_VERDICTS = frozenset({Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED})
# Training counts once this much of it lay inside the days that were inspected; anything else once it touched them.
_LEAST_WATCHED = timedelta(days=1)
_SILENT_SHARE = 0.5


@dataclass(frozen=True)
class EventOutcome:
    """What became of a true event.

    Args:
        event: what happened.
        share: its mean load over the site's IT capacity.
        days: days of it that lay under the watch.
        is_found: a finding on load asked about it.
        is_typed: the last word on it is training_like.
        was_called_training: some report called it training_like.
        delay_days: from its start until the first report about it could be read; None if there was none.
        delay_report_days: the first report's day less the day of the start, in the site's calendar.
        is_told: a finding on load was about it, whatever its verdict.
        is_noticed: any finding was about it, of whatever kind, short of `explained`.
        silent_share: share of its days that were `cannot_conclude`.
        is_below_line: the site's stated detectable load lay above it on most of its days.
        is_energy_held: its true energy lies in the 90 % interval of the findings about it, those on silent meters
            included; None where nothing asked about it.
        has_edge: its load began after the telemetry did. What was always there is what is normal at the site, whoever
            looks, until it stops.
    """

    event: TrueEvent
    share: float
    days: float
    is_found: bool
    is_typed: bool
    was_called_training: bool
    delay_days: float | None
    delay_report_days: int | None
    is_told: bool
    is_noticed: bool
    silent_share: float
    is_below_line: bool
    is_energy_held: bool | None
    has_edge: bool = True

    @property
    def is_honest(self) -> bool:
        """Whether the reports didn't leave it as `consistent`: found, said to be unseen, or below the stated line."""
        return self.is_noticed or self.silent_share >= _SILENT_SHARE or self.is_below_line


@dataclass(frozen=True)
class FindingOutcome:
    """What stood behind a finding on load.

    Args:
        history: the finding.
        behind: the event it is about, training before anything else; None if there was nothing.
        was_open: some report had it as training_like or unexplained.
        was_called_training: some report had it as training_like.
        stands_open: it stood as training_like or unexplained at the end.
    """

    history: FindingHistory
    behind: TrueEvent | None
    was_open: bool
    was_called_training: bool
    stands_open: bool


def event_outcomes(trial: SiteTrial) -> list[EventOutcome]:
    """Return what became of the site's events that reached into its watched pause."""
    return [
        _event_outcome(trial, event)
        for event in trial.truth.events
        if min(event.end, trial.seen_until) - _begin(trial, event)
        >= (_LEAST_WATCHED if event.is_training else -TOLERANCE)
    ]


def finding_outcomes(trial: SiteTrial) -> list[FindingOutcome]:
    """Return what stood behind each of the site's findings on load."""
    out = []
    for history, events in _charged(trial):
        verdicts = {a.verdict for _, a in history.stated}
        last = history.last
        out.append(
            FindingOutcome(
                history=history,
                behind=_behind(events, last, trial.seen_until),
                was_open=bool(verdicts & OPEN_VERDICTS),
                was_called_training=Verdict.TRAINING_LIKE in verdicts,
                stands_open=not history.is_withdrawn and last.verdict in OPEN_VERDICTS,
            )
        )
    return out


def _charged(trial: SiteTrial) -> list[tuple[FindingHistory, tuple[TrueEvent, ...]]]:
    """Return the site's findings on load with what may stand behind them; a shared one counts where it is filed."""
    own = [(h, trial.truth.events) for h in trial.told if h.last.kind in LOAD_KINDS]
    return own + [(s.history, s.events) for s in trial.shared if s.history.site_id == trial.truth.site_id]


def _heard(trial: SiteTrial) -> list[tuple[FindingHistory, date, Assessment]]:
    """Return all that was said of a site, day by day: its own findings, and coordinated loads that name it."""
    own = [(h, day, said) for h in trial.told for day, said in h.stated]
    shared = [(s.history, day, said) for s in trial.shared for day, said in s.history.stated]
    return own + [heard for heard in shared if trial.truth.site_id in members_of(heard[2])]


def behind(trial: SiteTrial, said: Assessment) -> TrueEvent | None:
    """Return the event an assessment is about: of those going on, training first, then the one that began nearest."""
    return _behind(trial.truth.events, said, trial.seen_until)


def _behind(events: Sequence[TrueEvent], said: Assessment, until: datetime) -> TrueEvent | None:
    end = said.end or until
    near = [e for e in events if _overlap(e, said.start, end) + TOLERANCE > timedelta(0)]
    return min(near, key=lambda e: (not e.is_training, _apart(e, said.start), e.name), default=None)


def _apart(event: TrueEvent, start: datetime) -> timedelta:
    return min(abs(event.start - start), abs(event.onset - start))


def _overlap(event: TrueEvent, start: datetime, end: datetime) -> timedelta:
    return min(event.end, end) - max(event.start, start)


def _begin(trial: SiteTrial, event: TrueEvent) -> datetime:
    return max(event.start, trial.pause_start)


def _is_about(trial: SiteTrial, event: TrueEvent, said: Assessment) -> bool:
    end = said.end or trial.seen_until
    return _overlap(event, said.start, end) + TOLERANCE > timedelta(0) and said.start >= event.onset - EARLIEST


def _event_outcome(trial: SiteTrial, event: TrueEvent) -> EventOutcome:
    begin, end = _begin(trial, event), min(event.end, trial.seen_until)
    about = [
        (history, day, said)
        for history, day, said in _heard(trial)
        if _is_about(trial, event, said)
        and trial.day(day).end > begin
        # At a site where much goes on a finding speaks of one event; training is asked about by any.
        and (event.is_training or behind(trial, said) == event)
    ]
    asking = [
        (day, history, said)
        for history, day, said in about
        if said.kind in LOAD_KINDS and said.verdict in OPEN_VERDICTS
    ]
    first = min((day for day, _, _ in asking), default=None)
    last = _last_word([history for _, history, _ in asking])
    lived = [d for d in trial.days if d.end > begin and d.start < end]
    has_energy = last is not None and last.kind not in _SHARED
    return EventOutcome(
        event=event,
        share=event.mw_it / trial.truth.it_capacity_mw,
        days=max((end - begin) / timedelta(days=1), 0.0),
        is_found=first is not None,
        is_typed=last is not None and last.verdict is Verdict.TRAINING_LIKE,
        was_called_training=any(said.verdict is Verdict.TRAINING_LIKE for _, _, said in asking),
        delay_days=None if first is None else (trial.day(first).readable_at - begin) / timedelta(days=1),
        delay_report_days=None if first is None else (first - _local_day(trial, begin)).days,
        is_told=any(said.kind in LOAD_KINDS for _, _, said in about),
        is_noticed=any(said.verdict is not Verdict.EXPLAINED for _, _, said in about),
        silent_share=sum(d.said.status is DayStatus.CANNOT_CONCLUDE for d in lived) / max(len(lived), 1),
        is_below_line=bool(lived) and median(d.said.detectable_mw_7d for d in lived) >= event.mw_it,
        is_energy_held=_holds(about, begin, _energy_seen(event, trial)) if has_energy else None,
        has_edge=trial.metered_since is None or event.onset > trial.metered_since,
    )


def _last_word(histories: list[FindingHistory]) -> Assessment | None:
    """Return what the largest finding about an event says last: the site's own, and one that still stands, go first."""

    def weight(history: FindingHistory) -> tuple[bool, bool, float, str]:
        last = history.last
        return (last.kind not in _SHARED, not history.is_withdrawn, last.energy_mwh.estimate, history.id)

    best = max(histories, key=weight, default=None)
    return None if best is None else best.last


def _energy_seen(event: TrueEvent, trial: SiteTrial) -> float:
    """Return the event's energy up to the end of the watch: of one that goes on, the share of its time."""
    whole = (event.end - event.start) / timedelta(days=1)
    seen = (min(event.end, trial.seen_until) - event.start) / timedelta(days=1)
    return event.energy_mwh * seen / whole


def _holds(about: list[tuple[FindingHistory, date, Assessment]], begin: datetime, energy_mwh: float) -> bool:
    """Tell whether the findings about an event, silence of its meters among them, hold its energy together.

    At a site where more goes on, the one that begins nearest to it may hold it alone: the others are of something else.
    """
    kinds = (LOAD_KINDS - _SHARED) | {Kind.TELEMETRY_GAP}
    histories = {h.id: h for h, _, said in about if said.kind in kinds}
    standing = [h.last for h in histories.values() if not h.is_withdrawn] or [h.last for h in histories.values()]
    own = min((a for a in standing if a.kind in LOAD_KINDS), key=lambda a: abs(a.start - begin), default=None)
    sets = [standing] if own is None else [standing, [own]]
    return any(sum(a.energy_mwh.low for a in of) <= energy_mwh <= sum(a.energy_mwh.high for a in of) for of in sets)


def _local_day(trial: SiteTrial, moment: datetime) -> date:
    return next((d.said.date for d in trial.days if d.start <= moment < d.end), trial.days[0].said.date)
