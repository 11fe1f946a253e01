"""Training made to look like something else, or to slip past the meters; telemetry is left as it is."""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.runs import training_mw
from pausewatch.simulation.truth import DAY_S, Event, Floats, SiteTruth, Span, before_pause, label, span_in_pause
from pausewatch.simulation.violations import plain_run

# Of a run supplied beyond this share nothing can be told from a meter's noise.
_ALL_SUPPLIED = 0.98


def slow_ramp(
    truth: SiteTruth, rng: np.random.Generator, *, a_day: Span = (0.002, 0.02), days: Span = (40, 90), most: float = 0.4
) -> Event:
    """Training load raised by little every day."""
    start, end = span_in_pause(truth, rng, days)
    mw_a_day = truth.it_capacity_mw * rng.uniform(*a_day)
    added = np.where(truth.inside(start, end), (truth.epoch_s - start) / DAY_S * mw_a_day, 0.0)
    added = truth.add_it(np.minimum(added, most * truth.it_capacity_mw))
    return label(truth, "slow_ramp", "evasion", added, start, end, True)


def off_peak(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.1, 0.4), days: Span = (20, 60)) -> Event:
    """Training at night only."""
    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = training_mw(truth, start, end, mw, rng)
    added *= (truth.hour >= 22) | (truth.hour < 6)
    added = truth.add_it(added)
    return label(truth, "off_peak", "evasion", added, start, end, True)


def throttled(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.01, 0.06), days: Span = (60, 180)
) -> Event:
    """The same compute at a fraction of the power, for longer."""
    return plain_run(truth, rng, name="throttled", group="evasion", share=share, days=days)


def diluted(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.05, 0.5),
    days: Span = (20, 90),
    duty: Span = (0.05, 0.6),
    turn_h: Span = (1, 24),
) -> Event:
    """Training in turns of hours between real jobs, at a duty of 5 to 60 %."""
    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    on_share = rng.uniform(*duty)
    turn_s = rng.uniform(*turn_h) * 3600.0
    # Turns are drawn for the whole span, each on with the duty as its chance.
    is_on = rng.random(int((end - start) // turn_s) + 2) < on_share
    is_on[0] = True
    turn = np.clip((truth.epoch_s - start) // turn_s, 0, len(is_on) - 1).astype(np.int64)
    added = truth.add_it(training_mw(truth, start, end, mw, rng) * is_on[turn])
    return label(truth, "diluted", "evasion", added, start, end, True, details={"duty": float(is_on.mean())})


def dummy_floor(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.05, 0.4),
    before_days: Span = (0, 120),
    days: Span = (20, 120),
) -> Event:
    """Dummy load raises the floor before the pause or at it, and training takes the dummy's place within."""
    begin = before_pause(truth, rng, before_days)
    end = min(truth.pause_start_s + rng.uniform(*days) * DAY_S, truth.end_s)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(begin, end))
    dummy_s = float(min(truth.pause_start_s + rng.uniform(0.5, 7) * DAY_S, (truth.pause_start_s + end) / 2))
    dummy = np.where(truth.inside(begin, dummy_s), mw, 0.0)
    dummy *= 1 + rng.standard_normal(len(dummy)) * 0.002
    added = training_mw(truth, dummy_s, end, mw, rng)
    fitted = truth.add_it(dummy + added)
    added = np.where(truth.inside(dummy_s, end), fitted, 0.0)
    return label(truth, "dummy_floor", "evasion", added, dummy_s, end, True, began_s=begin)


def poisoned_reference(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    raised: Span = (0.1, 1.0),
    before_days: Span = (30, 180),
    days: Span = (10, 120),
) -> Event:
    """Honest-looking load inflates the reference by 10 to 100 %; in the pause training draws what it made room for.

    The inflation follows the site's own shape, so that it looks like growth that came at once.
    """
    begin = before_pause(truth, rng, before_days)
    start, end = span_in_pause(truth, rng, days, earliest=0.5)
    share = rng.uniform(*raised)
    own = truth.it_mw.copy()
    most = float(own.max())
    share = min(share, max(truth.ceiling_mw - most, 0.02 * truth.it_capacity_mw) / most)
    gone_s = truth.pause_start_s + rng.uniform(0.0, 0.5) * DAY_S
    rise = np.clip((truth.epoch_s - begin) / (rng.uniform(0.5, 10) * DAY_S), 0, 1)
    raise_mw = np.where(truth.inside(begin, gone_s), own * share * rise, 0.0)
    truth.add_it(raise_mw)
    mean = float(own[truth.inside(begin, gone_s)].mean())
    added = truth.add_it(training_mw(truth, start, end, min(mean * share, truth.room_mw(start, end)), rng))
    details = {"raised": share}
    return label(truth, "poisoned_reference", "evasion", added, start, end, True, began_s=begin, details=details)


def split(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.01, 0.08),
    days: Span = (10, 90),
    at: Span = (0.0, 1.0),
    members: float = 1,
    group_number: float = 0,
) -> Event:
    """This site's part of a run that 2 to 50 sites of one owner share; they start and end within hours."""
    start, end = span_in_pause(truth, rng, days, at=at)
    start += rng.uniform(0, 6) * 3600
    end = max(min(end + rng.uniform(-6, 6) * 3600, truth.end_s), start + truth.step_s)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng))
    details = {"members": float(members), "group": float(group_number)}
    return label(truth, "split", "evasion", added, start, end, True, details=details)


def _claimed(
    truth: SiteTruth, rng: np.random.Generator, claim: str, activity: str, share: Span, days: Span, told: Span
) -> Event:
    start, end = span_in_pause(truth, rng, days, earliest=3)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng))
    truth.declare(activity, start, end, mw * rng.uniform(*told), float(rng.uniform(2, 14)))
    return label(truth, f"claimed_as_{claim}", "evasion", added, start, end, True)


def claimed_as_maintenance(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.4)) -> Event:
    """A run behind a notice of maintenance, which should be days and not weeks."""
    return _claimed(truth, rng, "maintenance", "maintenance", share, (5, 30), (0.8, 1.1))


def claimed_as_inference(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.5)) -> Event:
    """A run behind a notice of new inference: it does not follow the day."""
    return _claimed(truth, rng, "inference", "inference", share, (10, 90), (0.8, 1.2))


def claimed_as_science(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.5)) -> Event:
    """A run behind a notice of science: the hardest claim, as an honest one looks alike."""
    return _claimed(truth, rng, "science", "science", share, (10, 60), (0.5, 1.1))


def claimed_as_mining(truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.05, 0.5)) -> Event:
    """A run behind a notice of mining: it does not answer to prices."""
    return _claimed(truth, rng, "mining", "other", share, (10, 90), (0.8, 1.1))


def fake_daily_shape(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.05, 0.5),
    days: Span = (10, 90),
    swing: Span = (0.1, 0.45),
) -> Event:
    """A run throttled by the hour and at weekends so as to look like demand."""
    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    depth, peak = rng.uniform(*swing), rng.uniform(12, 20)
    weekend = ((truth.local_s // DAY_S).astype(np.int64) + 3) % 7 >= 5
    shape = 1 - depth * 0.5 * (1 - np.cos(2 * np.pi * (truth.hour - peak) / 24))
    shape *= np.where(weekend, 1 - rng.uniform(0, 0.1), 1.0)
    added = truth.add_it(training_mw(truth, start, end, mw, rng) * shape)
    return label(truth, "fake_daily_shape", "evasion", added, start, end, True, details={"swing": depth})


def hidden_from_it_meter(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.1, 0.4), days: Span = (10, 60)
) -> Event:
    """A run wired past the IT meter: it shows at the utility alone."""
    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng), is_hidden=True)
    return label(truth, "hidden_from_it_meter", "evasion", added, start, end, True)


def battery_smoothing(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.05, 0.4),
    days: Span = (10, 60),
    battery_h: Span = (1, 12),
) -> Event:
    """An unmetered battery rounds the run's edges and dips at the utility; the run goes past the IT meter.

    The battery follows the difference between the run and its own slow mean, with a tenth of the energy lost.
    """
    from scipy.signal import lfilter

    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng), is_hidden=True)
    hours = rng.uniform(*battery_h)
    keep = float(np.exp(-truth.step_s / (hours * 3600.0)))
    slow = lfilter([1 - keep], [1, -keep], added)
    difference = slow - added
    truth.extra_mw = truth.extra_mw + np.where(difference > 0, difference * 1.1, difference)
    return label(truth, "battery_smoothing", "evasion", added, start, end, True, details={"battery_h": hours})


def behind_the_meter(
    truth: SiteTruth,
    rng: np.random.Generator,
    *,
    share: Span = (0.05, 0.5),
    days: Span = (10, 90),
    supplied: Span = (0.1, 1.0),
) -> Event:
    """An undeclared supply behind the utility's meter carries 10 to 100 % of a run that goes past the IT meter.

    It carries the losses and the cooling of that part too, so that nothing is left to see of a run it carries whole.
    """
    start, end = span_in_pause(truth, rng, days)
    mw = min(truth.it_capacity_mw * rng.uniform(*share), truth.room_mw(start, end))
    added = truth.add_it(training_mw(truth, start, end, mw, rng), is_hidden=True)
    part = rng.uniform(*supplied)
    truth.carried_mw = truth.carried_mw + part * added
    return label(
        truth,
        "behind_the_meter",
        "evasion",
        added,
        start,
        end,
        True,
        visible=part < _ALL_SUPPLIED,
        details={"supplied": part},
    )


def replaced_one_for_one(
    truth: SiteTruth, rng: np.random.Generator, *, share: Span = (0.3, 0.3), days: Span = (20, 60)
) -> Event:
    """Honest load taken away one for one: no meter can show it."""
    start, end = span_in_pause(truth, rng, days)
    part = share[0] if share[0] == share[1] else rng.uniform(*share)
    added: Floats = np.where(truth.inside(start, end), part * truth.it_mw.mean(), 0.0)
    return label(truth, "replaced_one_for_one", "evasion", added, start, end, True, visible=False)
