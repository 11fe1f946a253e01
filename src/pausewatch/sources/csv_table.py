"""The table of a CSV or Parquet file: every field as it stands, each row with its line, broken rows marked."""

from __future__ import annotations

import csv
import io
from functools import lru_cache

import polars as pl

from pausewatch.errors import SourceError
from pausewatch.sources.protocol import Reason
from pausewatch.sources.stamps import parse_stamps

LINE, FLAW = "__line", "__flaw"
_SEPARATORS = (";", "\t", "|")


class Table:
    """A file's rows; several meters of one file share it, and what its stamps mean."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self._stamps: dict[tuple[str, str | None], tuple[pl.Series, pl.Series]] = {}

    def stamps(self, column: str, timezone: str | None, where: str) -> tuple[pl.Series, pl.Series]:
        """Return the instants of a column and the flaw of each stamp that has none; see `parse_stamps`."""
        key = (column, timezone)
        if key not in self._stamps:
            # A row that is cut short or broken may show half a stamp: what zone it is in can't be asked of it.
            flawed = self.frame[FLAW].is_not_null()
            given = self.frame[column].set(flawed, None) if flawed.any() else self.frame[column]
            self._stamps[key] = parse_stamps(given, timezone, where, "timezone")
        return self._stamps[key]

    def matching(self, where: dict[str, str | int | float | bool]) -> Table:
        """Return the rows with the wanted values; the table itself where none is asked for."""
        if not where:
            return self
        return Table(self.frame.filter([_equals(column, wanted) for column, wanted in where.items()]))


def _equals(column: str, wanted: str | float | bool) -> pl.Expr:
    """Return whether a column has the wanted value: 7 is also `7.0`, true also `True`."""
    text = pl.col(column).cast(pl.Utf8).str.strip_chars()
    if isinstance(wanted, bool):
        return text.str.to_lowercase() == str(wanted).lower()
    if isinstance(wanted, str):
        return text == wanted
    return text.cast(pl.Float64, strict=False) == float(wanted)


def load_table(content: bytes, url: str, where: str) -> Table:
    """Return the table of a file with each row's line; rows that break the table carry a flaw.

    Raises:
        SourceError: it is empty or no table.
    """
    at = f"{where}, {url}"
    if not content.strip():
        raise SourceError("the file is empty", where=at, remedy="check the export that writes it")
    is_parquet = url.lower().endswith((".parquet", ".pq")) or content.startswith(b"PAR1")
    try:
        return _parquet_table(content) if is_parquet else _csv_table(content)
    except _TableError as error:
        raise SourceError(error.what, where=at, why=error.why, remedy=error.remedy) from error


class _TableError(Exception):
    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = what, why, remedy
        super().__init__(what)


@lru_cache(maxsize=2)
def _parquet_table(content: bytes) -> Table:
    try:
        frame = pl.read_parquet(io.BytesIO(content)).with_row_index(LINE, offset=1)
        return Table(frame.with_columns(pl.lit(None, pl.Utf8).alias(FLAW)))
    except (pl.exceptions.PolarsError, OSError) as error:
        remedy = "fetch it again, or wait until it is written"
        raise _TableError("not a readable Parquet file", str(error).splitlines()[0], remedy) from error


@lru_cache(maxsize=2)
def _csv_table(content: bytes) -> Table:
    """Read every field as text: what a field means is decided row by row."""
    if b"\x00" in content[:4096]:
        raise _TableError("not a text file", remedy="export it as CSV")
    body = content.removeprefix(b"\xef\xbb\xbf")
    above = len(body) - len(body.lstrip(b"\r\n"))
    header = body[above:].split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    if "," not in header:
        found = next((s for s in _SEPARATORS if s in header), None)
        if found:
            raise _TableError(
                f"fields are separated by {found!r}", f"the header is {header[:80]!r}", "export it with commas"
            )
    broken: list[int] = []
    try:
        table = pl.read_csv(body[above:], infer_schema=False)
    except pl.exceptions.PolarsError:
        table, broken = _line_by_line(body[above:])
    taken = set(table.columns)
    table = table.rename({c: c.strip() for c in table.columns if c.strip() not in taken})
    table = table.with_row_index(LINE, offset=2 + body[:above].count(b"\n"))
    is_blank = pl.all_horizontal(pl.col(c).is_null() for c in table.columns if c != LINE)
    is_broken = pl.int_range(pl.len()).is_in(broken)
    flaw = pl.when(is_blank | is_broken).then(pl.lit(Reason.MALFORMED_ROW.value))
    table = table.with_columns(flaw.alias(FLAW))
    if not content.endswith((b"\n", b"\r")) and len(table):
        # Still being written: the last value may lack digits. It is read whole at the next collect.
        last = table[LINE].max()
        table = table.with_columns(
            pl.when(pl.col(LINE) == last).then(pl.lit(Reason.TRUNCATED_ROW.value)).otherwise(pl.col(FLAW)).alias(FLAW)
        )
    return Table(table)


def _line_by_line(body: bytes) -> tuple[pl.DataFrame, list[int]]:
    """Read a damaged file slowly: return its rows and the index of each that doesn't fit the header.

    A stray quote, a byte that is no UTF-8 or a comma too many spoils its own line only.
    """
    lines = body.splitlines()
    header = next(csv.reader([lines[0].decode("utf-8", "replace")])) if lines else []
    columns = list(dict.fromkeys(header))
    rows: list[list[str | None]] = []
    broken: list[int] = []
    for i, line in enumerate(lines[1:]):
        text = line.decode("utf-8", "replace")
        is_sound = text.count('"') % 2 == 0 and "\ufffd" not in text
        fields: list[str] = next(csv.reader([text]), []) if is_sound else text.replace('"', "").split(",")
        if not is_sound or len(fields) > len(header):
            broken.append(i)
        by_name = dict(zip(header, fields, strict=False))
        rows.append([by_name.get(c) or None for c in columns])
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.Utf8), orient="row"), broken
