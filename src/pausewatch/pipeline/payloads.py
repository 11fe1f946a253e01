"""Payloads: what a site's day looked like, kept beside it in the register until its report is written."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.registry import model_words
from pausewatch.detection.compute import days_to_quantity
from pausewatch.detection.reference import Frozen
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.findings.model import Assessment, SiteDay
from pausewatch.findings.status import detectable_past_it_mw, primary_lane
from pausewatch.findings.wording import LANE_NAMES, megawatts
from pausewatch.fleet import Fleet, Measure
from pausewatch.telemetry.panel import METERED, Lane

Floats = npt.NDArray[np.float64]

_DAILY = 28
_HALF_DAY = 12
_BEFORE_HOURS = 10 * 24
_LONGEST_HOURS = 100 * 24
# Of the reference before a plateau, where one is shown.
_REFERENCE_HOURS = 28 * 24


def payload_of(
    fleet: Fleet,
    day: SiteWatchDay,
    said: SiteDay,
    found: Sequence[Assessment],
    frozen: Frozen,
    rejected: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """Return what the report shows of a site beside its status, as JSON values.

    Args:
        fleet: with the significant quantity.
        day: the site as seen on the report day.
        said: its status and what was detectable.
        found: its anomalies.
        frozen: baselines of the site's batch.
        rejected: rejected rows of the day, by meter and reason.
    """
    observed, expected = _daily(day)
    return {
        "meters": _meters(day, rejected),
        "baselines": _baselines(day, frozen),
        "daily_observed_mwh": observed,
        "daily_expected_mwh": expected,
        "days_to_significant": days_to_quantity(day.site, fleet.significant_quantity_flop),
        "unseen": _unseen(day, said),
        "missable": _missable(fleet, day, said),
        "would_help": _would_help(day) if said.detectable_flop_90d > fleet.significant_quantity_flop else [],
        "curves": _curves(day, found, frozen),
    }


def packed(values: Floats) -> str:
    """Return values as text: float32, compressed; readings have five digits, not sixteen."""
    return base64.b64encode(zlib.compress(values.astype("<f4").tobytes(), 1)).decode("ascii")


def unpacked(text: str) -> Floats:
    """Return what `packed` took."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<f4").astype(np.float64)


def _meters(day: SiteWatchDay, rejected: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    start, end = day.site.day_bounds(day.day)
    length_s = (end - start).total_seconds()
    out = []
    for meter in day.site.meters:
        interval_s = meter.interval_s or 3600
        last = day.last_seen_hour.get(meter.id)
        out.append(
            {
                "meter_id": meter.id,
                "measures": meter.measures.value,
                "owner": meter.owner.value,
                "readings": round(day.seen_s.get(meter.id, 0) / interval_s),
                "expected_readings": round(length_s / interval_s),
                "rejected": rejected.get(meter.id, {}),
                "last_reading": None if last is None else day.grid.hour_start(0, last + 1).isoformat(),
            }
        )
    return out


def _baselines(day: SiteWatchDay, frozen: Frozen) -> list[dict[str, Any]]:
    out = []
    for lane, view in day.lanes.items():
        if not view.has_meter:
            continue
        i = frozen.baselines.keys.index(f"{day.site.id}/{lane}")
        score = frozen.baselines.scores[i]
        out.append(
            {
                "lane": lane.value,
                "model": model_words(frozen.baselines.choices[i].model),
                "chosen_because": frozen.baselines.choices[i].reason,
                "reference_start_s": frozen.baselines.reference_start_s,
                "reference_end_s": frozen.baselines.reference_end_s,
                "valid_days": int(frozen.baselines.valid_days[i]),
                "cv_rmse_pct": score.cv_rmse_pct,
                "nmbe_pct": score.nmbe_pct,
                "daily_mean_sd_kw": score.daily_mean_sd_kw,
                "coverage_90_pct": score.coverage_90_pct,
                "coverage_by_horizon_pct": list(score.coverage_by_horizon_pct),
                "refusals": list(frozen.baselines.refusals[i]),
                "warnings": list(frozen.baselines.warnings[i]),
            }
        )
    return out


def _shown(day: SiteWatchDay) -> LaneDay:
    return primary_lane(day) or next((v for v in day.lanes.values() if v.has_meter), day.lanes[Lane.UTILITY])


def _daily(day: SiteWatchDay) -> tuple[list[float], list[float]]:
    """Return the energy of the last days, MWh, oldest first; NaN where half a day was unseen."""
    view = _shown(day)
    local_day = day.grid.local_day[0]
    shown = slice(int(np.searchsorted(local_day, local_day[-1] - _DAILY + 1)), None)
    slot = local_day[shown] - local_day[-1] + _DAILY - 1
    observed = _energies(view.observed_kw[shown], slot, _HALF_DAY)
    return observed, _energies(view.expected.mean_kw[0][shown], slot, 1)


def _energies(load_kw: Floats, slot: npt.NDArray[np.int32], enough: int) -> list[float]:
    """Return the energy of each of _DAILY days at the mean of its known hours, MWh; NaN where fewer are known."""
    known = np.isfinite(load_kw)
    hours, count = (np.bincount(slot, weights, _DAILY) for weights in (None, known))
    mean = np.bincount(slot, np.where(known, load_kw, 0.0), _DAILY) / np.maximum(count, 1)
    return [float(mwh) for mwh in np.where(count >= enough, mean * hours / 1e3, np.nan)]


def _unseen(day: SiteWatchDay, said: SiteDay) -> list[str]:
    first, last = day.day_hours
    out = []
    for lane, view in day.lanes.items():
        if not view.has_meter:
            out.append(f"There is no {LANE_NAMES[lane]}.")
            continue
        unseen = int((~np.isfinite(view.observed_kw[first:last])).sum())
        if unseen:
            screened = int(day.is_screened[lane][first:last].sum())
            why = f", {screened} of them because the meter repeated itself or jumped" if screened else ""
            out.append(f"{unseen} of the day's {last - first} hours were not seen on the {LANE_NAMES[lane]}{why}.")
        if view.refusals:
            out.append(f"The {LANE_NAMES[lane]} has no baseline: {'; '.join(view.refusals)}.")
    return out


def _missable(fleet: Fleet, day: SiteWatchDay, said: SiteDay) -> list[str]:
    site = day.site
    share = 100 * said.detectable_mw_7d / site.it_capacity_mw
    out = [
        f"A steady IT load of {megawatts(said.detectable_mw_7d)} ({share:.1f} % of IT capacity) would be found within "
        "a week with 90 % probability; a smaller one could be missed."
    ]
    if not day.balance.refusals:
        past = detectable_past_it_mw(day)
        out.append(
            f"Wired past the IT meter, {megawatts(past)} would be found: the utility's meter is compared with what IT "
            f"load and weather should draw (marginal PUE {day.marginal_pue.central:.2f})."
        )
    if said.detectable_flop_90d > fleet.significant_quantity_flop:
        ratio = said.detectable_flop_90d / fleet.significant_quantity_flop
        out.append(
            f"Over 90 days that is {_times(ratio)} times the significant quantity: this site can't be verified by its "
            f"meters alone. What would change that: {', '.join(_would_help(day))}."
        )
    return out


def _times(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:,.0f}"


def _would_help(day: SiteWatchDay) -> list[str]:
    """Return what would make less of a load detectable, or answer the question without a meter."""
    has = {lane: day.lanes[lane].has_meter for lane in METERED}
    wishes = []
    if not has[Lane.UTILITY]:
        wishes.append("the utility's own meter")
    if not has[Lane.IT_LOAD]:
        wishes.append("an IT meter, which the weather does not blur")
    if not any(m.measures is Measure.OUTDOOR_TEMPERATURE for m in day.site.meters):
        wishes.append("an outdoor temperature meter")
    if any(not v.refusals and not v.episodes and v.has_meter for v in day.lanes.values()):
        wishes.append("a longer reference")
    wishes.append("inspection of the accelerators it declares" if day.site.accelerators else "a declared inventory")
    return wishes


def _curves(day: SiteWatchDay, found: Sequence[Assessment], frozen: Frozen) -> list[dict[str, Any]]:
    """Return the lanes' hours around what was found; none for a site at which nothing was.

    What rose before the first hour that is watched is shown from daily means of the reference.
    The balance is shown where something found rests on it.
    """
    if not found:
        return []
    balanced = any(Lane.BALANCE in a.evidence.get("lanes", ()) for a in found)
    end = day.grid.hours
    earliest = min(day.grid.hour_index(a.start) for a in found)
    first = max(earliest - _BEFORE_HOURS, end - _LONGEST_HOURS, 0)
    out = []
    for lane in Lane:
        view = day.lane(lane)
        if not view.has_meter or (lane is Lane.BALANCE and not balanced):
            continue
        start = day.grid.hour_start(0, first)
        observed, expected, sd = (
            view.observed_kw[first:],
            view.expected.mean_kw[0][first:],
            view.expected.sd_kw[0][first:],
        )
        begin_s = day.grid.start_s + 3600 * (earliest - _REFERENCE_HOURS)
        past = None
        if earliest < 0 and lane in METERED:
            series = frozen.baselines.keys.index(f"{day.site.id}/{lane}")
            past = frozen.history.hourly(series, begin_s, day.grid.start_s)
        if past is not None:
            begin = datetime.fromtimestamp(past[0], UTC)
            start = begin + (day.grid.hour_start(0, 0) - datetime.fromtimestamp(day.grid.start_s, UTC))
            observed = np.concatenate([past[1], view.observed_kw])
            expected = np.concatenate([past[2], view.expected.mean_kw[0]])
            sd = np.concatenate([np.full(len(past[1]), np.nan), view.expected.sd_kw[0]])
        out.append(
            {
                "lane": lane.value,
                "start": start.isoformat(),
                "observed": packed(observed),
                "expected": packed(expected),
                "sd": packed(sd),
            }
        )
    return out
