"""From lanes to the site: one episode seen on two meters is one, and its size is stated at the IT load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pausewatch.detection.episodes import Episode

# Marginal PUE: what a megawatt more at the IT load adds at the utility's meter. Fixed losses don't grow with load, so
# it lies below the average PUE; these bounds hold from liquid cooling to old chilled water.
MARGINAL_PUE_LOW, MARGINAL_PUE, MARGINAL_PUE_HIGH = 1.02, 1.2, 1.5
_SAME_START_HOURS = 36
# An IT meter that shows less than this of what the utility's implies is not the one to judge by.
_SLIVER = 0.5


@dataclass(frozen=True)
class SiteEpisode:
    """One episode of a site, on one lane or both.

    `utility` and `it_load` are the lane's own view, None where the lane shows nothing.
    """

    utility: Episode | None
    it_load: Episode | None

    @property
    def main(self) -> Episode:
        """The lane it is dated and judged by: the IT load where it shows there in full, else the utility."""
        if self.it_load is None or self.utility is None:
            return self.it_load or self.utility  # type: ignore[return-value]
        is_sliver = self.it_load.excess_kw < _SLIVER * self.utility.excess_kw / MARGINAL_PUE
        return self.utility if is_sliver else self.it_load

    @property
    def start_hour(self) -> int:
        """First hour."""
        return min(e.start_hour for e in (self.utility, self.it_load) if e is not None)

    @property
    def end_hour(self) -> int | None:
        """First hour after, or None while either lane still shows it."""
        ends = [e.end_hour for e in (self.utility, self.it_load) if e is not None]
        known = [e for e in ends if e is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def alarm_day(self) -> int:
        """Report day on which the first lane saw it."""
        return min(e.alarm_day for e in (self.utility, self.it_load) if e is not None)


def joined(utility: Sequence[Episode], it_load: Sequence[Episode]) -> list[SiteEpisode]:
    """Pair episodes of the two lanes that began together, or overlap where one of them drifted in."""
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
        out.append(SiteEpisode(mine, match))
    out += [SiteEpisode(None, e) for e in left]
    return sorted(out, key=lambda e: e.start_hour)
