"""Structural time series: a wandering level and a passing deviation, estimated by the Kalman filter.

Daily means beyond the week and the weather follow a local level plus an AR(1) (statsmodels UnobservedComponents;
Harvey, "Forecasting, Structural Time Series Models and the Kalman Filter", 1989), with weather and holiday effects
scaled anew. The shape within the day is the ridge baseline's. What is forecast is closed form, so only plain numbers
are kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.ridge import FittedRidge, RidgeBaseline
from pausewatch.telemetry.grid import HourGrid

_MIN_DAYS = 21
_DAY_SEEN_HOURS = 12


@dataclass(frozen=True)
class FittedStructural:
    """A fitted batch; `values` has shape (S, 9), in the order of `_VALUES`."""

    ridge: FittedRidge
    values: Floats

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict mean and standard deviation of the last filtered state, carried forward."""
        told = self.ridge.predict(grid, temperature_c)
        v = {name: self.values[:, i, None] for i, name in enumerate(_VALUES)}
        ahead = np.maximum(grid.local_day - v["last_day"], 0.0)
        level = np.broadcast_to(v["level_kw"], ahead.shape).copy()
        fading = v["passing_kw"] * v["rho"] ** ahead
        parts = {
            "level": level,
            "passing deviation": fading,
            "hour of week": told.components["hour of week"],
            "temperature": told.components["temperature"] * (1 + v["weather_scale"]),
            "holiday": told.components["holiday"] * (1 + v["holiday_scale"]),
        }
        square = np.maximum(1 - v["rho"] ** 2, 1e-6)
        variance = v["hour_var"] + v["step_var"] * ahead + v["passing_var"] * (1 - v["rho"] ** (2 * ahead)) / square
        mean = np.sum(list(parts.values()), axis=0)
        return Expected(mean, np.sqrt(variance), np.full_like(mean, np.nan), parts)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fit as plain arrays."""
        return {**{f"ridge.{k}": v for k, v in self.ridge.state().items()}, "values": self.values}


_VALUES = (
    "last_day",
    "level_kw",
    "passing_kw",
    "rho",
    "weather_scale",
    "holiday_scale",
    "step_var",
    "passing_var",
    "hour_var",
)


@dataclass(frozen=True)
class StructuralBaseline:
    """Configuration of the structural baseline.

    Args:
        max_steps: iterations of the likelihood's maximisation.
    """

    name: ClassVar[str] = "structural"
    max_steps: int = 60

    def fit(self, reference: Series) -> FittedStructural:
        """Fit the ridge's shape, then a state space model of each series' daily means."""
        ridge = RidgeBaseline().fit(reference)
        told = ridge.predict(reference.grid, reference.temperature_c)
        rest = reference.load_kw - (told.mean_kw - told.components["level and trend"])
        values = np.zeros((len(rest), len(_VALUES)))
        for s in range(len(rest)):
            days = reference.grid.local_day[s]
            effects = np.stack([told.components["temperature"][s], told.components["holiday"][s]])
            values[s] = self._fit_one(days, rest[s], effects, float(ridge.level_kw[s]))
        return FittedStructural(ridge, values)

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedStructural:
        """Rebuild a fitted batch."""
        inner = {k.removeprefix("ridge."): v for k, v in state.items() if k.startswith("ridge.")}
        return FittedStructural(RidgeBaseline().from_state(inner), state["values"])

    def _fit_one(self, days: npt.NDArray[np.int32], rest_kw: Floats, effects_kw: Floats, level_kw: float) -> Floats:
        """Return the numbers of `_VALUES` of one series; the ridge's level where the days don't suffice."""
        daily, exog, hour_var = _daily(days, rest_kw, effects_kw)
        out = dict.fromkeys(_VALUES, 0.0) | {"last_day": float(days[-1]), "level_kw": level_kw, "hour_var": hour_var}
        seen = np.isfinite(daily)
        spread = float(np.std(daily[seen])) if seen.any() else 0.0
        centre = float(np.mean(daily[seen])) if seen.any() else 0.0
        if seen.sum() >= _MIN_DAYS and spread > 1e-6 * max(abs(centre), 1e-6):
            used = np.flatnonzero(exog[seen].std(axis=0) > 1e-3 * spread)
            found = self._filtered((daily - centre) / spread, exog[:, used] / spread)
            if found is not None:
                level, passing, rho, step_var, passing_var, betas = found
                out |= {"level_kw": centre + spread * level, "passing_kw": spread * passing, "rho": rho}
                out |= {"step_var": spread**2 * step_var, "passing_var": spread**2 * passing_var}
                scales = np.zeros(2)
                # A reference without its summer can't be trusted to rescale the weather by much.
                scales[used] = np.clip(betas, -0.5, 0.5)
                out |= {"weather_scale": float(scales[0]), "holiday_scale": float(scales[1])}
        return np.asarray([out[name] for name in _VALUES])

    def _filtered(self, y: Floats, exog: Floats) -> tuple[float, float, float, float, float, Floats] | None:
        """Return last level, last deviation, its memory, the two variances and the regression's coefficients."""
        from statsmodels.tools.sm_exceptions import ConvergenceWarning, EstimationWarning
        from statsmodels.tsa.statespace.structural import UnobservedComponents

        with warnings.catch_warnings():
            # The likelihood is flat where a variance is nil; what matters is tested on held-out data.
            for kind in (ConvergenceWarning, EstimationWarning):
                warnings.simplefilter("ignore", kind)
            warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"statsmodels\..*")
            model = UnobservedComponents(y, level="llevel", autoregressive=1, exog=exog if exog.shape[1] else None)
            try:
                fitted = model.fit(disp=False, maxiter=self.max_steps, cov_type="none")
            except (np.linalg.LinAlgError, ValueError):
                return None
        params = dict(zip(model.param_names, fitted.params, strict=True))
        level = float(fitted.level["filtered"][-1])
        passing = float(fitted.autoregressive["filtered"][-1])
        betas = np.asarray([v for k, v in params.items() if k.startswith("beta")])
        if not np.all(np.isfinite([level, passing, *params.values()])):
            return None
        rho = float(np.clip(params["ar.L1"], -0.98, 0.98))
        return level, passing, rho, float(params["sigma2.level"]), float(params["sigma2.ar"]), betas


def _daily(days: npt.NDArray[np.int32], rest_kw: Floats, effects_kw: Floats) -> tuple[Floats, Floats, float]:
    """Return daily means (D,), daily mean effects (D, 2), and the variance of the hours about their day."""
    seen = np.isfinite(rest_kw)
    at = (days - days[0]).astype(np.int64)
    size = int(at[-1]) + 1
    count = np.bincount(at, seen.astype(np.float64), size)
    total = np.bincount(at, np.where(seen, rest_kw, 0.0), size)
    mean = total / np.maximum(count, 1)
    daily = np.where(count >= _DAY_SEEN_HOURS, mean, np.nan)
    hours = np.maximum(np.bincount(at, minlength=size), 1)
    exog = np.stack([np.bincount(at, e, size) / hours for e in effects_kw], axis=1)
    within = (rest_kw - mean[at])[seen]
    return daily, exog, float(np.mean(within**2)) if len(within) else 0.0
