"""The drift test: has load crept above the frozen baseline, however slowly?

Page's test (1954) on whitened daily means, tuned to protracted loss as nuclear material accountancy does (Burr and
Hamada on sequential accountancy). A frozen baseline's level grows uncertain with the horizon; the reference value
of the test grows with it, so that what the baseline itself can't vouch for never accumulates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pausewatch.detection.extremes import gumbel_threshold

Floats = npt.NDArray[np.float64]

MIN_DAY_HOURS = 10
"""A day of fewer seen hours has no mean."""

# Expected overshoot of a Gaussian random walk over a boundary, in both directions.
_OVERSHOOT = 1.166
# Standard deviations of the noise's estimated variance that the threshold is raised by.
_DOUBT = 0.75


@dataclass(frozen=True)
class DriftSettings:
    """Tuning of the test.

    Args:
        reference_shift: half of the shift it is tuned to, in standard deviations of a daily mean.
        level_allowance: standard deviations of the baseline's own level error that are forgiven.
        block_days: block of the bootstrap.
        paths: bootstrap paths of a year.
    """

    reference_shift: float = 0.5
    level_allowance: float = 2.5
    block_days: int = 7
    paths: int = 100


@dataclass(frozen=True)
class DriftModel:
    """Calibrated test of S series: spread and memory of daily means, and the alarm threshold; shape (S,)."""

    daily_sd_kw: Floats
    daily_rho: Floats
    threshold: Floats

    def subset(self, series: npt.NDArray[np.intp]) -> DriftModel:
        """Return the model of some of the series."""
        return DriftModel(self.daily_sd_kw[series], self.daily_rho[series], self.threshold[series])


@dataclass
class DriftState:
    """Where the test stands: the cumulative sum, the day it last left zero, and the last day seen; shape (S,)."""

    cusum: Floats
    since_day: npt.NDArray[np.int64]
    last_standard: Floats
    last_day: npt.NDArray[np.int64]

    @staticmethod
    def fresh(series: int) -> DriftState:
        """Return the state before anything was seen."""
        return DriftState(
            np.zeros(series),
            np.full(series, -1, dtype=np.int64),
            np.zeros(series),
            np.full(series, -1, dtype=np.int64),
        )

    def copy(self) -> DriftState:
        """Return the same state, independent of this one."""
        return DriftState(self.cusum.copy(), self.since_day.copy(), self.last_standard.copy(), self.last_day.copy())

    def of(self, series: int) -> DriftState:
        """Return the state of one series alone."""
        one = slice(series, series + 1)
        return DriftState(self.cusum[one], self.since_day[one], self.last_standard[one], self.last_day[one]).copy()

    def put(self, series: int, one: DriftState) -> None:
        """Take over the state of one series."""
        self.cusum[series] = one.cusum[0]
        self.since_day[series] = one.since_day[0]
        self.last_standard[series] = one.last_standard[0]
        self.last_day[series] = one.last_day[0]


def fit_drift(
    heldout_daily_kw: Floats,
    fold_of_day: npt.NDArray[np.int64],
    alarms_per_year: Floats,
    settings: DriftSettings,
    seed: int = 20_260_901,
) -> DriftModel:
    """Calibrate the test on held-out daily mean residuals.

    Args:
        heldout_daily_kw: shape (S, D), NaN where a day was not seen.
        fold_of_day: fold of each day, shape (D,); each fold's own level error is left in.
        alarms_per_year: the budget of each series, shape (S,).
        settings: tuning.
        seed: of the bootstrap.
    """
    series, days = heldout_daily_kw.shape
    seen = np.isfinite(heldout_daily_kw)
    count = seen.sum(axis=1)
    filled = np.where(seen, heldout_daily_kw, 0.0)
    sd = np.sqrt((filled**2).sum(axis=1) / np.maximum(count, 1))
    sd = np.where(sd > 0, sd, 1.0)
    pair = seen[:, 1:] & seen[:, :-1] & (fold_of_day[1:] == fold_of_day[:-1])
    lagged = (filled[:, 1:] * filled[:, :-1] * pair).sum(axis=1) / np.maximum(pair.sum(axis=1), 1)
    rho = np.clip(lagged / sd**2, 0.0, 0.95)
    state = DriftState.fresh(series)
    standard = np.full((series, days), np.nan)
    allowance = np.zeros((series, days))
    for d in range(days):
        standard[:, d], allowance[:, d] = _standardise(
            heldout_daily_kw[:, d], np.zeros(series), sd, rho, d, state, settings
        )
    # Few days with memory leave the noise's own variance open by this share; the threshold is proportional to it.
    independent = np.maximum(count, 1) * (1 - rho**2) / (1 + rho**2)
    margin = 1.0 + _DOUBT * np.sqrt(2.0 / np.maximum(independent, 2.0))
    threshold = _bootstrap_threshold(standard, allowance, alarms_per_year, margin, settings, seed)
    return DriftModel(sd, rho, threshold)


def advance_drift(
    state: DriftState,
    model: DriftModel,
    daily_kw: Floats,
    level_sd_kw: Floats,
    day: int,
    settings: DriftSettings,
) -> None:
    """Take one more day, in place.

    Args:
        state: of the S series.
        model: of the same series.
        daily_kw: the day's mean residual, shape (S,), NaN where unseen.
        level_sd_kw: standard deviation of the baseline's level error at that day's horizon, shape (S,).
        day: number of the day.
        settings: tuning.
    """
    standard, allowance = _standardise(daily_kw, level_sd_kw, model.daily_sd_kw, model.daily_rho, day, state, settings)
    seen = np.isfinite(standard)
    raised = np.where(seen, np.maximum(state.cusum + np.where(seen, standard, 0.0) - allowance, 0.0), state.cusum)
    state.since_day = np.where(raised <= 0, -1, np.where(state.cusum <= 0, day, state.since_day))
    # Capped, so that load that came back down is believed within days.
    state.cusum = np.minimum(raised, 2.0 * model.threshold)


def _standardise(
    daily_kw: Floats,
    level_sd_kw: Floats,
    sd_kw: Floats,
    rho: Floats,
    day: int,
    state: DriftState,
    settings: DriftSettings,
) -> tuple[Floats, Floats]:
    """Return the day's whitened standard score and its reference value, and remember the day."""
    z = daily_kw / sd_kw
    apart = np.where(state.last_day >= 0, day - state.last_day, 10_000)
    memory = rho**apart
    scale = np.sqrt(1.0 - memory**2)
    standard = (z - memory * state.last_standard) / scale
    gain = (1.0 - memory) / scale
    allowance = gain * (settings.level_allowance * level_sd_kw / sd_kw + settings.reference_shift)
    seen = np.isfinite(z)
    state.last_standard = np.where(seen, z, state.last_standard)
    state.last_day = np.where(seen, day, state.last_day)
    return standard, allowance


def _bootstrap_threshold(
    standard: Floats,
    allowance: Floats,
    alarms_per_year: Floats,
    margin: Floats,
    settings: DriftSettings,
    seed: int,
) -> Floats:
    series, days = standard.shape
    usable = np.isfinite(standard)
    gain = np.where(usable, standard - allowance, 0.0)
    if days < 2 * settings.block_days:
        return np.full(series, 8.0)
    rng = np.random.default_rng(seed)
    blocks = -(-365 // settings.block_days)
    begin = rng.integers(0, days - settings.block_days + 1, size=(settings.paths, blocks))
    order = (begin[:, :, None] + np.arange(settings.block_days)).reshape(settings.paths, -1)[:, :365]
    cusum = np.zeros((series, settings.paths))
    highest = np.zeros_like(cusum)
    for d in range(order.shape[1]):
        cusum = np.maximum(cusum + gain[:, order[:, d]], 0.0)
        np.maximum(highest, cusum, out=highest)
    # Siegmund (1985): white Gaussian noise of unit variance passes h at a rate of 2 k^2 exp(-2 k (h + 1.166)) a day.
    # A lighter tail is chance (months of one site may well lie below their own mean) and is not believed.
    reference = np.where(usable, allowance, np.nan)
    told = usable.any(axis=1)
    k = np.full(series, 0.2)
    k[told] = np.maximum([np.median(row[np.isfinite(row)]) for row in reference[told]], 0.05)
    lightest = np.log(np.maximum(2.0 * k**2 * 365.25 / alarms_per_year, np.e)) / (2.0 * k) - _OVERSHOOT
    slowest = 1.0 / (2.0 * np.maximum(np.median(k) if series else 0.2, 0.1))
    bootstrapped = gumbel_threshold(highest, 1.0, alarms_per_year, 0.5 * float(slowest), 5.0)[0]
    return np.maximum(bootstrapped, lightest * margin)
