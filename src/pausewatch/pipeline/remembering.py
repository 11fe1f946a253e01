"""Remembering: what watches carry from day to day, kept as files whose loss costs time and never a result.

A memory is used only where going on from it says what taking every day again would say: it is named by a hash of all
that its days were computed from (baselines, fleet file, program), and the lake must hold exactly the readings that it
had let in. Anything else, a damaged file too (its name holds its hash), is
passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.detection.changes import Change
from pausewatch.detection.creep import Drift
from pausewatch.detection.detector import Detector
from pausewatch.detection.detector_state import DetectorState
from pausewatch.detection.drift_test import DriftState
from pausewatch.detection.onsets import Onsets
from pausewatch.detection.reference import NOT_LEARNED
from pausewatch.detection.watch import WatchMemory, first_day, panel_start
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.pipeline.learning import config_sha256
from pausewatch.pipeline.program import program_sha256
from pausewatch.telemetry.lake import Lake
from pausewatch.telemetry.meter_hours import MeterHours
from pausewatch.telemetry.timeline import KnownHours, cutoffs_us, is_still_known
from pausewatch.whole import write_whole

_VERSION = 2
_BROKEN = (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile, zlib.error)
# The day before yesterday's serves a day that is inspected again; an older one, readings that came days late.
_RECENT = 2
_OLDER = timedelta(days=7)
_DIGITS = 32

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Memories:
    """The memories of one batch of sites under one pause and freeze.

    Args:
        folder: where they lie.
        key: hash of all that the days were computed from.
        fleet: with its cut-off.
        pause: the pause watched.
        sites: the batch, in the freeze's order.
    """

    folder: Path
    key: str
    fleet: Fleet
    pause: Pause
    sites: tuple[Site, ...]

    @staticmethod
    def of(
        state: Path, fleet: Fleet, pause: Pause, sites: Sequence[Site], freeze_sha256: str, detector: Detector
    ) -> Memories:
        """Return the memories of a freeze's sites under the home's state folder."""
        batch = hashlib.sha256(json.dumps([pause.id, *[site.id for site in sites]]).encode()).hexdigest()[:24]
        about = [
            [_VERSION, program_sha256(), freeze_sha256, repr(detector)],
            [config_sha256(fleet, pause, sites), pause.start],
            [[d.activity, d.start, d.end] for site in sites for d in site.declarations if d.activity in NOT_LEARNED],
        ]
        key = hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:32]
        return Memories(state / "watches" / batch, key, fleet, pause, tuple(sites))

    def latest_before(self, day: date, lake: Lake) -> WatchMemory | None:
        """Return the latest usable memory of a day before `day`, or None."""
        for found, path in sorted(self._kept(), reverse=True):
            if found < day:
                memory = self._read(path, found)
                if memory is not None and self._holds(memory, lake):
                    return memory
        return None

    def keep(self, memory: WatchMemory) -> None:
        """Write a memory whole or not at all, and take away those that no longer serve; a full disk is no error."""
        day = memory.known.day
        content = _to_bytes(memory, self._shape())
        path = self.folder / f"{self.key}-{day.isoformat()}-{_digest(content)}.npz"
        with contextlib.suppress(OSError):
            write_whole(path, content)
            self._tidy(path)

    def _kept(self) -> Iterator[tuple[date, Path]]:
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"{self.key}-*.npz"):
                with contextlib.suppress(ValueError):
                    yield date.fromisoformat(path.stem.removeprefix(f"{self.key}-")[:10]), path

    def _tidy(self, written: Path) -> None:
        days = sorted({day for day, _ in self._kept()}, reverse=True)
        serving = {*days[:_RECENT], *[day for day in days if day <= days[0] - _OLDER][:1]}
        of_day = written.name[: -len(f"-{'0' * _DIGITS}.npz")]
        wanted = {path for day, path in self._kept() if day in serving and not path.name.startswith(of_day)}
        for path in self.folder.glob("*.npz"):
            if path not in wanted and path != written:
                path.unlink(missing_ok=True)

    def _shape(self) -> tuple[int, int]:
        """Return how many meters and how many sites there are."""
        return sum(len(site.meters) for site in self.sites), len(self.sites)

    def _read(self, path: Path, day: date) -> WatchMemory | None:
        try:
            content = path.read_bytes()
            if path.stem.rpartition("-")[2] != _digest(content):
                return None
            memory = _from_bytes(content, self._shape())
        except _BROKEN:
            return None
        return memory if memory.known.day == day else None

    def _holds(self, memory: WatchMemory, lake: Lake) -> bool:
        if memory.known.day < first_day(self.pause, self.sites):
            return False
        cutoffs = cutoffs_us(self.sites, [memory.known.day], self.fleet.cutoff_hours)[:, 0]
        return is_still_known(lake, self.sites, panel_start(self.pause), memory.known, cutoffs)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _to_bytes(memory: WatchMemory, shape: tuple[int, int]) -> bytes:
    """Return a memory as an .npz, without pickle."""
    known, state = memory.known, memory.detector
    about = {
        "version": _VERSION,
        "day": known.day.isoformat(),
        "shape": shape,
        "changes": [[asdict(change) for change in of] for of in state.changes],
        "drifts": [[asdict(drift) for drift in of] for of in state.drifts],
        "past_days": [day for day, _ in state.past],
        "first_block": state.onsets.first_block,
    }
    arrays: Arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        "seconds": known.hours.seconds,
        "milliwatt_s": known.hours.milliwatt_s,
        "rows": known.rows,
        **_drift_arrays("drift.", [state.drift]),
        **_drift_arrays("past.", [past for _, past in state.past]),
        **{f"onsets.{name}": getattr(state.onsets, name) for name in _ONSET_FIELDS},
    }
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()


def _from_bytes(content: bytes, shape: tuple[int, int]) -> WatchMemory:
    """Return the memory in an .npz.

    Raises:
        one of _BROKEN: it is none, was damaged, or is of other sites.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays: Arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays["about"].tobytes())
    meters, sites = shape
    seconds, milliwatt_s = arrays["seconds"], arrays["milliwatt_s"]
    is_whole = (
        about["version"] == _VERSION
        and tuple(about["shape"]) == shape
        and seconds.shape == milliwatt_s.shape
        and len(seconds) == meters
        and arrays["rows"].shape == (sites,)
        and len(about["changes"]) == len(about["drifts"]) == arrays["drift.cusum"].shape[1]
        and all(len(arrays[f"onsets.{name}"]) == len(about["changes"]) for name in _ONSET_FIELDS)
    )
    if not is_whole:
        raise ValueError("not a memory of these sites")
    past = zip(about["past_days"], _drift_states("past.", arrays), strict=True)
    state = DetectorState(
        changes=[[Change(**change) for change in of] for of in about["changes"]],
        drift=_drift_states("drift.", arrays)[0],
        drifts=[[Drift(**drift) for drift in of] for of in about["drifts"]],
        onsets=Onsets(about["first_block"], *(arrays[f"onsets.{name}"] for name in _ONSET_FIELDS)),
        past=list(past),
    )
    known = KnownHours(date.fromisoformat(about["day"]), MeterHours(seconds, milliwatt_s), arrays["rows"])
    return WatchMemory(known, state)


_ONSET_FIELDS = ("z", "step_kw", "dips")
_DRIFT_FIELDS = ("cusum", "since_day", "last_standard", "last_day")


def _drift_arrays(prefix: str, states: Sequence[DriftState]) -> Arrays:
    return {f"{prefix}{name}": np.array([getattr(state, name) for state in states]) for name in _DRIFT_FIELDS}


def _drift_states(prefix: str, arrays: Arrays) -> list[DriftState]:
    fields = [arrays[f"{prefix}{name}"] for name in _DRIFT_FIELDS]
    return [DriftState(*(values[i].copy() for values in fields)) for i in range(len(fields[0]))]
