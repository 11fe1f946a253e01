"""Honest faults of meters and links: what they say is wrong or missing, and nobody meant it."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.tampering import late
from pausewatch.simulation.truth import DAY_S, Event, Floats, SiteTruth, Span, span_in_pause

CT_FACTORS = (0.5, 0.8, 1.25, 2.0)
"""What a wrongly set current-transformer ratio multiplies by: 200:5 for 400:5 and the like."""


def telemetry_outage(truth: SiteTruth, rng: np.random.Generator, *, days: Span = (2, 4)) -> Event:
    """The telemetry link is down for days; nothing else happens."""
    start, end = span_in_pause(truth, rng, days)
    mask = truth.inside(start, end)

    def blank(seen: dict[str, Floats]) -> None:
        for values in seen.values():
            values[mask] = np.nan

    truth.tampering.append(blank)
    return _fault("telemetry_outage", "tamper", start, end)


def stuck_meter(truth: SiteTruth, rng: np.random.Generator, *, days: Span = (2, 6)) -> Event:
    """The IT meter repeats its last value for days."""
    start, end = span_in_pause(truth, rng, days)
    mask = truth.inside(start, end)

    def hold(seen: dict[str, Floats]) -> None:
        said = seen["it_kw"][mask]
        known = said[~np.isnan(said)]
        seen["it_kw"][mask] = known[0] if len(known) else np.nan

    truth.tampering.append(hold)
    return _fault("stuck_meter", "tamper", start, end)


def unit_change(truth: SiteTruth, rng: np.random.Generator, *, days: Span = (1, 30)) -> Event:
    """After an update a logger sends MW where kW was agreed, until someone notices."""
    start, end = span_in_pause(truth, rng, days)
    column = "it_kw" if rng.random() < 0.5 else "utility_kw"
    return _multiplied(truth, "unit_change", column, 1e-3, start, end)


def ct_ratio_change(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """A meter is replaced and its transformer ratio set wrongly, or at last rightly: a lasting change of scale."""
    start, _ = span_in_pause(truth, rng, (15, 60))
    column = "it_kw" if rng.random() < 0.5 else "utility_kw"
    return _multiplied(truth, "ct_ratio_change", column, float(rng.choice(CT_FACTORS)), start, truth.end_s)


def meter_drift(truth: SiteTruth, rng: np.random.Generator, *, by: Span = (0.005, 0.03)) -> Event:
    """The IT meter's gain drifts slowly by 0.5 to 3 % over the pause."""
    start, _ = span_in_pause(truth, rng, (60, 120))
    most = rng.uniform(*by) * (1.0 if rng.random() < 0.5 else -1.0)
    gain = 1 + most * np.clip((truth.epoch_s - start) / (90 * DAY_S), 0, 1)

    def drift(seen: dict[str, Floats]) -> None:
        seen["it_kw"] *= gain

    truth.tampering.append(drift)
    return _fault("meter_drift", "benign", start, truth.end_s)


def clock_change(truth: SiteTruth, rng: np.random.Generator) -> Event:
    """From the next change of the local clock on a logger stamps an hour off; without one, from some day on."""
    start, _ = span_in_pause(truth, rng, (15, 60))
    offset = truth.local_s - truth.epoch_s
    changes = np.flatnonzero(np.diff(offset)) + 1
    ahead = changes[truth.epoch_s[changes] > truth.pause_start_s]
    hours = 1.0 if rng.random() < 0.5 else -1.0
    if len(ahead):
        start = float(truth.epoch_s[ahead[0]])
        hours = -float(np.sign(offset[ahead[0]] - offset[ahead[0] - 1]))
    mask = truth.epoch_s >= start

    def shift(seen: dict[str, Floats]) -> None:
        seen["it_kw"][mask] = late(seen["it_kw"], hours * 3600.0 / truth.step_s)[mask]

    truth.tampering.append(shift)
    return _fault("clock_change", "benign", start, truth.end_s)


def duplicates(truth: SiteTruth, rng: np.random.Generator, *, days: Span = (1, 20)) -> Event:
    """An export is sent twice: the rows of some days stand twice, with the same values."""
    start, end = span_in_pause(truth, rng, days)
    mask = truth.inside(start, end)
    truth.twice = mask if truth.twice is None else truth.twice | mask
    return Event("duplicates", "benign", start, end, 0.0, 0.0, False)


def _multiplied(truth: SiteTruth, name: str, column: str, factor: float, start_s: float, end_s: float) -> Event:
    mask = truth.inside(start_s, end_s)

    def multiply(seen: dict[str, Floats]) -> None:
        seen[column][mask] *= factor

    truth.tampering.append(multiply)
    return Event(name, "benign", start_s, end_s, 0.0, 0.0, False, tampers=True, details={"factor": factor})


def _fault(name: str, group: str, start_s: float, end_s: float) -> Event:
    return Event(name, group, start_s, end_s, 0.0, 0.0, False, tampers=True)
