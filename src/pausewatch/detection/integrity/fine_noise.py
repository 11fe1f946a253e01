"""Fine noise: what an hour's load does that neither its baseline nor the hours before it foretell.

Every meter on a running load has some, and no two days share it: a copy repeats it, a made-up curve lacks it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pausewatch.detection.whitening import LAGS, Whitener

Floats = npt.NDArray[np.float64]


def fine_noise(residual_kw: Floats, whitener: Whitener) -> Floats:
    """Return innovations in standard deviations of the reference's, shape (S, H); NaN where there is none.

    As in `whitening`, but without its forecasts over gaps: an hour whose predecessor wasn't seen has none, and an
    earlier hour that wasn't seen is stood in for by the last before it.

    Args:
        residual_kw: observed less expected, shape (S, H), NaN where unseen.
        whitener: the autoregressions of the same series.
    """
    hours = residual_kw.shape[1]
    seen = np.isfinite(residual_kw)
    last = np.maximum.accumulate(np.where(seen, np.arange(hours)[None, :], 0), axis=1)
    held = np.nan_to_num(np.take_along_axis(residual_kw, last, axis=1))
    out = np.where(seen, residual_kw, 0.0)
    for k, lag in enumerate(LAGS):
        out[:, lag:] -= whitener.lag_weights[:, k : k + 1] * held[:, :-lag]
    told = seen.copy()
    told[:, 1:] &= seen[:, :-1]
    told[:, : LAGS[-1]] = False
    sd = np.where(whitener.innovation_sd_kw > 0, whitener.innovation_sd_kw, np.inf)
    return np.where(told, out / sd[:, None], np.nan)
