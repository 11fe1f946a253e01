"""Findings on gaps: what wasn't seen is bounded by what the site could have drawn."""

from __future__ import annotations

import numpy as np

from pausewatch.detection.gaps import Gap, gaps
from pausewatch.detection.integrity.silence import StepAcross, edges_inside, step_across
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.model import Assessment, Bounds, Kind, Verdict
from pausewatch.findings.quantities import flop_of, free_capacity_mw
from pausewatch.findings.wording import LANE_NAMES, instant, local, megawatts, meters_of, spell
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause
from pausewatch.telemetry.panel import Lane
from pausewatch.telemetry.substitution import substitute

# Telemetry fails often and hides something rarely; a gap that begins with the pause or beside an episode is less
# innocent, and one from which the load came back larger has hidden how that began.
_CONCEALS, _CONCEALS_AT_EDGE, _CONCEALS_A_RISE = 0.05, 0.25, 0.45
_EDGE_HOURS = 48


def gap_findings(day: SiteWatchDay) -> list[Assessment]:
    """Judge every gap of a day or more that reaches into the pause."""
    pause_hour = max(day.grid.hour_index(day.pause.start), 0)
    observed = {lane: view.observed_kw for lane, view in day.lanes.items()}
    has_meter = {lane: view.has_meter for lane, view in day.lanes.items()}
    return [_judge(day, gap, has_meter) for gap in gaps(observed, has_meter, pause_hour)]


def _judge(day: SiteWatchDay, gap: Gap, has_meter: dict[Lane, bool]) -> Assessment:
    now = day.grid.hours
    end = now if gap.end_hour is None else gap.end_hour
    hours = end - gap.start_hour
    is_blind = set(gap.lanes) >= {lane for lane, has in has_meter.items() if has}
    excess = _bounds(day, gap, end) if is_blind else Bounds(0.0, 0.0, 0.0)
    energy = Bounds(excess.estimate * hours, excess.low * hours, excess.high * hours)
    edges = [e.start_hour for view in day.lanes.values() for e in view.episodes] + [
        day.grid.hour_index(day.pause.start)
    ]
    at_edge = any(gap.start_hour - _EDGE_HOURS <= edge <= end + _EDGE_HOURS for edge in edges)
    steps = _steps(day, gap, end)
    rose = any(step.is_clear and step.step_kw > 0 for step in steps.values())
    hidden = [
        (view.lane, episode, begins)
        for view in day.lanes.values()
        for episode, begins in edges_inside(view.episodes, gap.start_hour, end)
    ]
    rose |= any(begins for _, _, begins in hidden)
    is_step = bool(hidden) or any(step.is_clear for step in steps.values())
    conceals = _CONCEALS_A_RISE if rose else _CONCEALS_AT_EDGE if at_edge else _CONCEALS
    names = " and the ".join(LANE_NAMES[lane] for lane in gap.lanes)
    many = len(gap.lanes) > 1
    been = "have been" if many else "has been"
    still = been if gap.end_hour is None else ("were" if many else "was")
    facts = [
        f"The {names} {still} silent from {local(day, gap.start_hour)} ({day.site.timezone}) for {spell(hours)}"
        + ("." if gap.end_hour is not None else ", and still.")
    ]
    if is_blind:
        facts.append(
            f"No other meter saw the site in that time: up to {megawatts(excess.high)} at the IT load could have run."
        )
    else:
        others = [LANE_NAMES[lane] for lane, has in has_meter.items() if has and lane not in gap.lanes]
        facts.append(f"The {' and '.join(others)} saw the site meanwhile.")
    facts += [_told(lane, step) for lane, step in steps.items() if step.is_clear]
    facts += [
        f"The load that the {LANE_NAMES[lane]} shows {'began' if begins else 'ended'} in it or within hours, "
        f"at {local(day, episode.start_hour if begins else episode.end_hour or end)} by what was seen."
        for lane, episode, begins in hidden
    ]
    if is_step:
        facts.append("Silence that hides a step is itself evidence: the operator is to account for both.")
    elif at_edge:
        facts.append("It lies at the start of the pause or of an episode: silence at such a time is itself evidence.")
    return Assessment(
        site_id=day.site.id,
        kind=Kind.TELEMETRY_GAP,
        verdict=Verdict.CANNOT_CONCLUDE if is_blind and not is_step else Verdict.UNEXPLAINED,
        start=instant(day, gap.start_hour),
        end=None if gap.end_hour is None else instant(day, gap.end_hour),
        training_probability=conceals,
        hypotheses=(Hypothesis(Cause.METERING, 1 - conceals), Hypothesis(Cause.TRAINING, conceals)),
        excess_mw=excess,
        energy_mwh=energy,
        flop=flop_of(day.site, energy),
        evidence={
            "lane": "+".join(sorted(lane.value for lane in gap.lanes)),
            "meters": [m for lane in gap.lanes for m in meters_of(day, lane)],
            "unseen_hours": hours,
            "saw_nothing_else": is_blind,
            "at_edge": at_edge,
            "steps": {
                lane.value: {
                    "before_kw": round(step.before_kw, 1),
                    "after_kw": round(step.after_kw, 1),
                    "unaccounted_kw": round(step.step_kw, 1),
                    "sd_kw": round(step.sd_kw, 1),
                    "is_clear": step.is_clear,
                }
                for lane, step in steps.items()
            },
            "hides_a_step": is_step,
            "bound": "40 CFR 75.33 substitution; high end: IT capacity",
        },
        facts=tuple(facts),
    )


def _steps(day: SiteWatchDay, gap: Gap, end: int) -> dict[Lane, StepAcross]:
    """Return what each silent lane drew beside a gap that is over."""
    out = {}
    for lane in gap.lanes if gap.end_hour is not None else ():
        view = day.lanes[lane]
        step = step_across(view.observed_kw, view.expected.mean_kw[0], view.daily_sd_kw, gap.start_hour, end)
        if step is not None:
            out[lane] = step
    return out


def _told(lane: Lane, step: StepAcross) -> str:
    way = "more" if step.step_kw > 0 else "less"
    return (
        f"The {LANE_NAMES[lane]} showed {megawatts(step.before_kw / 1e3)} in the two days before the silence and "
        f"{megawatts(step.after_kw / 1e3)} in the two after: {megawatts(abs(step.step_kw) / 1e3)} {way} than hour and "
        f"weather account for (chance: {megawatts(step.sd_kw / 1e3)})."
    )


def _bounds(day: SiteWatchDay, gap: Gap, end: int) -> Bounds:
    """Bound the excess behind a gap: the substitution ladder's value above expectation, up to the free capacity."""
    lane = Lane.IT_LOAD if Lane.IT_LOAD in gap.lanes else Lane.UTILITY
    view = day.lanes[lane]
    potential = day.site.it_capacity_mw if lane is Lane.IT_LOAD else day.site.grid_connection_mw
    stand_in = substitute(view.observed_kw[:end], potential * 1e3)[gap.start_hour :]
    expected = view.expected.mean_kw[0][gap.start_hour : end]
    # Without a baseline nothing is known of honest load: all that the site could have drawn may be excess.
    above = stand_in - np.where(np.isfinite(expected), expected, 0.0)
    seen = np.isfinite(above)
    share = 1.0 if lane is Lane.IT_LOAD else 1 / day.marginal_pue.central
    estimate = max(float(above[seen].mean()), 0.0) * share / 1e3 if seen.any() else 0.0
    high = free_capacity_mw(day)
    return Bounds(estimate=min(estimate, high), low=0.0, high=high)
