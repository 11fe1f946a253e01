"""The protocol every source keeps, and the way from a meter's declaration to its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.fleet import Meter, Site
from pausewatch.fleet.sources import CsvSpec, GreenButtonSpec
from pausewatch.sources.files import Files


class Reason(StrEnum):
    """Why a row could not be taken as a reading."""

    UNPARSEABLE_TIME = "unparseable_time"
    UNPARSEABLE_VALUE = "unparseable_value"
    MISSING_VALUE = "missing_value"
    INFINITE_VALUE = "infinite_value"
    NONEXISTENT_LOCAL_TIME = "nonexistent_local_time"
    OFF_INTERVAL = "off_interval"
    MALFORMED_ROW = "malformed_row"
    TRUNCATED_ROW = "truncated_row"
    DUPLICATE = "duplicate"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    ZERO_DURATION = "zero_duration"
    NEGATIVE = "negative"
    BEYOND_GRID_CONNECTION = "beyond_grid_connection"
    TEMPERATURE_OUT_OF_RANGE = "temperature_out_of_range"


@dataclass(frozen=True)
class Batch:
    """What was read from one file or response.

    Args:
        readings: shape of `schema.READINGS`, sorted by interval_start and available_at.
        rejects: shape of `schema.REJECTS`.
        origin: the file or URL, without a secret.
        sha256: hash of the bytes that were read.
    """

    readings: pl.DataFrame
    rejects: pl.DataFrame
    origin: str
    sha256: str


Known = Callable[[str, str], bool]
"""Tells by its origin and the hash of its bytes whether a file or response was taken before."""


def unknown(origin: str, sha256: str) -> bool:
    """Take every file as new."""
    return False


class Source(Protocol):
    """One meter's readings, wherever they come from."""

    def read(self, since: datetime | None, until: datetime | None, is_known: Known = unknown) -> Iterator[Batch]:
        """Yield batches of readings whose intervals start in [since, until); None is open.

        A file or response of which `is_known` says so is passed over before it is parsed.

        Raises:
            SourceError: nothing can be read at all. A bad row is a reject.
        """
        ...


def open_source(site: Site, meter: Meter, files: Files | None = None) -> Source:
    """Return the source of a meter.

    Args:
        site: the site.
        meter: the meter.
        files: of the run, so that meters share what was listed; its own by default.

    Raises:
        SourceError: this version can't read that kind.
    """
    spec = meter.source
    if isinstance(spec, CsvSpec):
        from pausewatch.sources.csv_file import CsvSource

        return CsvSource(site.id, meter, spec, files or Files())
    if isinstance(spec, GreenButtonSpec):
        from pausewatch.sources.green_button import GreenButtonSource

        return GreenButtonSource(site.id, meter, spec, files or Files())
    raise SourceError(
        f"a source of kind {spec.kind!r} can't be read by this version",
        where=f"site {site.id}, meter {meter.id}",
        remedy="export it as csv or green_button",
    )
