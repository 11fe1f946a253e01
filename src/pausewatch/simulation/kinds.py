"""Kinds of sites: the ranges their ordinary load is drawn from, as usual and over the whole test matrix.

Utilisation, variation and weekly shape span what UK Power Networks publishes of 48 real data-centre sites
(half-hourly, 2025): mean utilisation 0.32, yearly coefficient of variation median 7 % (p10 3 %, p90 27 %), weekday
1.016, Saturday 0.966 and Sunday 0.964 of the mean, mean absolute one-hour change 1.2 % of the mean, peak over mean
mostly 1.1 to 1.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from pausewatch.simulation.truth import Span


@dataclass(frozen=True)
class KindRanges:
    """Ranges of one kind of site, each (low, high); shares of the mean load unless said otherwise.

    Args:
        utilisation: mean IT load over IT capacity.
        day_swing: half of the range over the day.
        weekend: weekend's level less weekday's.
        noise_sd: standard deviation of the slow noise.
        memory_h: its time constant, hours.
        rough_sd: standard deviation of the noise from interval to interval.
        growth_month: growth a month.
        growth_mode: its most frequent value; without it all values are as frequent.
        churn_month: level steps a month.
        churn_size: size of such a step, up or down.
        served_share: share of the load that serves requests and follows their rate.
        dear_share: share of the time in which the load is off because power is dear.
    """

    utilisation: Span
    day_swing: Span
    weekend: Span
    noise_sd: Span
    memory_h: Span
    rough_sd: Span
    growth_month: Span
    growth_mode: float | None = None
    churn_month: Span = (0.0, 0.0)
    churn_size: Span = (0.0, 0.0)
    served_share: Span = (0.0, 0.0)
    dear_share: Span = (0.0, 0.0)


USUAL: dict[str, KindRanges] = {
    "colocation": KindRanges(
        (0.2, 0.5), (0.005, 0.03), (-0.03, -0.005), (0.006, 0.02), (36, 90), (0.002, 0.006), (-0.005, 0.01)
    ),
    "cloud": KindRanges(
        (0.3, 0.6), (0.03, 0.09), (-0.06, -0.02), (0.008, 0.025), (36, 90), (0.003, 0.009), (0.0, 0.02)
    ),
    "inference": KindRanges(
        (0.3, 0.6), (0.08, 0.22), (-0.1, -0.02), (0.01, 0.03), (36, 90), (0.004, 0.012), (0.0, 0.04)
    ),
    "science": KindRanges(
        (0.4, 0.7), (0.005, 0.03), (-0.03, 0.0), (0.02, 0.04), (36, 90), (0.004, 0.012), (-0.005, 0.01)
    ),
    "mixed": KindRanges((0.3, 0.6), (0.03, 0.12), (-0.06, -0.02), (0.01, 0.025), (36, 90), (0.003, 0.01), (0.0, 0.02)),
    "mining": KindRanges(
        (0.7, 0.9), (0.002, 0.01), (-0.005, 0.005), (0.003, 0.01), (24, 90), (0.001, 0.004), (-0.005, 0.01)
    ),
}
"""Ordinary sites, as in the demo."""

_GROWTH: Span = (-0.02, 0.1)

WIDE: dict[str, KindRanges] = {
    "colocation": KindRanges(
        (0.08, 0.55), (0.003, 0.03), (-0.06, -0.005), (0.003, 0.02), (12, 120), (0.002, 0.01), _GROWTH, 0.0,
        churn_month=(0.0, 0.5), churn_size=(0.01, 0.08),
    ),
    "cloud": KindRanges(
        (0.15, 0.6), (0.01, 0.08), (-0.09, -0.02), (0.004, 0.025), (12, 120), (0.003, 0.012), _GROWTH, 0.005,
        churn_month=(0.0, 0.4), churn_size=(0.01, 0.06),
    ),
    "inference": KindRanges(
        (0.15, 0.6), (0.0, 0.02), (-0.1, 0.0), (0.004, 0.025), (12, 120), (0.004, 0.015), _GROWTH, 0.01,
        churn_month=(0.0, 0.4), churn_size=(0.01, 0.08), served_share=(0.7, 1.0),
    ),
    "science": KindRanges(
        (0.2, 0.7), (0.003, 0.03), (-0.05, 0.0), (0.02, 0.08), (6, 60), (0.004, 0.015), _GROWTH, 0.0,
        churn_month=(0.0, 1.0), churn_size=(0.02, 0.1),
    ),
    "mining": KindRanges(
        (0.4, 0.9), (0.0, 0.01), (-0.005, 0.005), (0.003, 0.015), (12, 120), (0.001, 0.005), _GROWTH, 0.0,
        churn_month=(0.0, 0.4), churn_size=(0.01, 0.1), dear_share=(0.005, 0.06),
    ),
    "mixed": KindRanges(
        (0.12, 0.6), (0.005, 0.05), (-0.08, -0.01), (0.004, 0.025), (12, 120), (0.003, 0.012), _GROWTH, 0.005,
        churn_month=(0.0, 0.5), churn_size=(0.01, 0.08), served_share=(0.1, 0.5),
    ),
}  # fmt: skip
"""Sites over the whole test matrix: growth -2 to +10 % a month, mostly little."""

KINDS = tuple(USUAL)
"""Names of the kinds."""
