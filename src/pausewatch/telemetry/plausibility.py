"""Plausibility at ingest: readings no site could have, and hints at what looks wrong with a meter."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pausewatch.fleet import Measure, Meter, Site
from pausewatch.fleet.sources import CsvSpec
from pausewatch.sources import Batch, Reason
from pausewatch.sources.schema import UTC_US

# Real sites exceed their declared connection by a few tens of per cent (UK Power Networks' data centres reach 1.7
# times); protection trips long before twice.
BEYOND_CONNECTION = 2.0
_COLDEST_C, _HOTTEST_C = -60.0, 60.0
# Above this share of its rejects or below this share of the connection a meter's unit is in doubt.
_MOSTLY = 0.5
_TINY = 0.003


def screen(batch: Batch, site: Site, meter: Meter) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return plausible readings, and the batch's rejects with the implausible added."""
    reason = _reason(site, meter)
    if not batch.readings.select(reason.is_not_null().any()).item():
        return batch.readings, batch.rejects
    judged = batch.readings.with_columns(reason.alias("reason"))
    bad = judged.filter(pl.col("reason").is_not_null())
    rejected = bad.select(
        pl.lit(batch.origin.rsplit("/", 1)[-1]).alias("where"),
        pl.format("{},{}", pl.col("interval_start").dt.to_string("iso"), pl.col("value")).alias("raw"),
        "reason",
        pl.col("interval_start").cast(UTC_US),
    )
    good = judged.filter(pl.col("reason").is_null()).drop("reason")
    return good, pl.concat([batch.rejects, rejected])


def _reason(site: Site, meter: Meter) -> pl.Expr:
    value = pl.col("value")
    if meter.measures is Measure.OUTDOOR_TEMPERATURE:
        outside = ~value.is_between(_COLDEST_C, _HOTTEST_C)
        return pl.when(outside).then(pl.lit(Reason.TEMPERATURE_OUT_OF_RANGE.value))
    limit_kw = BEYOND_CONNECTION * site.grid_connection_mw * 1e3
    beyond = pl.when(value.abs() > limit_kw).then(pl.lit(Reason.BEYOND_GRID_CONNECTION.value))
    if meter.measures is Measure.BATTERY:
        return beyond
    return pl.when(value < 0).then(pl.lit(Reason.NEGATIVE.value)).otherwise(beyond)


def unit_hint(site: Site, meter: Meter, readings: int, mean_kw: float | None, beyond: int) -> str | None:
    """Return a sentence if the meter's unit looks wrong, else None.

    Args:
        site: the site.
        meter: the meter.
        readings: accepted readings.
        mean_kw: their mean.
        beyond: readings rejected as beyond the grid connection.
    """
    if meter.measures is Measure.OUTDOOR_TEMPERATURE or not readings + beyond:
        return None
    if beyond > _MOSTLY * (readings + beyond):
        return (
            f"{beyond} of {readings + beyond} readings lie beyond twice the grid connection of "
            f"{site.grid_connection_mw:g} MW: is the unit {meter.unit} right?"
        )
    is_load = meter.measures in (Measure.UTILITY_IMPORT, Measure.IT_LOAD)
    if is_load and mean_kw is not None and 0 < mean_kw < _TINY * site.grid_connection_mw * 1e3:
        return (
            f"the mean load of {mean_kw:.3g} kW is {mean_kw / site.grid_connection_mw / 10:.2g} % "
            f"of the grid connection of {site.grid_connection_mw:g} MW: is the unit {meter.unit} right?"
        )
    return None


def delivery_hint(
    site: Site, meter: Meter, readings: int, mean: float | None, rejected: Mapping[str, int]
) -> str | None:
    """Return a sentence if what a meter delivered can't be right as it stands, else None.

    Args:
        site: the site.
        meter: the meter.
        readings: accepted readings.
        mean: their mean, kW or degC.
        rejected: rejected rows by reason.
    """
    hint = unit_hint(site, meter, readings, mean, rejected.get(Reason.BEYOND_GRID_CONNECTION.value, 0))
    if readings or hint:
        return hint
    if rejected:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        return f"no readings: every row was rejected ({reasons})"
    nothing = "no readings: the source holds no row for this meter"
    if isinstance(meter.source, CsvSpec) and meter.source.where:
        chosen = ", ".join(f"{column}: {value}" for column, value in meter.source.where.items())
        nothing += f"; does a row have {chosen}?"
    return nothing


def swap_hint(site: Site, mean_kw: Mapping[str, float | None]) -> str | None:
    """Return a sentence if the IT load is above what the site draws: the meters may be swapped.

    Args:
        site: the site.
        mean_kw: mean reading by meter id, None where there is none.
    """

    def total(measure: Measure) -> float | None:
        values = [mean_kw.get(m.id) for m in site.meters_of(measure)]
        return None if not values or any(v is None for v in values) else sum(v for v in values if v is not None)

    utility, it_load = total(Measure.UTILITY_IMPORT), total(Measure.IT_LOAD)
    made = sum(total(m) or 0.0 for m in (Measure.ONSITE_GENERATION, Measure.BATTERY))
    if utility is None or it_load is None or it_load <= (utility + made) * 1.02:
        return None
    return (
        f"site {site.id}: the IT load averages {it_load:.0f} kW and the utility import {utility:.0f} kW; "
        "IT can't draw more than the site: are the two meters swapped, or is a unit wrong?"
    )
