"""Medians and quantiles of many rows at once: one sort or partition of a block in place of a call a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def row_quantiles(values: Floats, shares: tuple[float, ...]) -> Floats:
    """Return quantiles of each row by linear interpolation, shape (S, len(shares)); NaN where nothing was seen.

    Args:
        values: shape (S, N), NaN where unseen.
        shares: 0 to 1.
    """
    out = np.full((len(values), len(shares)), np.nan)
    if not values.size:
        return out
    count = values.shape[1] - np.count_nonzero(np.isnan(values), axis=1)
    last = np.maximum(count - 1, 0)
    rows = np.arange(len(values))
    if len(shares) == 1 and (count == count[0]).all() and count[0]:
        # One quantile of rows that were seen alike: a partition and a minimum of what lies above.
        place = shares[0] * float(last[0])
        low = int(place)
        parted = np.partition(values, low, axis=1)
        lower = parted[:, low]
        upper = parted[:, low + 1 : int(count[0])].min(axis=1, initial=np.inf) if low < last[0] else lower
        out[:, 0] = lower + (place - low) * (upper - lower)
        return out
    ordered = np.sort(values, axis=1)
    for k, share in enumerate(shares):
        place = share * last
        low = place.astype(np.int64)
        lower, upper = ordered[rows, low], ordered[rows, np.minimum(low + 1, last)]
        out[:, k] = lower + (place - low) * (upper - lower)
    return out


def row_medians(values: Floats, seen: Bools) -> Floats:
    """Return the median of what was seen of each row, shape (S,); NaN where nothing was.

    Args:
        values: shape (S, N).
        seen: which of them count, shape (S, N).
    """
    out = np.full(len(values), np.nan)
    count = seen.sum(axis=1)
    filled = np.where(seen, values, np.inf)
    for number in np.unique(count[count > 0]):
        mine = np.flatnonzero(count == number)
        half = int(number) // 2
        parted = np.partition(filled if len(mine) == len(values) else filled[mine], half, axis=1)
        middle = parted[:, half]
        # Asking a partition for both middles takes several times as long as a maximum of the lower half.
        out[mine] = middle if number % 2 else (middle + parted[:, :half].max(axis=1)) / 2
    return out
