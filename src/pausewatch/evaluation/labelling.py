"""Labelling: the corpus of a trial, each episode with the cause its truth gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pausewatch.evaluation.outcomes import LOAD_KINDS, behind
from pausewatch.evaluation.rejudging import evidence_of
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.evaluation.truth import TrueEvent
from pausewatch.signatures.corpus import AGES, Corpus, Example
from pausewatch.signatures.rule import Cause

# Training is told by its flag, whatever its name; of the rest the first cause decides that has a word in the name.
_WORDS = (
    (Cause.SCIENCE, ("science", "batch", "mining", "miner")),
    (Cause.INFERENCE, ("inference", "launch", "growth", "traffic", "moved_in")),
    (Cause.TENANT, ("new_tenant", "hall", "customer", "expansion", "grown")),
    (Cause.COOLING, ("chiller", "heat", "cooling", "load_bank", "fan", "free_air")),
    (Cause.METERING, ("meter", "unit", "ratio", "clock", "outage", "stuck", "duplicate", "telemetry", "gain")),
    # Load that only went and came back adds nothing: what shows above expectation is the site's own unrest.
    (Cause.CHANCE, ("response", "drops", "maintenance", "trip", "leaves", "stopped")),
)


def cause_of(event: TrueEvent | None) -> Cause | None:
    """Return the cause a true event is an example of; chance where there was none, None where no cause fits."""
    if event is None:
        return Cause.CHANCE
    if event.is_training:
        return Cause.TRAINING
    return next((cause for cause, words in _WORDS if any(word in event.name for word in words)), None)


def labelled(trials: Iterable[SiteTrial], fleet: str) -> tuple[Corpus, Counter[str]]:
    """Return the examples of a fleet's trials, and by name how many episodes no cause fits.

    Args:
        trials: sites of one simulated fleet.
        fleet: a name no other fleet of the corpus has.
    """
    out: list[Example] = []
    unknown: Counter[str] = Counter()
    for trial in trials:
        for history in trial.histories:
            by_day = dict(history.stated)
            for age in AGES:
                day = next((d for d in by_day if (d - history.first_reported_on).days == age), None)
                said = None if day is None else by_day[day]
                known = None if said is None or said.kind not in LOAD_KINDS else evidence_of(said.evidence)
                if said is None or known is None or known[1].is_declared or known[1].declared_training:
                    continue
                event = behind(trial, said)
                cause = cause_of(event)
                if cause is None:
                    unknown[event.name if event else ""] += 1
                    continue
                out.append(Example(*known, cause, f"{fleet}/{trial.preset}/{trial.truth.site_id}", age))
    return Corpus(tuple(out)), unknown
