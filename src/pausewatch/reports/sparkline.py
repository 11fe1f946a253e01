"""Tiny drawings made by hand: a site's last days, light enough for a page of hundreds of sites."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 96, 22
MOST_DAYS = 45


def sparkline(observed: Sequence[float], expected: Sequence[float]) -> Markup:
    """Return the last days' observed energy (solid) against the expected (dashed); days not seen break the line.

    Args:
        observed: daily energy, oldest first, NaN where unseen.
        expected: the same days' expected energy.
    """
    seen, due = list(observed)[-MOST_DAYS:], list(expected)[-MOST_DAYS:]
    finite = [value for value in seen + due if math.isfinite(value)]
    if len(seen) < 2 or not finite:
        return Markup("")
    low, high = min(finite), max(finite)
    span = max(high - low, 0.1 * abs(high), 1e-9)
    middle = (low + high) / 2

    def path(values: Sequence[float]) -> str:
        step = WIDTH / max(len(values) - 1, 1)
        parts, is_broken = [], True
        for index, value in enumerate(values):
            if not math.isfinite(value):
                is_broken = True
                continue
            y = HEIGHT / 2 - (value - middle) / span * (HEIGHT - 4)
            parts.append(f"{'M' if is_broken else 'L'}{index * step:.0f} {y:.1f}")
            is_broken = False
        return "".join(parts)

    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" aria-hidden="true">'
        '<path class="due" d="{due}"/><path class="seen" d="{seen}"/></svg>'
    ).format(w=WIDTH, h=HEIGHT, due=path(due), seen=path(seen))
