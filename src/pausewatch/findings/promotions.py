"""Keep who judges the findings: every promotion of a signature model, and every way back, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from pausewatch.findings.records import PromotionRecord
from pausewatch.findings.tables import PromotionRow

PROMOTE, ROLL_BACK = "promote", "roll_back"


def record_promotion(
    connection: Connection,
    *,
    model: str,
    sha256: str,
    previous: str,
    action: str,
    decided_by: str,
    reason: str,
    decided_at: datetime,
    evaluation: Mapping[str, Any],
) -> None:
    """Keep one change of the judge; the one that was recorded last, told again, changes nothing."""
    last = connection.execute(select(PromotionRow.__table__).order_by(PromotionRow.sequence.desc()).limit(1)).first()
    row = {
        "model": model,
        "sha256": sha256,
        "previous": previous,
        "action": action,
        "decided_by": decided_by.strip(),
        "reason": reason.strip(),
        "decided_at": decided_at,
        "evaluation": dict(evaluation),
    }
    if last is not None and all(getattr(last, name) == row[name] for name in ("model", "sha256", "action", "previous")):
        return
    connection.execute(insert(PromotionRow), row)


def read_promotions(connection: Connection) -> list[PromotionRecord]:
    """Return every change of the judge, in the order they were recorded."""
    rows = connection.execute(select(PromotionRow.__table__).order_by(PromotionRow.sequence))
    return [
        PromotionRecord(
            sequence=row.sequence,
            model=row.model,
            sha256=row.sha256,
            previous=row.previous,
            action=row.action,
            decided_by=row.decided_by,
            reason=row.reason,
            decided_at=row.decided_at,
            evaluation=row.evaluation,
        )
        for row in rows
    ]
