"""Findings on stops: load older than the reference that came down during the pause, a question to the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

from pausewatch.detection.episodes import Episode
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.detection.stops import Stop
from pausewatch.findings.matching import TOLERANCE
from pausewatch.findings.model import Assessment, Kind, Verdict
from pausewatch.findings.odds import at_most_even
from pausewatch.findings.quantities import quantities
from pausewatch.findings.unstopped import stopped_late
from pausewatch.findings.verdicts import verdict_of
from pausewatch.findings.wording import instant, local, megawatts, meters_of, spell
from pausewatch.fleet import Activity, Declaration
from pausewatch.signatures.features import Features, measure
from pausewatch.signatures.hypotheses import Hypothesis, probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer, explain
from pausewatch.telemetry.panel import Lane

# A smaller part of the IT capacity leaves often enough for ordinary reasons.
_LEAST_SHARE = 0.04
_SAME_HOURS = 36
# A stop that ends this share of known load, or more, is that load's end.
_KNOWN_SHARE = 0.4
# What the IT meter shows of a fall at the utility, below which it was no IT load.
_AT_IT_SHARE = 0.3
_LOWERS = (Activity.MAINTENANCE, Activity.DEMAND_RESPONSE, Activity.COMMISSIONING)


def stop_findings(
    day: SiteWatchDay, judge: Explainer = explain, unstopped: Sequence[Assessment] = ()
) -> list[Assessment]:
    """Return what must be asked of load that stopped, one finding a stop.

    Args:
        day: the site as seen on the report day.
        judge: what weighs the hypotheses.
        unstopped: what is already said of declared training that did not stop: neither it nor its end is told again.
    """
    pairs = _paired(day.lanes[Lane.UTILITY].stops, day.lanes[Lane.IT_LOAD].stops)
    return [one for pair in pairs if (one := _asked(day, pair, judge, unstopped)) is not None]


def _paired(utility: Sequence[Stop], it_load: Sequence[Stop]) -> list[tuple[Stop | None, Stop | None]]:
    left = list(it_load)
    out: list[tuple[Stop | None, Stop | None]] = []
    for mine in utility:
        near = [s for s in left if abs(s.hour - mine.hour) <= _SAME_HOURS]
        match = min(near, key=lambda s: abs(s.hour - mine.hour), default=None)
        if match is not None:
            left.remove(match)
        out.append((mine, match))
    return [*out, *((None, s) for s in left)]


def _asked(
    day: SiteWatchDay, pair: tuple[Stop | None, Stop | None], judge: Explainer, told: Sequence[Assessment]
) -> Assessment | None:
    utility, it_load = pair
    stop = it_load or utility
    assert stop is not None  # noqa: S101  # a pair holds at least one
    at_it_kw = stop.size_kw / (1.0 if stop is it_load else day.marginal_pue.central)
    features = _of_what_is_missing(day, pair)
    is_it_load = it_load is not None or not features.is_it_metered or features.it_agreement >= _AT_IT_SHARE
    if at_it_kw < _LEAST_SHARE * 1e3 * day.site.it_capacity_mw or not is_it_load:
        return None
    if max(_known_kw(day, stop.hour), _ended_kw(day, stop, told)) >= _KNOWN_SHARE * at_it_kw:
        return None
    start_hour = max(day.grid.hour_index(day.pause.start), 0)
    at_utility, at_racks = (None if s is None else _until(s, start_hour) for s in pair)
    before = SiteEpisode(at_utility, at_racks, pue=day.marginal_pue)
    size = quantities(day, before)
    works = _lowering(day, stop)
    known = {name for one in told for name in one.declaration_ids}
    unstopped = [d for d in stopped_late(day, stop, at_it_kw / 1e3) if d.id not in known]
    circumstances = Circumstances(
        is_declared=works is not None and not unstopped, is_over=True, did_not_step_down=bool(unstopped)
    )
    hypotheses = judge(features, circumstances)
    if not unstopped:
        # Whether a run stopped or a tenant left at once can't be told from the fall alone.
        hypotheses = at_most_even(hypotheses)
    return Assessment(
        site_id=day.site.id,
        kind=Kind.MISSING_STEP_DOWN if unstopped else Kind.SUSTAINED_LOAD,
        verdict=_verdict(hypotheses, circumstances),
        start=day.pause.start,
        end=instant(day, stop.hour),
        training_probability=probability(hypotheses, Cause.TRAINING),
        hypotheses=hypotheses,
        excess_mw=size.excess_mw,
        energy_mwh=size.energy_mwh,
        flop=size.flop,
        declaration_ids=tuple(d.id for d in (*unstopped, works) if d is not None),
        evidence={
            "lanes": {s.lane: _lane_evidence(day, s) for s in pair if s is not None},
            "measured_on": size.lane.value,
            "stopped": instant(day, stop.hour).isoformat(),
            "features": features.document(),
            "circumstances": asdict(circumstances),
            "unseen_hours": size.unseen_hours,
        },
        facts=_facts(day, stop, size.excess_mw.estimate, features, works, unstopped),
    )


def _verdict(hypotheses: Sequence[Hypothesis], circumstances: Circumstances) -> Verdict:
    if circumstances.did_not_step_down:
        return verdict_of(hypotheses, circumstances, False, ())
    return Verdict.EXPLAINED if circumstances.is_declared else Verdict.UNEXPLAINED


def _known_kw(day: SiteWatchDay, hour: int) -> float:
    """Return the load above expectation that findings tell of in the hours before an hour, at the IT load, kW."""
    pue = {Lane.UTILITY: day.marginal_pue.central, Lane.IT_LOAD: 1.0}
    return max(
        (
            episode.excess_kw / at_it
            for lane, at_it in pue.items()
            for episode in day.lane(lane).episodes
            if episode.start_hour < hour - _SAME_HOURS
            and (episode.end_hour is None or episode.end_hour >= hour - _SAME_HOURS)
        ),
        default=0.0,
    )


def _ended_kw(day: SiteWatchDay, stop: Stop, told: Sequence[Assessment]) -> float:
    """Return the load at the IT load of what is told of and ended about a stop, kW."""
    near = timedelta(hours=_SAME_HOURS)
    at = instant(day, stop.hour)
    return max((1e3 * a.excess_mw.estimate for a in told if a.end is not None and abs(a.end - at) <= near), default=0.0)


def _lane_evidence(day: SiteWatchDay, stop: Stop) -> dict[str, object]:
    return {
        "meters": meters_of(day, Lane(stop.lane)),
        "test": "page_glr_step",
        "statistic_over_threshold": round(stop.strength, 3),
        "excess_kw": round(stop.size_kw, 1),
        "excess_sd_kw": round(stop.sd_kw, 1),
        "level_after_kw": round(stop.level_kw, 1),
        "stopped": instant(day, stop.hour).isoformat(),
    }


def _until(stop: Stop, start_hour: int) -> Episode:
    """Return the load that stopped as it was during the pause, above what was left."""
    return _episode(stop, (start_hour, stop.hour), stop.level_kw)


def _episode(stop: Stop, part: tuple[int, int | None], level_kw: float) -> Episode:
    return Episode(
        lane=stop.lane,
        is_drift=False,
        parts=(part,),
        level_kw=level_kw,
        has_level=True,
        excess_kw=stop.size_kw,
        sd_kw=stop.sd_kw,
        strength=stop.strength,
        alarm_day=0,
    )


def _of_what_is_missing(day: SiteWatchDay, pair: tuple[Stop | None, Stop | None]) -> Features:
    """Measure what has been missing since, as if it were load: the baseline knows the shape of what was there."""
    lanes: dict[Lane, LaneDay] = {
        lane: replace(view, residual_kw=-view.residual_kw, stops=()) for lane, view in day.lanes.items()
    }
    gone = (None if s is None else _episode(s, (s.hour, None), -s.level_kw - s.size_kw) for s in pair)
    at_utility, at_racks = gone
    return measure(replace(day, lanes=lanes), SiteEpisode(at_utility, at_racks, pue=day.marginal_pue))


def _lowering(day: SiteWatchDay, stop: Stop) -> Declaration | None:
    """Return the declaration of works or demand response that a fall belongs to, filed before it and not over yet."""
    at, now = instant(day, stop.hour), instant(day, day.grid.hours)
    return next(
        (
            d
            for d in day.site.declarations
            if d.activity in _LOWERS
            and d.filed_at <= at + TOLERANCE
            and d.start <= at + TOLERANCE
            and (d.end is None or d.end + TOLERANCE >= now)
        ),
        None,
    )


def _facts(
    day: SiteWatchDay,
    stop: Stop,
    size_mw: float,
    features: Features,
    works: Declaration | None,
    unstopped: Sequence[Declaration],
) -> tuple[str, ...]:
    share = 100 * size_mw / day.site.it_capacity_mw
    shape = "it was flat" if features.diurnal_share <= 0.08 else "it followed the hour of the day"
    lasted = spell(day.grid.hours - stop.hour)
    since = "when the pause began" if unstopped else "since before the reference"
    said = [
        f"A load of {megawatts(size_mw)} at the IT load ({share:.0f} % of IT capacity) that had been there {since}"
        f" stopped at once at {local(day, stop.hour)} ({day.site.timezone}) and has stayed away for "
        f"{lasted}: {shape}."
    ]
    said += [
        f"Training of {megawatts(d.expected_mw or 0.0)} was declared up to the pause ({d.id}); no such load came down "
        "then, and this one is about as large."
        for d in unstopped
    ]
    if not unstopped:
        said.append(
            "A run learned as normal would look like this, and so would a tenant that left at once: energy and compute "
            "are what it drew from the start of the pause, if it was a run."
        )
    if works is not None:
        said.append(
            f"Declaration {works.id} ({works.activity.value}) accounts for "
            f"{'its end' if unstopped else 'it'}; it rests on the operator's word."
        )
    elif not unstopped:
        said.append("No declaration speaks of it.")
    return tuple(said)
