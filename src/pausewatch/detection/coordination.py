"""Coordination: load that stepped up at several sites of a group together, or moved from one of them to another."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.groups import Bond, Group
from pausewatch.detection.pooled_test import (
    EDGE_Z,
    REACH_BLOCKS,
    SHARES,
    WINDOW_BLOCKS,
    PooledModel,
    calibrate_pooled,
    calmed,
    edges,
    own_steps,
    pooled_score,
    taking_part,
    windowed,
)
from pausewatch.detection.shared_view import SharedView

Floats = npt.NDArray[np.float64]

# A site is a member when it took part more likely than not.
_TOOK_PART = 0.5
_MOST_SHARE = 0.6
# Onsets nearer than this are one.
_APART_BLOCKS = 12
# Within the scan's two weeks a score below this share of a found one's is its echo.
_FAINT_SHARE = 0.6
# A load that moves goes from one or two sites to one or two others, in full view.
_MOVED_Z = 8.0
_MOVED_SITES = 2
# How alike a fall and a rise must be to be one load that moved.
_ALIKE = (0.8, 1.25)
# About this share of falls are by chance of the size of a given rise; no more than so many rises may find one.
_ALIKE_CHANCE = 0.2
_MOST_CHANCE = 0.02
# An end is believed when the members fall together by half of what they rose by.
_END_Z = 4.0
_END_SHARE = 0.5
_LEAST_BLOCKS = 4
# Standard deviation of the strongest signed score of six hours, of noise of unit variance.
_BLOCK_SD = 1.5
# A group whose held-out residuals last less than a month can't be calibrated.
_LEAST_QUIET_BLOCKS = 28 * 4


@dataclass(frozen=True)
class Quiet:
    """Scores of one site on held-out residuals: the first block since the epoch, and a score each, shape (K,)."""

    first_block: int
    z: Floats


@dataclass(frozen=True)
class Member:
    """One site's part: how it stepped, at the IT load.

    Args:
        site: its position in the fleet.
        block: in which its edge is strongest.
        z: that edge's score.
        step_mw: and size.
        probability: that it took part at all.
    """

    site: int
    block: int
    z: float
    step_mw: float
    probability: float


@dataclass(frozen=True)
class Coordinated:
    """A load of several sites of one group.

    Args:
        group: which sites were tested together.
        start_block: first block of the earliest edge.
        end_block: block in which the members came down together, or None while it lasts.
        rises: members whose load rose.
        falls: sites of the group whose load fell at the same time, by an edge that stands on its own.
        score: of the pooled test; NaN for a load that moved, which rests on edges that stand alone.
        model: of the pooled test.
        sd_mw: standard deviation of the sum of the rises.
    """

    group: Group
    start_block: int
    end_block: int | None
    rises: tuple[Member, ...]
    falls: tuple[Member, ...]
    score: float
    model: PooledModel
    sd_mw: float

    @property
    def rise_mw(self) -> float:
        """Load that rose, MW."""
        return sum(member.step_mw for member in self.rises)

    @property
    def fall_mw(self) -> float:
        """Load that fell, MW, positive."""
        return -sum(member.step_mw for member in self.falls)

    @property
    def is_moved(self) -> bool:
        """Whether what fell is about what rose."""
        return bool(self.falls) and _ALIKE[0] <= self.fall_mw / max(self.rise_mw, 1e-9) <= _ALIKE[1]


@dataclass(frozen=True)
class _Panel:
    """A group's sites side by side, arrays (n, K)."""

    first_block: int
    z: Floats
    step_mw: Floats


def calibrated(
    groups: Sequence[Group], views: Sequence[SharedView | None], quiet: Sequence[Quiet | None], budget: float
) -> list[tuple[Group, PooledModel]]:
    """Return each group of at least two sites that can be tested, without the others, with its calibrated test.

    Args:
        groups: of sites by position.
        views: of each site, None where nothing can be said of it.
        quiet: held-out scores of each site on the lane of its view.
        budget: alarms a year that each member brings to a group's budget.
    """
    out = []
    for group in groups:
        usable = [i for i in group.sites if views[i] is not None and quiet[i] is not None]
        held = [one for i in usable if (one := quiet[i]) is not None]
        if len(usable) < 2:
            continue
        first = min(one.first_block for one in held)
        z = np.zeros((len(held), max(one.first_block + len(one.z) for one in held) - first))
        for row, one in zip(z, held, strict=True):
            row[one.first_block - first : one.first_block - first + len(one.z)] = one.z
        if z.shape[1] < _LEAST_QUIET_BLOCKS:
            continue
        name = f"{group.bond}/{group.name}"
        model = calibrate_pooled(windowed(edges(z)), budget * len(usable), zlib.crc32(name.encode()))
        out.append((Group(group.bond, group.name, tuple(usable)), model))
    return out


def coordinated_loads(
    group: Group, views: Sequence[SharedView], model: PooledModel, since_block: int, eased: float = 1.0
) -> list[Coordinated]:
    """Return the loads that several sites of a group show together, earliest first.

    Args:
        group: the group.
        views: of each of its sites, in its order.
        model: its calibrated test.
        since_block: the first block in which an onset counts.
        eased: factor on the threshold.
    """
    panel = _panel(views)
    up, down = windowed(panel.z), windowed(-panel.z)
    own = own_steps(panel.z)
    raw, share = pooled_score(up, model, own)
    since = max(since_block - panel.first_block, 0)
    score = np.full(len(raw), -np.inf)
    high = since + np.flatnonzero(raw[since:] >= eased * model.threshold)
    score[high] = calmed(raw[since:], high - since, model)
    found: list[Coordinated] = []
    left = score.copy()
    while len(left) and left.max() >= eased * model.threshold:
        k = int(left.argmax())
        near = slice(max(k - _APART_BLOCKS, 0), k + _APART_BLOCKS + 1)
        around = slice(max(k - REACH_BLOCKS, 0), k + REACH_BLOCKS + 1)
        left[around] = np.where(left[around] < _FAINT_SHARE * score[k], -np.inf, left[around])
        left[near] = -np.inf
        part = taking_part(up[:, k], min(float(SHARES[share[k]]), _MOST_SHARE), own[:, 0])
        rises = _members(group, panel, k, part, up, 1.0)
        if len(rises) > 1:
            found.append(_coordinated(group, panel, k, rises, down, float(score[k]), model))
    taken = [c.start_block - panel.first_block for c in found]
    found += _moves(group, panel, up, down, model, since, taken, own[:, 0])
    return sorted(found, key=lambda c: c.start_block)


def _panel(views: Sequence[SharedView]) -> _Panel:
    first = min(view.first_block for view in views)
    blocks = max(view.end_block for view in views) - first
    z, step = np.zeros((len(views), blocks)), np.zeros((len(views), blocks))
    for i, view in enumerate(views):
        span = slice(view.first_block - first, view.end_block - first)
        z[i, span], step[i, span] = view.z, view.step_mw
    return _Panel(first, edges(z), step)


def _members(group: Group, panel: _Panel, k: int, part: Floats, score: Floats, sign: float) -> tuple[Member, ...]:
    out = []
    for i in np.flatnonzero((part >= _TOOK_PART) & (score[:, k] > 0)):
        window = sign * panel.z[i, k : k + WINDOW_BLOCKS]
        at = k + int(window.argmax())
        if sign * panel.step_mw[i, at] > 0:
            step, z = float(panel.step_mw[i, at]), float(panel.z[i, at])
            out.append(Member(group.sites[i], panel.first_block + at, z, step, float(part[i])))
    return tuple(out)


def _coordinated(
    group: Group,
    panel: _Panel,
    k: int,
    rises: tuple[Member, ...],
    down: Floats,
    score: float,
    model: PooledModel,
) -> Coordinated:
    risen = {member.site for member in rises}
    others = np.array([site not in risen for site in group.sites])
    near = down[:, max(k - 1, 0) : k + 2].max(axis=1)
    at = max(k - 1, 0) + down[:, max(k - 1, 0) : k + 2].argmax(axis=1)
    falls: list[Member] = []
    for i in np.flatnonzero(others & (near >= EDGE_Z)):
        falls += _members(group, panel, int(at[i]), np.where(np.arange(len(others)) == i, 1.0, 0.0), down, -1.0)
    sd = np.sqrt(sum((member.step_mw / member.z) ** 2 for member in rises)) * model.inflation
    return Coordinated(
        group=group,
        start_block=min(member.block for member in rises),
        end_block=_end(group, panel, k, rises, model),
        rises=rises,
        falls=tuple(falls),
        score=score,
        model=model,
        sd_mw=float(sd),
    )


def _end(group: Group, panel: _Panel, k: int, rises: tuple[Member, ...], model: PooledModel) -> int | None:
    """Return the block in which the members came down together, or None."""
    position = {site: i for i, site in enumerate(group.sites)}
    rows = np.array([position[member.site] for member in rises])
    z = panel.z[rows, k + _LEAST_BLOCKS :]
    if z.shape[1] < WINDOW_BLOCKS:
        return None
    both = z[:, :-1] + z[:, 1:]
    pooled = -both.sum(axis=0) / (_BLOCK_SD * np.sqrt(WINDOW_BLOCKS * len(rows)) * model.inflation)
    step = panel.step_mw[rows, k + _LEAST_BLOCKS :]
    stronger = np.where(np.abs(z[:, :-1]) >= np.abs(z[:, 1:]), step[:, :-1], step[:, 1:])
    fell = -stronger.sum(axis=0) >= _END_SHARE * sum(member.step_mw for member in rises)
    at = np.flatnonzero((pooled >= _END_Z) & fell)
    if not len(at):
        return None
    # The first stretch of blocks that say so, at its strongest.
    first = at[: int(np.argmax(np.diff(at, append=at[-1] + 9) > 1)) + 1]
    return int(panel.first_block + k + _LEAST_BLOCKS + 1 + first[int(pooled[first].argmax())])


def _moves(
    group: Group,
    panel: _Panel,
    up: Floats,
    down: Floats,
    model: PooledModel,
    since: int,
    taken: Sequence[int],
    own: Floats,
) -> list[Coordinated]:
    """Return rises that a fall of the same size at another site of the owner accompanies, both edges that stand alone.

    Only an owner moves load between its sites; among strangers such pairs are coincidences, and so they are where
    the other sites step down every few days by themselves.
    """
    if group.bond is not Bond.OWNER:
        return []
    rising, falling = up >= _MOVED_Z, down >= _MOVED_Z
    both = np.flatnonzero(rising.any(axis=0) & falling.any(axis=0))
    out: list[Coordinated] = []
    used = list(taken)
    for k in both[both >= since]:
        if any(abs(int(k) - t) <= _APART_BLOCKS for t in used):
            continue
        rises = _members(group, panel, int(k), rising[:, k].astype(np.float64), up, 1.0)
        if not rises:
            continue
        risen = {member.site for member in rises}
        others = np.array([site not in risen for site in group.sites])
        if _ALIKE_CHANCE * own[others].sum() > _MOST_CHANCE:
            continue
        told = _coordinated(group, panel, int(k), rises, down, float("nan"), model)
        if told.is_moved and max(len(told.rises), len(told.falls)) <= _MOVED_SITES:
            out.append(told)
            used.append(int(k))
    return out
