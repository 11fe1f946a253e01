"""How quantities are written for a reader: few digits, thin units, an en dash where nothing can be said."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from pausewatch.findings.model import Bounds

MISSING = "–"
_THIN = "\u202f"  # narrow no-break space
_NBSP = "\u00a0"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number to some significant digits, grouped by thin spaces, without an exponent below a million."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{round(value, decimals):,.{min(decimals, 6)}f}".replace(",", _THIN)
    return text.replace("-", "−") if float(f"{value:.{min(decimals, 6)}f}") else "0"


def fixed(value: float | None, decimals: int = 1) -> str:
    """Return a number to fixed decimals, for columns that line up."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{decimals}f}".replace(",", _THIN)
    return text.replace("-", "−") if float(text.replace(_THIN, "")) else text.lstrip("-")


def share(value: float | None, decimals: int = 0) -> str:
    """Return a fraction as per cent; never 100 % or 0 % where something is missing or there."""
    if value is None or not math.isfinite(value):
        return MISSING
    percent = 100 * value
    smallest = 10.0**-decimals
    if 0 < percent < smallest:
        return f"<{_THIN}{smallest:g}{_THIN}%"
    if 100 - smallest < percent < 100:
        return f">{_THIN}{100 - smallest:g}{_THIN}%"
    return f"{fixed(percent, decimals)}{_THIN}%"


def flop(value: float | None) -> Markup:
    """Return a number of FLOP as `1.2 × 10²⁴`, with its exponent raised."""
    if value is None or not math.isfinite(value):
        return escape(MISSING)
    if value == 0:
        return Markup("0")
    mantissa, exponent = f"{value:.1e}".split("e")
    return Markup("{}{}×{}10<sup>{}</sup>").format(mantissa.replace("-", "−"), _THIN, _THIN, int(exponent))


def quantities(value: float | None, significant_flop: float) -> str:
    """Return a number of FLOP as a share of the significant quantity: `120 %`, or `14 times` far above it."""
    if value is None or not math.isfinite(value) or significant_flop <= 0:
        return MISSING
    ratio = value / significant_flop
    return f"{number(ratio, 2)}{_NBSP}times" if ratio >= 10 else share(ratio)


def is_known(value: float | None) -> bool:
    """Return whether there is a finite number."""
    return value is not None and math.isfinite(value)


def amount(value: float | None, unit: str, digits: int = 3) -> str:
    """Return a number with its unit, or `not known`."""
    return f"{number(value, digits)}{_NBSP}{unit}" if is_known(value) else "not known"


def interval(bounds: Bounds, digits: int, unit: str) -> str:
    """Return the 90 % interval of an estimate as `low to high unit`; empty where nothing is known."""
    if not (math.isfinite(bounds.low) and math.isfinite(bounds.high)):
        return "interval not known" if is_known(bounds.estimate) else ""
    return f"{number(bounds.low, digits)} to {number(bounds.high, digits)}{_NBSP}{unit}"


def flop_interval(bounds: Bounds) -> Markup:
    """Return the interval of a number of FLOP as `low to high`."""
    if not (math.isfinite(bounds.low) and math.isfinite(bounds.high)):
        return Markup("interval not known")
    return Markup("{} to {}").format(flop(bounds.low), flop(bounds.high))


def long_date(day: date) -> str:
    """Return `Monday 12 October 2026`."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_date(day: date) -> str:
    """Return `12 Oct 2026`."""
    return f"{day.day}{_NBSP}{day:%b}{_NBSP}{day:%Y}"


def local_time(moment: datetime | None, timezone: str) -> str:
    """Return a UTC time as the site's own clock shows it: `12 Oct 2026 14:00 BST`."""
    if moment is None:
        return MISSING
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    local = aware.astimezone(ZoneInfo(timezone))
    return f"{short_date(local.date())} {local:%H:%M}{_NBSP}{local:%Z}"


def evidence_value(value: Any) -> str:
    """Return one value of a finding's evidence as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return MISSING
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−") if math.isfinite(value) else MISSING
    if isinstance(value, list | tuple):
        shown = ", ".join(evidence_value(item) for item in value[:12])
        return f"{shown}, … ({len(value)} in all)" if len(value) > 12 else shown
    return str(value)


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun: `1 site`, `8 sites`."""
    return f"{fixed(count, 0)}{_NBSP}{singular if count == 1 else plural or singular + 's'}"
