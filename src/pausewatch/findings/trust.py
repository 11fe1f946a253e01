"""Findings on integrity: telemetry that contradicts itself, the other meter or chance."""

from __future__ import annotations

from collections.abc import Sequence

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.integrity.copies import copied_spans
from pausewatch.detection.integrity.it_above_site import it_above_site
from pausewatch.detection.integrity.stuck import stuck_spans
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.model import Assessment, Bounds, Kind, Verdict
from pausewatch.findings.trust_wording import in_words
from pausewatch.findings.wording import instant, local, meters_of
from pausewatch.signatures.hypotheses import Hypothesis
from pausewatch.signatures.rule import Cause
from pausewatch.telemetry.panel import Lane

# A meter that hangs is mostly a fault; one that plays back another week is mostly not.
_CONCEALS = {
    Flaw.STUCK: 0.1,
    Flaw.IT_ABOVE_SITE: 0.1,
    Flaw.COPIED: 0.6,
    Flaw.REPEATED: 0.6,
    Flaw.NOISE_CHANGED: 0.3,
    Flaw.RESCALED: 0.1,
    Flaw.UNCOUPLED: 0.4,
    Flaw.CLOCK_SHIFTED: 0.1,
}
_NOTHING = Bounds(0.0, 0.0, 0.0)


def contradictions(day: SiteWatchDay) -> list[Contradiction]:
    """Return what can't be right in a site's telemetry since the pause began, oldest first."""
    first = max(day.grid.hour_index(day.pause.start), 0)
    found: list[Contradiction] = []
    for lane, view in day.lanes.items():
        if not view.has_meter:
            continue
        found += stuck_spans(lane, day.is_screened[lane], first)
        found += copied_spans(lane, view.observed_kw, first)
    it_load, utility = day.lanes[Lane.IT_LOAD], day.lanes[Lane.UTILITY]
    if it_load.has_meter and utility.has_meter:
        found += it_above_site(it_load.observed_kw, utility.observed_kw, first)
    # What is copied to the last watt, stuck or beyond the site is said so, and not again as an odd texture.
    found += [c for c in day.contradictions if not any(c.overlaps(f) and set(c.lanes) & set(f.lanes) for f in found)]
    return sorted(found, key=lambda c: (c.start_hour, c.flaw, c.lanes))


def integrity_findings(day: SiteWatchDay, found: Sequence[Contradiction]) -> list[Assessment]:
    """State every contradiction as a finding."""
    return [_state(day, one) for one in found]


def _state(day: SiteWatchDay, one: Contradiction) -> Assessment:
    end = day.grid.hours if one.end_hour is None else one.end_hour
    conceals = _CONCEALS[one.flaw]
    meters = [m for lane in one.lanes for m in meters_of(day, lane)]
    return Assessment(
        site_id=day.site.id,
        kind=Kind.TELEMETRY_INTEGRITY,
        verdict=Verdict.UNEXPLAINED if one.flaw.leaves_levels else Verdict.CANNOT_CONCLUDE,
        start=instant(day, max(one.start_hour, 0)),
        end=None if one.end_hour is None else instant(day, one.end_hour),
        training_probability=conceals,
        hypotheses=(
            (Hypothesis(Cause.TRAINING, conceals), Hypothesis(Cause.METERING, 1 - conceals))
            if conceals > 0.5
            else (Hypothesis(Cause.METERING, 1 - conceals), Hypothesis(Cause.TRAINING, conceals))
        ),
        excess_mw=_NOTHING,
        energy_mwh=_NOTHING,
        flop=_NOTHING,
        evidence={
            "lane": "+".join(sorted(lane.value for lane in one.lanes)),
            "meters": meters,
            "flaw": one.flaw.value,
            "detail": round(one.detail, 4),
            **{name: round(value, 4) for name, value in one.facts.items()},
        },
        facts=(
            f"{in_words(day, one, end)} It began at {local(day, max(one.start_hour, 0))} ({day.site.timezone}).",
            "Its levels and daily sums hold; what it shows from hour to hour is not held against the other meter."
            if one.flaw.leaves_levels
            else "What such telemetry says of the site is not taken as measured.",
        ),
    )
