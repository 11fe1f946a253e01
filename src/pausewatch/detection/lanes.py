"""From lanes to the site: one episode seen on two meters is one, and its size is stated at the IT load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pausewatch.detection.episodes import Episode
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]

_USUAL_PUE = MarginalPue()
_SAME_START_HOURS = 36
# The utility's noise dates what the balance shows sharply by some days.
_SAME_LOAD_HOURS = 5 * 24
# An IT meter that shows less than this of what the utility's implies is not the one to judge by.
_SLIVER = 0.5
# A lane came down with the main one if, of so many hours since that were seen, most show less than this share of it.
_MIN_AFTER_HOURS, _DOWN_SHARE = 6, 0.5


@dataclass(frozen=True)
class SiteEpisode:
    """One episode of a site, on one lane or several.

    `utility`, `it_load` and `balance` are the lane's own view, None where the lane shows nothing.
    """

    utility: Episode | None
    it_load: Episode | None
    balance: Episode | None = None
    pue: MarginalPue = _USUAL_PUE

    @property
    def shown(self) -> tuple[Episode, ...]:
        """The views of the lanes that show it."""
        return tuple(e for e in (self.utility, self.it_load, self.balance) if e is not None)

    @property
    def dating(self) -> tuple[Episode, ...]:
        """The views it is dated by: those that show most of it.

        Beside the balance the utility's own is too noisy to tell a day.
        """
        main = self.main
        told = tuple(e for e in (self.it_load, self.balance) if e is not None)
        most = _SLIVER * self._at_it_kw(main)
        shown = told if self.is_past_it_meter else self.shown
        # What is left of a load may be below its level before: the lane it is judged by dates it all the same.
        return tuple(e for e in shown if e is main or self._at_it_kw(e) >= most)

    def _at_it_kw(self, lane: Episode) -> float:
        return lane.excess_kw if lane is self.it_load else lane.excess_kw / self.pue.central

    @property
    def is_past_it_meter(self) -> bool:
        """Whether more of it shows between the meters than on the IT meter."""
        if self.balance is None:
            return False
        return self.it_load is None or self.it_load.excess_kw < self.balance.excess_kw / self.pue.central

    @property
    def main(self) -> Episode:
        """The lane it is dated and judged by: where it shows in full and with the least noise.

        The balance for what the IT meter doesn't show, else the IT load where it shows there in full, else the utility.
        """
        if self.is_past_it_meter and self.balance is not None:
            return self.balance
        if self.it_load is None or self.utility is None:
            return self.shown[0]
        is_sliver = self.it_load.excess_kw < _SLIVER * self.utility.excess_kw / self.pue.central
        return self.utility if is_sliver else self.it_load

    @property
    def rest(self) -> Episode | None:
        """The part of it that the main lane can't show: the IT load's of the balance, and the other way round."""
        if self.balance is None or self.it_load is None or self.main is self.utility:
            return None
        return self.it_load if self.main is self.balance else self.balance

    @property
    def start_hour(self) -> int:
        """First hour."""
        return min(e.start_hour for e in self.dating)

    @property
    def end_hour(self) -> int | None:
        """First hour after, or None while a lane still shows it."""
        ends = [e.end_hour for e in self.dating]
        known = [e for e in ends if e is not None]
        return max(known) if len(known) == len(ends) else None

    def settled(self, residual_kw: Mapping[Lane, Floats]) -> SiteEpisode:
        """Return the episode ended on every lane on which it came down with the main one.

        A noisy lane, or one on which something else remains, accepts the fall days later or never.

        Args:
            residual_kw: observed less expected of each lane up to now, NaN where unseen, shape (H,).
        """
        end = self.main.end_hour
        if end is None:
            return self

        def ended(lane: Episode | None) -> Episode | None:
            if lane is None or lane.end_hour is not None or lane.parts[-1][0] >= end:
                return lane
            after = residual_kw[Lane(lane.lane)][end:] - lane.level_kw
            after = after[np.isfinite(after)]
            is_down = len(after) >= _MIN_AFTER_HOURS and float(np.median(after)) < _DOWN_SHARE * lane.excess_kw
            return replace(lane, parts=(*lane.parts[:-1], (lane.parts[-1][0], end))) if is_down else lane

        return replace(self, utility=ended(self.utility), it_load=ended(self.it_load), balance=ended(self.balance))

    def until(self, hour: int) -> SiteEpisode | None:
        """Return the episode with nothing from an hour on; None if the lane it is judged by showed nothing by then."""
        utility, it_load, balance = (e and e.until(hour) for e in (self.utility, self.it_load, self.balance))
        if self.main.until(hour) is None:
            return None
        same = SiteEpisode(utility, it_load, balance, self.pue)
        return same if same.main.lane == self.main.lane else None

    @property
    def alarm_day(self) -> int:
        """Report day on which the first lane saw it."""
        return min(e.alarm_day for e in self.shown)


def joined(
    utility: Sequence[Episode],
    it_load: Sequence[Episode],
    balance: Sequence[Episode] = (),
    pue: MarginalPue = _USUAL_PUE,
) -> list[SiteEpisode]:
    """Pair episodes of the lanes that began together, or overlap where one of them drifted in.

    What the balance shows and the IT meter doesn't is one with what the utility shows of about that time.
    """
    left = list(it_load)
    out = []
    for mine in utility:
        near = [
            e
            for e in left
            if abs(e.start_hour - mine.start_hour) <= _SAME_START_HOURS
            or ((e.is_drift or mine.is_drift) and e.overlaps(mine))
            or (e.is_learned and mine.is_learned and e.overlaps(mine))
        ]
        match = min(near, key=lambda e: abs(e.start_hour - mine.start_hour), default=None)
        if match is not None:
            left.remove(match)
        out.append(SiteEpisode(mine, match, pue=pue))
    out += [SiteEpisode(None, e, pue=pue) for e in left]
    for between in balance:
        home = min(
            (e for e in out if e.balance is None and _is_same(e, between)),
            key=lambda e: (e.utility is None, abs(e.start_hour - between.start_hour)),
            default=None,
        )
        if home is not None:
            out.remove(home)
        out.append(replace(home or SiteEpisode(None, None, pue=pue), balance=between))
    return sorted(out, key=lambda e: e.start_hour)


def _is_same(known: SiteEpisode, between: Episode) -> bool:
    """Return whether the balance shows what other lanes show."""
    apart = abs(known.start_hour - between.start_hour)
    # Growth of honest IT load drifts in too: a step between the meters is no part of it.
    if between.is_drift or (known.it_load is None and any(e.is_drift for e in known.shown)):
        return any(e.overlaps(between) for e in known.shown)
    reach = _SAME_LOAD_HOURS if known.it_load is None else _SAME_START_HOURS
    return apart <= reach and any(e.overlaps(between) for e in known.shown)
