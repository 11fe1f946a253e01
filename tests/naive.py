"""Slow, obvious versions of fast functions, to compare them with on random input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

MINUTE_S = 60


class Row(NamedTuple):
    """One version of one reading of one meter; value None where it can't be used."""

    start_s: int
    interval_s: int
    value: float | None
    available_us: int


def known_rows(rows: Sequence[Row], cutoff_us: int) -> list[Row]:
    """Return the version of each interval that was known last at the cut-off."""
    latest: dict[int, Row] = {}
    for row in rows:
        if row.available_us > cutoff_us:
            continue
        held = latest.get(row.start_s)
        if held is None or _order(row) >= _order(held):
            latest[row.start_s] = row
    return list(latest.values())


def _order(row: Row) -> tuple[int, float]:
    return row.available_us, -math.inf if row.value is None else row.value


def meter_hours(rows: Sequence[Row], cutoff_us: int, first_s: int, hours: int) -> tuple[list[int], list[int]]:
    """Return seconds seen and milliwatt-seconds of each hour, walking every interval minute by minute."""
    seconds, milliwatt_s = [0] * hours, [0] * hours
    for row in known_rows(rows, cutoff_us):
        if row.value is None:
            continue
        for minute_s in range(row.start_s, row.start_s + row.interval_s, MINUTE_S):
            hour = (minute_s - first_s) // 3600
            if 0 <= hour < hours:
                seconds[hour] += MINUTE_S
                milliwatt_s[hour] += round(row.value * 1e6) * MINUTE_S
    return seconds, milliwatt_s


def stuck(values: Sequence[float], hours: int) -> list[bool]:
    """Return which values lie in a run of at least `hours` equal ones."""
    out = [False] * len(values)
    for first in range(len(values) - hours + 1):
        run = values[first : first + hours]
        if all(v == run[0] for v in run):
            out[first : first + hours] = [True] * hours
    return out
