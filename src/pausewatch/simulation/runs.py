"""What a training run draws: a step up, a plateau, and interruptions.

Sources: power of 64 nodes of 8 H100 in MLPerf v4.0's GPT-3 runs varies by 0.94 % at 1 min and 0.15 % at 15 min, two
H200 nodes fine-tuning by 3 to 5 % (Latif et al. 2024, arXiv 2412.08602). Llama 3 (arXiv 2407.21783) reports an
interruption about every 3 h at 16k GPUs, most of them minutes long; smaller runs fail less often. Idle accelerators
draw 0.3 to 0.5 of training power (POLCA, Patel et al. 2024), so an interruption is a dip, not a hole.
"""

from __future__ import annotations

import numpy as np

from pausewatch.simulation.truth import Floats, SiteTruth, Span

VARIATION: Span = (0.001, 0.02)
INTERRUPTED_EVERY_H: Span = (3.0, 50.0)
INTERRUPTED_S: Span = (120.0, 3600.0)
INTERRUPTED_DEPTH: Span = (0.2, 0.6)


def training_mw(
    truth: SiteTruth,
    start_s: float,
    end_s: float,
    mw: float,
    rng: np.random.Generator,
    *,
    interruptions: bool = True,
    variation: Span = VARIATION,
) -> Floats:
    """Return the load of a training run at each interval, MW.

    Args:
        truth: the site.
        start_s: first instant.
        end_s: last instant.
        mw: plateau.
        rng: random numbers.
        interruptions: whether it is interrupted.
        variation: standard deviation within the run, from interval to interval, as a share of the plateau.
    """
    load = np.where(truth.inside(start_s, end_s), mw, 0.0)
    ramp_s = rng.uniform(300, 5400)
    load *= np.clip((truth.epoch_s + truth.step_s - start_s) / ramp_s, 0, 1)
    load *= np.maximum(1 + rng.standard_normal(len(load)) * rng.uniform(*variation), 0.0)
    if interruptions:
        count = int((end_s - start_s) / 3600.0 / rng.uniform(*INTERRUPTED_EVERY_H))
        at = rng.uniform(start_s, end_s, count)
        length = rng.uniform(*INTERRUPTED_S, count)
        depth = rng.uniform(*INTERRUPTED_DEPTH, count)
        _interrupt(truth, load, at, length, depth)
    return np.asarray(load)


def _interrupt(truth: SiteTruth, load: Floats, at: Floats, length: Floats, depth: Floats) -> None:
    step_s = truth.step_s
    first = np.clip((at - truth.epoch_s[0]) // step_s, 0, len(load) - 1).astype(np.int64)
    reach = (length // step_s).astype(np.int64) + 1
    kept = 1 - depth * np.minimum(length / step_s, 1.0)
    offset = np.arange(int(reach.sum())) - np.repeat(np.cumsum(reach) - reach, reach)
    where = np.repeat(first, reach) + offset
    fits = where < len(load)
    np.multiply.at(load, where[fits], np.repeat(kept, reach)[fits])
