"""One simulated site: its truth, and what its meters say of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from pausewatch.simulation.cooling import Facility
from pausewatch.simulation.design import SiteDesign
from pausewatch.simulation.documents import declaration_document, event_document, site_document
from pausewatch.simulation.events import happen
from pausewatch.simulation.load import SiteLoad
from pausewatch.simulation.metering import metered, stretches
from pausewatch.simulation.onsite import battery_mw, solar_mw
from pausewatch.simulation.places import PLACES, utc_offsets_s
from pausewatch.simulation.plans import SitePlan
from pausewatch.simulation.truth import DAY_S, Event, Floats, SiteTruth
from pausewatch.simulation.weather import temperature_c

USUAL_MISSING_SHARE = 0.002


@dataclass(frozen=True)
class Frame:
    """What all sites of a fleet share.

    Args:
        seed: of the fleet.
        pause_start_s: start of the pause.
        reference_days: before it.
        pause_days: of it; a further day covers the last cut-off.
        interval_min: of the meters; None draws each wide site's own, and is 15 at usual sites.
        missing_share: of the readings; None draws each wide site's own, and is 0.2 % at usual sites.
        rates: request rates of real services.
        suffix: of the telemetry's files.
    """

    seed: int
    pause_start_s: float
    reference_days: int
    pause_days: int
    interval_min: int | None
    missing_share: float | None
    rates: tuple[Floats, ...] = ()
    suffix: str = "csv"


@dataclass(frozen=True)
class SimulatedSite:
    """A site in memory.

    Args:
        document: for the fleet file.
        truth: for `truth.json`.
        table: telemetry, a row an interval: `time_utc` and a column a meter, null where missing.
        time_utc: every interval.
        it_mw: true IT load at each, what bypasses the meter included, MW.
        utility_mw: true import from the grid at each, MW.
    """

    document: dict[str, Any]
    truth: dict[str, Any]
    table: pl.DataFrame
    time_utc: pl.Series
    it_mw: Floats
    utility_mw: Floats


def make_site(number: int, plan: SitePlan, frame: Frame) -> SimulatedSite:
    """Make a site; it depends on the seed and its number alone."""
    rng = np.random.default_rng([frame.seed, 1, number])
    if plan.is_wide:
        # Streams of their own: a site with an event and the same site without it differ in that alone.
        event_rng, meter_rng, design_rng = (np.random.default_rng([frame.seed, i, number]) for i in (3, 4, 2))
        design = SiteDesign.draw_wide(
            design_rng,
            interval_min=frame.interval_min,
            missing_share=frame.missing_share,
            needs_it_meter=plan.needs_it_meter,
            size_at=plan.size_at,
        )
    else:
        event_rng = meter_rng = rng
        share = USUAL_MISSING_SHARE if frame.missing_share is None else frame.missing_share
        capacity_mw = round(float(np.exp(rng.uniform(np.log(5), np.log(200)))), 1)
        design = SiteDesign(capacity_mw, frame.interval_min or 15, missing_share=share)
    truth, ordinary, facility = _ordinary(number, plan, design, frame, rng)
    events = [happen(what, truth, event_rng) for what in plan.events]
    it_all = np.minimum(truth.it_mw + truth.hidden_mw, truth.ceiling_mw)
    draw = facility.utility_mw(it_all - truth.carried_mw, truth.temperature_c, truth.step_s) + truth.extra_mw
    supply = _supply(number, design, truth, float(ordinary.mean_mw), meter_rng) if plan.is_wide else {}
    utility = np.maximum(draw - sum(supply.values()), 0.0) if plan.is_wide else draw
    seen = _seen(truth, it_all, utility, supply, design, meter_rng)
    site_id = f"sim-{number + 1:03d}"
    document = site_document(
        site_id,
        plan.name or f"Simulated site {number + 1}",
        plan.owner or f"Operator {chr(65 + number % 5)}",
        PLACES[number % len(PLACES)],
        design,
        _connection_mw(facility, design, truth) if plan.is_wide else round(design.it_capacity_mw * 1.6, 1),
        tuple(seen),
        frame.suffix,
    )
    if truth.declarations:
        document["declarations"] = [declaration_document(site_id, i, d) for i, d in enumerate(truth.declarations)]
    time = _times(truth.epoch_s)
    in_pause = truth.epoch_s >= truth.pause_start_s
    pue = float(facility.marginal_pue(truth.temperature_c, truth.step_s)[in_pause].mean())
    label = _label(site_id, plan, design, ordinary, events, pue)
    return SimulatedSite(document, label, _table(time, seen, truth), time, it_all, utility)


def _ordinary(
    number: int, plan: SitePlan, design: SiteDesign, frame: Frame, rng: np.random.Generator
) -> tuple[SiteTruth, SiteLoad, Facility]:
    """Return a site to which nothing has happened yet."""
    place = PLACES[number % len(PLACES)]
    step_s = design.interval_min * 60.0
    count = round((frame.reference_days + frame.pause_days + 1) * DAY_S / step_s)
    epoch_s: Floats = np.asarray(frame.pause_start_s - frame.reference_days * DAY_S + step_s * np.arange(count))
    local_s = epoch_s + utc_offsets_s(place.zone, epoch_s)
    weather = temperature_c(epoch_s, place.latitude, place.longitude, rng)
    capacity_mw = design.it_capacity_mw
    if plan.is_wide:
        ceiling_mw = capacity_mw
        ordinary = SiteLoad.draw_wide(plan.kind, capacity_mw, rng, plan.reserved_share, plan.unrest)
        it_mw = np.minimum(ordinary.it_mw(local_s, rng, frame.rates), 0.97 * ceiling_mw)
        facility = Facility.of_pue(design.pue or 1.2, float(it_mw.mean()), weather, rng)
    else:
        ceiling_mw = 1.3 * capacity_mw
        ordinary = SiteLoad.draw(plan.kind, capacity_mw, rng)
        facility = Facility.draw(capacity_mw, rng)
        it_mw = ordinary.it_mw(local_s, rng)
    truth = SiteTruth(
        epoch_s,
        local_s,
        capacity_mw,
        frame.pause_start_s,
        it_mw,
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        weather,
        ceiling_mw,
        starts_late=plan.is_wide,
    )
    return truth, ordinary, facility


def _supply(
    number: int, design: SiteDesign, truth: SiteTruth, mean_mw: float, rng: np.random.Generator
) -> dict[str, Floats]:
    place = PLACES[number % len(PLACES)]
    out = {}
    if design.solar_share:
        peak_mw = design.solar_share * mean_mw
        out["generation_kw"] = solar_mw(truth.epoch_s, place.latitude, place.longitude, peak_mw, rng)
    if design.battery_share:
        out["battery_kw"] = battery_mw(truth.local_s, design.battery_share * mean_mw, rng)
    return out


def _seen(
    truth: SiteTruth,
    it_all: Floats,
    utility: Floats,
    supply: dict[str, Floats],
    design: SiteDesign,
    rng: np.random.Generator,
) -> dict[str, Floats]:
    """Return what the meters say, by column."""
    single = design.missing_share * (1 - design.clumped_share)
    seen = {
        "utility_kw": metered(utility * 1e3, design.utility_accuracy_pct / 100, rng, single),
        "it_kw": metered((it_all - truth.hidden_mw) * 1e3, design.it_accuracy_pct / 100, rng, single),
        "temperature_c": truth.temperature_c + 0.2 * rng.standard_normal(len(utility)),
    }
    for column, mw in supply.items():
        seen[column] = metered(mw * 1e3, 0.01, rng, single)
    if design.clumped_share:
        for column, values in seen.items():
            if column != "temperature_c":
                gone = stretches(len(utility), truth.step_s, design.missing_share * design.clumped_share, rng)
                values[gone] = np.nan
    for tamper in truth.tampering:
        tamper(seen)
    if not design.has_it_meter:
        del seen["it_kw"]
    if not design.has_temperature:
        del seen["temperature_c"]
    return seen


def _connection_mw(facility: Facility, design: SiteDesign, truth: SiteTruth) -> float:
    """Return a grid connection that carries all of the IT on the hottest day, with a tenth to spare."""
    full = np.full(len(truth.epoch_s), design.it_capacity_mw)
    peak = float(facility.utility_mw(full, truth.temperature_c, truth.step_s).max())
    return round(max(1.6 * design.it_capacity_mw, 1.1 * peak), 1)


def _times(epoch_s: Floats) -> pl.Series:
    stamps = pl.Series("time_utc", epoch_s.astype(np.int64))
    return pl.from_epoch(stamps, time_unit="s").dt.replace_time_zone("UTC")


def _table(time: pl.Series, seen: dict[str, Floats], truth: SiteTruth) -> pl.DataFrame:
    rows = pl.DataFrame({"time_utc": time, **seen}, nan_to_null=True)
    if truth.twice is not None:
        index = np.repeat(np.arange(len(time)), 1 + truth.twice)
        rows = rows[index]
    return rows.filter(pl.any_horizontal(pl.col(c).is_not_null() for c in seen))


def _label(
    site_id: str, plan: SitePlan, design: SiteDesign, ordinary: SiteLoad, events: list[Event], marginal_pue: float
) -> dict[str, Any]:
    return {
        "site_id": site_id,
        "kind": plan.kind,
        "it_capacity_mw": design.it_capacity_mw,
        "violates": any(e.is_training for e in events),
        "parameters": asdict(ordinary),
        "design": design.document(),
        "marginal_pue": round(marginal_pue, 4),
        "events": [event_document(e) for e in events],
    }
