"""The evaluation as it is kept: one JSON document, and the tables between two marks of a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pausewatch.errors import PausewatchError
from pausewatch.evaluation.matters import gains
from pausewatch.evaluation.misses import misses
from pausewatch.evaluation.proof import Proof
from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.scoring import Scores, score_sites
from pausewatch.evaluation.section_tables import section_markdown
from pausewatch.evaluation.sections import sections
from pausewatch.evaluation.site_scores import SiteScore
from pausewatch.evaluation.tables import compared, markdown, table
from pausewatch.evaluation.world import TrialPlan
from pausewatch.signatures.rule import Explainer

FORMAT = 1
BEGIN, END = "<!-- begin: pausewatch evaluate -->", "<!-- end: pausewatch evaluate -->"


@dataclass(frozen=True)
class Evaluation:
    """What judges made of the same fleets.

    Args:
        command: what makes it again.
        plans: the fleets.
        sites: what became of every site, by judge, the one in force first.
        misses: each case in which the judge in force was wrong.
        sections: what else was asked for, by name, as JSON values.
    """

    command: str
    plans: tuple[TrialPlan, ...]
    sites: Mapping[str, tuple[SiteScore, ...]]
    misses: tuple[dict[str, Any], ...]
    sections: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """The scores by judge, the one in force first."""
        return {name: score_sites(sites) for name, sites in self.sites.items()}

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "format": FORMAT,
            "command": self.command,
            "fleets": [asdict(plan) for plan in self.plans],
            "judges": {name: scores.document() for name, scores in self.scores.items()},
            "misses": list(self.misses),
            **self.sections,
        }

    def markdown(self) -> str:
        """Return every table."""
        first = next(iter(self.scores.values()))
        fleets = "; ".join(
            f"{p.sites} sites, preset `{p.preset}`, seed {p.seed}, {p.reference_days} days of reference, "
            f"{p.pause_days} days of pause, {p.interval_min} min"
            for p in self.plans
        )
        head = f"`{self.command}`\n\n{fleets}: {first.site_years:.1f} site-years.\n"
        judges = f"## Judges compared\n\n{compared(self.scores)}\n{self._pairs()}\n" if len(self.scores) > 1 else ""
        scores = f"## Judged by: {next(iter(self.scores))}\n\n{markdown(first)}"
        return f"{head}\n{judges}{scores}\n{section_markdown(self.sections)}"

    def _pairs(self) -> str:
        """Return what a challenger gains over the judge in force, or that one over the last, in pairs of sites."""
        first, *others, last = self.sites
        mine, theirs = (last, first) if others else (first, last)
        rows = []
        for name, gain in gains(self.sites[mine], self.sites[theirs]).items():
            better = mine if gain.low > 0 else theirs if gain.high < 0 else ""
            shown = "–" if np.isnan(gain.value) else f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
            rows.append((name, shown, better))
        head = f"What {mine} gains over {theirs} in pairs of the same sites: above 0 where it is better.\n"
        return f"{head}\n{table(('measure', 'gain (90 % interval)', 'better by more than chance'), rows)}"


def evaluated(command: str, proof: Proof, judges: Mapping[str, Explainer], *, leave_out: bool = False) -> Evaluation:
    """Score the same trials under each judge; the first is the one in force.

    Args:
        command: what makes it again.
        proof: what was run.
        judges: by name.
        leave_out: whether to retrain the learned judge without one evasion or kind of site at a time.
    """
    # The same looks are weighed again and again, and a learned judge takes milliseconds.
    judges = {name: cache(judge) for name, judge in judges.items()}
    told = {name: [rejudged(trial, judge) for trial in proof.trials] for name, judge in judges.items()}
    first, in_force = next(iter(told.values())), next(iter(judges.values()))
    return Evaluation(
        command,
        proof.plans,
        {name: tuple(SiteScore.of(trial) for trial in trials) for name, trials in told.items()},
        tuple(misses(first)),
        sections(proof, first, in_force, leave_out=leave_out),
    )


def write_between_marks(path: Path, text: str) -> None:
    """Put text between the marks of a page; a page that has none, or isn't there, is begun with them.

    Raises:
        PausewatchError: the page has one mark without the other.
    """
    page = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise PausewatchError(
            "the page has no place for the tables", where=str(path), remedy=f"put one line {BEGIN} and one {END} in it"
        )
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")
