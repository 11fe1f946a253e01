"""Plans: what each site of a simulated fleet is and what happens to it, by preset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np

from pausewatch.simulation.events import BENIGN, EVASIONS, EVENTS, NEEDS_IT_METER, VIOLATIONS, Occurrence, name_of
from pausewatch.simulation.kinds import KINDS
from pausewatch.simulation.truth import Span


@dataclass(frozen=True)
class SitePlan:
    """What one simulated site is to be, and the events that happen to it, in order.

    Args:
        kind: its kind.
        events: names, or occurrences with parameters given.
        name: on every report.
        is_wide: whether the site is drawn from the whole test matrix instead of the usual range.
        owner: operator, instead of one of five in turn.
        size_at: of a wide site, where between 1 and 1,000 MW on a log scale, 0 to 1.
        unrest: of a wide site, how many times as much as its kind its load wanders.
    """

    kind: str
    events: tuple[str | Occurrence, ...]
    name: str = ""
    is_wide: bool = False
    owner: str = ""
    size_at: float | None = None
    unrest: float = 1.0

    @property
    def needs_it_meter(self) -> bool:
        """Whether an event means nothing without an IT meter."""
        return any(name_of(e) in NEEDS_IT_METER for e in self.events)

    @property
    def reserved_share(self) -> float:
        """Share of the IT capacity that its largest given run is to draw."""
        given = [e.given["share"][1] for e in self.events if isinstance(e, Occurrence) and "share" in e.given]
        return float(max(given, default=0.0))


Preset = Callable[[int, np.random.Generator], list[SitePlan]]

_DEMO = (
    SitePlan("mixed", ("plain_run",), "Slough One"),
    SitePlan("cloud", ("not_stopped",), "Dallas North"),
    SitePlan("inference", ("inference_growth",), "Mumbai East"),
    SitePlan("colocation", ("telemetry_outage",), "Frankfurt Rhein"),
    SitePlan("science", ("declared_science",), "Ashburn Lab"),
    SitePlan("colocation", ("new_tenant",), "Jurong Park"),
    SitePlan("cloud", (), "Sydney West"),
    SitePlan("mixed", ("declared_training_stopped",), "The Dalles"),
)
# What happens at usual sites; the catalogue has more.
_USUAL_KINDS = ("colocation", "cloud", "inference", "science", "mixed")
_USUAL_VIOLATIONS = ("plain_run", "not_stopped", "bursts")
_USUAL_EVASIONS = (
    "slow_ramp", "off_peak", "hidden_from_it_meter", "replaced_one_for_one", "blanked", "replayed"
)  # fmt: skip
_USUAL_BENIGN = (
    "declared_science", "declared_training_stopped", "inference_growth", "new_tenant",
    "load_bank", "chiller_fault", "demand_response", "grid_trip",
)  # fmt: skip

_SHARE: Span = (0.02, 0.9)
_DAYS: Span = (3, 180)
# The whole of the test matrix, where an event's own ranges are narrower; drawn evenly on a log scale.
_FULL: dict[str, dict[str, Span]] = {
    "plain_run": {"share": _SHARE, "days": _DAYS},
    "not_stopped": {"share": _SHARE, "days": _DAYS},
    "already_running": {"share": _SHARE, "days": _DAYS},
    "bursts": {"share": _SHARE, "days": (10, 180)},
    "slow_ramp": {"a_day": (0.001, 0.02), "days": (20, 180)},
    "off_peak": {"share": _SHARE, "days": _DAYS},
    "diluted": {"share": _SHARE, "days": (10, 180)},
    "dummy_floor": {"share": _SHARE, "days": (10, 180)},
    "fake_daily_shape": {"share": _SHARE, "days": _DAYS},
    "hidden_from_it_meter": {"share": _SHARE, "days": _DAYS},
    "battery_smoothing": {"share": _SHARE, "days": _DAYS},
    "behind_the_meter": {"share": _SHARE, "days": _DAYS},
    "blanked": {"share": _SHARE, "days": _DAYS},
    "replayed": {"share": _SHARE, "days": _DAYS},
    "scaled": {"share": (0.02, 0.3), "days": _DAYS},
    "shifted": {"share": (0.02, 0.3), "days": _DAYS},
    "claimed_as_maintenance": {"share": _SHARE},
    "claimed_as_inference": {"share": _SHARE},
    "claimed_as_science": {"share": _SHARE},
    "claimed_as_mining": {"share": _SHARE},
    "replaced_one_for_one": {"share": (0.05, 0.9), "days": _DAYS},
}
_FULL_VARIATION: Span = (0.001, 0.07)
# What goes on in the background of a fleet anyway.
_BACKGROUND = (
    "inference_growth", "new_tenant", "tenant_leaves", "new_hall", "load_bank", "chiller_fault", "heat_wave",
    "demand_response", "grid_trip", "nightly_batch", "maintenance", "load_moved_in", "price_drops",
)  # fmt: skip
_TAMPERED = (
    "blanked", "replayed", "scaled", "shifted", "telemetry_outage", "stuck_meter", "unit_change", "ct_ratio_change",
    "meter_drift", "clock_change", "duplicates",
)  # fmt: skip
_HONEST = (*BENIGN, "telemetry_outage", "stuck_meter")
# Sites that share a run in the presets that hold other evasions too; the preset `split` has groups of 2 to 50.
_MEMBERS = 4


def _demo(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [_DEMO[i % len(_DEMO)] for i in range(count)]


def _honest(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [
        SitePlan(_kind(rng), tuple(rng.choice(_USUAL_BENIGN, size=rng.integers(0, 3), replace=False).tolist()))
        for _ in range(count)
    ]


def _quiet(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [SitePlan(_kind(rng), ()) for _ in range(count)]


def _violations(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return [SitePlan(_kind(rng), (str(rng.choice(_USUAL_VIOLATIONS)),)) for _ in range(count)]


def _mixed(count: int, rng: np.random.Generator) -> list[SitePlan]:
    groups: Sequence[Sequence[str]] = (_USUAL_VIOLATIONS, _USUAL_EVASIONS, _USUAL_BENIGN, ())
    out = []
    for _ in range(count):
        group = groups[rng.choice(4, p=[0.25, 0.25, 0.35, 0.15])]
        out.append(SitePlan(_kind(rng), (str(rng.choice(group)),) if group else ()))
    return out


def _kind(rng: np.random.Generator) -> str:
    return str(rng.choice(_USUAL_KINDS))


class _Matrix:
    """Plans of wide sites, spread evenly: sizes, lengths and kinds follow a low-discrepancy sequence (Roberts 2018)."""

    # Powers of the root of x^5 = x + 1, the four-dimensional golden ratio.
    _STEPS = 1.1673039782614187 ** -np.arange(1, 5)

    def __init__(self, rng: np.random.Generator) -> None:
        self._base = int(rng.integers(1 << 32))
        self._from = rng.random(4)

    def plan(self, number: int, name: str = "", background: float = 0.3, order: int = 0) -> SitePlan:
        """Return the plan of a site.

        Args:
            number: of the site.
            name: of what happens, or nothing.
            background: chance that a benign event goes on besides.
            order: how many times that event has been planned.
        """
        rng = np.random.default_rng([self._base, number])
        share_at, days_at, size_at, kind_at = (float(x) for x in (self._from + (number + 1) * self._STEPS) % 1.0)
        kind = KINDS[int(kind_at * len(KINDS))]
        events: list[str | Occurrence] = []
        if rng.random() < background:
            events.append(str(rng.choice([b for b in _BACKGROUND if b != name])))
        owner = ""
        if name == "split":
            group = order // _MEMBERS
            events.append(self.part(group, _MEMBERS))
            owner = f"Splitter {group + 1}"
        elif name in _FULL:
            events.append(_spread(name, share_at, days_at))
        elif name:
            events.append(name)
        return SitePlan(kind, tuple(events), is_wide=True, owner=owner, size_at=size_at)

    def part(self, group: int, members: int) -> Occurrence:
        """Return one site's part of a run that a group of sites shares: the same start, end and share of each."""
        rng = np.random.default_rng([self._base, group, members, 1])
        share, days, at = float(np.exp(rng.uniform(*np.log((0.01, 0.2))))), float(rng.uniform(7, 90)), rng.random()
        return Occurrence(
            "split",
            {
                "share": (share, share),
                "days": (days, days),
                "at": (float(at), float(at)),
                "members": members,
                "group_number": group,
            },
        )


def _spread(name: str, share_at: float, days_at: float) -> Occurrence:
    given: dict[str, Any] = {}
    for key, (low, high) in _FULL[name].items():
        value = float(low * (high / low) ** (days_at if key == "days" else share_at))
        given[key] = (value, value)
    if "variation" in inspect.signature(EVENTS[name]).parameters:
        given["variation"] = _FULL_VARIATION
    return Occurrence(name, given)


def _in_turn(names: Iterable[str], count: int, rng: np.random.Generator, background: float) -> list[SitePlan]:
    cases, matrix = tuple(names), _Matrix(rng)
    return [matrix.plan(i, cases[i % len(cases)], background, i // len(cases)) for i in range(count)]


def _matrix(count: int, rng: np.random.Generator) -> list[SitePlan]:
    matrix = _Matrix(rng)
    classes: tuple[tuple[str, ...], ...] = (tuple(VIOLATIONS), tuple(EVASIONS), _HONEST, ("",))
    out = []
    for number in range(count):
        names, order = classes[number % 4], number // 4
        out.append(matrix.plan(number, names[order % len(names)], order=order // len(names)))
    return out


def _evasions(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return _in_turn(EVASIONS, count, rng, 0.3)


def _runs(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return _in_turn(VIOLATIONS, count, rng, 0.3)


def _tampered(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return _in_turn(_TAMPERED, count, rng, 0.2)


def _wide(count: int, rng: np.random.Generator) -> list[SitePlan]:
    return _in_turn(("",), count, rng, 0.0)


def _benign(count: int, rng: np.random.Generator) -> list[SitePlan]:
    """One to four benign events at once, the first in turn so that every one is there."""
    matrix = _Matrix(rng)
    out = []
    for number in range(count):
        first = _HONEST[number % len(_HONEST)]
        site = matrix.plan(number, first, 0.0)
        more = np.random.default_rng([matrix._base, number, 2])
        others = [b for b in _BACKGROUND if b != first]
        extra = more.choice(others, size=int(more.integers(0, 4)), replace=False).tolist()
        out.append(SitePlan(site.kind, (first, *extra), is_wide=True, size_at=site.size_at))
    return out


def _split(count: int, rng: np.random.Generator) -> list[SitePlan]:
    """Groups of 2 to 50 sites of one owner that share a run; the owner and others have honest sites too."""
    matrix = _Matrix(rng)
    out: list[SitePlan] = []
    group = 0
    while len(out) < count:
        members = round(float(np.exp(rng.uniform(*np.log((2, 50))))))
        honest = max(members // 2, 1)
        part, owner = matrix.part(group, members), f"Splitter {group + 1}"
        for i in range(members + 2 * honest):
            site = matrix.plan(len(out), "", 0.3)
            events = (*site.events, part) if i < members else site.events
            whose = owner if i < members + honest else ""
            out.append(SitePlan(site.kind, events, is_wide=True, owner=whose, size_at=site.size_at))
        group += 1
    return out[:count]


def _restless(count: int, rng: np.random.Generator) -> list[SitePlan]:
    """Sites whose load wanders 2 to 10 times as much as usual: a run, or a benign event, in turn."""
    names = [name for pair in zip(cycle(VIOLATIONS), _HONEST, strict=False) for name in pair]
    plans = _in_turn(names, count, rng, 0.3)
    return [replace(plan, unrest=float(np.exp(rng.uniform(*np.log((2, 10)))))) for plan in plans]


PRESETS: dict[str, Preset] = {
    "demo": _demo,
    "honest": _honest,
    "quiet": _quiet,
    "violations": _violations,
    "mixed": _mixed,
    "matrix": _matrix,
    "runs": _runs,
    "evasions": _evasions,
    "benign": _benign,
    "tampered": _tampered,
    "split": _split,
    "wide": _wide,
    "restless": _restless,
}
"""Plans by name: what a fleet of so many sites is made of. Those from `matrix` on are of wide sites."""
