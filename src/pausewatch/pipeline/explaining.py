"""Explaining: which baseline a site was given, why, and what it looks like; read from its freeze, never refitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Expected, Series
from pausewatch.baselines.freeze import FrozenBaselines
from pausewatch.baselines.intervals import HORIZON_DAYS
from pausewatch.baselines.registry import model_words
from pausewatch.baselines.ridge import RidgeBaseline
from pausewatch.baselines.scores import Score
from pausewatch.baselines.selection import Choice, heldout_of
from pausewatch.detection.plateaus import without_steps
from pausewatch.detection.reference import reference_of
from pausewatch.detection.shedding import without_shed
from pausewatch.errors import InspectionError
from pausewatch.fleet import Fleet
from pausewatch.pipeline.learning import found_at, latest_freezes, load_freeze
from pausewatch.pipeline.workplace import Workplace
from pausewatch.telemetry.grid import HourGrid

_SHOWN_DAYS = 56
_HALF_DAY = 12

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """One lane's baseline.

    Args:
        key: `site/lane`.
        pause_id: the pause it was frozen for.
        choice: the model, its reason, and every candidate's numbers.
        score: on held-out hours.
        refusals: why there is none.
        warnings: what is odd about the reference.
        observed_kw: load of the reference's last weeks, (H,), NaN where it was not learned from.
        expected: what the frozen baseline says of them, each (1, H).
        heldout_daily_kw: daily means of the held-out residuals, (D,).
    """

    key: str
    pause_id: str
    choice: Choice
    score: Score
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    observed_kw: Floats
    expected: Expected
    heldout_daily_kw: Floats

    def lines(self) -> list[str]:
        """Return it in words, a table of the candidates among them (per cent of the mean load)."""
        if self.refusals:
            return [f"{self.key}: refused: {'; '.join(self.refusals)}"]
        out = [f"{self.key} (pause {self.pause_id}): {self.choice.model} ({model_words(self.choice.model)})"]
        out.append(f"  because {self.choice.reason}")
        held = ", ".join(
            f"{share:.0f} % up to {days} d"
            for share, days in zip(self.score.coverage_by_horizon_pct, HORIZON_DAYS, strict=True)
            if np.isfinite(share)
        )
        out.append(f"  its 90 % interval held {held or 'nothing that could be told'}")
        head = "candidate", "judged", "week", "month", "quarter", "daily", "holds", "weeks"
        out.append(f"  {head[0]:<22}" + "".join(f"{h:>9}" for h in head[1:]))
        for trial in self.choice.trials:
            bias = trial.judged_bias_pct, trial.weekly_bias_pct, trial.month_bias_pct, trial.quarter_bias_pct
            cells = [f"{v:9.2f}" for v in (*bias, trial.daily_mean_sd_pct)]
            mark = "*" if trial.model == self.choice.model else " "
            out.append(f"{mark} {trial.model:<22}" + "".join(cells) + f"{trial.coverage_90_pct:8.0f} %{trial.weeks:8d}")
        return out + [f"  {warning}" for warning in self.warnings]


def explain(place: Workplace, site_id: str) -> list[Explanation]:
    """Return what each lane of a site was given at each pause that covers it.

    Raises:
        UsageError: there is no such site.
        InspectionError: no pause covers it, or it has no baselines.
        BaselineError: they can't be read.
    """
    (site,) = place.fleet.selected([site_id])
    pauses = [pause for pause in place.fleet.pauses if pause.holds_in(site.jurisdiction)]
    if not pauses:
        raise InspectionError("no pause covers the site", where=f"site {site.id}", remedy="there is nothing to explain")
    lake = place.lake()
    out = []
    for pause in pauses:
        with place.register() as register:
            ((record, _),) = latest_freezes(register, place.fleet, [site], pause)
        frozen = load_freeze(found_at(record, place.home.baselines))
        baselines = frozen.baselines
        whole, has_meter = reference_of(place.fleet, lake, [site], pause)
        at = [baselines.keys.index(key) for key in whole.keys]
        # As it was learned from: without shed load and without plateaus.
        running = without_shed(whole, RidgeBaseline().shape(whole).rest_kw, frozen.shed_kw[at])
        series = without_steps(running, [list(frozen.steps[i]) for i in at])
        grid = series.grid.sliced(max(series.grid.hours - 24 * _SHOWN_DAYS, 0), series.grid.hours)
        lately = slice(series.grid.hours - grid.hours, None)
        told = _told(place.fleet, baselines, at, grid, series.temperature_c[:, lately])
        for i, place_in_batch in enumerate(at):
            if not has_meter[i]:
                continue
            choice = baselines.choices[place_in_batch]
            out.append(
                Explanation(
                    key=series.keys[i],
                    pause_id=pause.id,
                    choice=choice,
                    score=baselines.scores[place_in_batch],
                    refusals=baselines.refusals[place_in_batch],
                    warnings=baselines.warnings[place_in_batch],
                    observed_kw=series.load_kw[i, lately],
                    expected=_row(told, place_in_batch),
                    heldout_daily_kw=_daily(series.subset([i]), choice.model),
                )
            )
    return out


def plot(explanations: Sequence[Explanation], path: Path) -> Path:
    """Write components, held-out residuals and coverage of each lane as an SVG; the same values, the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    shown = [one for one in explanations if not one.refusals]
    with mpl.rc_context({"svg.hashsalt": "pausewatch", "svg.fonttype": "none", "font.size": 8}):
        figure, axes = plt.subplots(
            max(len(shown), 1), 4, figsize=(18, 3.6 * max(len(shown), 1)), squeeze=False, layout="constrained"
        )
        for row, one in zip(axes, shown, strict=False):
            days = np.arange(len(one.observed_kw)) / 24.0 - len(one.observed_kw) / 24.0
            mean, half = one.expected.mean_kw[0], 1.6448536 * one.expected.sd_kw[0]
            row[0].plot(days, one.observed_kw / 1e3, color="black", lw=0.7, label="observed")
            row[0].plot(days, mean / 1e3, color="C0", lw=0.7, label="expected")
            row[0].fill_between(days, (mean - half) / 1e3, (mean + half) / 1e3, color="C0", alpha=0.2, lw=0)
            row[0].set(title=f"{one.key}: {one.choice.model}", xlabel="days to the freeze", ylabel="MW")
            for name, part in one.expected.components.items():
                if np.ptp(part[0]) > 0:
                    row[1].plot(days, (part[0] - part[0].mean()) / 1e3, lw=0.7, label=name)
            row[1].set(title="components, less their means", xlabel="days to the freeze", ylabel="MW")
            row[2].bar(np.arange(len(one.heldout_daily_kw)), one.heldout_daily_kw / 1e3, width=1.0, color="C3")
            row[2].set(title="held-out residuals, daily means", xlabel="days since the first origin", ylabel="MW")
            row[3].bar([f"{d} d" for d in HORIZON_DAYS], np.nan_to_num(one.score.coverage_by_horizon_pct), color="C2")
            row[3].axhline(90, color="black", lw=0.8)
            row[3].set(title="hours inside the 90 % interval", ylim=(0, 100), xlabel="days after an origin", ylabel="%")
            for axis in row[:2]:
                axis.legend(fontsize=7)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
    return path


def _told(
    fleet: Fleet, baselines: FrozenBaselines, at: Sequence[int], grid: HourGrid, temperature_c: Floats
) -> Expected:
    """Return what the whole batch's baselines say with the temperatures of some of its series."""
    sites = [fleet.site(key.partition("/")[0]) for key in baselines.keys]
    whole = HourGrid(grid.start, grid.hours, tuple(s.timezone for s in sites), tuple(s.country for s in sites))
    temperature = np.full((len(sites), grid.hours), np.nan)
    temperature[list(at)] = temperature_c
    return baselines.expected(whole, temperature)


def _row(told: Expected, i: int) -> Expected:
    rows = slice(i, i + 1)
    parts = {name: part[rows] for name, part in told.components.items()}
    return Expected(told.mean_kw[rows], told.sd_kw[rows], told.level_sd_kw[rows], parts)


def _daily(series: Series, model: str) -> Floats:
    residual = heldout_of(series, model).residual_kw[0]
    whole = residual[: len(residual) // 24 * 24].reshape(-1, 24)
    seen = np.isfinite(whole).sum(axis=1)
    total = np.nansum(whole, axis=1)
    return np.asarray(np.where(seen >= _HALF_DAY, total / np.maximum(seen, 1), np.nan))
