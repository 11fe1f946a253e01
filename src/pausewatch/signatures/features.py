"""Features of an episode: what remains of a load's texture at hourly means, none of them absolute size.

A training run at this resolution is a step up, flat, deaf to hour, weekend and weather, and long. Each feature below is
one of those properties, measured on the load above the level before the episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.detection.episodes import Episode
from pausewatch.detection.lanes import SiteEpisode
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.signatures.day_levels import DayLevels, day_levels
from pausewatch.signatures.texture import Texture, month_before, texture
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ONSET_HOURS = 6
_MIN_HOURS = 24
_EDGE_HOURS = 2
_MORE_THAN_DELIVERED = 1.5
_NIGHT = (22, 6)
_PARTS: Mapping[str, Any] = {"texture": Texture, "levels": DayLevels}


@dataclass(frozen=True)
class Features:
    """What an episode looks like.

    Args:
        duration_days: from its start to its end or to now.
        duty: share of that time at which the load was raised, 0 to 1.
        share_of_it_capacity: mean excess at the IT load over the site's IT capacity.
        share_of_load: mean excess over the expected load of the lane it is judged by.
        onset_share: mean of its first hours over its mean: 1 is a sharp edge, 0 a creeping start.
        growth_share: last quarter's mean less the first quarter's, over the mean: 0 for a plateau.
        diurnal_share: amplitude of its daily cycle over its mean, noise taken off.
        weekend_ratio: mean at weekends over mean on weekdays; 1 where too short to say.
        weather_share: standard deviation explained by temperature, over its mean, noise taken off.
        roughness_share: hourly variation beyond the site's ordinary one, over its mean.
        off_share: what remains between its parts, over its mean; 1 where it has no breaks.
        night_share: share of its raised hours between 22 and 6 local time.
        parts_per_week: separate parts a week.
        it_agreement: excess the IT meter shows over what the utility's implies; 1 where one of them is missing.
        is_it_metered: whether a trusted IT lane was there to agree.
        is_utility_metered: whether a utility lane was there to agree.
        strength: test statistic over its threshold.
        texture: what the load is made of, its own values beside these in `document`.
        levels: what it follows from day to day, likewise.
    """

    duration_days: float
    duty: float
    share_of_it_capacity: float
    share_of_load: float
    onset_share: float
    growth_share: float
    diurnal_share: float
    weekend_ratio: float
    weather_share: float
    roughness_share: float
    off_share: float
    night_share: float
    parts_per_week: float
    it_agreement: float
    is_it_metered: bool
    is_utility_metered: bool
    strength: float
    texture: Texture = field(default_factory=Texture)
    levels: DayLevels = field(default_factory=DayLevels)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the name of every value of a document, in its order."""
        return tuple(f.name for of in (Features, Texture, DayLevels) for f in fields(of) if f.name not in _PARTS)

    @property
    def raised_days(self) -> float:
        """Days of load."""
        return self.duration_days * self.duty

    def document(self) -> dict[str, float | bool]:
        """Return the features as flat JSON values, rounded to what an inspector can check."""
        told = asdict(self)
        flat = {k: v for k, v in told.items() if k not in _PARTS} | told["texture"] | told["levels"]
        return {k: v if isinstance(v, bool) else round(float(v), 4) for k, v in flat.items()}

    @staticmethod
    def from_document(told: Mapping[str, Any]) -> Features:
        """Return the features of a document; what it doesn't tell of texture and levels says nothing."""
        own = {f.name: told[f.name] for f in fields(Features) if f.name not in _PARTS}
        parts = {
            name: of(**{f.name: told[f.name] for f in fields(of) if f.name in told}) for name, of in _PARTS.items()
        }
        return Features(**own, **parts)


def measure(day: SiteWatchDay, episode: SiteEpisode) -> Features:
    """Measure an episode of a site as seen on a report day."""
    main = episode.main
    lane = day.lane(Lane(main.lane))
    hours = day.grid.hours
    raised = main.raised(hours)
    above = lane.residual_kw - main.level_kw
    mean = max(main.excess_kw, 1e-9)
    seen = np.isfinite(above)
    inside = raised & seen
    end = hours if main.end_hour is None else main.end_hour
    span = np.zeros(hours, dtype=np.bool_)
    span[max(main.start_hour, 0) : end] = True
    days = max((end - main.start_hour) / 24.0, 1e-9)
    local_hour, weekday = day.grid.local_hour[0], day.grid.hour_of_week[0] // 24
    at_it = main.excess_kw if main.lane == Lane.IT_LOAD else main.excess_kw / day.marginal_pue.central
    # What the site draws beyond its IT load is no measure of size: the whole site is.
    whole = day.lanes[Lane.UTILITY] if lane.lane is Lane.BALANCE else lane
    expected = whole.expected.mean_kw[0][inside]
    it_lane, utility = day.lanes[Lane.IT_LOAD], day.lanes[Lane.UTILITY]
    of_others = _of_others(lane, main, hours) & ~raised
    return Features(
        duration_days=days,
        duty=float(raised[span].mean()) if span.any() else 1.0,
        share_of_it_capacity=at_it / 1e3 / day.site.it_capacity_mw,
        share_of_load=mean / max(float(np.nanmean(expected)), 1e-9) if np.isfinite(expected).any() else 0.0,
        onset_share=_onset(lane, above, main, hours, day.grid),
        growth_share=_growth(above, inside),
        diurnal_share=_diurnal(above, inside if main.end_hour is None or days > 1 else span & seen, local_hour, mean),
        weekend_ratio=_weekend(above, inside, weekday),
        weather_share=_weather(above, inside, day.temperature_c, mean),
        roughness_share=_roughness(lane, above, inside, mean),
        off_share=_between(above, span & ~raised & seen, mean),
        night_share=_night(local_hour[raised]),
        parts_per_week=len(main.parts) / max(days / 7.0, 1.0),
        it_agreement=agreement(day, episode),
        is_it_metered=it_lane.has_meter and not it_lane.refusals,
        is_utility_metered=utility.has_meter and not utility.refusals,
        strength=max(e.strength for e in episode.shown),
        texture=texture(
            lane.residual_kw,
            main.level_kw,
            lane.expected.mean_kw[0],
            raised,
            main.start_hour,
            end,
            mean,
            local_hour,
            of_others,
        ),
        levels=day_levels(
            above,
            lane.expected.mean_kw[0],
            day.temperature_c,
            day.grid.hour_of_week[0],
            inside & np.isfinite(lane.expected.mean_kw[0]),
            month_before(main.start_hour, hours) & seen & np.isfinite(lane.expected.mean_kw[0]) & ~of_others & ~raised,
            mean,
        ),
    )


def _of_others(lane: LaneDay, main: Episode, hours: int) -> Bools:
    """Return the hours of a lane's other loads: no measure of what was ordinary."""
    out = np.zeros(hours, dtype=np.bool_)
    for other in lane.episodes:
        if other.start_hour != main.start_hour:
            out |= other.raised(hours)
    return out


def agreement(day: SiteWatchDay, episode: SiteEpisode) -> float:
    """Return the excess the IT meter shows over what the utility's meter implies for the same hours.

    1 where both tell the same, 0 where the IT meter shows nothing of it, above 1 where it shows more than the utility
    saw.
    """
    it_lane, utility = day.lanes[Lane.IT_LOAD], day.lanes[Lane.UTILITY]
    if it_lane.refusals or utility.refusals:
        return 1.0
    pue = day.marginal_pue.central
    if episode.balance is not None:
        # The balance has far less noise than what the two lanes differ by.
        at_it = 0.0 if episode.it_load is None else episode.it_load.excess_kw * pue
        return at_it / max(at_it + episode.balance.excess_kw, 1e-9)
    hours = day.grid.hours
    raised = episode.main.raised(hours) & np.isfinite(it_lane.residual_kw) & np.isfinite(utility.residual_kw)
    before = slice(max(episode.start_hour - 7 * 24, 0), max(episode.start_hour, 0))
    if raised.sum() < _MIN_HOURS / 2:
        return 1.0
    at_it = float(it_lane.residual_kw[raised].mean()) - _level(it_lane.residual_kw[before])
    at_utility = float(utility.residual_kw[raised].mean()) - _level(utility.residual_kw[before])
    if at_utility <= 0:
        return _MORE_THAN_DELIVERED
    return float(np.clip(at_it * pue / at_utility, 0.0, _MORE_THAN_DELIVERED))


def _night(local_hour: npt.NDArray[np.int8]) -> float:
    if not len(local_hour):
        return 0.0
    return float(((local_hour >= _NIGHT[0]) | (local_hour < _NIGHT[1])).mean())


def _level(values: Floats) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) >= _MIN_HOURS else 0.0


def _onset(lane: LaneDay, above: Floats, main: Episode, hours: int, grid: HourGrid) -> float:
    """Compare the first hours with the first days of the first part; before the panel it was measured at the freeze."""
    first_start, first_end = main.parts[0]
    if main.is_learned:
        return _onset_within_the_reference(lane, grid.start_s + 3600 * first_start)
    stop = hours if first_end is None else first_end
    begin = first_start + _EDGE_HOURS
    early = above[begin : min(begin + _ONSET_HOURS, stop)]
    later = above[begin : min(begin + 14 * 24, stop)]
    early, later = early[np.isfinite(early)], later[np.isfinite(later)]
    if not len(early) or not len(later) or main.is_drift:
        return 0.0
    typical = float(np.median(later))
    return float(np.clip(early.mean() / typical, 0.0, 2.0)) if typical > 0 else 0.0


def _onset_within_the_reference(lane: LaneDay, start_s: int) -> float:
    """Return what the first hours of its largest rise brought of the whole: what came in parts is not sharp."""
    rises = [step for step in lane.reference_steps if step.step_kw > 0 and step.start_s >= start_s]
    largest = max(rises, key=lambda step: step.step_kw, default=None)
    if largest is None:
        return 0.0
    return largest.onset_share * largest.step_kw / sum(step.step_kw for step in rises)


def _growth(above: Floats, inside: Bools) -> float:
    values = above[inside]
    if len(values) < 2 * _MIN_HOURS:
        return 0.0
    quarter = len(values) // 4
    return float((values[-quarter:].mean() - values[:quarter].mean()) / max(abs(values.mean()), 1e-9))


def _diurnal(above: Floats, inside: Bools, local_hour: npt.NDArray[np.int8], mean: float) -> float:
    """Fit one daily cycle; take off the amplitude that the fit's own noise would show."""
    count = int(inside.sum())
    if count < _MIN_HOURS:
        return 0.0
    angle = 2 * np.pi * local_hour[inside] / 24.0
    design = np.column_stack([np.ones(count), np.cos(angle), np.sin(angle)])
    values = above[inside]
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    left = values - design @ solution
    # Residuals keep their memory for about half a day: twice as many days as independent values.
    noise = 2.0 * left.var() / max(count / 12.0, 1.0)
    squared = solution[1] ** 2 + solution[2] ** 2 - 2.0 * noise
    return float(np.sqrt(max(squared, 0.0)) / mean)


def _weekend(above: Floats, inside: Bools, weekday: npt.NDArray[np.int16]) -> float:
    free, work = inside & (weekday >= 5), inside & (weekday < 5)
    if free.sum() < _MIN_HOURS or work.sum() < 2 * _MIN_HOURS:
        return 1.0
    at_work = float(above[work].mean())
    return float(np.clip(above[free].mean() / at_work, 0.0, 3.0)) if at_work > 0 else 1.0


def _weather(above: Floats, inside: Bools, temperature_c: Floats, mean: float) -> float:
    both = inside & np.isfinite(temperature_c)
    count = int(both.sum())
    if count < 3 * _MIN_HOURS or temperature_c[both].std() < 0.5:
        return 0.0
    # A season and a ramp both run in one direction: only what moves against the trend tells of an answer to weather.
    t, y = _detrended(temperature_c[both]), _detrended(above[both])
    slope = float((t * y).sum() / (t**2).sum())
    left = y - slope * t
    noise = left.var() / max(count / 24.0, 1.0) / t.var()
    return float(np.sqrt(max(slope**2 - noise, 0.0) * t.var()) / mean)


def _detrended(values: Floats) -> Floats:
    at = np.linspace(-1.0, 1.0, len(values))
    return np.asarray(values - values.mean() - at * float((at * values).sum() / (at**2).sum()))


def _roughness(lane: LaneDay, above: Floats, inside: Bools, mean: float) -> float:
    pair = inside[1:] & inside[:-1]
    if pair.sum() < _MIN_HOURS:
        return 0.0
    jump = np.diff(above)[pair]
    own = float(np.median(np.abs(jump)) * 1.4826)
    ordinary = lane.innovation_sd_kw
    return float(np.sqrt(max(own**2 - ordinary**2, 0.0)) / mean)


def _between(above: Floats, off: Bools, mean: float) -> float:
    return float(np.clip(above[off].mean() / mean, 0.0, 1.5)) if off.sum() >= 3 else 1.0
