"""Onsets: how strongly each quarter of a day looks like the edge of a step at a site, kept for tests over many sites.

A step that is too small to be accepted at one site still leaves its standard score. Of the step test's daily scans
the strongest score of each six hours is kept, with its sign, from the first report day on which an onset can be judged
until it is eight days old. It is the same on held-out residuals and in the pause, so that one calibrates the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.step_test import StepScan
from pausewatch.detection.whitening import Innovations

Floats = npt.NDArray[np.float64]

BLOCK_H = 6
# An onset is looked at again every day until it is this old: nearly all that is known of it lies in its edge.
_LOOK_BLOCKS = 32
# An hour this many standard deviations below its forecast is a dip: an interruption of minutes to an hour.
_DIP_SD = 3.0
_LAST_HOURS = 26
# Scores are kept to a tenth.
_QUANTUM = 0.1
_LARGEST = 12.7


@dataclass
class Onsets:
    """Scores of S series by block of six hours; block b holds the hours [6 b, 6 b + 6) since the epoch.

    Args:
        first_block: of the first column.
        z: strongest standard score of a step with its onset in the block, with its sign, shape (S, K); 0 where none.
        step_kw: size of that step as estimated last, kW, shape (S, K).
        dips: hours of the block in which the load dipped, one bit each, shape (S, K).
    """

    first_block: int
    z: Floats
    step_kw: Floats
    dips: npt.NDArray[np.uint8]

    @staticmethod
    def fresh(series: int, first_block: int = 0) -> Onsets:
        """Return no blocks of S series."""
        nothing = np.zeros((series, 0))
        return Onsets(first_block, nothing, nothing.copy(), np.zeros((series, 0), np.uint8))

    def absorb(
        self,
        scan: StepScan,
        window: Innovations,
        innovation_sd_kw: Floats,
        end_hour: npt.NDArray[np.int64],
        start_hour: int,
    ) -> None:
        """Take one day's scan, in place.

        Args:
            scan: of the S series, its last onset in the hour before `end_hour`.
            window: the innovations that were scanned.
            innovation_sd_kw: unit of the scan's steps, shape (S,).
            end_hour: first hour after the day, on the grid, shape (S,).
            start_hour: hours from the epoch to the grid's first.
        """
        series, search = scan.z.shape
        end = start_hour + end_hour
        over = end % BLOCK_H
        hours = _LOOK_BLOCKS * BLOCK_H
        rows = np.arange(series)[:, None]
        first = search - over[:, None] - hours
        is_one = bool((over == over[0]).all()) and int(first[0, 0]) >= 0 if series else False
        if is_one:
            z = scan.z[:, int(first[0, 0]) :][:, :hours]
        else:
            at = first + np.arange(hours)[None, :]
            z = np.where(at >= 0, scan.z[rows, np.maximum(at, 0)], 0.0)
        blocks = z.reshape(series, _LOOK_BLOCKS, BLOCK_H)
        best = np.abs(blocks).argmax(axis=2)
        strongest = np.take_along_axis(blocks, best[:, :, None], axis=2)[:, :, 0]
        place = np.maximum(first + BLOCK_H * np.arange(_LOOK_BLOCKS) + best, 0)
        size_kw = scan.step[rows, place] * innovation_sd_kw[:, None]
        block = (end - over)[:, None] // BLOCK_H - _LOOK_BLOCKS + np.arange(_LOOK_BLOCKS) - self.first_block
        self.reach(int(end.max()))
        inside = block >= 0
        where = np.maximum(block, 0)
        known = self.z[rows, where]
        stronger = inside & (np.abs(strongest) > np.abs(known))
        self.z[rows, where] = np.where(stronger, strongest, known)
        judged = inside & (strongest != 0)
        self.step_kw[rows, where] = np.where(judged, size_kw, self.step_kw[rows, where])
        self._note_dips(window, end)

    def _note_dips(self, window: Innovations, end: npt.NDArray[np.int64]) -> None:
        last = slice(window.score.shape[1] - _LAST_HOURS, None)
        low = (window.score[:, last] <= -_DIP_SD) & (window.weight[:, last] > 0.999)
        series, back = np.nonzero(low)
        hour = end[series] - _LAST_HOURS + back
        block = hour // BLOCK_H - self.first_block
        kept = block >= 0
        bit = (1 << (hour % BLOCK_H)).astype(np.uint8)
        np.bitwise_or.at(self.dips, (series[kept], block[kept]), bit[kept])

    def reach(self, end: int) -> None:
        """Hold blocks up to an hour since the epoch, in place; many at once cost less than a day's at a time."""
        more = (end + BLOCK_H - 1) // BLOCK_H - self.first_block - self.z.shape[1]
        if more > 0:
            pad = ((0, 0), (0, more))
            self.z, self.step_kw, self.dips = np.pad(self.z, pad), np.pad(self.step_kw, pad), np.pad(self.dips, pad)


def as_tenths(z: Floats) -> npt.NDArray[np.int8]:
    """Return scores in tenths, cut at 12.7: what is kept of them."""
    return np.round(np.clip(z, -_LARGEST, _LARGEST) / _QUANTUM).astype(np.int8)


def from_tenths(tenths: npt.NDArray[np.int8]) -> Floats:
    """Return what `as_tenths` took."""
    return np.asarray(tenths.astype(np.float64) * _QUANTUM)


def dip_hours(dips: npt.NDArray[np.uint8], first_block: int) -> npt.NDArray[np.int64]:
    """Return the hours since the epoch of one series' dips."""
    bits = (dips[:, None] >> np.arange(BLOCK_H, dtype=np.uint8)) & 1
    return np.asarray(np.flatnonzero(bits.ravel()) + first_block * BLOCK_H, dtype=np.int64)


def block_means(values: Floats, start_hour: int, first_block: int, blocks: int) -> Floats:
    """Return means of hourly values over blocks, NaN where half of a block is unknown; shape (H,) -> (blocks,)."""
    skip = first_block * BLOCK_H - start_hour
    padded = np.full(blocks * BLOCK_H, np.nan)
    source = values[max(skip, 0) : max(skip + blocks * BLOCK_H, 0)]
    padded[max(-skip, 0) : max(-skip, 0) + len(source)] = source
    table = padded.reshape(blocks, BLOCK_H)
    seen = np.isfinite(table)
    count = seen.sum(axis=1)
    total = np.where(seen, table, 0.0).sum(axis=1)
    return np.where(2 * count >= BLOCK_H, total / np.maximum(count, 1), np.nan)
