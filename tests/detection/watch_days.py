"""A site's day as the watch sees it, built by hand: what a test doesn't mention is ordinary and quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.builders import a_site, csv_source, meter_data, pause_data

from pausewatch.baselines.contract import Expected
from pausewatch.detection.episodes import Episode
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.site_view import LaneDay, SiteWatchDay
from pausewatch.fleet import Pause, Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import METERED, Lane

Floats = npt.NDArray[np.float64]

# A Monday; the pause begins four weeks later.
START = datetime(2026, 8, 3, tzinfo=UTC)
PAUSE_HOUR = 28 * 24
HOURS = 70 * 24
EXPECTED_KW = {Lane.UTILITY: 24_000.0, Lane.IT_LOAD: 20_000.0, Lane.BALANCE: 4_000.0}
DETECTABLE_KW = {Lane.UTILITY: 1_200.0, Lane.IT_LOAD: 500.0, Lane.BALANCE: 240.0}


def hour_at(hour: int) -> datetime:
    """Return the instant of a grid hour."""
    return START + timedelta(hours=hour)


def a_pause(**more: Any) -> Pause:
    """Return the pause that begins at PAUSE_HOUR."""
    return Pause.model_validate(pause_data(start=hour_at(PAUSE_HOUR).isoformat(), **more))


def metered_site(*, utility: bool = True, it_load: bool = True, **more: Any) -> Site:
    """Return a site of 40 MW IT capacity in UTC with the meters asked for."""
    meters = [meter_data(accuracy_pct=0.5)] if utility else []
    if it_load:
        meters.append(meter_data(id="it", measures="it_load", owner="operator", source=csv_source(), accuracy_pct=1.0))
    return a_site(**{"timezone": "UTC", "country": None, "meters": meters, **more})


def noise(hours: int = HOURS, sd_kw: float = 60.0, seed: int = 0) -> Floats:
    """Return the ordinary residual of an hour."""
    return sd_kw * np.random.default_rng(seed).standard_normal(hours)


def lane_day(
    lane: Lane,
    residual_kw: Floats,
    episodes: Sequence[Episode] = (),
    *,
    has_meter: bool = True,
    refusals: Sequence[str] = (),
    detectable_kw: float | None = None,
) -> LaneDay:
    """Return one lane of which the residual is known."""
    hours = len(residual_kw)
    expected = np.full((1, hours), EXPECTED_KW[lane] if has_meter and not refusals else np.nan)
    observed = residual_kw + EXPECTED_KW[lane] if has_meter else np.full(hours, np.nan)
    missing = np.full((1, hours), np.nan) if refusals else None
    smallest_kw = DETECTABLE_KW[lane] if detectable_kw is None else detectable_kw
    if refusals or not has_meter:
        smallest_kw = float("inf")
    return LaneDay(
        lane=lane,
        has_meter=has_meter,
        refusals=tuple(refusals) or (() if has_meter else ("the site has no such meter",)),
        observed_kw=observed,
        expected=Expected(
            expected,
            np.full((1, hours), 80.0) if missing is None else missing,
            np.full((1, hours), 40.0) if missing is None else missing,
            {},
        ),
        residual_kw=observed - expected[0],
        is_shed=np.zeros(hours, dtype=np.bool_),
        innovation_sd_kw=60.0,
        daily_sd_kw=50.0,
        episodes=tuple(episodes),
        detectable_kw=smallest_kw,
        detectable_90d_kw=0.75 * smallest_kw,
    )


def watch_day(
    *,
    it_load: LaneDay | None = None,
    utility: LaneDay | None = None,
    balance: LaneDay | None = None,
    marginal_pue: MarginalPue | None = None,
    site: Site | None = None,
    pause: Pause | None = None,
    screened: Mapping[Lane, npt.NDArray[np.bool_]] | None = None,
    temperature_c: Floats | None = None,
) -> SiteWatchDay:
    """Return a site as seen at the end of the last whole day of its lanes; without a balance unless one is given."""
    hours = len((it_load or utility or lane_day(Lane.UTILITY, noise())).residual_kw)
    lanes = {
        Lane.UTILITY: utility or lane_day(Lane.UTILITY, noise(hours, seed=1)),
        Lane.IT_LOAD: it_load or lane_day(Lane.IT_LOAD, noise(hours, seed=2)),
    }
    nothing = np.zeros(hours, dtype=np.bool_)
    at = site or metered_site(utility=lanes[Lane.UTILITY].has_meter, it_load=lanes[Lane.IT_LOAD].has_meter)
    grid = HourGrid(np.datetime64(START.replace(tzinfo=None), "s"), hours, (at.timezone,), (None,))
    return SiteWatchDay(
        site=at,
        pause=pause or a_pause(),
        day=hour_at(hours - 24).date(),
        grid=grid,
        day_hours=(hours - 24, hours),
        lanes=lanes,
        balance=balance or lane_day(Lane.BALANCE, noise(hours, seed=4), refusals=["not looked at"]),
        marginal_pue=marginal_pue or MarginalPue(),
        coverage={lane: np.isfinite(view.observed_kw).astype(float) for lane, view in lanes.items()},
        is_screened={lane: (screened or {}).get(lane, nothing) for lane in METERED},
        temperature_c=np.full(hours, np.nan) if temperature_c is None else temperature_c,
        seen_s={},
        last_seen_hour={},
    )


def episode(
    lane: Lane,
    start: int,
    end: int | None,
    excess_kw: float,
    *,
    parts: Sequence[tuple[int, int | None]] | None = None,
    is_drift: bool = False,
    strength: float = 3.0,
) -> Episode:
    """Return an episode as the detector would have stated it."""
    return Episode(
        lane=lane.value,
        is_drift=is_drift,
        parts=tuple(parts or ((start, end),)),
        level_kw=0.0,
        has_level=True,
        excess_kw=excess_kw,
        sd_kw=max(30.0, 0.02 * excess_kw),
        strength=strength,
        alarm_day=0,
    )


def with_run(
    size_kw: float,
    start: int = PAUSE_HOUR + 100,
    end: int | None = None,
    *,
    lane: Lane = Lane.IT_LOAD,
    shape: Floats | None = None,
    hours: int = HOURS,
    seed: int = 3,
) -> LaneDay:
    """Return a lane with load above expectation, and its episode; `shape` multiplies it hour by hour."""
    residual = noise(hours, seed=seed)
    stop = hours if end is None else end
    added = np.zeros(hours)
    added[start:stop] = size_kw
    if shape is not None:
        added *= shape
    mean = float(added[start:stop].mean())
    return lane_day(lane, residual + added, [episode(lane, start, end, mean)])
