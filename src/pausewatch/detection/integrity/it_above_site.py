"""IT load above the site's: racks can't draw more than the site does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.gaps import runs
from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

# Beyond two meters' class errors it is wrong telemetry.
_IT_ABOVE_SITE = 1.02
_CONTRADICTION_HOURS = 12
_BRIDGE_HOURS = 48


def it_above_site(it_load_kw: Floats, site_kw: Floats, first_hour: int) -> list[Contradiction]:
    """Return spans in which the IT load exceeds what the site draws."""
    with np.errstate(invalid="ignore"):
        above = it_load_kw > _IT_ABOVE_SITE * site_kw
    now = len(above)
    out = []
    for start, end in runs(above, _CONTRADICTION_HOURS, _BRIDGE_HOURS):
        if end > first_hour and above[start:end].sum() >= _CONTRADICTION_HOURS:
            ratio = float(np.nanmedian((it_load_kw[start:end] / site_kw[start:end])[above[start:end]]))
            lanes = (Lane.UTILITY, Lane.IT_LOAD)
            out.append(Contradiction(Flaw.IT_ABOVE_SITE, lanes, start, None if end >= now - 24 else end, ratio))
    return out
