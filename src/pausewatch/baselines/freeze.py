"""Freezing: fit, backtest and refuse where history does not suffice; then never adapt again.

A baseline that adapts within days makes a long run the new normal. A frozen one states what it was learned from, how it
did on data it hadn't seen, and how uncertain it becomes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.backtest import Backtest
from pausewatch.baselines.contract import Expected, Floats, Series
from pausewatch.baselines.intervals import HorizonScale, fit_horizon_scale, honest_sd, rolling_half_width
from pausewatch.baselines.level_error import LevelError, fit_level_error
from pausewatch.baselines.mixed import FittedMixed
from pausewatch.baselines.registry import DEFAULT_CANDIDATES
from pausewatch.baselines.ridge import FittedRidge
from pausewatch.baselines.ridge_shape import Shape
from pausewatch.baselines.scores import Score, score
from pausewatch.baselines.selection import FALLBACK, Choice, Trial, select
from pausewatch.errors import BaselineError, UsageError
from pausewatch.telemetry.grid import HourGrid
from pausewatch.whole import write_whole

_VERSION = 9
_BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)
MIN_DAYS = 28
MIN_SHARE = 0.4


@dataclass(frozen=True)
class FrozenBaselines:
    """Frozen baselines of a batch of series.

    Args:
        keys: `site/lane` of each series.
        fitted: each series' chosen model.
        level_error: growth of the level's uncertainty.
        hour_sd_kw: standard deviation that makes the 90 % interval of one hour honest on held-out data, (S,).
        horizon_scale: how much wider it is at each horizon, so that it holds there too.
        scores: on held-out hours.
        refusals: why a series has no baseline, in plain sentences; empty where it has.
        warnings: what is odd about a series' reference.
        valid_days: days learned from, (S,).
        reference_start_s: first hour of the reference, seconds since the epoch.
        reference_end_s: the freeze.
        heldout: the backtest (residuals for calibration); not saved.
        choices: the model of each series with every candidate's numbers and why it was chosen.
    """

    keys: tuple[str, ...]
    fitted: FittedMixed
    level_error: LevelError
    hour_sd_kw: Floats
    horizon_scale: HorizonScale
    scores: tuple[Score, ...]
    refusals: tuple[tuple[str, ...], ...]
    warnings: tuple[tuple[str, ...], ...]
    valid_days: npt.NDArray[np.int64]
    reference_start_s: int
    reference_end_s: int
    choices: tuple[Choice, ...]
    heldout: Backtest | None = None

    @property
    def is_usable(self) -> npt.NDArray[np.bool_]:
        """Whether each series has a baseline, shape (S,)."""
        return np.asarray([not reasons for reasons in self.refusals], dtype=np.bool_)

    def expected(self, grid: HourGrid, temperature_c: Floats) -> Expected:
        """Return what is expected over another grid of the same series, with its uncertainty."""
        told = self.fitted.predict(grid, temperature_c)
        days = (grid.start_s + 3600.0 * np.arange(grid.hours) - self.reference_end_s) / 86_400.0
        level = self.level_error.sd_kw(days)
        sd = np.asarray(self.horizon_scale.at(days) * rough_sd_kw(self.level_error, self.hour_sd_kw, days))
        usable = self.is_usable[:, None]
        return Expected(
            np.where(usable, told.mean_kw, np.nan),
            np.where(usable, sd, np.nan),
            np.where(usable, level, np.nan),
            told.components,
        )

    def to_bytes(self, extra: dict[str, npt.NDArray[Any]]) -> bytes:
        """Return the baselines and other arrays as an .npz, the same bytes for the same values, without pickle."""
        about = {
            "version": _VERSION,
            "keys": self.keys,
            "scores": [vars(s) for s in self.scores],
            "refusals": self.refusals,
            "warnings": self.warnings,
            "choices": [vars(c) | {"trials": [vars(t) for t in c.trials]} for c in self.choices],
            "reference_start_s": self.reference_start_s,
            "reference_end_s": self.reference_end_s,
        }
        arrays: dict[str, npt.NDArray[Any]] = {
            **{f"fitted.{k}": v for k, v in self.fitted.state().items()},
            **{f"extra.{k}": v for k, v in extra.items()},
            "level_error": self.level_error.coefficients,
            "hour_sd_kw": self.hour_sd_kw,
            "horizon_factor": self.horizon_scale.factor,
            "valid_days": self.valid_days,
            "about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8),
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(arrays):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
                # A fixed time stamp: the same baselines have the same hash.
                info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, member.getvalue())
        return out.getvalue()

    @staticmethod
    def from_bytes(content: bytes, where: str) -> tuple[FrozenBaselines, dict[str, npt.NDArray[Any]]]:
        """Rebuild what `to_bytes` wrote.

        Raises:
            BaselineError: the file is broken, or of a version this program doesn't know.
        """
        try:
            arrays = _read_arrays(content)
            about = json.loads(arrays.pop("about").tobytes())
        except _BROKEN as error:
            raise BaselineError(
                "not a readable baseline", where=where, why=str(error), remedy="fit it again: pausewatch baseline"
            ) from error
        if about.get("version") != _VERSION:
            raise BaselineError(
                f"baseline of version {about.get('version')}",
                where=where,
                remedy=f"this program reads version {_VERSION}; fit it again: pausewatch baseline",
            )
        state = {k.removeprefix("fitted."): v for k, v in arrays.items() if k.startswith("fitted.")}
        extra = {k.removeprefix("extra."): v for k, v in arrays.items() if k.startswith("extra.")}
        try:
            frozen = FrozenBaselines(
                keys=tuple(about["keys"]),
                fitted=FittedMixed.from_state(state),
                level_error=LevelError(arrays["level_error"]),
                hour_sd_kw=arrays["hour_sd_kw"],
                horizon_scale=HorizonScale(arrays["horizon_factor"]),
                scores=tuple(
                    Score(**{**s, "coverage_by_horizon_pct": tuple(s["coverage_by_horizon_pct"])})
                    for s in about["scores"]
                ),
                refusals=tuple(tuple(r) for r in about["refusals"]),
                warnings=tuple(tuple(w) for w in about["warnings"]),
                valid_days=arrays["valid_days"],
                reference_start_s=about["reference_start_s"],
                reference_end_s=about["reference_end_s"],
                choices=tuple(
                    Choice(**{**c, "trials": tuple(Trial(**trial) for trial in c["trials"])}) for c in about["choices"]
                ),
            )
        except (KeyError, TypeError, UsageError) as error:
            raise BaselineError(
                "an incomplete baseline",
                where=where,
                why=f"what it says of itself doesn't hold: {error}",
                remedy="fit it again: pausewatch baseline",
            ) from error
        return frozen, extra


def _read_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an .npz; a single .npy is no baseline."""
    if not content.startswith(b"PK"):
        raise ValueError("not an .npz archive")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def freeze(
    series: Series,
    has_meter: Sequence[bool],
    candidates: Sequence[str] = DEFAULT_CANDIDATES,
    shape: Shape | None = None,
) -> FrozenBaselines:
    """Choose, fit and backtest a baseline for every series of a batch, and freeze it at the end of its grid.

    Args:
        series: the reference; NaN where it must not be learned from.
        has_meter: whether each series has a meter at all.
        candidates: names from `registry.CANDIDATES` to choose each series' model from; the default ones take
            milliseconds a series, the others seconds to minutes. The ridge and persistence are always tried.
        shape: the ridge's of the whole reference, where it is known already.

    Raises:
        UsageError: a candidate isn't known.
    """
    seen = np.isfinite(series.load_kw)
    valid_days = _valid_days(seen)
    refusals = tuple(
        _refusals(series.load_kw[s], seen[s], int(valid_days[s]), has_meter[s]) for s in range(len(series.keys))
    )
    selection = select(series, candidates, shape=shape)
    tested, plain = selection.heldout(), selection.ridges[FALLBACK]
    mean = np.array([float(np.mean(r[m])) if m.any() else 1.0 for r, m in zip(series.load_kw, seen, strict=True)])
    level_error = fit_level_error(tested.week_error_kw, tested.week_ahead_days, mean)
    hour_sd = honest_sd(tested.residual_kw, mean)
    observed = tested.expected_kw + tested.residual_kw
    half = rolling_half_width(tested, hour_sd)
    scale, coverage = fit_horizon_scale(tested, rough_sd_kw(level_error, hour_sd, tested.sample_ahead_days))
    scores = tuple(
        replace(one, coverage_by_horizon_pct=tuple(shares))
        for one, shares in zip(score(observed, tested.residual_kw, half), coverage.tolist(), strict=True)
    )
    warnings = tuple(_warnings(series, s, plain, int(valid_days[s])) for s in range(len(series.keys)))
    return FrozenBaselines(
        keys=series.keys,
        fitted=selection.fit(series),
        level_error=level_error,
        hour_sd_kw=hour_sd,
        horizon_scale=scale,
        scores=scores,
        refusals=refusals,
        warnings=warnings,
        valid_days=valid_days,
        reference_start_s=series.grid.start_s,
        reference_end_s=series.grid.start_s + 3600 * series.grid.hours,
        choices=selection.choices,
        heldout=tested,
    )


def rough_sd_kw(level_error: LevelError, hour_sd_kw: Floats, days_ahead: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return an hour's standard deviation with what the level's uncertainty has grown by, shape (S, H)."""
    grown = level_error.sd_kw(days_ahead) ** 2 - level_error.sd_kw(np.zeros(1)) ** 2
    return np.asarray(np.sqrt(hour_sd_kw[:, None] ** 2 + np.maximum(grown, 0.0)))


def save(frozen: FrozenBaselines, extra: dict[str, npt.NDArray[Any]], folder: Path) -> tuple[str, Path]:
    """Write baselines under the hash of their content; return hash and path."""
    content = frozen.to_bytes(extra)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest[:32]}.npz"
    if not path.exists():
        write_whole(path, content)
    return digest, path


def _valid_days(seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    whole = seen[:, : seen.shape[1] // 24 * 24].reshape(len(seen), -1, 24)
    return np.asarray((whole.sum(axis=2) >= 12).sum(axis=1), dtype=np.int64)


def _refusals(load_kw: Floats, seen: npt.NDArray[np.bool_], valid_days: int, has_meter: bool) -> tuple[str, ...]:
    """Return why a series can't have a baseline."""
    if not has_meter:
        return ("there is no meter for this lane",)
    out = []
    if valid_days < MIN_DAYS:
        out.append(
            f"the reference holds {valid_days} days with at least 12 valid hours outside declared windows;"
            f" {MIN_DAYS} are needed"
        )
    elif valid_days < MIN_SHARE * (seen.shape[0] / 24):
        share = 100 * valid_days / (seen.shape[0] / 24)
        out.append(f"only {share:.0f} % of the reference's days are valid; {100 * MIN_SHARE:.0f} % are needed")
    if seen.any() and not np.any(np.abs(load_kw[seen]) > 1e-9):
        out.append("the load is zero throughout the reference")
    return tuple(out)


def _warnings(series: Series, s: int, fitted: FittedRidge, valid_days: int) -> tuple[str, ...]:
    out = []
    if not fitted.scale.is_known[s]:
        out.append(
            "no outdoor temperature: weather stays in the residual, so smaller loads go unseen than with a temperature"
            " meter"
        )
    if valid_days < 3 * MIN_DAYS:
        out.append(f"a short reference of {valid_days} valid days: its trend and its seasons are hardly known")
    growth = 30 * fitted.trend_kw_day[s] / max(abs(float(fitted.level_kw[s])), 1e-9)
    if abs(growth) > 0.02:
        out.append(f"the load was changing by {100 * growth:+.1f} % a month when the reference ended")
    return tuple(out)
