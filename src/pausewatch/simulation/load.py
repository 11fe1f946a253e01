"""IT load of a site by its kind, without training: level, day, week, growth and a noise that remembers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pausewatch.simulation.kinds import USUAL, WIDE, KindRanges
from pausewatch.simulation.mining import price_factor
from pausewatch.simulation.requests import demand, served
from pausewatch.simulation.truth import DAY_S, Floats, Span

_MONTH_S = 30 * DAY_S
# As far as the load of whole grid zones wanders, of its mean.
_MOST_NOISE = 0.15


@dataclass(frozen=True)
class SiteLoad:
    """Drawn parameters of one site's ordinary load; see `KindRanges`."""

    kind: str
    mean_mw: float
    day_swing: float
    weekend: float
    noise_sd: float
    memory_h: float
    rough_sd: float
    growth_month: float
    peak_hour: float
    churn_month: float = 0.0
    churn_size: float = 0.0
    served_share: float = 0.0
    served_floor: float = 1.0
    dear_share: float = 0.0
    dear_depth: float = 0.0

    @staticmethod
    def draw(kind: str, it_capacity_mw: float, rng: np.random.Generator) -> SiteLoad:
        """Draw a usual site of a kind."""
        ranges = USUAL[kind]
        return SiteLoad(kind, **_basics(ranges, it_capacity_mw, rng, ranges.utilisation))

    @staticmethod
    def draw_wide(
        kind: str, it_capacity_mw: float, rng: np.random.Generator, reserved: float = 0.0, unrest: float = 1.0
    ) -> SiteLoad:
        """Draw a site of a kind over the whole test matrix.

        Args:
            kind: its kind.
            it_capacity_mw: what its IT can draw.
            rng: random numbers.
            reserved: share of that which stands ready for something else, such as a cluster built to train.
            unrest: how many times as much as its kind its load wanders.
        """
        ranges = WIDE[kind]
        basics = _basics(ranges, it_capacity_mw, rng, ranges.utilisation)
        basics["mean_mw"] = min(basics["mean_mw"], max(0.75 * (1 - reserved), 0.05) * it_capacity_mw)
        least, most = ranges.growth_month
        mode = ranges.growth_mode if ranges.growth_mode is not None else (least + most) / 2
        growth = rng.triangular(least, mode, most) if rng.random() < 0.4 else rng.normal(mode, 0.004)
        basics["growth_month"] = float(np.clip(growth, least, most))
        basics["noise_sd"] = min(unrest * basics["noise_sd"], max(_MOST_NOISE, basics["noise_sd"]))
        return SiteLoad(
            kind,
            **basics,
            churn_month=float(rng.uniform(*ranges.churn_month)),
            churn_size=float(rng.uniform(*ranges.churn_size)),
            served_share=float(rng.uniform(*ranges.served_share)),
            served_floor=float(rng.uniform(0.5, 0.9)),
            dear_share=float(rng.uniform(*ranges.dear_share)),
            dear_depth=float(rng.uniform(0.7, 0.98)),
        )

    def it_mw(self, local_s: Floats, rng: np.random.Generator, rates: tuple[Floats, ...] = ()) -> Floats:
        """Return ordinary IT load at each instant (local wall clock in epoch seconds), MW.

        `rates` are request rates of real services for the load that serves requests, if there are any.
        """
        from scipy.signal import lfilter

        step_s = float(np.median(np.diff(local_s[:200])))
        hour = (local_s / 3600.0) % 24.0
        weekday = ((local_s // DAY_S).astype(np.int64) + 3) % 7
        turn = 2 * np.pi * (hour - self.peak_hour) / 24
        day = self.day_swing * (np.cos(turn) + 0.3 * np.cos(2 * turn))
        weekend = np.where(weekday >= 5, self.weekend, 0.0)
        rho = np.exp(-step_s / (self.memory_h * 3600.0))
        slow = lfilter([np.sqrt(1 - rho**2)], [1, -rho], rng.standard_normal(len(local_s)))
        rough = rng.standard_normal(len(local_s)) * self.rough_sd
        months = (local_s - local_s[-1]) / _MONTH_S
        growth = np.exp(np.log1p(self.growth_month) * months)
        level = growth * np.maximum(1 + day + weekend + self.noise_sd * slow + rough, 0.05)
        if self.churn_month:
            level *= self._churned(local_s, rng)
        if self.served_share:
            share = served(demand(local_s, step_s, rng, rates), self.served_floor)
            level *= 1 - self.served_share + self.served_share * share
        if self.dear_share:
            level *= price_factor(local_s, step_s, self.dear_share, self.dear_depth, rng)
        return np.asarray(self.mean_mw * level)

    def _churned(self, local_s: Floats, rng: np.random.Generator) -> Floats:
        """Return the level as tenants and jobs come and go, 1 at the end."""
        count = int(rng.poisson(self.churn_month * (local_s[-1] - local_s[0]) / _MONTH_S))
        at = np.sort(rng.uniform(local_s[0], local_s[-1], count))
        steps = rng.uniform(0.3, 1.0, count) * self.churn_size * rng.choice([-1.0, 1.0], count)
        levels = np.exp(np.concatenate([[0.0], np.cumsum(steps)]) - steps.sum())
        return np.asarray(levels[np.searchsorted(at, local_s, side="right")])


def _basics(ranges: KindRanges, it_capacity_mw: float, rng: np.random.Generator, utilisation: Span) -> dict[str, float]:
    def pick(span: Span) -> float:
        return float(rng.uniform(*span))

    return {
        "mean_mw": it_capacity_mw * pick(utilisation),
        "day_swing": pick(ranges.day_swing),
        "weekend": pick(ranges.weekend),
        "noise_sd": pick(ranges.noise_sd),
        "memory_h": pick(ranges.memory_h),
        "rough_sd": pick(ranges.rough_sd),
        "growth_month": pick(ranges.growth_month),
        "peak_hour": pick((13.0, 20.0)),
    }
