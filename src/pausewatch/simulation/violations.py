"""Training in the open: undeclared, in bursts, already under way, or not stopped when the pause began."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.runs import VARIATION, training_mw
from pausewatch.simulation.truth import DAY_S, Event, SiteTruth, Span, before_pause, label, span_in_pause


def plain_run(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    name: str = "plain_run",
    group: str = "violation",
    share: Span = (0.05, 0.5),
    days: Span = (5, 60),
    variation: Span = VARIATION,
    at: Span = (0.0, 1.0),
    tampers: bool = False,
) -> Event:
    """An undeclared training run during the pause."""
    start, end = span_in_pause(truth, rng, days, at=at)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng, variation=variation))
    return label(truth, name, group, added, start, end, True, tampers=tampers)


def not_stopped(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.15, 0.45),
    days: Span = (10, 40),
    variation: Span = VARIATION,
) -> Event:
    """Declared training that goes on into the pause."""
    begin = truth.pause_start_s - rng.uniform(30, 60) * DAY_S
    end = min(truth.pause_start_s + rng.uniform(*days) * DAY_S, truth.end_s)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(begin, end))
    added = truth.add_it(training_mw(truth, begin, end, mw, rng, variation=variation))
    truth.declare("training", begin, truth.pause_start_s, mw, 14)
    began = max(begin, float(truth.epoch_s[0]))
    return label(truth, "not_stopped", "violation", added, truth.pause_start_s, end, True, began_s=began)


def already_running(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.02, 0.9),
    days: Span = (3, 180),
    before_days: Span = (5, 180),
    variation: Span = (0.001, 0.07),
) -> Event:
    """An undeclared run that was under way in the reference, and goes on."""
    begin = before_pause(truth, rng, before_days)
    end = min(truth.pause_start_s + rng.uniform(*days) * DAY_S, truth.end_s)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(begin, end))
    added = truth.add_it(training_mw(truth, begin, end, mw, rng, variation=variation))
    return label(truth, "already_running", "violation", added, truth.pause_start_s, end, True, began_s=begin)


def bursts(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.1, 0.4),
    days: Span = (20, 60),
    on_days: Span = (1, 7),
    duty: Span = (0.3, 0.9),
    variation: Span = VARIATION,
) -> Event:
    """Training in bursts of days with pauses between."""
    start, end = span_in_pause(truth, rng, days)
    on_s, on_share = rng.uniform(*on_days) * DAY_S, rng.uniform(*duty)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = training_mw(truth, start, end, mw, rng, variation=variation)
    added *= ((truth.epoch_s - start) % (on_s / on_share)) < on_s
    added = truth.add_it(added)
    return label(truth, "bursts", "violation", added, start, end, True, details={"duty": on_share})
