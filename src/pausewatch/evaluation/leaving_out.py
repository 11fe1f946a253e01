"""Leaving out: would the learned judge know what it was never shown? One evasion at a time, one kind of site at a time.

The corpus is of the episodes that the detector cut out of the evaluated fleets themselves. A judge is trained on all
sites without the evasion (or of other kinds) and asked about the sites left out. Beside it stands a judge that has seen
such sites, but not these: one of five, each trained without a fifth of the sites.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache
from typing import Any

from pausewatch.errors import ModelError
from pausewatch.evaluation.labelling import labelled
from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.site_scores import SiteScore, share
from pausewatch.evaluation.trial import SiteTrial
from pausewatch.signatures.corpus import Corpus, Example
from pausewatch.signatures.model import train

_FOLDS = 5
# Sites a judge is asked about, at the least, and found events among them.
_LEAST_SITES = 2


def left_out_rows(trials: Sequence[SiteTrial]) -> list[dict[str, Any]]:
    """Return a row for each evasion and each kind of site; none where the fleets teach too little."""
    examples = [labelled([trial], trial.fleet)[0].examples for trial in trials]
    try:
        seen = _without_their_fifth(trials, examples)
    except ModelError:
        return []
    evasions = sorted({e.name for t in trials for e in t.truth.events if e.group == "evasion" and e.is_training})
    kinds = sorted({t.truth.kind for t in trials})
    rows = [_row(trials, examples, seen, "evasion", name, _where(trials, name)) for name in evasions]
    for kind in kinds:
        mine = [i for i, t in enumerate(trials) if t.truth.kind == kind]
        rows.append(_row(trials, examples, seen, "kind of site", kind, mine))
    return [row for row in rows if row is not None]


def _where(trials: Sequence[SiteTrial], name: str) -> list[int]:
    return [i for i, t in enumerate(trials) if any(e.name == name for e in t.truth.events)]


def _without_their_fifth(trials: Sequence[SiteTrial], examples: Sequence[Sequence[Example]]) -> list[SiteTrial]:
    judges = [train(_corpus(examples, set(range(fold, len(trials), _FOLDS)))) for fold in range(_FOLDS)]
    explain = [cache(judge.explain) for judge in judges]
    return [rejudged(trial, explain[i % _FOLDS]) for i, trial in enumerate(trials)]


def _corpus(examples: Sequence[Sequence[Example]], apart: Set[int]) -> Corpus:
    return Corpus(tuple(e for i, mine in enumerate(examples) if i not in apart for e in mine))


def _row(
    trials: Sequence[SiteTrial],
    examples: Sequence[Sequence[Example]],
    seen: Sequence[SiteTrial],
    sort: str,
    name: str,
    out: Sequence[int],
) -> dict[str, Any] | None:
    if len(out) < _LEAST_SITES:
        return None
    try:
        judge = train(_corpus(examples, set(out)))
    except ModelError:
        return None
    explain = cache(judge.explain)
    never = [rejudged(trials[i], explain) for i in out]
    # Of an evasion only the evasion is asked about; of a kind of site, all its training.
    wanted = name if sort == "evasion" else ""
    return {
        "sort": sort,
        "left_out": name,
        "sites": len(out),
        "episodes": sum(len(examples[i]) for i in out),
        "typed": _typed([seen[i] for i in out], wanted),
        "typed_unseen": _typed(never, wanted),
        "benign_called_training": _benign([seen[i] for i in out]),
        "benign_called_training_unseen": _benign(never),
    }


def _scores(trials: Sequence[SiteTrial]) -> list[SiteScore]:
    return [SiteScore.of(t) for t in trials]


def _typed(trials: Sequence[SiteTrial], name: str) -> dict[str, Any]:
    """Of the training that was noticed by a finding on load, the share typed in the end."""
    return share(
        _scores(trials),
        lambda o: o.event.is_training and o.is_told and name in ("", o.event.name),
        lambda o: o.is_typed,
    ).document()


def _benign(trials: Sequence[SiteTrial]) -> dict[str, Any]:
    return share(_scores(trials), lambda o: o.event.group == "benign", lambda o: o.was_called_training).document()
