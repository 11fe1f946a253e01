"""The site's day: what was seen, what was expected, what differs, and what could have been missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pausewatch.detection.compute import efficiency
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.findings.model import Assessment, DayStatus, Kind, SiteDay, Verdict
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

# Below this share of a day's hours, nothing is concluded from it.
MIN_SEEN_SHARE = 0.75
HOURS_90_DAYS = 90 * 24
# Where a site's own marginal PUE isn't known, a load is taken to add this little at the utility.
_LITTLE_PUE = 1.1
_ALARMS = (Verdict.TRAINING_LIKE, Verdict.UNEXPLAINED)
# Questions about meters, not about load.
_OF_METERS = (Kind.TELEMETRY_GAP, Kind.TELEMETRY_INTEGRITY)


def primary_lane(day: SiteWatchDay) -> LaneDay | None:
    """Return the outermost lane with a baseline: the utility's meter, which the operator doesn't own, before IT."""
    usable = [view for lane in (Lane.UTILITY, Lane.IT_LOAD) if not (view := day.lanes[lane]).refusals]
    return usable[0] if usable else None


def site_day(day: SiteWatchDay, found: Sequence[Assessment]) -> SiteDay:
    """Conclude a site's day from what was seen of it and the findings that touch it."""
    first, last = day.day_hours
    span = slice(first, last)
    lane = primary_lane(day)
    shown = lane or next((v for v in day.lanes.values() if v.has_meter), day.lanes[Lane.UTILITY])
    observed = shown.observed_kw[span]
    seen = np.isfinite(observed)
    coverage = float(day.coverage[shown.lane][span].mean()) if last > first else 0.0
    status, reasons = _status(day, lane, seen, found)
    both = seen & np.isfinite(shown.expected.mean_kw[0][span])
    expected_mwh = float(shown.expected.mean_kw[0][span][both].sum()) / 1e3 if both.any() else float("nan")
    observed_mwh = float(observed[both if both.any() else seen].sum()) / 1e3 if seen.any() else 0.0
    detectable = detectable_mw(day)
    return SiteDay(
        site_id=day.site.id,
        date=day.day,
        status=status,
        coverage=coverage,
        observed_mwh=observed_mwh,
        expected_mwh=expected_mwh,
        unaccounted_mwh=observed_mwh - expected_mwh,
        unaccounted_sd_mwh=_sd_mwh(shown, span, both),
        detectable_mw_7d=detectable,
        detectable_flop_90d=detectable_90d_mw(day) * HOURS_90_DAYS * efficiency(day.site).central,
        reasons=(*reasons, *_left_out(day, span)),
    )


def detectable_mw(day: SiteWatchDay) -> float:
    """Return the smallest IT load that would be found in 7 days; all the site could run where nothing would be."""
    return min(_on(day, Lane.IT_LOAD), _on(day, Lane.UTILITY), day.site.it_capacity_mw)


def detectable_90d_mw(day: SiteWatchDay) -> float:
    """Return the smallest IT load that would be found in 90 days; all the site could run where nothing would be."""
    return min(_on(day, Lane.IT_LOAD, True), _on(day, Lane.UTILITY, True), day.site.it_capacity_mw)


def detectable_past_it_mw(day: SiteWatchDay) -> float:
    """Return the smallest load that would be found in 7 days though no IT meter shows it."""
    return min(_on(day, Lane.BALANCE), _on(day, Lane.UTILITY), day.site.it_capacity_mw)


def _on(day: SiteWatchDay, lane: Lane, in_90_days: bool = False) -> float:
    """Return the smallest IT load that a lane shows within 7 or 90 days, MW; infinite where it shows none."""
    pue = day.marginal_pue
    at_it = 1.0 if lane is Lane.IT_LOAD else pue.central if pue.is_told else min(pue.central, _LITTLE_PUE)
    view = day.lane(lane)
    kw = view.detectable_90d_kw if in_90_days else view.detectable_kw
    return kw / at_it / 1e3 if np.isfinite(kw) else float("inf")


def _status(
    day: SiteWatchDay, lane: LaneDay | None, seen: npt.NDArray[np.bool_], found: Sequence[Assessment]
) -> tuple[DayStatus, tuple[str, ...]]:
    start, end = day.site.day_bounds(day.day)
    touching = [a for a in found if a.start < end and (a.end is None or a.end > start)]
    alarms = [a for a in touching if a.verdict in _ALARMS and a.kind not in _OF_METERS]
    if alarms:
        kinds = ", ".join(sorted({a.kind.value.replace("_", " ") for a in alarms}))
        return DayStatus.ANOMALOUS, (f"unexplained: {kinds}",)
    if lane is None:
        told = [f"no baseline for {v.lane.value}: {'; '.join(v.refusals)}" for v in day.lanes.values() if v.has_meter]
        return DayStatus.CANNOT_CONCLUDE, tuple(told) or ("the site has neither a utility nor an IT meter",)
    reasons = []
    share = float(seen.mean()) if len(seen) else 0.0
    if share < MIN_SEEN_SHARE:
        reasons.append(f"only {100 * share:.0f} % of the day's hours were seen on {lane.lane.value}")
    for kind, words in (
        (Kind.TELEMETRY_INTEGRITY, "telemetry that can't be trusted"),
        (Kind.TELEMETRY_GAP, "a meter was silent"),
    ):
        # Telemetry that is wrong in a way that leaves its levels right is a question, and no blindness.
        is_wrong = kind is Kind.TELEMETRY_INTEGRITY
        hit = [a for a in touching if a.kind is kind and not (is_wrong and a.verdict is Verdict.UNEXPLAINED)]
        if hit:
            reasons.append(f"{words}: {', '.join(sorted({a.evidence['lane'] for a in hit}))}")
    open_questions = [a for a in touching if a.verdict is Verdict.CANNOT_CONCLUDE and a.kind is Kind.SUSTAINED_LOAD]
    if open_questions:
        reasons.append("load above expectation on meters that can't be trusted")
    if detectable_mw(day) >= day.site.it_capacity_mw:
        reasons.append("no load the site could run would have been found")
    return (DayStatus.CANNOT_CONCLUDE, tuple(reasons)) if reasons else (DayStatus.CONSISTENT, ())


def _left_out(day: SiteWatchDay, span: slice) -> tuple[str, ...]:
    """Say which hours of the day were seen and yet not compared with what is expected."""
    shed = {view.lane.value: int(view.is_shed[span].sum()) for view in day.lanes.values()}
    most = max(shed.values())
    if not most:
        return ()
    on = " and ".join(lane for lane, hours in shed.items() if hours)
    return (f"{most} of the day's hours were not compared: much of the load was switched off, as before ({on})",)


def _sd_mwh(lane: LaneDay, span: slice, both: npt.NDArray[np.bool_]) -> float:
    """Return the standard deviation of the day's unaccounted energy: its hours err together."""
    if not both.any():
        return float("nan")
    hours = int(both.sum())
    level = float(np.nanmean(lane.expected.level_sd_kw[0][span][both]))
    return float(np.hypot(level, lane.daily_sd_kw)) * hours / 1e3
