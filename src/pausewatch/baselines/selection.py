"""Choosing a baseline for each series, by rolling-origin backtest on its own reference.

What matters for a pause comes first: bias over weeks, since a per cent of a large site over months is a training run;
then the spread of the daily mean residual, which sets what can be seen; then whether the interval holds what it says;
then cost. A model that loses to persistence is never chosen. The ridge is always tried, and is what is left.

A year holds ten months that hardly tell two models apart: how much better a model is than the ridge is drawn towards
how much better it is on the batch's other series, its peers. A site with little history is left to its peers.
A model of the time of year can be tried in the last weeks of a year at most: it is compared on those weeks with its
own kind without the time of year, and what they tell is drawn towards what the peers' weeks tell and what is usual.
Cost is the candidates' fixed order and not measured time, so that the same reference always gets the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.backtest import FOLD_DAYS, Backtest, backtests
from pausewatch.baselines.contract import BaselineModel, FittedBaseline, Floats, Series
from pausewatch.baselines.intervals import honest_sd, rolling_half_width
from pausewatch.baselines.mixed import FittedMixed, Member
from pausewatch.baselines.registry import CANDIDATES, DEFAULT_CANDIDATES, candidate
from pausewatch.baselines.ridge import FittedRidge, RidgeBaseline
from pausewatch.baselines.ridge_shape import Shape
from pausewatch.baselines.scores import score

Bools = npt.NDArray[np.bool_]

FALLBACK = "ridge"
YARDSTICK = "persistence"
# Closer than this, per cent of each other, two models are held to be equal.
_EQUAL_PCT = 5.0
_MONTH_WEEKS = 4
_QUARTER_DAYS = 90.0
_MIN_MONTHS = 2
_MIN_WEEKS = 2
# Held-out months that the peers count for, and peers that suffice to choose by them alone.
_PEER_MONTHS = 10.0
_MIN_PEERS = 5
_LEAST_BIAS_PCT = 1e-3
# What each model of the time of year is compared with, and by how much it usually has less bias: a twentieth less where
# what is new stays, as at simulated sites, a third where it passes, as in zones of real grids. All peers were tried in
# the same few weeks, so that many of them are heard like a few, and what is usual counts for more.
_KIND = {"ridge_year": "ridge_recent", "ridge_year_no_weather": "ridge_no_weather"}
_USUAL_YEAR_GAIN = (float(np.log(0.95)), float(np.log(0.65)))
_YEAR_PEERS, _USUAL_WEIGHT = 5, 20


_OF_SERIES = ("residual_kw", "expected_kw", "trend_share", "week_error_kw", "sample_error_kw")


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
        weeks: weeks that the model itself was tried on; a model of the time of year on the last ones only, with its own
            kind without the time of year in its place before.
        judged_bias_pct: `bias_pct` drawn towards what the peers say; what is compared.
    """

    model: str
    weekly_bias_pct: float
    month_bias_pct: float
    quarter_bias_pct: float
    daily_mean_sd_pct: float
    coverage_90_pct: float
    months: int
    weeks: int
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
class YearGain:
    """What knowing the time of year does for a model.

    Args:
        gain: log ratio of its bias to its own kind's without the time of year, on the same weeks, (S,).
        is_known: whether each series has a whole year, (S,).
        usual: what such a log ratio usually is for a series like each, (S,).
    """

    gain: Floats
    is_known: Bools
    usual: Floats

    @staticmethod
    def of(fitted: FittedRidge, gain: Floats) -> YearGain:
        """Return it for a fit to the whole reference."""
        return YearGain(gain, fitted.year.knows_year, np.interp(fitted.return_share, (0.0, 1.0), _USUAL_YEAR_GAIN))


@dataclass(frozen=True)
class Selection:
    """The choices for a batch of series, every candidate's backtest, and the fits of the ridges to the whole batch."""

    choices: tuple[Choice, ...]
    backtests: Mapping[str, Backtest]
    ridges: Mapping[str, FittedRidge]

    def fit(self, series: Series) -> FittedMixed:
        """Fit each series' chosen model to the whole reference."""
        members = {}
        for name in CANDIDATES:
            index = np.asarray([s for s, c in enumerate(self.choices) if c.model == name], dtype=np.int64)
            if not len(index):
                continue
            fitted: FittedBaseline
            if name in self.ridges:
                share = self.backtests[name].trend_share[index]
                fitted = self.ridges[name].subset(index).with_trend_share(share)
            else:
                fitted = candidate(name).fit(series.subset(index.tolist()))
            members[name] = Member(index, fitted)
        return FittedMixed(members)

    def heldout(self) -> Backtest:
        """Return one backtest of the batch, each series' rows from its own model."""
        parts = {name: [s for s, c in enumerate(self.choices) if c.model == name] for name in self.backtests}
        first = self.backtests[FALLBACK]

        def rows(field: str) -> Floats:
            out = np.array(getattr(first, field))
            for name, mine in parts.items():
                out[mine] = getattr(self.backtests[name], field)[mine]
            return out

        return _with(first, {field: rows(field) for field in _OF_SERIES})


def select(
    series: Series,
    candidates: Sequence[str] = DEFAULT_CANDIDATES,
    fold_days: int = FOLD_DAYS,
    known: Mapping[str, Backtest] | None = None,
    shape: Shape | None = None,
) -> Selection:
    """Choose a model for every series of a batch.

    Args:
        series: the reference; NaN where it must not be learned from.
        candidates: names from `registry.CANDIDATES`; the ridge and persistence are always tried.
        fold_days: days from one origin to the next; more of them cost less and tell less.
        known: backtests with the same folds that are there already, by candidate.
        shape: the ridge's of the whole reference, where it is known already.

    Raises:
        UsageError: a candidate isn't known.
    """
    wanted = {FALLBACK, YARDSTICK, *(candidate(name).name for name in candidates)}
    wanted |= {_KIND[name] for name in wanted & _KIND.keys()}
    models = {name: model for name, model in CANDIDATES.items() if name in wanted}
    tested = dict(known or {})
    tested |= backtests({name: model for name, model in models.items() if name not in tested}, series, fold_days)
    tested = {name: tested[name] for name in models}
    ridges = _ridges(models, series, shape)
    gains = {name: _gain(tested, name, kind) for name, kind in _KIND.items() if name in models}
    weeks = {name: np.isfinite(t.week_error_kw).sum(axis=1) for name, t in tested.items()}
    # Before a year was seen its own kind without the time of year stands in.
    tested |= {name: _filled(tested[name], tested[_KIND[name]]) for name in gains}
    trials = {name: _trials(name, tested[name], weeks[name], series) for name in models}
    judged = _judged(list(trials.values()), {name: YearGain.of(ridges[name], gain) for name, gain in gains.items()})
    choices = []
    for s, key in enumerate(series.keys):
        of_series = tuple(of_model[s] for of_model in judged)
        model, reason = choose(of_series)
        choices.append(Choice(key, model, reason, of_series))
    return Selection(tuple(choices), tested, ridges)


def heldout_of(series: Series, model: str, fold_days: int = FOLD_DAYS) -> Backtest:
    """Return what a chosen model missed on held-out hours, as its selection saw it.

    Raises:
        UsageError: the model isn't known.
    """
    names = [name for name in (model, _KIND.get(model)) if name is not None]
    tested = backtests({name: candidate(name) for name in names}, series, fold_days)
    return _filled(tested[model], tested[_KIND[model]]) if model in _KIND else tested[model]


def _ridges(models: Mapping[str, BaselineModel], series: Series, shape: Shape | None) -> dict[str, FittedRidge]:
    """Return the ridges' fits to the whole reference; those that share a shape fit it once."""
    shapes = {} if shape is None else {RidgeBaseline().shape_key: shape}
    out = {}
    for name, model in models.items():
        if isinstance(model, RidgeBaseline):
            if model.plain_key not in shapes:
                shapes[model.plain_key] = model.shape(series)
            out[name] = model.levelled(model.of_year(series, shapes[model.plain_key]))
    return out


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


def _judged(
    trials: Sequence[Sequence[Trial]],
    years: Mapping[str, YearGain] | None = None,
) -> list[list[Trial]]:
    """Return the trials, by candidate and series, with each bias drawn towards what the peers say of the candidate.

    Args:
        trials: by candidate and series.
        years: what is known of each candidate that knows the time of year.
    """
    names = [of_model[0].model for of_model in trials]
    of_year = {m: years[name] for m, name in enumerate(names) if years is not None and name in years}
    plain = [m for m in range(len(names)) if m not in of_year]
    bias = np.array([[t.bias_pct for t in of_model] for of_model in trials])
    months = np.array([t.months for t in trials[names.index(FALLBACK)]], dtype=np.float64)
    told = np.isfinite(bias[plain]).all(axis=0) & (months >= _MIN_MONTHS)
    bias = np.maximum(bias, _LEAST_BIAS_PCT)
    first = names.index(FALLBACK)
    gain = np.where(told, np.log(bias / bias[first]), 0.0)
    count = int(told.sum())
    # Every series' peers are the others.
    peers = (gain.sum(axis=1, keepdims=True) - gain) / np.maximum(count - told[None, :], 1)
    weight = months / (months + _PEER_MONTHS) if count > 1 else np.ones_like(months)
    drawn = weight * gain + (1 - weight) * peers
    for m, year in of_year.items():
        held = np.isfinite(year.gain) & year.is_known
        own = np.where(held, year.gain, 0.0)
        peers_year = (own.sum() - own) / np.maximum(held.sum() - held, 1)
        heard = np.minimum(held.sum() - held, _YEAR_PEERS)
        usual = (heard * peers_year + _USUAL_WEIGHT * year.usual) / (heard + _USUAL_WEIGHT)
        spans = np.array([t.weeks for t in trials[m]], dtype=np.float64) / _MONTH_WEEKS
        share = np.where(held, spans / (spans + _PEER_MONTHS), 0.0)
        kind = names.index(_KIND[names[m]])
        drawn[m] = np.where(year.is_known, drawn[kind] + share * own + (1 - share) * usual, np.nan)
    judged = bias[first] * np.exp(drawn)
    # One with too little of its own is left to its peers, where there are enough of them.
    judged[:, ~told] = np.exp(peers[:, ~told]) if count >= _MIN_PEERS else np.nan
    for m in of_year:
        judged[m, ~told] = np.nan
    return [[replace(t, judged_bias_pct=float(judged[m, s])) for s, t in enumerate(of)] for m, of in enumerate(trials)]


def _gain(tested: Mapping[str, Backtest], name: str, kind: str) -> Floats:
    """Return the log ratio of a model's weekly bias to its kind's on the weeks both were tried in, (S,)."""
    mine, theirs = tested[name].week_error_kw, tested[kind].week_error_kw
    both = np.isfinite(mine) & np.isfinite(theirs)
    few = both.sum(axis=1) < _MIN_WEEKS

    def size(error: Floats) -> Floats:
        square = (np.where(both, error, 0.0) ** 2).sum(axis=1)
        return np.asarray(np.sqrt(square / np.maximum(both.sum(axis=1), 1)))

    least = 1e-9 + 1e-6 * size(theirs)
    ratio = np.log((size(mine) + least) / (size(theirs) + least))
    return np.where(few, np.nan, ratio)


def _filled(tested: Backtest, kind: Backtest) -> Backtest:
    """Return a backtest with another's rows where it has nothing to say."""
    fields = [field for field in _OF_SERIES if field != "trend_share"]
    pairs = {field: (getattr(tested, field), getattr(kind, field)) for field in fields}
    return _with(tested, {f: np.where(np.isfinite(own), own, other) for f, (own, other) in pairs.items()})


def _with(tested: Backtest, fields: Mapping[str, Any]) -> Backtest:
    return replace(tested, **fields)


def _trials(name: str, tested: Backtest, tried_weeks: npt.NDArray[np.int64], series: Series) -> list[Trial]:
    """Return one candidate's numbers on every series."""
    seen = np.isfinite(series.load_kw)
    mean = np.where(seen, series.load_kw, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    scale = np.where(np.abs(mean) > 1e-9, np.abs(mean), 1.0) / 100
    sd = honest_sd(tested.residual_kw, mean)
    half = rolling_half_width(tested, sd)
    weeks, months, quarter = _weeks_and_months(tested)
    biases = [(_rms(errors) / scale).tolist() for errors in (weeks, months, quarter)]
    spans = np.isfinite(months).sum(axis=1)
    told = score(tested.expected_kw + tested.residual_kw, tested.residual_kw, half)
    return [
        Trial(
            model=name,
            weekly_bias_pct=weekly,
            month_bias_pct=monthly,
            quarter_bias_pct=quarterly,
            daily_mean_sd_pct=one.daily_mean_sd_kw / size,
            coverage_90_pct=one.coverage_90_pct,
            months=int(held),
            weeks=int(tried),
            judged_bias_pct=float("nan"),
        )
        for weekly, monthly, quarterly, one, size, held, tried in zip(
            *biases, told, scale.tolist(), spans, tried_weeks, strict=True
        )
    ]


def _weeks_and_months(tested: Backtest) -> tuple[Floats, Floats, Floats]:
    """Return the errors of the first four weeks after each origin, of those 28 days, and of the weeks of 90 days."""
    ahead = tested.week_ahead_days
    weeks = tested.week_error_kw[:, ahead < 7 * _MONTH_WEEKS]
    starts = [i for i in np.flatnonzero(ahead == 3.5) if i + 3 < len(ahead) and ahead[i + 3] == 24.5]
    months = [tested.week_error_kw[:, i : i + _MONTH_WEEKS].mean(axis=1) for i in starts]
    quarter = tested.week_error_kw[:, ahead < _QUARTER_DAYS]
    return weeks, np.stack(months, axis=1) if months else np.full((len(weeks), 0), np.nan), quarter


def _rms(values: Floats) -> Floats:
    """Return the root mean square of what is known of each row, NaN where nothing is, shape (S,)."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    square = (np.where(known, values, 0.0) ** 2).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, np.sqrt(square), np.nan)
