"""The evaluation as it is kept: one JSON document, and the tables between two marks of a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pausewatch.errors import PausewatchError
from pausewatch.evaluation.misses import misses
from pausewatch.evaluation.rejudging import rejudged
from pausewatch.evaluation.scoring import Scores, score_sites
from pausewatch.evaluation.tables import compared, markdown
from pausewatch.evaluation.trial import SiteTrial, TrialPlan
from pausewatch.signatures.rule import Explainer

FORMAT = 1
BEGIN, END = "<!-- begin: pausewatch evaluate -->", "<!-- end: pausewatch evaluate -->"


@dataclass(frozen=True)
class Evaluation:
    """What judges made of the same fleets.

    Args:
        command: what makes it again.
        plans: the fleets.
        scores: by judge, the one in force first.
        misses: each case in which the judge in force was wrong.
    """

    command: str
    plans: tuple[TrialPlan, ...]
    scores: Mapping[str, Scores]
    misses: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "format": FORMAT,
            "command": self.command,
            "fleets": [asdict(plan) for plan in self.plans],
            "judges": {name: scores.document() for name, scores in self.scores.items()},
            "misses": list(self.misses),
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
        judges = f"## Judges compared\n\n{compared(self.scores)}\n" if len(self.scores) > 1 else ""
        return f"{head}\n{judges}## Judged by: {next(iter(self.scores))}\n\n{markdown(first)}"


def evaluated(
    command: str, plans: Sequence[TrialPlan], trials: Sequence[SiteTrial], judges: Mapping[str, Explainer]
) -> Evaluation:
    """Score the same trials under each judge; the first is the one in force."""
    told = {name: [rejudged(trial, judge) for trial in trials] for name, judge in judges.items()}
    first = next(iter(told.values()))
    return Evaluation(command, tuple(plans), {name: score_sites(t) for name, t in told.items()}, tuple(misses(first)))


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
