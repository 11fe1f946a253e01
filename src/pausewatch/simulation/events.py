"""Events laid over ordinary load: violations, evasions, tampering and what is benign, each a small function.

An event is given a site's truth and changes it: IT load, the draw at the utility, or only what the meters say. It
returns its label. Sizes are shares of the site's IT capacity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_DAY_S = 86_400.0


@dataclass
class SiteTruth:
    """One site's truth while it is made; arrays over its intervals.

    `it_mw` is what the IT draws, `hidden_mw` IT load wired past the IT meter, `extra_mw` draw at the utility that is
    no IT; `seen_it`, `seen_utility` are what the meters say (NaN is missing), made once the truth is settled.
    """

    epoch_s: Floats
    local_s: Floats
    it_capacity_mw: float
    pause_start_s: float
    it_mw: Floats
    hidden_mw: Floats
    extra_mw: Floats
    declarations: list[dict[str, Any]] = field(default_factory=list)
    tampering: list[Callable[[dict[str, Floats]], None]] = field(default_factory=list)

    @property
    def step_s(self) -> float:
        """Length of an interval, s."""
        return float(self.epoch_s[1] - self.epoch_s[0])

    def inside(self, start_s: float, end_s: float) -> npt.NDArray[np.bool_]:
        """Return the intervals that start in [start_s, end_s)."""
        return (self.epoch_s >= start_s) & (self.epoch_s < end_s)


@dataclass(frozen=True)
class Event:
    """A label: what happened, when, how much at the IT load, and whether any meter could show it."""

    name: str
    group: str
    start_s: float
    end_s: float
    mw_it: float
    energy_mwh: float
    is_training: bool
    is_visible: bool = True


def _run(
    truth: SiteTruth, start_s: float, end_s: float, mw: float, rng: np.random.Generator, interruptions: bool = True
) -> Floats:
    """Return the load of a training run, MW: flat within per mille to per cent, with interruptions.

    Llama 3 reports an interruption about every 3 h at 16k GPUs, most of them minutes long; smaller runs fail less
    often.
    """
    load = np.where(truth.inside(start_s, end_s), mw, 0.0)
    ramp_s = rng.uniform(300, 5400)
    load *= np.clip((truth.epoch_s + truth.step_s - start_s) / ramp_s, 0, 1)
    load *= 1 + rng.standard_normal(len(load)) * rng.uniform(0.001, 0.02)
    if interruptions:
        count = int((end_s - start_s) / 3600.0 / rng.uniform(3, 50))
        at = rng.uniform(start_s, end_s, count)
        length = rng.uniform(120, 3600, count)
        depth = rng.uniform(0.2, 0.6, count)
        index = np.clip(((at - truth.epoch_s[0]) // truth.step_s).astype(np.int64), 0, len(load) - 1)
        for i, seconds, share in zip(index, length, depth, strict=True):
            reach = int(seconds // truth.step_s) + 1
            load[i : i + reach] *= 1 - share * min(seconds / truth.step_s, 1.0)
    return load


def _label(
    truth: SiteTruth,
    name: str,
    group: str,
    added: Floats,
    start_s: float,
    end_s: float,
    training: bool,
    visible: bool = True,
) -> Event:
    hours = truth.step_s / 3600.0
    mask = truth.inside(start_s, end_s)
    mean = float(added[mask].mean()) if mask.any() else 0.0
    return Event(name, group, start_s, end_s, mean, float(added.sum() * hours), training, visible)


def _span(
    truth: SiteTruth, rng: np.random.Generator, days: tuple[float, float], earliest: float = 1.0
) -> tuple[float, float]:
    last = truth.epoch_s[-1] + truth.step_s
    length = rng.uniform(*days) * _DAY_S
    latest = max(last - length, truth.pause_start_s + earliest * _DAY_S + 1)
    start = rng.uniform(truth.pause_start_s + earliest * _DAY_S, latest)
    return float(start), float(min(start + length, last))


def plain_run(
    truth: SiteTruth,
    rng: np.random.Generator,
    share: tuple[float, float] = (0.05, 0.5),
    days: tuple[float, float] = (5, 60),
) -> Event:
    """An undeclared training run during the pause."""
    start, end = _span(truth, rng, days)
    added = _run(truth, start, end, truth.it_capacity_mw * rng.uniform(*share), rng)
    truth.it_mw = truth.it_mw + added
    return _label(truth, "plain_run", "violation", added, start, end, True)


def not_stopped(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Declared training that goes on into the pause."""
    begin = truth.pause_start_s - rng.uniform(30, 60) * _DAY_S
    end = min(truth.pause_start_s + rng.uniform(10, 40) * _DAY_S, float(truth.epoch_s[-1] + truth.step_s))
    mw = truth.it_capacity_mw * rng.uniform(0.15, 0.45)
    added = _run(truth, begin, end, mw, rng)
    truth.it_mw = truth.it_mw + added
    truth.declarations.append(
        {"activity": "training", "start_s": begin, "end_s": truth.pause_start_s, "expected_mw": mw, "filed_days": 14}
    )
    mask = truth.epoch_s >= truth.pause_start_s
    return _label(truth, "not_stopped", "violation", np.where(mask, added, 0.0), truth.pause_start_s, end, True)


def bursts(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Training in bursts of days with pauses between."""
    start, end = _span(truth, rng, (20, 60))
    on_s, duty = rng.uniform(1, 7) * _DAY_S, rng.uniform(0.3, 0.9)
    added = _run(truth, start, end, truth.it_capacity_mw * rng.uniform(0.1, 0.4), rng)
    added *= ((truth.epoch_s - start) % (on_s / duty)) < on_s
    truth.it_mw = truth.it_mw + added
    return _label(truth, "bursts", "violation", added, start, end, True)


def slow_ramp(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Training load raised by little every day."""
    start, end = _span(truth, rng, (40, 90))
    a_day = truth.it_capacity_mw * rng.uniform(0.002, 0.02)
    added = np.where(truth.inside(start, end), (truth.epoch_s - start) / _DAY_S * a_day, 0.0)
    added = np.minimum(added, 0.4 * truth.it_capacity_mw)
    truth.it_mw = truth.it_mw + added
    return _label(truth, "slow_ramp", "evasion", added, start, end, True)


def off_peak(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Training at night only."""
    start, end = _span(truth, rng, (20, 60))
    added = _run(truth, start, end, truth.it_capacity_mw * rng.uniform(0.1, 0.4), rng)
    hour = (truth.local_s / 3600.0) % 24
    added *= (hour >= 22) | (hour < 6)
    truth.it_mw = truth.it_mw + added
    return _label(truth, "off_peak", "evasion", added, start, end, True)


def hidden(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A run wired past the IT meter: it shows at the utility alone."""
    start, end = _span(truth, rng, (10, 60))
    added = _run(truth, start, end, truth.it_capacity_mw * rng.uniform(0.1, 0.4), rng)
    truth.hidden_mw = truth.hidden_mw + added
    return _label(truth, "hidden_from_it_meter", "evasion", added, start, end, True)


def replaced(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Honest load taken away one for one: no meter can show it."""
    start, end = _span(truth, rng, (20, 60))
    added = np.where(truth.inside(start, end), 0.3 * truth.it_mw.mean(), 0.0)
    return _label(truth, "replaced_one_for_one", "evasion", added, start, end, True, visible=False)


def blanked(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Both operator meters go silent for days, and a run begins behind the silence."""
    event = plain_run(truth, rng)
    gap_end = event.start_s + rng.uniform(2, 5) * _DAY_S
    mask = truth.inside(event.start_s - 6 * 3600, gap_end)

    def blank(seen: dict[str, Floats]) -> None:
        for name in ("it_kw", "utility_kw"):
            seen[name][mask] = np.nan

    truth.tampering.append(blank)
    return Event("blanked", "evasion", event.start_s, event.end_s, event.mw_it, event.energy_mwh, True)


def replayed(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A run hidden on the IT meter by playing back an earlier week."""
    event = plain_run(truth, rng)
    week = round(7 * _DAY_S / truth.step_s)
    mask = np.flatnonzero(truth.inside(event.start_s, event.end_s))

    def replay(seen: dict[str, Floats]) -> None:
        back = -(-(mask - mask[0] + 1) // week) * week
        seen["it_kw"][mask] = seen["it_kw"][np.maximum(mask - back, 0)]

    truth.tampering.append(replay)
    return Event("replayed", "evasion", event.start_s, event.end_s, event.mw_it, event.energy_mwh, True)


def science(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A science run that was declared before it began."""
    start, end = _span(truth, rng, (5, 20), earliest=3)
    mw = truth.it_capacity_mw * rng.uniform(0.1, 0.3)
    added = _run(truth, start, end, mw, rng, interruptions=False)
    truth.it_mw = truth.it_mw + added
    truth.declarations.append(
        {
            "activity": "science",
            "start_s": start,
            "end_s": end,
            "expected_mw": mw * rng.uniform(0.95, 1.1),
            "filed_days": 10,
        }
    )
    return _label(truth, "declared_science", "benign", added, start, end, False)


def stopped(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """Declared training that stops when the pause begins."""
    begin = truth.pause_start_s - rng.uniform(25, 60) * _DAY_S
    end = truth.pause_start_s - rng.uniform(0.5, 12) * 3600
    mw = truth.it_capacity_mw * rng.uniform(0.15, 0.45)
    added = _run(truth, begin, end, mw, rng)
    truth.it_mw = truth.it_mw + added
    truth.declarations.append(
        {"activity": "training", "start_s": begin, "end_s": truth.pause_start_s, "expected_mw": mw, "filed_days": 14}
    )
    return _label(truth, "declared_training_stopped", "benign", added, begin, end, False)


def inference_growth(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A launch: diurnal load that grows over weeks."""
    start, end = _span(truth, rng, (15, 90))
    end = truth.epoch_s[-1] + truth.step_s
    hour = (truth.local_s / 3600.0) % 24
    peak = truth.it_capacity_mw * rng.uniform(0.05, 0.2)
    adoption = 1 - np.exp(-np.maximum(truth.epoch_s - start, 0) / (rng.uniform(4, 12) * _DAY_S))
    added = peak * adoption * (0.6 + 0.4 * np.cos(2 * np.pi * (hour - 17) / 24))
    truth.it_mw = truth.it_mw + added
    return _label(truth, "inference_growth", "benign", added, start, float(end), False)


def new_tenant(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A tenant moves in, rack by rack over days, and stays."""
    start, _ = _span(truth, rng, (20, 60))
    end = truth.epoch_s[-1] + truth.step_s
    mw = truth.it_capacity_mw * rng.uniform(0.03, 0.12)
    moves = rng.integers(4, 12)
    steps = np.sort(rng.uniform(start, start + rng.uniform(3, 15) * _DAY_S, moves))
    added = (truth.epoch_s[:, None] >= steps[None, :]).sum(axis=1) / moves * mw
    truth.it_mw = truth.it_mw + added
    return _label(truth, "new_tenant", "benign", added, start, float(end), False)


def load_bank(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A load-bank test: a staircase of hours at the utility, declared as commissioning."""
    start, _ = _span(truth, rng, (1, 2))
    end = start + rng.uniform(6, 14) * 3600
    stairs = np.floor(np.clip((truth.epoch_s - start) / (end - start), 0, 0.999) * 5) / 4
    added = np.where(truth.inside(start, end), stairs * 0.2 * truth.it_capacity_mw, 0.0)
    truth.extra_mw = truth.extra_mw + added
    truth.declarations.append(
        {
            "activity": "commissioning",
            "start_s": start,
            "end_s": end,
            "expected_mw": 0.2 * truth.it_capacity_mw,
            "filed_days": 7,
        }
    )
    return _label(truth, "load_bank", "benign", np.zeros_like(added), start, end, False)


def chiller_fault(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A chiller runs badly for days: more draw, and more of it when it is hot."""
    start, end = _span(truth, rng, (2, 8))
    hour = (truth.local_s / 3600.0) % 24
    added = np.where(
        truth.inside(start, end),
        truth.it_mw * rng.uniform(0.03, 0.1) * (1 + 0.4 * np.cos(2 * np.pi * (hour - 15) / 24)),
        0.0,
    )
    truth.extra_mw = truth.extra_mw + added
    return _label(truth, "chiller_fault", "benign", np.zeros_like(added), start, end, False)


def demand_response(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A few evenings of reduced load, declared."""
    start, _ = _span(truth, rng, (3, 5))
    end = start + 4 * _DAY_S
    hour = (truth.local_s / 3600.0) % 24
    mask = truth.inside(start, end) & (hour >= 17) & (hour < 20)
    truth.it_mw = truth.it_mw * np.where(mask, 0.8, 1.0)
    truth.declarations.append(
        {"activity": "demand_response", "start_s": start, "end_s": end, "expected_mw": 0.0, "filed_days": 2}
    )
    return Event("demand_response", "benign", start, end, 0.0, 0.0, False)


def grid_trip(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A trip: the load falls for an hour and comes back."""
    start, _ = _span(truth, rng, (1, 2))
    end = start + rng.uniform(0.5, 3) * 3600
    mask = truth.inside(start, end)
    truth.it_mw = truth.it_mw * np.where(mask, 0.3, 1.0)
    return Event("grid_trip", "benign", start, end, 0.0, 0.0, False)


def outage(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """The telemetry link is down for days; nothing else happens."""
    start, end = _span(truth, rng, (2, 4))
    mask = truth.inside(start, end)

    def blank(seen: dict[str, Floats]) -> None:
        for values in seen.values():
            values[mask] = np.nan

    truth.tampering.append(blank)
    return Event("telemetry_outage", "tamper", start, end, 0.0, 0.0, False)


def stuck_meter(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """The IT meter repeats its last value for days."""
    start, end = _span(truth, rng, (2, 6))
    mask = truth.inside(start, end)

    def hold(seen: dict[str, Floats]) -> None:
        seen["it_kw"][mask] = seen["it_kw"][np.flatnonzero(mask)[0]]

    truth.tampering.append(hold)
    return Event("stuck_meter", "tamper", start, end, 0.0, 0.0, False)


VIOLATIONS = {"plain_run": plain_run, "not_stopped": not_stopped, "bursts": bursts}
EVASIONS = {
    "slow_ramp": slow_ramp,
    "off_peak": off_peak,
    "hidden_from_it_meter": hidden,
    "replaced_one_for_one": replaced,
    "blanked": blanked,
    "replayed": replayed,
}
BENIGN = {
    "declared_science": science,
    "declared_training_stopped": stopped,
    "inference_growth": inference_growth,
    "new_tenant": new_tenant,
    "load_bank": load_bank,
    "chiller_fault": chiller_fault,
    "demand_response": demand_response,
    "grid_trip": grid_trip,
}
TAMPER = {"telemetry_outage": outage, "stuck_meter": stuck_meter}
EVENTS: dict[str, Callable[[SiteTruth, np.random.Generator], Event]] = {**VIOLATIONS, **EVASIONS, **BENIGN, **TAMPER}
