"""Prophet with holidays and outdoor temperature (Taylor and Letham, "Forecasting at scale", 2018).

Fitted on local wall-clock time, so that its day follows the clock. Temperature enters as the ridge baseline's straight
pieces, holidays as one effect. The interval is the closed form of what Prophet samples (future changes of the trend as
a compound Poisson process, plus noise), so it takes no random numbers.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.features import PIECES, TemperatureScale, columns, fit_temperature
from pausewatch.telemetry.grid import HourGrid

_WEATHER = tuple(f"temperature_{i}" for i in range(PIECES))
_MIN_HOURS = 14 * 24


@dataclass(frozen=True)
class FittedProphet:
    """A fitted batch.

    Args:
        models: one Prophet model a series as JSON; empty where there was too little to fit.
        scale: of temperatures.
        level_kw: mean load, which stands in where there is no model, (S,).
    """

    models: tuple[str, ...]
    scale: TemperatureScale
    level_kw: Floats

    def predict(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Predict mean and standard deviation, series by series."""
        features = columns(grid, temperature_c, self.scale)
        shape = (len(self.models), grid.hours)
        names = ("level and trend", "hour of day and week", "temperature", "holiday")
        parts = {name: np.zeros(shape) for name in names}
        parts["level and trend"] += self.level_kw[:, None]
        sd = np.full(shape, np.nan)
        for s, text in enumerate(self.models):
            if text and grid.hours:
                told, sd[s] = _predict_one(text, _frame(grid, features, s))
                for name in names:
                    parts[name][s] = told[name]
        mean = np.sum(list(parts.values()), axis=0)
        return Expected(mean, sd, np.full(shape, np.nan), parts)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fit as plain arrays: the models' JSON as bytes, one after the other."""
        texts = [t.encode() for t in self.models]
        return {
            "json": np.frombuffer(b"".join(texts), dtype=np.uint8),
            "json_bytes": np.asarray([len(t) for t in texts], dtype=np.int64),
            "knots_c": self.scale.knots_c,
            "climatology": self.scale.climatology,
            "temperature_is_known": self.scale.is_known,
            "level_kw": self.level_kw,
        }


@dataclass(frozen=True)
class ProphetBaseline:
    """Configuration of the Prophet baseline.

    Args:
        changepoint_prior_scale: how readily the trend bends.
    """

    name: ClassVar[str] = "prophet"
    changepoint_prior_scale: float = 0.05

    def fit(self, reference: Series) -> FittedProphet:
        """Fit a model of each series."""
        scale = fit_temperature(reference.grid, reference.temperature_c)
        features = columns(reference.grid, reference.temperature_c, scale)
        seen = np.isfinite(reference.load_kw)
        level = np.where(seen, reference.load_kw, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        models = []
        for s in range(len(reference.keys)):
            frame = _frame(reference.grid, features, s).assign(y=reference.load_kw[s])[seen[s]]
            # Prophet's scaling fails on a load that never changes.
            is_flat = len(frame) < _MIN_HOURS or float(np.ptp(frame["y"])) <= 1e-9 * abs(float(level[s]))
            models.append("" if is_flat else self._fit_one(frame))
        return FittedProphet(tuple(models), scale, level)

    def from_state(self, state: Mapping[str, npt.NDArray[Any]]) -> FittedProphet:
        """Rebuild a fitted batch."""
        ends = np.cumsum(state["json_bytes"])
        content = state["json"].tobytes()
        texts = tuple(content[e - n : e].decode() for n, e in zip(state["json_bytes"], ends, strict=True))
        scale = TemperatureScale(state["knots_c"], state["climatology"], state["temperature_is_known"])
        return FittedProphet(texts, scale, state["level_kw"])

    def _fit_one(self, frame: Any) -> str:
        _quieten()
        from prophet import Prophet
        from prophet.serialize import model_to_json

        model = Prophet(
            yearly_seasonality=False,  # a reference is about a year: its seasons would be taken from the weather
            changepoint_prior_scale=self.changepoint_prior_scale,
            uncertainty_samples=0,
        )
        varies = [name for name in (*_WEATHER, "holiday") if float(np.ptp(frame[name])) > 0]
        for name in varies:
            model.add_regressor(name)
        with warnings.catch_warnings():
            # Prophet 1.5 under pandas 3; nothing a user could do about them.
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"prophet(\..*)?")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"prophet(\..*)?")
            model.fit(frame, seed=0)
            # Predicting needs the span and the scales of the history, not the history.
            assert model.history is not None  # noqa: S101  # for the type checker: it has just been fitted
            assert model.history_dates is not None  # noqa: S101
            model.history = model.history.iloc[[0, -1]].reset_index(drop=True)
            model.history_dates = model.history_dates.iloc[[0, -1]].reset_index(drop=True)
            return str(model_to_json(model))


def _predict_one(text: str, frame: Any) -> tuple[dict[str, Floats], Floats]:
    """Return the parts of the mean by name and the standard deviation of one series, each (H,)."""
    _quieten()
    from prophet.serialize import model_from_json

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"prophet(\..*)?")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"prophet(\..*)?")
        model: Any = model_from_json(text)
        told = model.predict(frame)
    n = len(frame)
    parts = {
        "level and trend": told["trend"].to_numpy(dtype=np.float64),
        "hour of day and week": sum((told[c].to_numpy() for c in ("daily", "weekly") if c in told), np.zeros(n)),
        "temperature": sum((told[c].to_numpy() for c in _WEATHER if c in told), np.zeros(n)),
        "holiday": told["holiday"].to_numpy() if "holiday" in told else np.zeros(n),
    }
    noise = float(np.mean(model.params["sigma_obs"]))
    bend = float(np.mean(np.abs(model.params["delta"]))) if model.params["delta"].size else 0.0
    after = np.asarray((frame["ds"] - model.start) / model.t_scale, dtype=np.float64)
    ahead = np.maximum(after - 1.0, 0.0)
    # Changes of slope come at the rate of the history's, each Laplace with variance 2 bend**2.
    trend = len(model.changepoints_t) * 2 * bend**2 * ahead**3 / 3
    return parts, float(model.y_scale) * np.sqrt(noise**2 + trend)


def _frame(grid: HourGrid, features: Floats, s: int) -> Any:
    """Return one series' frame for Prophet: local wall-clock time and regressors."""
    import pandas as pd

    stamps = grid.local_day[s].astype("datetime64[D]") + grid.local_hour[s].astype("timedelta64[h]")
    values = {name: features[s, :, i] for i, name in enumerate(_WEATHER)}
    return pd.DataFrame({"ds": stamps.astype("datetime64[ns]"), **values, "holiday": features[s, :, -1]})


def _quieten() -> None:
    """Keep Stan's log of every fit, and Prophet's regret that there is no plotly, from a user's terminal."""
    for name in ("cmdstanpy", "prophet.plot"):
        # Both set their own level when they are imported.
        logging.getLogger(name).disabled = True
