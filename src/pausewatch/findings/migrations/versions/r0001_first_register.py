"""The first register: fleets, baselines, site days with payloads, findings with versions, reviews and reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "baselines",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("pause_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("site_ids", sa.Text(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_baselines"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_baselines_sha256", "baselines", ["sha256"])
    op.create_table(
        "findings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("first_reported_on", sa.Date(), nullable=False),
        sa.Column("first_assessment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_site_id", "findings", ["site_id"])
    op.create_table(
        "fleets",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_fleets"),
        sa.UniqueConstraint("sha256", name="uq_fleets_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "reports",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_reports"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reports_day", "reports", ["day"])
    op.create_table(
        "site_days",
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("observed_mwh", sa.Double(), nullable=True),
        sa.Column("expected_mwh", sa.Double(), nullable=True),
        sa.Column("unaccounted_mwh", sa.Double(), nullable=True),
        sa.Column("unaccounted_sd_mwh", sa.Double(), nullable=True),
        sa.Column("detectable_mw_7d", sa.Double(), nullable=True),
        sa.Column("detectable_flop_90d", sa.Double(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "day", name="pk_site_days"),
    )
    op.create_index("ix_site_days_day", "site_days", ["day"])
    op.create_table(
        "baseline_sites",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("pause_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence"], ["baselines.sequence"], name="fk_baseline_sites_sequence", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sequence", "site_id", name="pk_baseline_sites"),
    )
    op.create_index("ix_baseline_sites_pause_id_site_id", "baseline_sites", ["pause_id", "site_id"])
    op.create_table(
        "payloads",
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id", "day"],
            ["site_days.site_id", "site_days.day"],
            name="fk_payloads_site_id_day",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("site_id", "day", name="pk_payloads"),
    )
    op.create_table(
        "reviews",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_day", sa.Date(), nullable=False),
        sa.Column("seen_assessment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_reviews_finding_id"),
        sa.PrimaryKeyConstraint("sequence", name="pk_reviews"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_finding_id", "reviews", ["finding_id"])
    op.create_table(
        "versions",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("report_day", sa.Date(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assessment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_versions_finding_id"),
        sa.ForeignKeyConstraint(
            ["site_id", "report_day"],
            ["site_days.site_id", "site_days.day"],
            name="fk_versions_site_id_report_day",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("finding_id", "report_day", name="pk_versions"),
    )
    op.create_index("ix_versions_site_id_report_day", "versions", ["site_id", "report_day"])
