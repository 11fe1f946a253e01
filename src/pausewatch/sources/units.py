"""Units: every reading becomes the mean power over its interval in kW, or degrees Celsius."""

from __future__ import annotations

import polars as pl

from pausewatch.fleet import Unit

_KW_PER_UNIT = {Unit.W: 1e-3, Unit.KW: 1.0, Unit.MW: 1e3}
_KWH_PER_UNIT = {Unit.WH: 1e-3, Unit.KWH: 1.0, Unit.MWH: 1e3}


def to_canonical(value: pl.Expr, unit: Unit, interval_s: pl.Expr) -> pl.Expr:
    """Return `value` as mean kW (power and energy units) or degC (temperature units).

    Args:
        value: in `unit`; mean power over the interval, or energy in it.
        unit: of the value.
        interval_s: length of each reading's interval in seconds.
    """
    if unit is Unit.DEG_C:
        return value
    if unit is Unit.DEG_F:
        return (value - 32.0) * (5.0 / 9.0)
    if unit in _KW_PER_UNIT:
        return value * _KW_PER_UNIT[unit]
    return value * _KWH_PER_UNIT[unit] * 3600.0 / interval_s
