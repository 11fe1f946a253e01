"""Scale and clock: which of two meters that no longer follow one another is wrong, and how."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.integrity.coupling import Uncoupled
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

# Below this share of the usual gain the IT meter's ups and downs aren't the utility's at all.
_MADE_UP = 0.3
_BESIDE_HOURS = 7 * 24
# A meter's own level must change by about the factor for it to be the one that is scaled.
_SAME_FACTOR, _CLEARLY = float(np.log(1.3)), 0.1
_LASTS_HOURS = 36


def uncoupled_meters(span: Uncoupled, load_share: Floats, end_hour: int) -> Contradiction:
    """Return what a span says of the meters.

    Args:
        span: in which gain or lag changed.
        load_share: load over what is expected, utility and IT, shape (2, H), NaN where unseen.
        end_hour: first hour after the report day.
    """
    end = None if span.end_hour >= end_hour - _LASTS_HOURS else span.end_hour
    where = (span.start_hour, end)
    if not span.is_gain:
        return Contradiction(Flaw.CLOCK_SHIFTED, (Lane.IT_LOAD,), *where, span.lag_min)
    levels = {lane: _level_change(load_share[i], span) for i, lane in enumerate((Lane.UTILITY, Lane.IT_LOAD))}
    # A scaled IT meter divides the gain, a scaled utility meter multiplies it.
    factors = {Lane.UTILITY: span.gain_ratio, Lane.IT_LOAD: 1 / span.gain_ratio}
    misses = {lane: abs(np.log(levels[lane] / factors[lane])) for lane in factors}
    facts = {f"{lane.value}_level": levels[lane] for lane in levels if np.isfinite(levels[lane])}
    best, other = sorted(misses, key=lambda lane: (np.nan_to_num(misses[lane], nan=np.inf), lane))
    if misses[best] <= _SAME_FACTOR and not misses[other] < misses[best] + _CLEARLY:
        return Contradiction(Flaw.RESCALED, (best,), *where, levels[best], facts)
    if span.gain_ratio < _MADE_UP:
        return Contradiction(Flaw.UNCOUPLED, (Lane.IT_LOAD,), *where, span.gain_ratio, facts)
    return Contradiction(Flaw.UNCOUPLED, (Lane.UTILITY, Lane.IT_LOAD), *where, span.gain_ratio, facts)


def _level_change(load_share: Floats, span: Uncoupled) -> float:
    """Return by what a lane's level, beyond what is expected of it, changed with the span; NaN where unseen."""
    medians = []
    sides = (slice(max(span.start_hour - _BESIDE_HOURS, 0), span.start_hour), slice(span.start_hour, span.end_hour))
    for side in sides:
        seen = load_share[side][np.isfinite(load_share[side])]
        medians.append(float(np.median(seen)) if len(seen) else float("nan"))
    return medians[1] / medians[0] if medians[0] > 0 and medians[1] > 0 else float("nan")
