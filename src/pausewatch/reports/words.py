"""The words of the report: what each status, verdict, kind and change is called, and its symbol.

Nothing on the page is told by colour alone: every status is a word and a symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

from pausewatch.findings.model import DayStatus, Kind, Verdict


@dataclass(frozen=True)
class Word:
    """A word, the symbol beside it, the CSS class that colours both, and what it means."""

    text: str
    symbol: str
    tone: str
    meaning: str


VERDICTS = {
    Verdict.TRAINING_LIKE: Word("Looks like training", "▲", "alarm", "the load behaves as a training run would"),
    Verdict.UNEXPLAINED: Word("Unexplained", "◆", "question", "nothing declared explains it: ask the operator"),
    Verdict.CANNOT_CONCLUDE: Word("Cannot conclude", "○", "unknown", "too little, or too little trusted, was seen"),
    Verdict.EXPLAINED: Word("Explained", "✓", "calm", "a declaration or a benign cause accounts for it"),
}
"""Verdicts, most severe first."""

STATUSES = {
    DayStatus.ANOMALOUS: Word("Anomalous", "▲", "alarm", "something differs from what was to be expected"),
    DayStatus.CANNOT_CONCLUDE: Word("Cannot conclude", "○", "unknown", "too little, or too little trusted, was seen"),
    DayStatus.CONSISTENT: Word("Consistent", "✓", "calm", "what was seen agrees with what was to be expected"),
}
"""Statuses of a site's day, most severe first."""

KINDS = {
    Kind.SUSTAINED_LOAD: "Sustained load",
    Kind.MISSING_STEP_DOWN: "Missing step down at the start of the pause",
    Kind.SLOW_DRIFT: "Slow drift",
    Kind.UNACCOUNTED_ENERGY: "Energy unaccounted for between meters",
    Kind.TELEMETRY_GAP: "Gap in the telemetry",
    Kind.TELEMETRY_INTEGRITY: "Telemetry that can't be trusted",
    Kind.DECLARATION_EXCEEDED: "Declaration exceeded",
    Kind.COORDINATED_LOAD: "Load coordinated between sites",
}

CHANGES = {
    "new": "New today",
    "updated": "Updated today",
    "unchanged": "Unchanged since yesterday",
    "ended": "Ended today",
    "withdrawn": "Withdrawn today: the inspection no longer reports it",
}

LANES = {
    "utility": "Utility meter",
    "it_load": "IT load",
    "balance": "Balance",
    "pooled": "Its sites together, above expectation",
}

_MEASURES = {
    "utility_import": "utility import",
    "utility_export": "utility export",
    "onsite_generation": "on-site generation",
    "it_load": "IT load",
    "cooling_load": "cooling load",
    "outdoor_temperature": "outdoor temperature",
}


def plain(name: str) -> str:
    """Return a name from the data as a reader would write it: no underscores."""
    return _MEASURES.get(name, name.replace("_", " "))


def sentence(text: str) -> str:
    """Return a text with its first letter raised and a full stop at its end."""
    stripped = text.strip()
    if not stripped:
        return ""
    raised = stripped[0].upper() + stripped[1:]
    return raised if raised[-1] in ".!?…" else raised + "."
