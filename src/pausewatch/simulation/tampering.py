"""Telemetry that was touched to hide a run: silent, played back, scaled or shifted. The run itself is real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pausewatch.simulation.truth import DAY_S, Event, Floats, SiteTruth, Span
from pausewatch.simulation.violations import plain_run

SHARE: Span = (0.05, 0.5)
DAYS: Span = (5, 60)


def blanked(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = SHARE, days: Span = DAYS, gap_days: Span = (2, 5)
) -> Event:
    """Both load meters go silent for days, and a run begins behind the silence."""
    event = plain_run(truth, rng, name="blanked", group="evasion", share=share, days=days, tampers=True)
    gap_end = event.start_s + rng.uniform(*gap_days) * DAY_S
    mask = truth.inside(event.start_s - 6 * 3600, gap_end)

    def blank(seen: dict[str, Floats]) -> None:
        for name in ("it_kw", "utility_kw"):
            seen[name][mask] = np.nan

    truth.tampering.append(blank)
    return event


def replayed(truth: SiteTruth, rng: np.random.Generator, *, share: Span = SHARE, days: Span = DAYS) -> Event:
    """A run hidden on the IT meter by playing back an earlier week."""
    event = plain_run(truth, rng, name="replayed", group="evasion", share=share, days=days, tampers=True)
    week = round(7 * DAY_S / truth.step_s)
    mask = np.flatnonzero(truth.inside(event.start_s, event.end_s))

    def replay(seen: dict[str, Floats]) -> None:
        back = -(-(mask - mask[0] + 1) // week) * week
        seen["it_kw"][mask] = seen["it_kw"][np.maximum(mask - back, 0)]

    truth.tampering.append(replay)
    return event


def scaled(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.02, 0.3),
    days: Span = DAYS,
    by: Span = (0.01, 0.1),
) -> Event:
    """The IT meter is scaled by 1 to 10 % while a run goes on: down to hide it, up to explain the utility's rise."""
    event = plain_run(truth, rng, name="scaled", group="evasion", share=share, days=days, tampers=True)
    sign = 1.0 if rng.random() < 0.2 else -1.0
    factor = 1 + sign * rng.uniform(*by)
    mask = truth.inside(event.start_s, event.end_s)

    def scale(seen: dict[str, Floats]) -> None:
        seen["it_kw"][mask] *= factor

    truth.tampering.append(scale)
    return replace(event, details={"factor": factor})


def shifted(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.02, 0.3),
    days: Span = DAYS,
    by_min: Span = (1, 60),
) -> Event:
    """The IT meter's clock is put 1 to 60 min off while a run goes on, so that its steps don't meet the utility's."""
    event = plain_run(truth, rng, name="shifted", group="evasion", share=share, days=days, tampers=True)
    minutes = rng.uniform(*by_min) * (1.0 if rng.random() < 0.5 else -1.0)
    mask = truth.inside(event.start_s, event.end_s)

    def shift(seen: dict[str, Floats]) -> None:
        seen["it_kw"][mask] = late(seen["it_kw"], minutes * 60.0 / truth.step_s)[mask]

    truth.tampering.append(shift)
    return replace(event, details={"minutes": minutes})


def late(values: Floats, intervals: float) -> Floats:
    """Return a series as a clock that is so many intervals late would stamp it; missing stays missing."""
    index = np.arange(len(values)) - intervals
    low = np.clip(np.floor(index).astype(np.int64), 0, len(values) - 1)
    high = np.clip(low + 1, 0, len(values) - 1)
    part = np.clip(index - low, 0, 1)
    return np.asarray(np.where(part == 0, values[low], values[low] * (1 - part) + values[high] * part))
