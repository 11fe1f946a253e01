"""Learning: fit, backtest, freeze and calibrate every site's baselines, and find them again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pausewatch.baselines.contract import Floats
from pausewatch.baselines.freeze import FrozenBaselines, save
from pausewatch.baselines.registry import DEFAULT_CANDIDATES, candidate
from pausewatch.detection.balance import FrozenBalance
from pausewatch.detection.calibration import Calibration
from pausewatch.detection.detector import Detector
from pausewatch.detection.history import History
from pausewatch.detection.integrity.habits import Habits
from pausewatch.detection.onsets import Onsets, as_tenths, from_tenths
from pausewatch.detection.plateaus import steps_from_state, steps_state
from pausewatch.detection.reference import Frozen, learn
from pausewatch.errors import BaselineError, InspectionError, UsageError
from pausewatch.findings.records import BaselineRecord
from pausewatch.findings.register import Register
from pausewatch.fleet import Fleet, Pause, Site
from pausewatch.pipeline.days import batches
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress, Silent

# Sites learned together: enough to tell the fleet's usual tail, little enough for memory.
LEARN_TOGETHER = 100
_CALIBRATION, _BALANCE, _STEPS = "calibration.", "balance.", "steps."
_QUIET_Z, _QUIET_FIRST = "quiet.z", "quiet.first_block"
_HISTORY = "history."
_SHED = "shed_kw"
_HABITS = "habits."


def learning_batches(fleet: Fleet, size: int = LEARN_TOGETHER) -> list[tuple[str, list[str]]]:
    """Return what is to be learned, in parts that can be worked on apart: a pause's id and ids of sites it covers.

    Raises:
        UsageError: the size is no multiple of LEARN_TOGETHER; thresholds are pooled over the sites learned together,
            so that another grouping would say something else.
    """
    if size < 1 or size % LEARN_TOGETHER:
        raise UsageError(f"a batch size of {size}", remedy=f"use a multiple of {LEARN_TOGETHER}")
    return [
        (pause.id, ids)
        for pause in fleet.pauses
        for ids in batches([s for s in fleet.sites if pause.holds_in(s.jurisdiction)], size)
    ]


def fit_baselines(
    place: Workplace,
    site_ids: Sequence[str] | None = None,
    progress: Progress | None = None,
    *,
    pause_id: str | None = None,
    candidates: Sequence[str] | None = None,
) -> list[BaselineRecord]:
    """Choose, fit, backtest and freeze the baselines of every pause that covers the sites; return what was recorded.

    The same telemetry and candidates give the same bytes, and a freeze that is already the latest changes nothing.

    Args:
        place: fleet and home.
        site_ids: only these sites.
        progress: told of the work.
        pause_id: only this pause's baselines.
        candidates: models to choose from; those of the home's settings by default.

    Raises:
        UsageError: a candidate isn't known.
    """
    told = progress or Silent()
    models = tuple(place.home.candidates or DEFAULT_CANDIDATES) if candidates is None else tuple(candidates)
    for name in models:
        candidate(name)
    lake = place.lake()
    chosen = place.fleet.selected(site_ids)
    work: list[tuple[Pause, list[Site]]] = []
    for pause in place.fleet.pauses:
        if pause_id not in (None, pause.id):
            continue
        covered = [s for s in chosen if pause.holds_in(s.jurisdiction)]
        work += [(pause, [place.fleet.site(i) for i in ids]) for ids in batches(covered, LEARN_TOGETHER) if covered]
    told.stage("fitting baselines", sum(len(sites) for _, sites in work))
    out = []
    with place.register() as register:
        for pause, sites in work:
            frozen = learn(place.fleet, lake.as_it_is(), sites, pause, Detector(), models)
            extra: dict[str, npt.NDArray[Any]] = {
                f"{_CALIBRATION}{name}": values for name, values in frozen.calibration.state().items()
            }
            extra |= {f"{_HISTORY}{name}": values for name, values in frozen.history.state().items()}
            extra |= {f"{_STEPS}{name}": values for name, values in steps_state(frozen.steps).items()}
            extra[_SHED] = frozen.shed_kw
            extra[_QUIET_Z] = as_tenths(frozen.quiet.z)
            extra[_QUIET_FIRST] = np.array([frozen.quiet.first_block], dtype=np.int64)
            extra |= {f"{_BALANCE}{name}": values for name, values in frozen.balance.save().items()}
            extra |= {f"{_HABITS}{name}": values for name, values in frozen.habits.state().items()}
            digest, path = save(frozen.baselines, extra, place.home.baselines)
            register.record_baselines(
                digest,
                pause_id=pause.id,
                path=str(path),
                site_ids=[site.id for site in sites],
                frozen_at=pause.reference_end,
                scores=_scores(frozen.baselines),
                config_sha256=config_sha256(place.fleet, pause, sites),
            )
            record = register.baselines_for(pause.id, sites[0].id)
            assert record is not None  # noqa: S101  # it was recorded a line ago
            out.append(record)
            told.advance(len(sites))
    return out


def config_sha256(fleet: Fleet, pause: Pause, sites: Sequence[Site]) -> str:
    """Return a hash of all that the fleet file says which baselines and thresholds rest on."""
    about = [
        [pause.id, pause.reference_end.isoformat(), fleet.false_alarms_per_site_year, fleet.cutoff_hours],
        *[
            [site.id, site.timezone, site.country, [[m.id, m.measures, m.interval_s] for m in site.meters]]
            for site in sites
        ],
    ]
    return hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()


def latest_freezes(
    register: Register, fleet: Fleet, sites: Sequence[Site], pause: Pause
) -> list[tuple[BaselineRecord, list[Site]]]:
    """Return the freezes the sites stand on, each with those of them it is the latest for.

    Raises:
        InspectionError: a site has none, or the fleet file has changed what it rests on.
    """
    out: dict[int, tuple[BaselineRecord, list[Site]]] = {}
    missing = []
    latest = register.latest_baselines(pause.id, [site.id for site in sites])
    for site in sites:
        record = latest.get(site.id)
        if record is None:
            missing.append(site.id)
        else:
            out.setdefault(record.sequence, (record, []))[1].append(site)
    if missing:
        raise InspectionError(
            f"no frozen baselines for pause {pause.id}",
            where=f"sites {', '.join(missing[:8])}{' and more' if len(missing) > 8 else ''}",
            remedy="run `pausewatch baseline` once telemetry from before the pause is collected",
        )
    known = {site.id for site in fleet.sites}
    for record, of in out.values():
        gone = [i for i in record.site_ids if i not in known]
        if gone or config_sha256(fleet, pause, [fleet.site(i) for i in record.site_ids]) != record.config_sha256:
            why = f"the fleet no longer holds {', '.join(gone)}" if gone else "their meters, zone or budget changed"
            raise InspectionError(
                "the fleet file has changed since the baselines were frozen",
                where=f"sites {', '.join(s.id for s in of[:8])}",
                why=why,
                remedy="run `pausewatch baseline` again",
            )
    return [out[sequence] for sequence in sorted(out)]


def found_at(record: BaselineRecord, folder: Path) -> BaselineRecord:
    """Return a freeze's record with its place in a folder, if it lies there: a home may have moved since."""
    here = folder / Path(record.path).name
    return replace(record, path=str(here)) if here.is_file() else record


def load_freeze(record: BaselineRecord) -> Frozen:
    """Load frozen baselines and check that they are what was recorded.

    Raises:
        BaselineError: the file is gone, altered, or can't be read.
    """
    path = Path(record.path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BaselineError(
            "frozen baselines can't be read", where=str(path), why=error.strerror or "", remedy="fit them again"
        ) from error
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise BaselineError(
            "frozen baselines were altered since they were recorded",
            where=str(path),
            remedy="restore the file, or run `pausewatch baseline` and inspect again",
        )
    baselines, extra = FrozenBaselines.from_bytes(content, str(path))
    z = from_tenths(extra[_QUIET_Z])
    quiet = Onsets(int(extra[_QUIET_FIRST][0]), z, np.zeros_like(z), np.zeros(z.shape, np.uint8))
    between = FrozenBalance.from_state(_named(extra, _BALANCE), str(path))
    known = steps_from_state(_named(extra, _STEPS), len(baselines.keys) + len(between.baselines.keys))
    return Frozen(
        baselines,
        between,
        Calibration.from_state(_named(extra, _CALIBRATION)),
        known,
        extra[_SHED],
        quiet,
        History.from_state(_named(extra, _HISTORY)),
        Habits.from_state(_named(extra, _HABITS)),
    )


def quiet_scores(record: BaselineRecord) -> tuple[int, npt.NDArray[np.float64]]:
    """Return what noise alone shows of onsets in a freeze: the first block, and a score a series and block.

    Raises:
        BaselineError: the file is gone or can't be read.
    """
    try:
        with np.load(record.path, allow_pickle=False) as archive:
            first, tenths = archive[f"extra.{_QUIET_FIRST}"], archive[f"extra.{_QUIET_Z}"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BaselineError(
            "frozen baselines can't be read", where=record.path, why=str(error), remedy="fit them again"
        ) from error
    return int(first[0]), from_tenths(tenths)


def _named(arrays: dict[str, Floats], prefix: str) -> dict[str, Floats]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _scores(baselines: FrozenBaselines) -> dict[str, dict[str, object]]:
    return {
        key: {
            "model": baselines.choices[i].model,
            "reason": baselines.choices[i].reason,
            "trials": [dict(vars(trial)) for trial in baselines.choices[i].trials],
            "scores": dict(vars(baselines.scores[i])),
            "valid_days": int(baselines.valid_days[i]),
            "refusals": list(baselines.refusals[i]),
            "warnings": list(baselines.warnings[i]),
        }
        for i, key in enumerate(baselines.keys)
    }
