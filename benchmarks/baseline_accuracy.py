"""How well each baseline tells 7, 30 and 90 days of load after its reference ends, without refit.

    python benchmarks/baseline_accuracy.py --origins 4 --workers 1            # the whole, a quarter of an hour
    python benchmarks/baseline_accuracy.py --only simulated --sites 24 --seed 5150 --models ridge ... --out FILE

Load: 11 zones and utilities of EIA-930 (hours that the screening found wrong are left out), Victoria, and both lanes of
three simulated quiet sites; hourly. Weather: the nearest of the places there is weather of, which for the Pacific
North-West and Arizona is 900 km away, so there it says little. Each origin learns from the 400 days before it, predicts
the next 90 days from real temperatures, and is scored on them. Errors are per cent of the mean load of those days,
observed less expected. Every candidate's interval is calibrated by us on held-out days of its own reference; rivals
bring their own. Rivals run in environments of their own (`rivals/environments.py`, made under --scratch on first use).
Prints a table; writes benchmarks/results/baseline_accuracy.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from pausewatch.baselines.backtest import Backtest, backtest
from pausewatch.baselines.contract import Series
from pausewatch.baselines.freeze import rough_sd_kw
from pausewatch.baselines.intervals import Z90, fit_horizon_scale, honest_sd
from pausewatch.baselines.level_error import fit_level_error
from pausewatch.baselines.registry import CANDIDATES, DEFAULT_CANDIDATES
from pausewatch.baselines.ridge import FittedRidge
from pausewatch.baselines.selection import select
from pausewatch.telemetry.grid import HourGrid

sys.path.insert(0, str(Path(__file__).resolve().parent / "rivals"))
from environments import RIVALS, ask, make

REFERENCE_DAYS = 400
AHEAD_DAYS = 90
HORIZONS = (7, 30, 90)
COVERED_DAYS = (1, *HORIZONS)
SIMULATED = "simulated"
CHOSEN = "our selection"
WEST, TEXAS, EAST = "America/Los_Angeles", "America/Chicago", "America/New_York"
ZONES = {  # zone of EIA-930: time zone, place of the weather
    "AZPS": ("America/Phoenix", "US-CAL-CISO"),
    "CHPD": (WEST, "US-CAL-CISO"),
    "DOPD": (WEST, "US-CAL-CISO"),
    "GCPD": (WEST, "US-CAL-CISO"),
    "SCL": (WEST, "US-CAL-CISO"),
    "TPWR": (WEST, "US-CAL-CISO"),
    "ERCO-COAS": (TEXAS, "US-TEX-ERCO"),
    "ERCO-NCEN": (TEXAS, "US-TEX-ERCO"),
    "NYIS-ZONJ": (EAST, "US-NY-NYIS"),
    "PJM-DOM": (EAST, "US-MIDA-PJM"),
    "PJM-PS": (EAST, "US-MIDA-PJM"),
}
ORIGINS = {
    "EIA-930": ("2022-03-01", "2023-07-01", "2023-11-15", "2024-05-01", "2022-09-15"),
    "Victoria": ("2013-03-01", "2013-10-01", "2014-06-01", "2014-09-01", "2014-02-01"),
    SIMULATED: ("2026-09-01",),
}


@dataclass(frozen=True)
class Task:
    """One candidate on one batch from one origin."""

    data: str
    origin: str
    model: str
    past: Series
    future: Series
    fold_days: int
    python: str | None


@dataclass(frozen=True)
class Told:
    """What a candidate said of the 90 days, (S, H), and what it took."""

    mean_kw: np.ndarray
    sd_kw: np.ndarray | None
    tested: Backtest | None
    fit_s: float
    backtest_s: float
    version: str = ""
    failures: tuple[str, ...] = ()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--origins", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "pausewatch-rivals")
    parser.add_argument("--fold-days", type=int, default=56, help="days between origins of the backtest")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="kinds of data: EIA-930, Victoria, simulated")
    parser.add_argument("--sites", type=int, default=3, help="simulated sites")
    parser.add_argument("--seed", type=int, default=4242, help="of the simulated sites")
    parser.add_argument("--models", nargs="*", default=[*CANDIDATES, *RIVALS])
    parser.add_argument("--out", type=Path, default=root / "benchmarks" / "results" / "baseline_accuracy.json")
    options = parser.parse_args()
    began = time.perf_counter()
    kinds = {
        "EIA-930": lambda: eia930(options.data),
        "Victoria": lambda: victoria(options.data),
        SIMULATED: lambda: simulated(options.sites, options.seed),
    }
    batches = {name: made() for name, made in kinds.items() if not options.only or name in options.only}
    skipped = {}
    interpreters = {}
    for rival in [m for m in options.models if m in RIVALS]:
        python, why = make(rival, options.scratch)
        if python is None:
            print(f"{rival} is left out: {why}", file=sys.stderr)
            skipped[rival] = why
            options.models.remove(rival)
        else:
            interpreters[rival] = str(python)
    tasks = [
        Task(name, origin, model, *split(series, origin), options.fold_days, interpreters.get(model))
        for name, series in batches.items()
        for origin in ORIGINS[name][: options.origins]
        for model in options.models
    ]
    slow_first = sorted(tasks, key=lambda t: (t.model not in ("prophet", *RIVALS), -len(t.past.keys)))
    # One thread a worker, so that seconds are of one core; workers start afresh and so read this.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told = {}
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for task, said in zip(slow_first, pool.map(run, slow_first), strict=True):
            told[task.data, task.origin, task.model] = said
            spent = f"{said.fit_s:.0f} + {said.backtest_s:.0f} s, {time.perf_counter() - began:.0f} s so far"
            print(f"{task.model}, {task.data}, {task.origin}: {spent}", file=sys.stderr, flush=True)
    rows = []
    choices = []
    for data in batches:
        for origin in ORIGINS[data][: options.origins]:
            of_origin = {t.model: t for t in tasks if (t.data, t.origin) == (data, origin)}
            scored, chosen = compare(data, origin, of_origin, {m: told[data, origin, m] for m in of_origin})
            rows += scored
            choices += chosen
    result = {
        "what": __doc__,
        "took_s": round(time.perf_counter() - began),
        "machine": {"cpus": os.cpu_count(), "workers": options.workers, "python": platform.python_version()},
        "fold_days": options.fold_days,
        "skipped": skipped,
        "failures": {f"{k[2]}, {k[0]}, {k[1]}": t.failures for k, t in told.items() if t.failures},
        "versions": {k[2]: t.version for k, t in told.items() if t.version},
        "summary": summary(rows),
        "our_selection": by_data(rows),
        "series": by_series(rows),
        "target": target(rows),
        "choices": choices,
        "rows": rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result["summary"]))
    print()
    print(json.dumps(result["target"], indent=1))


def eia930(data: Path) -> Series:
    """Return the zones as one batch; MW stand for kW, which changes no score."""
    load = pl.read_parquet(data / "grid_load" / "eia930_hourly_2020_2024.parquet")
    weather = pl.read_parquet(data / "weather" / "hourly_2020_2024.parquet")
    start, hours = pd.Timestamp("2020-01-01"), 24 * (366 + 365 * 3 + 366)
    index = pd.date_range(start, periods=hours, freq="h")
    loads, temperatures = [], []
    for zone, (_, place) in ZONES.items():
        found = load.filter(pl.col("region").cast(pl.Utf8) == zone)
        sound = found["category"].cast(pl.Utf8).to_numpy() == "OKAY"
        values = pd.Series(np.where(sound, found["raw_mw"].to_numpy(), np.nan), _naive(found))
        loads.append(values.reindex(index).to_numpy())
        there = weather.filter(pl.col("place").cast(pl.Utf8) == place)
        values = pd.Series(there["temperature_c"].to_numpy().astype(float), _naive(there))
        temperatures.append(values.reindex(index).to_numpy())
    grid = HourGrid(np.datetime64("2020-01-01", "s"), hours, tuple(z for z, _ in ZONES.values()), ("US",) * len(ZONES))
    return Series(tuple(ZONES), grid, np.stack(loads), np.stack(temperatures))


def victoria(data: Path) -> Series:
    """Return Victoria, hourly."""
    frame = pd.read_csv(data / "grid_load" / "vic_electricity_half_hourly_2012_2014.csv.gz")
    hourly = frame.set_index(pd.DatetimeIndex(frame["Time"]))[["Demand", "Temperature"]].resample("h").mean()
    start = hourly.index[0].tz_convert(None).to_datetime64().astype("datetime64[s]")
    grid = HourGrid(start, len(hourly), ("Australia/Melbourne",), ("AU",))
    load, temperature = hourly["Demand"].to_numpy()[None], hourly["Temperature"].to_numpy()[None]
    return Series(("VIC",), grid, load.copy(), temperature.copy())


def simulated(count: int, seed: int) -> Series:
    """Return both lanes of some simulated sites at which nothing happens."""
    from pausewatch.fleet import load_fleet
    from pausewatch.simulation.simulator import simulate

    with tempfile.TemporaryDirectory() as folder:
        made = simulate(
            Path(folder), preset="quiet", sites=count, reference_days=400, pause_days=92, interval_min=60, seed=seed
        )
        sites = load_fleet(made.fleet_path).sites
        index = pd.date_range("2025-07-28", periods=24 * 492, freq="h", tz="UTC")
        loads, temperatures = [], []
        for site in sites:
            frame = pd.read_csv(Path(folder) / "telemetry" / f"{site.id}.csv")
            frame = frame.set_index(pd.to_datetime(frame["time_utc"], utc=True)).drop(columns="time_utc")
            frame = frame[~frame.index.duplicated()].resample("h").mean().reindex(index)
            loads += [frame["utility_kw"].to_numpy(), frame["it_kw"].to_numpy()]
            temperatures += [frame["temperature_c"].to_numpy()] * 2
    keys = tuple(f"{site.id}/{lane}" for site in sites for lane in ("utility", "it_load"))
    zones = tuple(site.timezone for site in sites for _ in range(2))
    countries = tuple(site.country for site in sites for _ in range(2))
    start = index[0].tz_localize(None).to_datetime64().astype("datetime64[s]")
    return Series(keys, HourGrid(start, len(index), zones, countries), np.stack(loads), np.stack(temperatures))


def split(series: Series, origin: str) -> tuple[Series, Series]:
    """Return the 400 days before an origin and the 90 after."""
    at = int((np.datetime64(origin, "s") - series.grid.start).astype(int) // 3600)
    first, last = at - 24 * REFERENCE_DAYS, at + 24 * AHEAD_DAYS
    if first < 0 or last > series.grid.hours:
        raise ValueError(f"origin {origin} needs {REFERENCE_DAYS} days before it and {AHEAD_DAYS} after")

    def part(a: int, b: int) -> Series:
        return Series(series.keys, series.grid.sliced(a, b), series.load_kw[:, a:b], series.temperature_c[:, a:b])

    return part(first, at), part(at, last)


def run(task: Task) -> Told:
    """Fit, backtest and predict."""
    if task.python is not None:
        return run_rival(task)
    model = CANDIDATES[task.model]
    model.fit(_one(task.past))  # imports aren't the model's cost
    began = time.perf_counter()
    fitted = model.fit(task.past)
    fit_s = time.perf_counter() - began
    tested = backtest(model, task.past, task.fold_days)
    backtest_s = time.perf_counter() - began - fit_s
    if isinstance(fitted, FittedRidge):
        fitted = fitted.with_trend_share(tested.trend_share)
    began = time.perf_counter()
    mean = fitted.predict(task.future.grid, task.future.temperature_c).mean_kw
    return Told(mean, None, tested, fit_s + time.perf_counter() - began, backtest_s)


def run_rival(task: Task) -> Told:
    """Ask a rival in its own environment."""
    grid = task.past.grid
    given = {
        "load_kw": task.past.load_kw,
        "temperature_c": np.concatenate([task.past.temperature_c, task.future.temperature_c], axis=1),
        "start_s": np.asarray(grid.start_s),
    }
    rows = zip(task.past.keys, grid.zones, grid.countries, strict=True)
    about = {"series": [{"key": key, "zone": zone, "country": country or "US"} for key, zone, country in rows]}
    told = ask(task.model, Path(task.python), given, about)
    return Told(told.mean_kw, told.sd_kw, None, told.seconds * len(grid.zones), 0.0, told.version, tuple(told.failures))


def compare(data: str, origin: str, tasks: dict[str, Task], told: dict[str, Told]) -> tuple[list[dict], list[dict]]:
    """Score every candidate and our selection of them on every series."""
    task = next(iter(tasks.values()))
    count = len(task.past.keys)
    sds = {m: calibrated_sd(t.tested, task) if t.tested else t.sd_kw for m, t in told.items()}
    tested = {m: t.tested for m, t in told.items() if t.tested}
    usual = [m for m in tested if m in DEFAULT_CANDIDATES]
    selection = select(task.past, usual, task.fold_days, known={m: tested[m] for m in usual})
    choices = selection.choices
    # A model of the time of year is calibrated as it is in a freeze, on its own kind's errors before a year was seen.
    sds |= {m: calibrated_sd(t, task) for m, t in selection.backtests.items()}
    rows = []
    for s, key in enumerate(task.past.keys):
        at = {"data": data, "origin": origin, "series": key}
        for model, t in told.items():
            seconds = {"fit_s": t.fit_s / count, "backtest_s": t.backtest_s / count}
            rows.append(at | {"model": model} | accuracy(task.future.load_kw[s], t.mean_kw[s], sds[model][s]) | seconds)
        mine = choices[s].model
        all_s = sum(told[m].backtest_s for m in usual) / count
        seconds = {"fit_s": told[mine].fit_s / count, "backtest_s": all_s}
        chosen = accuracy(task.future.load_kw[s], told[mine].mean_kw[s], sds[mine][s])
        rows.append(at | {"model": CHOSEN} | chosen | seconds)
    said = [
        {"data": data, "origin": origin, "series": c.key, "model": c.model, "reason": c.reason}
        | {"backtest": {t.model: [round(t.bias_pct, 2), round(t.daily_mean_sd_pct, 2)] for t in c.trials}}
        for c in choices
    ]
    return rows, said


def calibrated_sd(tested: Backtest, task: Task) -> np.ndarray:
    """Return the standard deviation that freezing gives each hour ahead, (S, H)."""
    mean = np.nanmean(task.past.load_kw, axis=1)
    hour = honest_sd(tested.residual_kw, mean)
    error = fit_level_error(tested.week_error_kw, tested.week_ahead_days, mean)
    scale, _ = fit_horizon_scale(tested, rough_sd_kw(error, hour, tested.sample_ahead_days))
    days = np.arange(task.future.grid.hours) / 24
    return scale.at(days) * rough_sd_kw(error, hour, days)


def accuracy(observed: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> dict[str, float]:
    """Return one series' scores, in per cent of the mean load."""
    scale = np.nanmean(observed) / 100
    error = observed - mean
    daily = error[: len(error) // 24 * 24].reshape(-1, 24)
    daily = np.array([np.nanmean(d) for d in daily if np.isfinite(d).sum() >= 12])
    seen = np.isfinite(error) & np.isfinite(sd)
    z = error[seen] / sd[seen]
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = 0.5 * (1 + np.array([math.erf(v / math.sqrt(2)) for v in z]))
    crps = sd[seen] * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi))
    out = {
        "cv_rmse_pct": float(np.sqrt(np.nanmean(error**2)) / scale),
        "daily_sd_pct": float(np.std(daily) / scale),
        "crps_pct": float(np.mean(crps) / scale),
    }
    for days in HORIZONS:
        out[f"nmbe_{days}d_pct"] = float(np.nanmean(error[: 24 * days]) / scale)
    for days in COVERED_DAYS:
        inside = np.abs(error[: 24 * days]) <= Z90 * sd[: 24 * days]
        out[f"coverage_{days}d_pct"] = float(100 * np.mean(inside[seen[: 24 * days]]))
    return out


def summary(rows: list[dict]) -> list[dict]:
    """Return means over series and origins of each model; biases both absolute and signed."""
    out = []
    for model in dict.fromkeys(r["model"] for r in rows):
        mine = [r for r in rows if r["model"] == model and np.isfinite(r["cv_rmse_pct"])]
        if not mine:
            continue
        line: dict = {"model": model, "cases": len(mine)}
        for key in ("cv_rmse_pct", "daily_sd_pct", "crps_pct", "fit_s", "backtest_s"):
            line[key] = float(np.nanmean([r[key] for r in mine]))
        for days in HORIZONS:
            bias = np.array([r[f"nmbe_{days}d_pct"] for r in mine])
            line[f"abs_nmbe_{days}d_pct"] = float(np.nanmean(np.abs(bias)))
            line[f"signed_nmbe_{days}d_pct"] = float(np.nanmean(bias))
        for days in COVERED_DAYS:
            line[f"coverage_{days}d_pct"] = float(np.nanmean([r[f"coverage_{days}d_pct"] for r in mine]))
        out.append(line)
    return out


def by_series(rows: list[dict]) -> dict[str, dict[str, list[float]]]:
    """Return, for each series and model, the mean absolute 30-day bias and the daily spread over the origins."""
    out: dict[str, dict[str, list[float]]] = {}
    for series in dict.fromkeys(r["series"] for r in rows):
        out[series] = {}
        for model in dict.fromkeys(r["model"] for r in rows):
            mine = [r for r in rows if r["series"] == series and r["model"] == model]
            bias = np.mean([abs(r["nmbe_30d_pct"]) for r in mine])
            out[series][model] = [round(float(bias), 3), round(float(np.mean([r["daily_sd_pct"] for r in mine])), 3)]
    return out


def target(rows: list[dict]) -> dict[str, dict[str, int]]:
    """Return on how many series our selection is best, and within 5 % of the best, of all in the table and of rivals.

    The best is told by hindsight, series by series: of a dozen, one is often ahead by chance.
    """
    series = by_series(rows)
    out = {}
    for name, others in (("of all", None), ("of rivals", RIVALS)):
        out[name] = {"series": len(series)}
        for i, score in enumerate(("abs_nmbe_30d", "daily_sd")):
            least = {
                s: min(
                    [v[i] for m, v in of.items() if m != CHOSEN and (others is None or m in others) and v[i] == v[i]],
                    default=math.nan,
                )
                for s, of in series.items()
            }
            out[name][f"{score}_best"] = sum(of[CHOSEN][i] <= least[s] * 1.0001 for s, of in series.items())
            out[name][f"{score}_within_5_pct"] = sum(of[CHOSEN][i] <= least[s] * 1.05 for s, of in series.items())
    return out


def by_data(rows: list[dict]) -> dict[str, dict]:
    """Return the summary of our selection by kind of data and by origin."""
    mine = [r for r in rows if r["model"] == CHOSEN]
    groups = dict.fromkeys((r["data"], "") for r in mine) | dict.fromkeys((r["data"], r["origin"]) for r in mine)
    return {
        f"{data} {origin}".strip(): summary([r for r in mine if r["data"] == data and origin in ("", r["origin"])])[0]
        for data, origin in groups
    }


def table(lines: list[dict]) -> str:
    """Return the summary as a markdown table."""
    heads = ["model", "CV(RMSE) %", "abs NMBE 7/30/90 d %", "signed NMBE 7/30/90 d %", "daily spread %", "CRPS %"]
    heads += ["coverage 1/7/30/90 d %", "s a series, fit + backtest"]
    out = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for r in lines:
        absolute, signed = ("/".join(f"{r[f'{k}_nmbe_{d}d_pct']:.2f}" for d in HORIZONS) for k in ("abs", "signed"))
        coverage = "/".join(f"{r[f'coverage_{d}d_pct']:.0f}" for d in COVERED_DAYS)
        out.append(
            f"| {r['model']} | {r['cv_rmse_pct']:.2f} | {absolute} | {signed} | {r['daily_sd_pct']:.2f} |"
            f" {r['crps_pct']:.2f} | {coverage} | {r['fit_s']:.3f} + {r['backtest_s']:.3f} |"
        )
    return "\n".join(out)


def _one(series: Series) -> Series:
    span = slice(0, 24 * 30)
    return Series(
        series.keys[:1],
        series.grid.subset([0]).sliced(0, 720),
        series.load_kw[:1, span],
        series.temperature_c[:1, span],
    )


def _naive(frame: pl.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(frame["time_utc"].dt.replace_time_zone(None).to_numpy())


if __name__ == "__main__":
    main()
