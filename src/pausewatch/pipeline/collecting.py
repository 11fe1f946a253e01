"""Collecting a batch of sites as a task: store what can be had, then fail for what could not."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pausewatch.errors import SourceError
from pausewatch.pipeline.workplace import Workplace
from pausewatch.progress import Progress
from pausewatch.telemetry.collect import collect

_LOG = logging.getLogger(__name__)


def collect_sites(
    place: Workplace, site_ids: Sequence[str] | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Collect the meters of some sites; return how many readings, rejects and ingests were stored.

    Raises:
        SourceError: meters could not be read. It names each; every other meter's readings are in the lake by then.
    """
    summary = collect(place.fleet, place.lake(), site_ids=site_ids, progress=progress)
    for line in summary.warnings:
        _LOG.warning(line)
    if summary.failures:
        count = len(summary.failures)
        raise SourceError(
            f"{count} meter{'s' if count != 1 else ''} could not be read; all others were stored",
            why=" | ".join(str(failure) for failure in summary.failures),
        )
    return {
        "readings": summary.readings,
        "rejects": summary.rejects,
        "ingests": summary.ingests,
        "unchanged": summary.unchanged,
    }
