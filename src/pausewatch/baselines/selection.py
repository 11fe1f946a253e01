"""Choosing a baseline for each series, by rolling-origin backtest on its own reference.

What matters for a pause comes first: bias over weeks, since a per cent of a large site over months is a training run;
then the spread of the daily mean residual, which sets what can be seen; then whether the interval holds what it says;
then cost. A model that loses to persistence is never chosen. The ridge is always tried, and is what is left.

A year holds ten months that hardly tell two models apart: how much better a model is than the ridge is drawn towards
how much better it is on the batch's other series, its peers. A site with little history is left to its peers.
Cost is the candidates' fixed order and not measured time, so that the same reference always gets the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pausewatch.baselines.backtest import FOLD_DAYS, Backtest, backtest
from pausewatch.baselines.contract import FittedBaseline, Floats, Series
from pausewatch.baselines.intervals import honest_sd, rolling_half_width
from pausewatch.baselines.mixed import FittedMixed, Member, subset
from pausewatch.baselines.registry import CANDIDATES, candidate
from pausewatch.baselines.ridge import FittedRidge
from pausewatch.baselines.scores import score

FALLBACK = "ridge"
YARDSTICK = "persistence"
# Closer than this, per cent of each other, two models are held to be equal.
_EQUAL_PCT = 5.0
_MONTH_WEEKS = 4
_QUARTER_DAYS = 90.0
_MIN_MONTHS = 2
# Held-out months that the peers count for, and peers that suffice to choose by them alone.
_PEER_MONTHS = 10.0
_MIN_PEERS = 5
_LEAST_BIAS_PCT = 1e-3


@dataclass(frozen=True)
class Trial:
    """How one candidate did on one series' held-out weeks.

    Args:
        model: the candidate's name.
        weekly_bias_pct: root mean square of the mean errors of weeks, up to 28 days ahead, per cent of the mean load.
        month_bias_pct: the same of whole 28 days.
        quarter_bias_pct: the same of weeks up to 90 days ahead.
        daily_mean_sd_pct: root mean square of the daily mean errors, per cent of the mean load.
        coverage_90_pct: share of hours inside the 90 % interval, per cent.
        months: 28-day spans it rests on.
        judged_bias_pct: `bias_pct` drawn towards what the peers say; what is compared.
    """

    model: str
    weekly_bias_pct: float
    month_bias_pct: float
    quarter_bias_pct: float
    daily_mean_sd_pct: float
    coverage_90_pct: float
    months: int
    judged_bias_pct: float

    @property
    def bias_pct(self) -> float:
        """The mean of the three biases."""
        return (self.weekly_bias_pct + self.month_bias_pct + self.quarter_bias_pct) / 3


@dataclass(frozen=True)
class Choice:
    """The model of one series, every candidate's numbers, and the reason in words."""

    key: str
    model: str
    reason: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Selection:
    """The choices for a batch of series, and every candidate's backtest by name."""

    choices: tuple[Choice, ...]
    backtests: Mapping[str, Backtest]

    def fit(self, series: Series) -> FittedMixed:
        """Fit each series' chosen model to the whole reference."""
        members = {}
        for name in CANDIDATES:
            index = np.asarray([s for s, c in enumerate(self.choices) if c.model == name], dtype=np.int64)
            if len(index):
                fitted: FittedBaseline = candidate(name).fit(subset(series, index.tolist()))
                if isinstance(fitted, FittedRidge):
                    fitted = fitted.with_trend_share(self.backtests[name].trend_share[index])
                members[name] = Member(index, fitted)
        return FittedMixed(members)

    def heldout(self) -> Backtest:
        """Return one backtest of the batch, each series' rows from its own model."""
        first = self.backtests[FALLBACK]

        def rows(field: str) -> Floats:
            return np.stack([getattr(self.backtests[c.model], field)[s] for s, c in enumerate(self.choices)])

        return Backtest(
            grid=first.grid,
            residual_kw=rows("residual_kw"),
            expected_kw=rows("expected_kw"),
            restart=first.restart,
            trend_share=rows("trend_share"),
            week_error_kw=rows("week_error_kw"),
            week_ahead_days=first.week_ahead_days,
        )


def select(
    series: Series,
    candidates: Sequence[str] = tuple(CANDIDATES),
    fold_days: int = FOLD_DAYS,
    known: Mapping[str, Backtest] | None = None,
) -> Selection:
    """Choose a model for every series of a batch.

    Args:
        series: the reference; NaN where it must not be learned from.
        candidates: names from `registry.CANDIDATES`; the ridge and persistence are always tried.
        fold_days: days from one origin to the next; more of them cost less and tell less.
        known: backtests with the same folds that are there already, by candidate.

    Raises:
        UsageError: a candidate isn't known.
    """
    wanted = {FALLBACK, YARDSTICK, *(candidate(name).name for name in candidates)}
    backtests = {
        name: (known or {}).get(name) or backtest(model, series, fold_days)
        for name, model in CANDIDATES.items()
        if name in wanted
    }
    trials = _judged([_trials(name, tested, series) for name, tested in backtests.items()])
    choices = []
    for s, key in enumerate(series.keys):
        of_series = tuple(of_model[s] for of_model in trials)
        model, reason = choose(of_series)
        choices.append(Choice(key, model, reason, of_series))
    return Selection(tuple(choices), backtests)


def choose(trials: Sequence[Trial]) -> tuple[str, str]:
    """Return the model of one series and why, from every candidate's numbers; the cheaper candidates come first."""
    known = {t.model: t for t in trials if np.isfinite(t.judged_bias_pct)}
    is_short = any(t.months < _MIN_MONTHS for t in known.values())
    if FALLBACK not in known:
        return FALLBACK, f"fewer than {_MIN_MONTHS} whole 28-day spans could be held out, so nothing was compared"
    plain = known.get(YARDSTICK)
    fit = [t for t in known.values() if plain is None or _measure(t, is_short) <= _measure(plain, is_short)]
    beaten = [t.model for t in known.values() if t not in fit]
    said = [f"fewer than {_MIN_MONTHS} whole 28-day spans could be held out, so its peers decide"] if is_short else []
    said += [f"{', '.join(beaten)} lost to persistence"] if beaten else []
    least = min(t.judged_bias_pct for t in fit)
    left = [t for t in fit if t.judged_bias_pct <= least * (1 + _EQUAL_PCT / 100)]
    if is_short:
        return left[0].model, "; ".join([*said, f"{left[0].model} has the least bias on them"])
    if len(left) == 1:
        said.append(f"{left[0].model} has the least bias over weeks ({least:.2f} % of the mean load)")
        return left[0].model, "; ".join(said)
    said.append(f"{', '.join(t.model for t in left)} have about the same bias over weeks ({least:.2f} %)")
    least = min(t.daily_mean_sd_pct for t in left)
    left = [t for t in left if t.daily_mean_sd_pct <= least * (1 + _EQUAL_PCT / 100)]
    if len(left) == 1:
        said.append(f"{left[0].model} has the least daily spread ({least:.2f} %)")
        return left[0].model, "; ".join(said)
    said.append(f"{', '.join(t.model for t in left)} about the same daily spread ({least:.2f} %)")
    honest = [t for t in left if 85 <= t.coverage_90_pct <= 95]
    if honest and len(honest) < len(left):
        left = honest
        said.append(f"the 90 % interval of {', '.join(t.model for t in left)} holds 85 to 95 %")
    if len(left) > 1:
        said.append(f"{left[0].model} costs least")
    return left[0].model, "; ".join(said)


def _measure(trial: Trial, is_short: bool) -> float:
    return trial.judged_bias_pct if is_short else trial.bias_pct


def _judged(trials: Sequence[Sequence[Trial]]) -> list[list[Trial]]:
    """Return the trials, by candidate and series, with each bias drawn towards what the peers say of the candidate."""
    bias = np.array([[t.bias_pct for t in of_model] for of_model in trials])
    months = np.array([t.months for t in trials[0]], dtype=np.float64)
    told = np.isfinite(bias).all(axis=0) & (months >= _MIN_MONTHS)
    bias = np.maximum(bias, _LEAST_BIAS_PCT)
    first = [of_model[0].model for of_model in trials].index(FALLBACK) if len(months) else 0
    gain = np.log(bias / bias[first])
    count = int(told.sum())
    peers = np.where(told[None, :], gain, 0.0).sum(axis=1, keepdims=True)
    # Every series' peers are the others.
    peers = (peers - np.where(told[None, :], gain, 0.0)) / np.maximum(count - told[None, :], 1)
    weight = months / (months + _PEER_MONTHS) if count > 1 else np.ones_like(months)
    judged = bias[first] * np.exp(weight * gain + (1 - weight) * peers)
    # One with too little of its own is left to its peers, where there are enough of them.
    judged[:, ~told] = np.exp(peers[:, ~told]) if count >= _MIN_PEERS else np.nan
    return [[replace(t, judged_bias_pct=float(judged[m, s])) for s, t in enumerate(of)] for m, of in enumerate(trials)]


def _trials(name: str, tested: Backtest, series: Series) -> list[Trial]:
    """Return one candidate's numbers on every series."""
    seen = np.isfinite(series.load_kw)
    mean = np.where(seen, series.load_kw, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scale = np.where(np.abs(mean) > 1e-9, np.abs(mean), 1.0) / 100
    sd = honest_sd(tested.residual_kw, mean)
    half = rolling_half_width(tested, sd)
    weeks, months, quarter = _weeks_and_months(tested)
    out = []
    for s in range(len(series.keys)):
        told = score(tested.expected_kw[s] + tested.residual_kw[s], tested.residual_kw[s], half[s])
        out.append(
            Trial(
                model=name,
                weekly_bias_pct=_rms(weeks[s]) / scale[s],
                month_bias_pct=_rms(months[s]) / scale[s],
                quarter_bias_pct=_rms(quarter[s]) / scale[s],
                daily_mean_sd_pct=told.daily_mean_sd_kw / scale[s],
                coverage_90_pct=told.coverage_90_pct,
                months=int(np.isfinite(months[s]).sum()),
                judged_bias_pct=float("nan"),
            )
        )
    return out


def _weeks_and_months(tested: Backtest) -> tuple[Floats, Floats, Floats]:
    """Return the errors of the first four weeks after each origin, of those 28 days, and of the weeks of 90 days."""
    ahead = tested.week_ahead_days
    weeks = tested.week_error_kw[:, ahead < 7 * _MONTH_WEEKS]
    starts = [i for i in np.flatnonzero(ahead == 3.5) if i + 3 < len(ahead) and ahead[i + 3] == 24.5]
    months = [tested.week_error_kw[:, i : i + _MONTH_WEEKS].mean(axis=1) for i in starts]
    quarter = tested.week_error_kw[:, ahead < _QUARTER_DAYS]
    return weeks, np.stack(months, axis=1) if months else np.full((len(weeks), 0), np.nan), quarter


def _rms(values: Floats) -> float:
    seen = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(seen**2))) if len(seen) else float("nan")
