"""Tables: an evaluation as Markdown a person can read in a terminal and in the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pausewatch.evaluation.bootstrap import Measure
from pausewatch.evaluation.scoring import DURATIONS, SIZES, Headline, Scores


def markdown(scores: Scores) -> str:
    """Return every table, with a heading each."""
    parts = [
        headline_table(scores.headlines),
        "### Training found, by size and time under watch\n\nShare found, 90 % interval over sites, events.\n",
        *[f"**{group}**\n\n{_cells(scores, group)}" for group in sorted({c.group for c in scores.cells}, reverse=True)],
        "### By event\n",
        _events(scores),
        "### By kind of site\n",
        table(
            ("kind", "training found", "false open findings per site-year, honest sites"),
            [(kind, percent(found), number(false)) for kind, found, false in scores.kinds],
        ),
        "### Reliability of the training probability\n",
        _reliability(scores),
    ]
    return "\n".join(parts)


def headline_table(headlines: Sequence[Headline]) -> str:
    """Return the headline measures beside their targets."""
    rows = [(h.name, _shown(h), _target(h), {True: "met", False: "**missed**", None: ""}[h.is_met]) for h in headlines]
    return table(("measure", "value (90 % interval; what it rests on)", "target", ""), rows)


def compared(scores: Mapping[str, Scores]) -> str:
    """Return the headline measures of several judges side by side."""
    columns = [s.headlines for s in scores.values()]
    rows = [(row[0].name, *[_shown(h) for h in row], _target(row[0])) for row in zip(*columns, strict=True)]
    return table(("measure", *scores, "target"), rows)


def _is_share(headline: Headline) -> bool:
    return not any(words in headline.name for words in ("median", "per site-year", "still open"))


def _shown(headline: Headline) -> str:
    return percent(headline.measure) if _is_share(headline) else number(headline.measure)


def _target(headline: Headline) -> str:
    if headline.target is None:
        return ""
    sign = "≥" if headline.is_floor else "≤"
    return f"{sign} {100 * headline.target:g} %" if _is_share(headline) else f"{sign} {headline.target:g}"


def percent(measure: Measure) -> str:
    """Return a share in per cent with its interval and count."""
    if np.isnan(measure.value):
        return "–"
    return f"{100 * measure.value:.1f} % ({100 * measure.low:.0f}–{100 * measure.high:.0f}; {_count(measure.count)})"


def number(measure: Measure) -> str:
    """Return a number with its interval and what it rests on."""
    if np.isnan(measure.value):
        return "–"
    return f"{measure.value:.2f} ({measure.low:.2f}–{measure.high:.2f}; {_count(measure.count)})"


def _count(count: float) -> str:
    return f"{count:.0f}" if float(count).is_integer() else f"{count:.1f} y"


def _cells(scores: Scores, group: str) -> str:
    known = {(c.size, c.days): c.found for c in scores.cells if c.group == group}
    rows = []
    for size in SIZES:
        upper = "" if size[1] > 1 else f"–{100 * size[1]:.0f}"
        label = f"{100 * size[0]:.0f}{upper or '+'} % of IT capacity"
        rows.append((label, *[percent(known[size, d]) if (size, d) in known else "" for d in DURATIONS]))
    return table(("size", *[f"{a:.0f}{f'–{b:.0f}' if b < 1000 else '+'} days" for a, b in DURATIONS]), rows)


def _events(scores: Scores) -> str:
    return table(
        ("class", "event", "n", "found", "typed training_like", "ever called training", "honest", "delay, days"),
        [
            (
                row.group,
                row.name.replace("_", " "),
                str(row.count),
                percent(row.found),
                percent(row.typed),
                percent(row.called_training),
                percent(row.honest),
                number(row.delay_days),
            )
            for row in scores.events
        ],
    )


def _reliability(scores: Scores) -> str:
    said = scores.reliability
    bins = table(
        ("stated", "mean stated", "observed"),
        [
            (f"{100 * low:.0f}–{100 * high:.0f} %", f"{100 * stated:.0f} %", percent(observed))
            for low, high, stated, observed in said.bins
        ],
    )
    return (
        f"{bins}\nBrier score {said.brier.value:.3f} ({said.brier.low:.3f}–{said.brier.high:.3f}); "
        f"mean distance of stated and observed {100 * said.calibration_error:.0f} points.\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"
