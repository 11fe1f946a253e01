"""The register's tables: fleets, baselines, site days, findings with their versions, reviews, reports and promotions.

`migrations/` builds exactly these; a test compares the two.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pausewatch.findings.documents import dump


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time, kept as UTC and given back as UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as UTC; SQLite keeps it without an offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without an offset can't be recorded: {value.isoformat()}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its offset."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Number(TypeDecorator[float]):
    """A float that comes back as it went, NaN and infinities too. NaN is NULL in the database; -0.0 becomes 0.0."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Return the number, or None for NaN."""
        number = math.nan if value is None else float(value)
        return None if math.isnan(number) else number + 0.0

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        """Return the number, or NaN for None."""
        return math.nan if value is None else float(value)


class Document(TypeDecorator[Any]):
    """A JSON document as text: NaN survives, which no database's own JSON type allows."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the document as text."""
        return dump(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the document."""
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """What all tables share: names of constraints that don't depend on the database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, float: Number, datetime: UtcDateTime, date: Date, int: Integer}  # noqa: RUF012


class FleetRow(Base):
    """One version of a fleet file, as it was read."""

    __tablename__ = "fleets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    sequence: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    path: Mapped[str]
    document: Mapped[str]
    recorded_at: Mapped[datetime]


class BaselineRow(Base):
    """One freeze of baselines. `sequence` says which is the latest, whatever the clocks said."""

    __tablename__ = "baselines"
    __table_args__ = ({"sqlite_autoincrement": True},)

    sequence: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    pause_id: Mapped[str]
    path: Mapped[str]
    site_ids: Mapped[Any] = mapped_column(Document)
    scores: Mapped[Any] = mapped_column(Document)
    config_sha256: Mapped[str]
    frozen_at: Mapped[datetime]


class BaselineSiteRow(Base):
    """Which sites a freeze is for."""

    __tablename__ = "baseline_sites"
    __table_args__ = (Index(None, "pause_id", "site_id"),)

    sequence: Mapped[int] = mapped_column(ForeignKey(BaselineRow.sequence, ondelete="CASCADE"), primary_key=True)
    site_id: Mapped[str] = mapped_column(primary_key=True)
    pause_id: Mapped[str]


class SiteDayRow(Base):
    """One site's inspected day. `content_sha256` covers the site day and its assessments."""

    __tablename__ = "site_days"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True, index=True)
    status: Mapped[str]
    coverage: Mapped[float] = mapped_column(nullable=True)
    observed_mwh: Mapped[float] = mapped_column(nullable=True)
    expected_mwh: Mapped[float] = mapped_column(nullable=True)
    unaccounted_mwh: Mapped[float] = mapped_column(nullable=True)
    unaccounted_sd_mwh: Mapped[float] = mapped_column(nullable=True)
    detectable_mw_7d: Mapped[float] = mapped_column(nullable=True)
    detectable_flop_90d: Mapped[float] = mapped_column(nullable=True)
    reasons: Mapped[Any] = mapped_column(Document)
    content_sha256: Mapped[str]


class PayloadRow(Base):
    """What a report needs of one site's day, beside the site day."""

    __tablename__ = "payloads"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "day"], [SiteDayRow.site_id, SiteDayRow.day], ondelete="CASCADE"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    document: Mapped[Any] = mapped_column(Document)


class FindingRow(Base):
    """A finding's id, for ever: kept without versions too, so that a day that is inspected again reuses it."""

    __tablename__ = "findings"

    id: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[str] = mapped_column(index=True)
    first_reported_on: Mapped[date]
    first_assessment: Mapped[Any] = mapped_column(Document)


class VersionRow(Base):
    """A finding as it changed on one report day."""

    __tablename__ = "versions"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "report_day"], [SiteDayRow.site_id, SiteDayRow.day], ondelete="CASCADE"),
        Index(None, "site_id", "report_day"),
    )

    finding_id: Mapped[str] = mapped_column(ForeignKey(FindingRow.id), primary_key=True)
    report_day: Mapped[date] = mapped_column(primary_key=True)
    site_id: Mapped[str]
    is_withdrawn: Mapped[bool]
    kind: Mapped[str]
    verdict: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    assessment: Mapped[Any] = mapped_column(Document)


class ReviewRow(Base):
    """A reviewer's decision, and what the finding was when it was made."""

    __tablename__ = "reviews"
    __table_args__ = ({"sqlite_autoincrement": True},)

    sequence: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[str] = mapped_column(ForeignKey(FindingRow.id), index=True)
    decision: Mapped[str]
    reason: Mapped[str]
    reviewer: Mapped[str]
    reviewed_at: Mapped[datetime]
    seen_day: Mapped[date]
    seen_assessment: Mapped[Any] = mapped_column(Document)
    cause: Mapped[str | None]


class PromotionRow(Base):
    """A change of the judge of findings: a model promoted, or the one before put back."""

    __tablename__ = "promotions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    sequence: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str]
    sha256: Mapped[str]
    previous: Mapped[str]
    action: Mapped[str]
    decided_by: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime]
    evaluation: Mapped[Any] = mapped_column(Document)


class ReportRow(Base):
    """A report that was issued. A day's report that is issued again is a new row; the old one stays."""

    __tablename__ = "reports"
    __table_args__ = ({"sqlite_autoincrement": True},)

    sequence: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(index=True)
    path: Mapped[str]
    manifest_sha256: Mapped[str]
