"""The pooled test: have several sites stepped up within half a day, each by too little to be accepted alone?

A mixture likelihood ratio over sites, as in multi-sensor change detection (Xie & Siegmund 2013): each site takes part
with a probability p, unknown which. A site's own ratio is bounded by how often it steps by itself, as its record of the
pause tells: one site that jumps says little, however high, and one that jumps every day says nothing. The largest
contribution is left out, so that a group's score is carried by at least two.

Its mean and spread are estimated on held-out residuals of the same sites at the same hours: what neighbours share
(weather, grid, calendar) makes their scores rise together, and counts against it. Its threshold meets the group's
budget both for what was seen jointly and for sites shifted against each other in time, which shows rarer coincidences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.extremes import WEEKS_PER_YEAR, gumbel_threshold

Floats = npt.NDArray[np.float64]

# Half a day: sites of one job start within hours of each other, and blocks are six hours.
WINDOW_BLOCKS = 2
_WEEK_BLOCKS = 28
# Chance that an honest site steps up by itself within a window: about once in four months, before it has shown more.
_OWN_STEP = 1.0 / 250.0
# An edge that stands on its own.
EDGE_Z = 5.0
SHARES = np.array([0.1, 0.3, 1.0])
# A score this high hides its neighbours of a day: they are shadows of the same edge.
_SHADOWS_Z = 4.0
_SHADOW_BLOCKS = 4
# The scan looks two weeks back and ahead: a strong edge leaves scores of less than half of it that far.
REACH_BLOCKS = 56
_FAINT_SHARE = 0.5
_SHIFTS = 20
_JUMP_Z = 9.0
_AROUND_BLOCKS = 8
# Held-out months flatter the season after them, as for the step test.
_DOUBT = 4.0


@dataclass(frozen=True)
class PooledModel:
    """The calibrated test of one group.

    Args:
        mean: of the mixture's log ratio for each share, shape (3,).
        sd: likewise; correlation between the sites is in it.
        threshold: score at which the group is asked about.
        scale: of the score's tail: so much more makes chance e times rarer.
        spread: median deviation of the score from its median, when held out.
        inflation: standard deviation of a sum over the sites over that of independent ones.
        alarms_per_year: the budget it meets.
    """

    mean: Floats
    sd: Floats
    threshold: float
    scale: float
    spread: float
    inflation: float
    alarms_per_year: float


def edges(z: Floats) -> Floats:
    """Return scores without the shadows of a stronger edge within a day, or a far stronger within two weeks, (S, K)."""
    from scipy.ndimage import maximum_filter1d

    if not z.size:
        return z
    size = np.abs(z)
    near = maximum_filter1d(size, 2 * _SHADOW_BLOCKS + 1, axis=1, mode="constant")
    around = maximum_filter1d(size, 2 * REACH_BLOCKS + 1, axis=1, mode="constant")
    is_shadow = (near >= _SHADOWS_Z) & (size < near) | (around >= _SHADOWS_Z + 1) & (size < _FAINT_SHARE * around)
    return np.where(is_shadow, 0.0, z)


def windowed(z: Floats) -> Floats:
    """Return the highest score of the half day that begins with each block, shape (S, K)."""
    return np.maximum(z, np.pad(z[:, 1:], ((0, 0), (0, 1))))


def own_steps(z: Floats) -> Floats:
    """Return the chance of each site to step by itself within a window, from the edges it shows, shape (S, 1).

    One edge is not held against a site: it may be the one that is asked about.

    Args:
        z: scores without shadows, shape (S, K).
    """
    up, down = ((sign * z >= EDGE_Z).sum(axis=1, keepdims=True) for sign in (1.0, -1.0))
    seen = np.maximum(np.maximum(up, down) - 1, 0)
    return np.asarray(np.maximum((1.0 + WINDOW_BLOCKS * seen) / (1.0 / _OWN_STEP + z.shape[1]), _OWN_STEP))


def bounded_ratio(z: Floats, own: Floats | float = _OWN_STEP) -> Floats:
    """Return the likelihood ratio of a step up over none, bounded by how often a site steps by itself."""
    ratio = np.exp(np.minimum(np.maximum(z, 0.0) ** 2 / 2.0, 50.0))
    return np.asarray(ratio / (1.0 + own * ratio))


def mixture(z: Floats, own: Floats | float = _OWN_STEP) -> Floats:
    """Return the mixture's log ratio without its largest contribution, for each share, shape (3, K)."""
    gain = bounded_ratio(z, own) - 1.0
    out = []
    for share in SHARES:
        parts = np.log1p(share * gain)
        out.append(parts.sum(axis=0) - parts.max(axis=0, initial=-np.inf))
    return np.stack(out)


def pooled_score(z: Floats, model: PooledModel, own: Floats | float = _OWN_STEP) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the group's score at each block and which share explains it best, both shape (K,)."""
    scores = (mixture(z, own) - model.mean[:, None]) / model.sd[:, None]
    return scores.max(axis=0), scores.argmax(axis=0)


def calmed(score: Floats, at: npt.NDArray[np.intp], model: PooledModel) -> Floats:
    """Return the scores at some blocks, lowered by how much more restless the group is than it was when held out.

    Sites whose load changes often make more coincidences than their reference showed. What is judged, and two days
    around it, doesn't count as unrest; a few weeks are needed to speak of it.
    """
    out = score[at].copy()
    for i, k in enumerate(at):
        others = np.concatenate([score[: max(k - _AROUND_BLOCKS, 0)], score[k + _AROUND_BLOCKS + 1 :]])
        if len(others) >= _AROUND_BLOCKS:
            trust = len(others) / (len(others) + _WEEK_BLOCKS)
            out[i] /= max(1.0 + trust * (_spread(others) / max(model.spread, 1e-9) - 1.0), 1.0)
    return out


def _spread(score: Floats) -> float:
    return float(np.median(np.abs(score - np.median(score))))


def taking_part(z: Floats, share: float, own: Floats | float = _OWN_STEP) -> Floats:
    """Return the probability of each site to take part in a step that a share of sites does, shape (S,)."""
    odds = share * bounded_ratio(z, own)
    return np.asarray(odds / (1.0 - share + odds))


def calibrate_pooled(quiet_z: Floats, alarms_per_year: float, seed: int) -> PooledModel:
    """Calibrate the test of a group.

    Args:
        quiet_z: windowed scores of its sites on held-out residuals, shape (S, K), the same hours in a column.
        alarms_per_year: the group's budget.
        seed: of the shifts.
    """
    sites, blocks = quiet_z.shape
    rng = np.random.default_rng(seed)
    joint = mixture(quiet_z)
    apart_mean = joint.mean(axis=1)
    shifted = [
        mixture(_with_jumps(np.stack([np.roll(row, int(by)) for row, by in zip(quiet_z, shift, strict=True)]), rng))
        for shift in rng.integers(0, max(blocks, 1), size=(_SHIFTS, sites))
    ]
    apart_sd = np.maximum(np.std(np.concatenate(shifted, axis=1), axis=1), 1e-3)
    mean, sd = apart_mean, np.maximum(joint.std(axis=1), apart_sd)

    def weekly(each: Floats) -> Floats:
        score = ((each - mean[:, None]) / sd[:, None]).max(axis=0)
        weeks = blocks // _WEEK_BLOCKS
        return np.asarray(score[: weeks * _WEEK_BLOCKS].reshape(weeks, _WEEK_BLOCKS).max(axis=1))

    budget = np.array([alarms_per_year / _DOUBT])
    apart = np.concatenate([weekly(each) for each in shifted])
    threshold, scale = gumbel_threshold(apart[None], WEEKS_PER_YEAR, budget, 0.5, 2.5)
    seen, _ = gumbel_threshold(weekly(joint)[None], WEEKS_PER_YEAR, budget, float(scale[0]), float(apart.mean()))
    total = quiet_z.sum(axis=0).std()
    alone = np.sqrt((quiet_z.std(axis=1) ** 2).sum())
    return PooledModel(
        mean=mean,
        sd=sd,
        threshold=float(max(threshold[0], seen[0])),
        scale=float(scale[0]),
        spread=_spread(((joint - mean[:, None]) / sd[:, None]).max(axis=0)),
        inflation=float(max(total / max(alone, 1e-9), 1.0)),
        alarms_per_year=alarms_per_year,
    )


def _with_jumps(z: Floats, rng: np.random.Generator) -> Floats:
    """Lay the steps that honest sites make by themselves over what the held-out months happen to show."""
    return np.where(rng.random(z.shape) < _OWN_STEP, _JUMP_Z, z)
