"""What a rival's own environment is given and gives back: arrays in an .npz, and nothing of pausewatch.

Run as `python RIVAL.py GIVEN.npz TOLD.npz` by `environments.py`; needs numpy and pandas alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

Z90 = 1.6448536


@dataclass(frozen=True)
class Given:
    """One series: hourly frames of the past (`load`, `temperature`) and the future (`temperature`), in local time."""

    key: str
    zone: str
    country: str
    past: pd.DataFrame
    future: pd.DataFrame


def main(forecast: Callable[[Given], tuple[Any, Any]], package: str) -> None:
    """Ask a rival for each series; write mean, half-width of its 90 % interval, seconds a series, and its version.

    Args:
        forecast: returns mean and standard deviation of the future's hours, the latter None if it has none.
        package: whose version is told.
    """
    given = np.load(sys.argv[1], allow_pickle=False)
    about = json.loads(str(given["about"]))
    load, temperature = given["load_kw"], given["temperature_c"]
    hours = pd.date_range(
        pd.Timestamp(int(given["start_s"]), unit="s", tz="UTC"), periods=temperature.shape[1], freq="h"
    )
    past = load.shape[1]
    shape = (len(load), temperature.shape[1] - past)
    mean, sd, seconds, failures = np.full(shape, np.nan), np.full(shape, np.nan), [], []
    for s, one in enumerate(about["series"]):
        local = hours.tz_convert(one["zone"])
        weather = pd.Series(temperature[s], local).ffill(limit=24)
        before = pd.DataFrame({"load": load[s], "temperature": weather.to_numpy()[:past]}, index=local[:past])
        after = pd.DataFrame({"temperature": weather.to_numpy()[past:]}, index=local[past:])
        began = time.perf_counter()
        try:
            told, spread = forecast(Given(one["key"], one["zone"], one["country"], before, after))
        except Exception as error:  # noqa: BLE001  # whatever a rival raises is its result for this series
            failures.append(f"{one['key']}: {type(error).__name__}: {error}"[:300])
            continue
        seconds.append(time.perf_counter() - began)
        mean[s] = np.asarray(told, dtype=float)
        if spread is not None:
            sd[s] = np.asarray(spread, dtype=float)
    said = {"version": version(package), "seconds": seconds, "failures": failures}
    np.savez(sys.argv[2], mean_kw=mean, sd_kw=sd, about=json.dumps(said))
