"""One site's view of a report day: its lanes, what was expected and what stands out; and the same cut short."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected
from pausewatch.detection.episodes import Episode
from pausewatch.detection.evidence import Evidence
from pausewatch.detection.integrity.contradiction import Contradiction
from pausewatch.detection.marginal_pue import MarginalPue
from pausewatch.detection.plateaus import ReferenceStep
from pausewatch.detection.stops import Stop
from pausewatch.fleet import Pause, Site
from pausewatch.telemetry.grid import HourGrid
from pausewatch.telemetry.panel import Lane

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LaneDay:
    """One lane of one site as seen on a report day; arrays over the panel's hours, the day's end last.

    Args:
        lane: utility, IT load, or the balance between them.
        has_meter: whether the site has the lane.
        refusals: why it has no baseline; empty where it has.
        observed_kw: load, NaN where unseen or not yet due.
        expected: what the frozen baseline says, arrays of shape (1, H).
        residual_kw: observed less expected; declared windows and shed load left out.
        is_shed: hours in which the site had switched off much of its load, as it is used to.
        innovation_sd_kw: standard deviation of an hourly innovation.
        daily_sd_kw: standard deviation of a daily mean residual on held-out data.
        episodes: spans of unexpected load.
        detectable_kw: smallest load of the lane found with 90 % probability in 7 days.
        detectable_90d_kw: the same in 90 days.
        reference_steps: steps of the reference that its baseline was learned without.
        stops: load of the reference that came down at once during the pause.
    """

    lane: Lane
    has_meter: bool
    refusals: tuple[str, ...]
    observed_kw: Floats
    expected: Expected
    residual_kw: Floats
    is_shed: npt.NDArray[np.bool_]
    innovation_sd_kw: float
    daily_sd_kw: float
    episodes: tuple[Episode, ...]
    detectable_kw: float
    detectable_90d_kw: float
    reference_steps: tuple[ReferenceStep, ...] = ()
    stops: tuple[Stop, ...] = ()

    @property
    def beyond_kw(self) -> Floats:
        """Observed less expected wherever both are known, hours that the tests don't look at among them, shape (H,)."""
        return np.asarray(self.observed_kw - self.expected.mean_kw[0])

    def until(self, hour: int) -> LaneDay:
        """Return the lane with nothing from an hour on; what was learned, and what would be found, stays."""
        expected = Expected(
            self.expected.mean_kw[:, :hour], self.expected.sd_kw[:, :hour], self.expected.level_sd_kw[:, :hour], {}
        )
        return replace(
            self,
            observed_kw=self.observed_kw[:hour],
            expected=expected,
            residual_kw=self.residual_kw[:hour],
            is_shed=self.is_shed[:hour],
            episodes=tuple(cut for e in self.episodes if (cut := e.until(hour)) is not None),
        )


@dataclass(frozen=True)
class SiteWatchDay:
    """One site as seen on a report day.

    Args:
        site: the site.
        pause: the pause in force.
        day: the report day.
        grid: hours of the panel, one series.
        day_hours: [first, end) hours of the local day.
        lanes: the metered lanes, by lane.
        balance: what the site draws beyond its IT load.
        marginal_pue: what a megawatt more at the IT load adds at the utility's meter.
        coverage: share of the samples of each lane's hours that were seen, by lane, shape (H,).
        is_screened: hours at which something arrived that can't be taken, by lane, shape (H,).
        temperature_c: outdoor temperature, shape (H,).
        seen_s: seconds of the local day each meter was seen for, by meter id.
        last_seen_hour: last hour anything was seen of each meter, by meter id; absent where nothing was.
        contradictions: telemetry that can't be right, as far as it takes a batch to find.
        uses: the lanes and tests that are on.
    """

    site: Site
    pause: Pause
    day: date
    grid: HourGrid
    day_hours: tuple[int, int]
    lanes: dict[Lane, LaneDay]
    balance: LaneDay
    marginal_pue: MarginalPue
    coverage: dict[Lane, Floats]
    is_screened: dict[Lane, npt.NDArray[np.bool_]]
    temperature_c: Floats
    seen_s: dict[str, int]
    last_seen_hour: dict[str, int]
    uses: Evidence = field(default_factory=Evidence)
    contradictions: tuple[Contradiction, ...] = ()

    def lane(self, lane: Lane) -> LaneDay:
        """Return one lane, metered or not."""
        return self.balance if lane is Lane.BALANCE else self.lanes[lane]

    def until(self, hour: int) -> SiteWatchDay:
        """Return the view with nothing from an hour of its grid on, as load looked by then."""
        return replace(
            self,
            grid=self.grid.sliced(0, hour),
            lanes={lane: view.until(hour) for lane, view in self.lanes.items()},
            balance=self.balance.until(hour),
            coverage={lane: values[:hour] for lane, values in self.coverage.items()},
            is_screened={lane: values[:hour] for lane, values in self.is_screened.items()},
            temperature_c=self.temperature_c[:hour],
        )
