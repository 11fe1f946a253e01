"""What real fleets do that must not be called training: growth, moves, tests, weather, lost load, honest plateaus.

Sizes are our own estimates of what a fleet sees; what operators would declare is declared, days before it begins.
"""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.runs import training_mw
from pausewatch.simulation.truth import DAY_S, Event, Floats, Mask, SiteTruth, Span, before_pause, label, span_in_pause


def declared_science(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.1, 0.3), days: Span = (5, 20)
) -> Event:
    """A science run that was declared before it began."""
    start, end = span_in_pause(truth, rng, days, earliest=3)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng, interruptions=False))
    truth.declare("science", start, end, mw * rng.uniform(0.95, 1.1), 10)
    return label(truth, "declared_science", "benign", added, start, end, False)


def declared_training_stopped(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.15, 0.45)) -> Event:
    """Declared training that stops when the pause begins."""
    begin = truth.pause_start_s - rng.uniform(25, 60) * DAY_S
    end = truth.pause_start_s - rng.uniform(0.5, 12) * 3600
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(begin, end))
    added = truth.add_it(training_mw(truth, begin, end, mw, rng))
    truth.declare("training", begin, truth.pause_start_s, mw, 14)
    return label(truth, "declared_training_stopped", "benign", added, begin, end, False)


def inference_growth(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.2), adoption_days: Span = (4, 12)
) -> Event:
    """A launch: diurnal load that grows over weeks."""
    start, _ = span_in_pause(truth, rng, (15, 90))
    peak = truth.it_capacity_mw * rng.uniform(*share)
    adoption = 1 - np.exp(-np.maximum(truth.epoch_s - start, 0) / (rng.uniform(*adoption_days) * DAY_S))
    added = truth.add_it(peak * adoption * (0.6 + 0.4 * np.cos(2 * np.pi * (truth.hour - 17) / 24)))
    return label(truth, "inference_growth", "benign", added, start, truth.end_s, False)


def inference_launch(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.25)) -> Event:
    """A launch that is a success at once: diurnal load within an hour, which then falls back to a half over weeks."""
    start, _ = span_in_pause(truth, rng, (15, 90))
    peak = truth.it_capacity_mw * rng.uniform(*share)
    since_s = np.maximum(truth.epoch_s - start, 0)
    rise = np.clip(since_s / 3600.0, 0, 1) * (0.5 + 0.5 * np.exp(-since_s / (rng.uniform(5, 20) * DAY_S)))
    added = truth.add_it(peak * rise * (0.65 + 0.35 * np.cos(2 * np.pi * (truth.hour - rng.uniform(14, 20)) / 24)))
    return label(truth, "inference_launch", "benign", added, start, truth.end_s, False)


def nightly_batch(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.03, 0.2), hours: Span = (2, 7)
) -> Event:
    """Batch work at the same hours of every night, from some day on."""
    start, _ = span_in_pause(truth, rng, (15, 90))
    begins, lasts = rng.uniform(20, 26), rng.uniform(*hours)
    is_on = (truth.epoch_s >= start) & (((truth.hour - begins) % 24) < lasts)
    mw = truth.it_capacity_mw * rng.uniform(*share)
    night = ((truth.local_s - begins * 3600) // DAY_S).astype(np.int64)
    night -= night[0]
    by_night = rng.uniform(0.8, 1.1, int(night[-1]) + 1)
    added = truth.add_it(np.where(is_on, mw * by_night[night], 0.0))
    return label(truth, "nightly_batch", "benign", added, start, truth.end_s, False)


def new_tenant(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.03, 0.12)) -> Event:
    """A tenant moves in, rack by rack over days, and stays."""
    start, _ = span_in_pause(truth, rng, (20, 60))
    mw = truth.it_capacity_mw * rng.uniform(*share)
    added = truth.add_it(_in_steps(truth, rng, start, (3, 15)) * mw)
    return label(truth, "new_tenant", "benign", added, start, truth.end_s, False)


def new_hall(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.08, 0.3)) -> Event:
    """A hall is filled over weeks, declared as commissioning with what it will draw, and stays."""
    start, _ = span_in_pause(truth, rng, (30, 90), earliest=3)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, truth.end_s))
    filled_days = rng.uniform(10, 45)
    added = truth.add_it(_in_steps(truth, rng, start, (filled_days, filled_days)) * mw)
    truth.declare("commissioning", start, start + filled_days * DAY_S, mw * rng.uniform(0.9, 1.2), 21)
    return label(truth, "new_hall", "benign", added, start, truth.end_s, False)


def tenant_leaves(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.3)) -> Event:
    """A tenant moves out over days: a share of the ordinary load is gone for good."""
    start, _ = span_in_pause(truth, rng, (20, 60))
    gone = rng.uniform(*share) * _in_steps(truth, rng, start, (1, 15))
    return _less(truth, "tenant_leaves", 1 - gone, start, truth.end_s)


def load_bank(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.2, 0.2)) -> Event:
    """A load-bank test: a staircase of hours at the utility, declared as commissioning."""
    start, _ = span_in_pause(truth, rng, (1, 2))
    end = float(min(start + rng.uniform(6, 14) * 3600, truth.end_s))
    mw = truth.it_capacity_mw * (share[0] if share[0] == share[1] else rng.uniform(*share))
    stairs = np.floor(np.clip((truth.epoch_s - start) / (end - start), 0, 0.999) * 5) / 4
    truth.extra_mw = truth.extra_mw + np.where(truth.inside(start, end), stairs * mw, 0.0)
    truth.declare("commissioning", start, end, mw, 7)
    return _without_it("load_bank", start, end)


def chiller_fault(truth: SiteTruth, rng: np.random.Generator, *, days: Span = (2, 8)) -> Event:
    """A chiller runs badly for days: more draw, and more of it when it is hot."""
    start, end = span_in_pause(truth, rng, days)
    added = np.where(
        truth.inside(start, end),
        truth.it_mw * rng.uniform(0.03, 0.1) * (1 + 0.4 * np.cos(2 * np.pi * (truth.hour - 15) / 24)),
        0.0,
    )
    truth.extra_mw = truth.extra_mw + added
    return _without_it("chiller_fault", start, end)


def heat_wave(truth: SiteTruth, rng: np.random.Generator, *, by_c: Span = (5, 12), days: Span = (3, 12)) -> Event:
    """Days 5 to 12 degC hotter than the season: cooling answers, the IT does not."""
    start, end = span_in_pause(truth, rng, days)
    edge_s = 0.5 * DAY_S
    rise = np.clip((truth.epoch_s - start) / edge_s, 0, 1) * np.clip((end - truth.epoch_s) / edge_s, 0, 1)
    truth.temperature_c = truth.temperature_c + rng.uniform(*by_c) * rise
    return _without_it("heat_wave", start, end)


def demand_response(truth: SiteTruth, rng: np.random.Generator, *, depth: Span = (0.2, 0.2)) -> Event:
    """A few evenings of reduced load, declared."""
    start, _ = span_in_pause(truth, rng, (3, 5))
    end = float(min(start + 4 * DAY_S, truth.end_s))
    part = depth[0] if depth[0] == depth[1] else rng.uniform(*depth)
    mask = truth.inside(start, end) & (truth.hour >= 17) & (truth.hour < 20)
    truth.declare("demand_response", start, end, 0.0, 2)
    return _drop(truth, "demand_response", mask, 1 - part, start, end)


def grid_trip(truth: SiteTruth, rng: np.random.Generator, *, depth: Span = (0.7, 0.7)) -> Event:
    """A trip: the load falls for an hour and comes back."""
    start, _ = span_in_pause(truth, rng, (1, 2))
    end = float(min(start + rng.uniform(0.5, 3) * 3600, truth.end_s))
    part = depth[0] if depth[0] == depth[1] else rng.uniform(*depth)
    return _drop(truth, "grid_trip", truth.inside(start, end), 1 - part, start, end)


def price_drops(
    truth: SiteTruth, rng: np.random.Generator, *, depth: Span = (0.2, 0.9), days: Span = (10, 60)
) -> Event:
    """A stretch of high prices in which flexible load, as mining is, stops for hours on many days."""
    start, end = span_in_pause(truth, rng, days)
    begins, lasts = rng.uniform(6, 20), rng.uniform(1, 6)
    day = ((truth.local_s - begins * 3600) // DAY_S).astype(np.int64)
    day -= day[0]
    is_dear = rng.random(int(day[-1]) + 1) < rng.uniform(0.3, 0.8)
    mask = truth.inside(start, end) & is_dear[day] & (((truth.hour - begins) % 24) < lasts)
    return _drop(truth, "price_drops", mask, 1 - rng.uniform(*depth), start, end)


def maintenance(truth: SiteTruth, rng: np.random.Generator, *, depth: Span = (0.1, 0.5)) -> Event:
    """Part of a site is taken down for hours or days, declared."""
    start, end = span_in_pause(truth, rng, (0.25, 4), earliest=3)
    part = rng.uniform(*depth)
    mean = float(truth.it_mw.mean())
    truth.declare("maintenance", start, end, mean * (1 - part), 7)
    return _drop(truth, "maintenance", truth.inside(start, end), 1 - part, start, end)


def load_moved_in(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.3)) -> Event:
    """Work is moved here while another site is down: ordinary load, so it follows this site's own shape."""
    start, end = span_in_pause(truth, rng, (1, 10))
    shape = truth.it_mw / max(float(truth.it_mw.mean()), 1e-9)
    mw = truth.it_capacity_mw * rng.uniform(*share)
    added = truth.add_it(np.where(truth.inside(start, end), mw * shape, 0.0))
    return label(truth, "load_moved_in", "benign", added, start, end, False)


def grown_reference(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.3)) -> Event:
    """Honest load that came during the reference and stayed: what a poisoned reference must not be mixed up with."""
    begin = before_pause(truth, rng, (30, 120))
    mw = truth.it_capacity_mw * rng.uniform(*share)
    added = truth.add_it(_in_steps(truth, rng, begin, (5, 25)) * mw)
    return label(truth, "grown_reference", "benign", added, begin, truth.end_s, False)


def _in_steps(truth: SiteTruth, rng: np.random.Generator, start_s: float, over_days: Span) -> Floats:
    """Return a staircase from 0 to 1 that begins at an instant, at each interval."""
    moves = int(rng.integers(4, 12))
    at = np.sort(rng.uniform(start_s, start_s + rng.uniform(*over_days) * DAY_S, moves))
    return np.asarray(np.searchsorted(at, truth.epoch_s, side="right") / moves)


def _drop(truth: SiteTruth, name: str, mask: Mask, left: float, start_s: float, end_s: float) -> Event:
    return _less(truth, name, np.where(mask, left, 1.0), start_s, end_s)


def _less(truth: SiteTruth, name: str, factor: Floats, start_s: float, end_s: float) -> Event:
    """Take ordinary load away; what it adds is less than nothing."""
    added = truth.it_mw * (factor - 1)
    truth.it_mw = truth.it_mw + added
    return label(truth, name, "benign", added, start_s, end_s, False)


def _without_it(name: str, start_s: float, end_s: float) -> Event:
    return Event(name, "benign", start_s, end_s, 0.0, 0.0, False)
