"""The register: what was concluded, kept in a database, with its history and its reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, func, insert, select

from pausewatch.errors import RegisterError
from pausewatch.findings.baseline_records import (
    latest_baseline,
    latest_baselines,
    read_baselines,
    record_baselines,
)
from pausewatch.findings.coordinated import with_group_status
from pausewatch.findings.database import Database
from pausewatch.findings.documents import assessment_document
from pausewatch.findings.history import SeenReview, Version, annotate, check_review
from pausewatch.findings.migrations import bring_up_to_date
from pausewatch.findings.model import Assessment, DayStatus, Finding, Kind, Review, SiteDay
from pausewatch.findings.part_of import with_group_verdicts
from pausewatch.findings.promotions import read_promotions, record_promotion
from pausewatch.findings.reading import portions, read_findings, reviewed_findings, reviews_of, versions_of
from pausewatch.findings.recording import record_day
from pausewatch.findings.recording_coordinated import record_coordinated
from pausewatch.findings.records import BaselineRecord, DayRecorded, FleetRecord, PromotionRecord, ReportRecord
from pausewatch.findings.tables import FleetRow, PayloadRow, ReportRow, ReviewRow, SiteDayRow, VersionRow
from pausewatch.findings.versions import known_findings

_NO_REVIEW = datetime(1970, 1, 1, tzinfo=UTC)


class Register:
    """Fleet versions, baselines, inspected days, findings with history and reviews, reports, and who judges.

    Every method is one transaction. Open it with `Register.open`; close it, or use it in a `with` statement.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Register:
        """Open a register, and create or upgrade its tables.

        Args:
            url: `sqlite:///PATH` or `postgresql://USER@HOST/DATABASE`.

        Raises:
            RegisterError: it can't be reached, is no register, or was written by a newer pausewatch.
        """
        database = Database(url)
        try:
            bring_up_to_date(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Register:
        """Return the register."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close it."""
        self.close()

    # -- fleets and baselines -------------------------------------------------------------------------------------

    def record_fleet(self, name: str, sha256: str, path: str, document: str, at: datetime) -> None:
        """Keep one version of a fleet file; one that is known by its hash changes nothing."""
        row = {"name": name, "sha256": sha256, "path": str(path), "document": document, "recorded_at": at}
        with self._database.writing() as connection:
            if connection.execute(select(FleetRow.sequence).where(FleetRow.sha256 == sha256)).first() is None:
                connection.execute(insert(FleetRow), row)

    def fleets(self) -> list[FleetRecord]:
        """Return every version of the fleet file, in the order they were recorded."""
        with self._database.reading() as connection:
            rows = connection.execute(select(FleetRow.__table__).order_by(FleetRow.sequence)).all()
        return [FleetRecord(r.sequence, r.sha256, r.name, r.path, r.document, r.recorded_at) for r in rows]

    def record_baselines(
        self,
        sha256: str,
        *,
        pause_id: str,
        path: str,
        site_ids: Sequence[str],
        frozen_at: datetime,
        scores: Mapping[str, Any],
        config_sha256: str,
    ) -> None:
        """Keep one freeze of baselines; one that is already the latest of all its sites changes nothing."""
        with self._database.writing() as connection:
            record_baselines(
                connection,
                sha256,
                pause_id=pause_id,
                path=str(path),
                site_ids=site_ids,
                frozen_at=frozen_at,
                scores=scores,
                config_sha256=config_sha256,
            )

    def baselines_for(self, pause_id: str, site_id: str) -> BaselineRecord | None:
        """Return the freeze that was recorded last for a site in a pause, or None."""
        with self._database.reading() as connection:
            return latest_baseline(connection, pause_id, site_id)

    def latest_baselines(self, pause_id: str, site_ids: Sequence[str]) -> dict[str, BaselineRecord]:
        """Return the freeze that was recorded last for each of some sites in a pause; none where there is none."""
        with self._database.reading() as connection:
            return latest_baselines(connection, pause_id, site_ids)

    def baselines(self) -> list[BaselineRecord]:
        """Return every freeze, in the order they were recorded."""
        with self._database.reading() as connection:
            return read_baselines(connection)

    # -- days -----------------------------------------------------------------------------------------------------

    def record_day(
        self,
        day: date,
        site_days: Sequence[SiteDay],
        assessments: Sequence[Assessment],
        *,
        payloads: Mapping[str, Any] | None = None,
    ) -> DayRecorded:
        """Record the inspection of the sites in `site_days` for one report day, all or nothing.

        Recording the same content again changes nothing. Other content replaces the day for those sites, with the
        finding ids it had, and drops their later days: the result names them, they must be inspected again.

        Args:
            day: the report day.
            site_days: one for each inspected site.
            assessments: everything the inspection believes of these sites; a finding that is absent is withdrawn.
            payloads: a JSON document for each site, kept beside its day. A payload that differs is replaced, and that
                alone drops no later day.

        Raises:
            RegisterError: a site is there twice, or something is of a site that was not inspected.
        """
        with self._database.writing() as connection:
            return record_day(connection, day, site_days, assessments, payloads or {})

    def record_coordinated(self, day: date, site_ids: Sequence[str], assessments: Sequence[Assessment]) -> bool:
        """Record the coordinated loads of a day beside its site days; return whether they say something else now.

        Args:
            day: the report day.
            site_ids: the sites that were tested together; a coordinated load known at one of them that is absent now
                is withdrawn.
            assessments: the coordinated loads.

        Raises:
            RegisterError: one is filed under a site that was not inspected.
        """
        with self._database.writing() as connection:
            return record_coordinated(connection, day, site_ids, assessments)

    def coordinated(self, as_of: date) -> list[Finding]:
        """Return the coordinated loads as they stood at the end of a report day by the evidence alone, no review."""
        with self._database.reading() as connection:
            return read_findings(connection, as_of, None, _NO_REVIEW, Kind.COORDINATED_LOAD)

    def inspected(self, day: date) -> set[str]:
        """Return the sites whose day is recorded."""
        with self._database.reading() as connection:
            return set(connection.execute(select(SiteDayRow.site_id).where(SiteDayRow.day == day)).scalars())

    def site_days(
        self, first: date | None = None, last: date | None = None, site_ids: Sequence[str] | None = None
    ) -> list[SiteDay]:
        """Return recorded site days from `first` to `last`, both included, by date and site.

        A member of a coordinated load that stood on a day is not called consistent, whatever its own meters say.
        """
        rows: list[Any] = []
        with self._database.reading() as connection:
            for some in portions(site_ids):
                query = select(SiteDayRow.__table__)
                if first is not None:
                    query = query.where(SiteDayRow.day >= first)
                if last is not None:
                    query = query.where(SiteDayRow.day <= last)
                if some is not None:
                    query = query.where(SiteDayRow.site_id.in_(some))
                rows += connection.execute(query).all()
        shared = {day: self.coordinated(day) for day in sorted({row.day for row in rows})}
        told = [with_group_status(_site_day(row), shared[row.day]) for row in rows]
        return sorted(told, key=lambda site_day: (site_day.date, site_day.site_id))

    def payloads(self, day: date, site_ids: Sequence[str]) -> dict[str, Any]:
        """Return the documents that were kept beside the sites' days; a site without one is left out."""
        found: dict[str, Any] = {}
        with self._database.reading() as connection:
            for some in portions(site_ids):
                query = select(PayloadRow.site_id, PayloadRow.document).where(PayloadRow.day == day)
                rows = connection.execute(query.where(PayloadRow.site_id.in_(some or ())))
                found.update((site_id, document) for site_id, document in rows)
        return found

    def payload(self, day: date, site_id: str) -> Any | None:
        """Return the document that was kept beside a site's day, or None."""
        query = select(PayloadRow.document).where(PayloadRow.day == day, PayloadRow.site_id == site_id)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    # -- findings -------------------------------------------------------------------------------------------------

    def findings(
        self,
        as_of: date | None = None,
        site_ids: Sequence[str] | None = None,
        *,
        reviewed_until: datetime | None = None,
    ) -> list[Finding]:
        """Return findings by site, start and id, as they stood at the end of a report day.

        A site's own question about its part of a coordinated load that looks like training has its verdict.

        Args:
            as_of: the report day; the latest without it.
            site_ids: only of these sites.
            reviewed_until: only with reviews made by then.
        """
        with self._database.reading() as connection:
            shared = read_findings(connection, as_of, None, reviewed_until, Kind.COORDINATED_LOAD)
            return with_group_verdicts(read_findings(connection, as_of, site_ids, reviewed_until), shared)

    def standing(self, day: date, site_ids: Sequence[str]) -> list[Finding]:
        """Return the sites' own findings as the days before a report day left them, those withdrawn too.

        By the evidence alone, as recording takes them: neither a review nor a coordinated load changes what is said.
        """
        with self._database.reading() as connection:
            return known_findings(connection, day, site_ids)

    def finding(self, finding_id: str) -> Finding:
        """Return a finding as it stands.

        Raises:
            RegisterError: there is none; the nearest id is named.
        """
        with self._database.reading() as connection:
            return self._finding(connection, finding_id)

    def history(self, finding_id: str) -> list[Version]:
        """Return every version of a finding by report day, with what happened besides.

        Raises:
            RegisterError: there is none; the nearest id is named.
        """
        with self._database.reading() as connection:
            self._finding(connection, finding_id)
            versions = versions_of(connection, [finding_id])[finding_id]
            told = annotate(versions, reviews_of(connection, [finding_id]).get(finding_id, []))
            return [_as_part(connection, finding_id, version) for version in told]

    def review(
        self, finding_id: str, decision: str, reason: str, reviewer: str, at: datetime, *, cause: str | None = None
    ) -> Finding:
        """Record a reviewer's reasoned decision and return the finding as it then stands.

        Args:
            finding_id: the finding.
            decision: `confirm` (stays open), `dismiss` (closed until its evidence grows), `needs_information` (a
                question, nothing else changes) or `reopen`.
            reason: why, in the reviewer's words.
            reviewer: who decides.
            at: when.
            cause: what was behind it, where the reviewer came to know; models learn from it.

        Raises:
            UsageError: the decision or the cause is unknown, or the reason or the reviewer is missing.
            RegisterError: there is no such finding; the nearest id is named.
        """
        check_review(finding_id, decision, reason, reviewer, cause)
        with self._database.writing() as connection:
            finding = self._finding(connection, finding_id)
            last_day = select(func.max(SiteDayRow.day)).where(SiteDayRow.site_id == finding.site_id)
            row = {
                "finding_id": finding_id,
                "decision": decision,
                "reason": reason.strip(),
                "reviewer": reviewer.strip(),
                "reviewed_at": at,
                "seen_day": connection.execute(last_day).scalar(),
                "seen_assessment": assessment_document(finding.assessment),
                "cause": cause,
            }
            connection.execute(insert(ReviewRow), row)
            return self._finding(connection, finding_id)

    def reviews(self, finding_id: str) -> list[Review]:
        """Return every review of a finding id in the order they were made, also of one no longer reported."""
        with self._database.reading() as connection:
            return [seen.review for seen in reviews_of(connection, [finding_id]).get(finding_id, [])]

    def reviewed(self, until: datetime) -> dict[str, SeenReview]:
        """Return, by finding id, the last review by then that decides, with what the finding was when it was made."""
        with self._database.reading() as connection:
            return reviewed_findings(connection, until)

    def _finding(self, connection: Connection, finding_id: str) -> Finding:
        site_query = select(VersionRow.site_id).where(VersionRow.finding_id == finding_id).limit(1)
        site_id = connection.execute(site_query).scalar()
        if site_id is None:
            raise self._no_finding(connection, finding_id)
        found = [f for f in read_findings(connection, None, [site_id], None) if f.id == finding_id]
        return with_group_verdicts(found, read_findings(connection, None, None, None, Kind.COORDINATED_LOAD))[0]

    def _no_finding(self, connection: Connection, finding_id: str) -> RegisterError:
        from rapidfuzz import process

        ids = sorted(connection.execute(select(VersionRow.finding_id).distinct()).scalars())
        near = process.extractOne(finding_id, ids)
        hint = f"did you mean {near[0]}?" if near else "no finding has been reported yet"
        return RegisterError(f"no finding {finding_id!r}", where=self._database.where, remedy=hint)

    # -- reports --------------------------------------------------------------------------------------------------

    def record_report(self, day: date, path: str, manifest_sha256: str) -> None:
        """Keep that a day's report was issued; the same again changes nothing, another one becomes the day's last."""
        with self._database.writing() as connection:
            query = select(ReportRow.path, ReportRow.manifest_sha256).where(ReportRow.day == day)
            last = connection.execute(query.order_by(ReportRow.sequence.desc()).limit(1)).first()
            if last is None or tuple(last) != (str(path), manifest_sha256):
                row = {"day": day, "path": str(path), "manifest_sha256": manifest_sha256}
                connection.execute(insert(ReportRow), row)

    def report(self, day: date) -> ReportRecord | None:
        """Return a day's report as it was last issued, or None."""
        return next((report for report in self.reports() if report.day == day), None)

    def reports(self) -> list[ReportRecord]:
        """Return the last report of each day, by day."""
        with self._database.reading() as connection:
            rows = connection.execute(select(ReportRow.__table__).order_by(ReportRow.sequence)).all()
        last = {row.day: ReportRecord(row.sequence, row.day, row.path, row.manifest_sha256) for row in rows}
        return [last[day] for day in sorted(last)]

    # -- models ---------------------------------------------------------------------------------------------------

    def record_promotion(
        self,
        model: str,
        sha256: str,
        *,
        previous: str,
        action: str,
        decided_by: str,
        reason: str,
        decided_at: datetime,
        evaluation: Mapping[str, Any],
    ) -> None:
        """Keep a change of the judge of findings; the last one told again changes nothing."""
        with self._database.writing() as connection:
            record_promotion(
                connection,
                model=model,
                sha256=sha256,
                previous=previous,
                action=action,
                decided_by=decided_by,
                reason=reason,
                decided_at=decided_at,
                evaluation=evaluation,
            )

    def promotions(self) -> list[PromotionRecord]:
        """Return every change of the judge of findings, in the order they were recorded."""
        with self._database.reading() as connection:
            return read_promotions(connection)


def _as_part(connection: Connection, finding_id: str, version: Version) -> Version:
    """Return a version with what stood of coordinated loads on its day."""
    day = version.report_day
    known = Finding(finding_id, version.assessment, day, day, not version.is_over)
    shared = read_findings(connection, day, None, _NO_REVIEW, Kind.COORDINATED_LOAD)
    return replace(version, assessment=with_group_verdicts([known], shared)[0].assessment)


def _site_day(row: Any) -> SiteDay:
    return SiteDay(
        site_id=row.site_id,
        date=row.day,
        status=DayStatus(row.status),
        coverage=row.coverage,
        observed_mwh=row.observed_mwh,
        expected_mwh=row.expected_mwh,
        unaccounted_mwh=row.unaccounted_mwh,
        unaccounted_sd_mwh=row.unaccounted_sd_mwh,
        detectable_mw_7d=row.detectable_mw_7d,
        detectable_flop_90d=row.detectable_flop_90d,
        reasons=tuple(row.reasons),
    )
