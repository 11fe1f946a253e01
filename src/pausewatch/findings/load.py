"""Findings on load: each episode judged by its features, its circumstances and what was declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np

from pausewatch.detection.integrity.contradiction import Contradiction
from pausewatch.detection.lanes import SiteEpisode, joined
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.looks import looks, packed, trainings
from pausewatch.findings.matching import Match, accounting, matches
from pausewatch.findings.model import Assessment, Kind, Verdict
from pausewatch.findings.quantities import Quantities, quantities
from pausewatch.findings.recurrence import Loads, earlier_days
from pausewatch.findings.standing import standing_training
from pausewatch.findings.suspicion import suspect_lanes
from pausewatch.findings.unstopped import unstopped_training, was_down
from pausewatch.findings.verdicts import LINES, not_yet, verdict_of, weighed
from pausewatch.findings.wording import LANE_NAMES, instant, local, megawatts, meters_of, spell
from pausewatch.fleet import Activity, Declaration
from pausewatch.signatures.features import Features, measure
from pausewatch.signatures.hypotheses import probability
from pausewatch.signatures.rule import Cause, Circumstances, Explainer, explain
from pausewatch.telemetry.panel import Lane

_FELL_SHARE = 0.6
LOOKS = "looks"
"""Where evidence keeps earlier looks, if asked to."""
# From where on a sentence says what a load is made of.
_BY_THE_CLOCK, _PLAIN_NATS, _CLIMBED_SHARE, _DIPS_A_DAY = 0.4, 3.0, 0.2, 0.25


def load_findings(
    day: SiteWatchDay,
    contradictions: Sequence[Contradiction],
    judge: Explainer = explain,
    *,
    keeps_looks: bool = False,
) -> list[Assessment]:
    """Judge every episode of a site that reaches into the pause.

    Args:
        day: the site as seen on the report day.
        contradictions: telemetry that can't be right.
        judge: what weighs the hypotheses: the rule, or a promoted model.
        keeps_looks: keep in the evidence how each load looked on the days before, so that it can be judged again.
    """
    pause_hour = day.grid.hour_index(day.pause.start)
    utility, it_load, balance = (day.lane(lane).episodes for lane in Lane)
    residual_kw = {lane: day.lane(lane).residual_kw for lane in Lane}
    found = [e.settled(residual_kw) for e in joined(utility, it_load, balance, day.marginal_pue)]
    loads = [
        (episode, measure(day, episode), quantities(day, episode))
        for episode in (*found, *standing_training(day, found))
        if episode.end_hour is None or episode.end_hour > pause_hour
    ]
    return [_judge(day, loads, i, contradictions, judge, keeps_looks) for i in range(len(loads))]


def _judge(
    day: SiteWatchDay,
    loads: Loads,
    index: int,
    contradictions: Sequence[Contradiction],
    judge: Explainer,
    keeps_looks: bool,
) -> Assessment:
    now = day.grid.hours
    episode, features, size = loads[index]
    start = instant(day, episode.start_hour)
    end = None if episode.end_hour is None else instant(day, episode.end_hour)
    until = end or instant(day, now)
    found = matches(day.site, start, until, size.excess_mw, features, day.pause)
    unstopped = unstopped_training(day, episode, start, size.excess_mw.estimate)
    suspect = suspect_lanes(episode, contradictions, now)
    circumstances = Circumstances(
        did_not_step_down=bool(unstopped),
        declared_training=any(m.declaration.activity is Activity.TRAINING for m in found),
        is_declared=accounting(found) is not None,
        is_suspect=bool(suspect),
        is_drift=episode.main.is_drift,
        is_over=end is not None,
        it_reads_low=episode.is_past_it_meter and it_fell(day, episode),
        is_learned=episode.main.is_learned,
        earlier_days=earlier_days(loads, index),
    )
    hypotheses = weighed(judge, features, circumstances)
    is_blind = len(suspect) == len(episode.shown)
    seen = looks(day, loads, index)
    kept = list(islice(seen, LINES.longest - 1)) if keeps_looks else None
    before = trainings(judge, circumstances, seen if kept is None else kept)
    verdict = verdict_of(hypotheses, circumstances, is_blind, before)
    return Assessment(
        site_id=day.site.id,
        kind=_kind(circumstances, found, verdict, episode.is_past_it_meter),
        verdict=verdict,
        start=start,
        end=end,
        training_probability=probability(hypotheses, Cause.TRAINING),
        hypotheses=hypotheses,
        excess_mw=size.excess_mw,
        energy_mwh=size.energy_mwh,
        flop=size.flop,
        declaration_ids=tuple(dict.fromkeys([*(m.declaration.id for m in found), *(d.id for d in unstopped)])),
        evidence=_evidence(day, episode, features, circumstances, size, found, suspect)
        | ({} if kept is None else {LOOKS: packed(kept)}),
        facts=(
            *_facts(day, episode, features, circumstances, size, found, unstopped, suspect),
            *not_yet(probability(hypotheses, Cause.TRAINING), verdict),
        ),
    )


def it_fell(day: SiteWatchDay, episode: SiteEpisode) -> bool:
    """Return whether the IT meter fell by most of what the balance rose, as a wrong scale or load moved past it do.

    Told by the days on both sides of the edge, at the same hours.
    """
    if episode.balance is None:
        return False
    at = episode.balance.start_hour
    views = (day.lanes[Lane.IT_LOAD].residual_kw, day.balance.residual_kw)
    before, after = (np.stack([v[max(b, 0) : max(b, 0) + 24] for v in views]) for b in (at - 24, at))
    if before.shape != after.shape:
        return False
    both = (np.isfinite(before) & np.isfinite(after)).all(axis=0)
    if not both.any():
        return False
    at_it, between = (after - before)[:, both].mean(axis=1)
    return bool(-at_it * day.marginal_pue.central >= _FELL_SHARE * between > 0)


def _kind(circumstances: Circumstances, found: Sequence[Match], verdict: Verdict, is_past_it_meter: bool) -> Kind:
    if circumstances.did_not_step_down:
        return Kind.MISSING_STEP_DOWN
    if is_past_it_meter:
        return Kind.UNACCOUNTED_ENERGY
    if verdict is Verdict.UNEXPLAINED and any(m.exceeds for m in found):
        return Kind.DECLARATION_EXCEEDED
    return Kind.SLOW_DRIFT if circumstances.is_drift else Kind.SUSTAINED_LOAD


def _evidence(
    day: SiteWatchDay,
    episode: SiteEpisode,
    features: Features,
    circumstances: Circumstances,
    size: Quantities,
    found: Sequence[Match],
    suspect: Sequence[Lane],
) -> dict[str, Any]:
    lanes = {}
    for part in episode.shown:
        lanes[part.lane] = {
            "meters": meters_of(day, Lane(part.lane)),
            "test": "no_step_down" if part.is_declared else "page_cusum_drift" if part.is_drift else "page_glr_step",
            "statistic_over_threshold": round(part.strength, 3),
            "excess_kw": round(part.excess_kw, 1),
            "excess_sd_kw": round(part.sd_kw, 1),
            "level_before_kw": round(part.level_kw, 1) if part.has_level else None,
            "start": instant(day, part.start_hour).isoformat(),
        }
    return {
        "lanes": lanes,
        "marginal_pue": {
            "estimate": round(day.marginal_pue.central, 4),
            "low": round(day.marginal_pue.low, 4),
            "high": round(day.marginal_pue.high, 4),
            "from_reference": day.marginal_pue.is_told,
        },
        "measured_on": size.lane.value,
        "rose_within_the_reference": episode.main.is_learned,
        "features": features.document(),
        "circumstances": asdict(circumstances),
        "unseen_hours": size.unseen_hours,
        "shed_hours": size.shed_hours,
        "declarations": [{"id": m.declaration.id, "accounts": m.accounts, "objection": m.objection} for m in found],
        "suspect_lanes": [lane.value for lane in suspect],
    }


def _facts(
    day: SiteWatchDay,
    episode: SiteEpisode,
    features: Features,
    circumstances: Circumstances,
    size: Quantities,
    found: Sequence[Match],
    unstopped: Sequence[Declaration],
    suspect: Sequence[Lane],
) -> tuple[str, ...]:
    main = episode.main
    began = "Load has crept up since" if main.is_drift else "Load stepped up at"
    is_back = bool(unstopped) and was_down(day, episode)
    if unstopped and not is_back:
        began = "Load has stood above what is expected without training since"
    lasted = f"and came down at {local(day, episode.end_hour)}" if episode.end_hour is not None else "and is still up"
    said = [
        f"{began} {local(day, episode.start_hour)} ({day.site.timezone}) {lasted}: "
        f"{megawatts(size.excess_mw.estimate)} at the IT load, {100 * features.share_of_it_capacity:.0f} % of the "
        f"site's IT capacity, for {spell(24 * features.duration_days)}."
    ]
    if episode.main.is_learned:
        said.append(
            "It rose within the reference, where it would have been learned as normal: the expected load was learned "
            "without it. Energy and compute are counted from the start of the pause."
        )
    for declaration in unstopped:
        stated = "" if declaration.expected_mw is None else f" of {megawatts(declaration.expected_mw)}"
        ended = "it came down, and about as much was back within two days"
        if not is_back:
            ended = "the load did not come down with it"
        said.append(f"Training{stated} was declared up to the pause ({declaration.id}); {ended}.")
    if main.is_declared:
        said.append(
            "No test found an edge of it: half of what was declared or more stands above what is expected, and not as "
            "much came down when the pause began or in the month before."
        )
    said.append(_texture(features))
    said += _grain(features, circumstances)
    said += _balance(day, episode) if episode.is_past_it_meter else [_lanes(episode, features)]
    for match in found:
        name = f"Declaration {match.declaration.id} ({match.declaration.activity.value})"
        said.append(
            f"{name} accounts for it; that rests on the operator's word, the meters can't tell what ran."
            if match.accounts
            else f"{name} does not account for it: {match.objection}."
        )
    if not found and not unstopped:
        said.append("No declaration speaks of it.")
    said += [f"The {LANE_NAMES[lane]} contradicts itself in this time; see the integrity finding." for lane in suspect]
    if size.shed_hours:
        said.append(
            f"In {size.shed_hours} of its hours the site had switched off much of its load, as it also did before the "
            "pause: they are not compared with what is expected, and the high ends count what was left running."
        )
    if size.unseen_hours:
        said.append(
            f"{size.unseen_hours} of its hours were not seen; the high ends of energy and compute count them as if the "
            "site had drawn all it could."
        )
    return tuple(said)


def _texture(features: Features) -> str:
    if features.duty < 0.85 and features.off_share < 0.2:
        nights = ", at night" if features.night_share > 0.8 else ""
        return (
            f"It runs in bursts{nights}: raised {100 * features.duty:.0f} % of the time, nothing of it left in between."
        )
    moves = []
    if features.diurnal_share > 0.08:
        moves.append(f"swings by {100 * features.diurnal_share:.0f} % with the hour of the day")
    if abs(1 - features.weekend_ratio) > 0.12:
        moves.append(f"is {100 * features.weekend_ratio:.0f} % of its weekday size at weekends")
    if features.weather_share > 0.08:
        moves.append(f"follows the temperature by {100 * features.weather_share:.0f} %")
    if features.growth_share > 0.2:
        moves.append(f"grew by {100 * features.growth_share:.0f} % of its mean")
    if not moves:
        return "It is flat: no answer to the hour, the weekend or the weather beyond the site's own."
    return f"It {' and '.join([', '.join(moves[:-1]), moves[-1]] if len(moves) > 1 else moves)}."


def _grain(features: Features, circumstances: Circumstances) -> list[str]:
    """Say what the load is made of, where the noise lets it be told."""
    made, said = features.texture, []
    if made.clock_share > _BY_THE_CLOCK:
        said.append("It keeps to the same hours of the day, as batch work does.")
    nats = made.shape_evidence + made.day_evidence
    if nats > _PLAIN_NATS:
        said.append("It has the daily shape of the site's own load, as more of the same would.")
    elif nats < -_PLAIN_NATS:
        said.append("It adds a constant to the site's load and does not share its daily shape.")
    if made.climb_share - made.fall_share > _CLIMBED_SHARE:
        said.append(f"It climbed in steps, by {100 * made.climb_share:.0f} % of its mean from day to day.")
    if made.dips_per_day > _DIPS_A_DAY:
        said.append(f"It dips {made.dips_per_day:.1f} times a day for an hour or so, as interrupted runs do.")
    if circumstances.earlier_days:
        said.append(
            f"Load of about this size has been there before during the pause, for "
            f"{spell(24 * circumstances.earlier_days)} in all."
        )
    return said


def _balance(day: SiteWatchDay, episode: SiteEpisode) -> list[str]:
    """Say what lies between the meters, in numbers that can be read off them and off the plot's balance panel."""
    part, pue = episode.balance, day.marginal_pue
    assert part is not None  # noqa: S101  # only asked of load past the IT meter
    raised = part.raised(day.grid.hours)
    seen = raised & np.isfinite(day.balance.observed_kw) & np.isfinite(day.balance.expected.mean_kw[0])
    said = []
    if seen.any():
        beyond = float(day.balance.observed_kw[seen].mean()) / 1e3
        due = float(day.balance.expected.mean_kw[0][seen].mean()) / 1e3
        said.append(
            f"In that time the utility's meter showed {megawatts(beyond)} more than the IT meter on average; for this "
            f"IT load and weather {megawatts(due)} were to be expected (marginal PUE {pue.central:.2f}, 90 % interval "
            f"{pue.low:.2f} to {pue.high:.2f}, learned before the pause)."
        )
    if episode.it_load is not None:
        said.append(f"The IT meter shows {megawatts(episode.it_load.excess_kw / 1e3)} of it.")
    if it_fell(day, episode):
        said.append(
            "The IT meter fell by as much at that hour, and the utility's did not rise: either the IT meter reads too "
            "low since then, or load moved past it."
        )
    else:
        said.append(
            "Load past the IT meter, an IT meter that reads too low, or cooling that has got worse would each show so."
        )
    return said


def _lanes(episode: SiteEpisode, features: Features) -> str:
    if episode.utility is not None and episode.it_load is not None:
        return "Both the utility meter and the IT meter show it."
    if episode.it_load is not None:
        return (
            "The IT meter shows it; the utility meter's own noise would hide it."
            if features.is_utility_metered
            else "The IT meter shows it; there is no usable utility meter beside it."
        )
    if not features.is_it_metered:
        return "The utility meter shows it; there is no usable IT meter to tell IT load from cooling."
    return (
        f"The utility meter shows it and the IT meter only {100 * features.it_agreement:.0f} % of it: "
        "either it is no IT load, or it bypasses the IT meter."
    )
