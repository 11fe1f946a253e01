"""Who judges the findings since when, and what reviewers found behind them."""

from __future__ import annotations

import sqlite3

import pytest
from tests.findings.register_values import assessment, at, record

from pausewatch.errors import UsageError
from pausewatch.findings import migrations
from pausewatch.findings.database import Database
from pausewatch.findings.export import review_document
from pausewatch.findings.register import Register

ID = "a-20260901-sl"


def promote(register: Register, model: str, previous: str, action: str = "promote", number: int = 1) -> None:
    register.record_promotion(
        model,
        "ab" * 32,
        previous=previous,
        action=action,
        decided_by=" ann ",
        reason="fewer false alarms",
        decided_at=at(number),
        evaluation={"sites": 300},
    )


def test_promotions_are_kept_in_order_with_who_and_why(register: Register) -> None:
    promote(register, "one", "rule")
    promote(register, "two", "one")
    promote(register, "one", "two", "roll_back", 3)

    kept = register.promotions()

    assert [(p.model, p.previous, p.action) for p in kept] == [
        ("one", "rule", "promote"), ("two", "one", "promote"), ("one", "two", "roll_back"),
    ]  # fmt: skip
    assert (kept[0].decided_by, kept[0].reason, kept[0].decided_at) == ("ann", "fewer false alarms", at(1))
    assert kept[0].evaluation == {"sites": 300}


def test_the_same_promotion_told_again_changes_nothing_but_a_second_one_counts(register: Register) -> None:
    promote(register, "one", "rule")
    promote(register, "one", "rule", number=2)
    assert len(register.promotions()) == 1
    promote(register, "rule", "one", "roll_back")
    promote(register, "one", "rule")
    assert len(register.promotions()) == 3


def test_a_register_of_the_first_revision_is_upgraded_with_all_it_holds(url: str) -> None:
    with Register.open(url) as register:
        record(register, 1, assessment())
        register.review(ID, "dismiss", "because", "ann", at(2))
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TABLE promotions")
        connection.execute("ALTER TABLE reviews DROP COLUMN cause")
        connection.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '0001'")
    connection.close()

    with Register.open(url) as register:
        assert register.promotions() == []
        assert [review.cause for review in register.reviews(ID)] == [None]
    database = Database(url)
    with database.reading() as opened:
        assert migrations.revision(opened) == migrations.HEAD
    database.close()


def test_a_review_may_name_what_was_behind_a_finding(register: Register) -> None:
    record(register, 1, assessment())
    with pytest.raises(UsageError, match="no cause 'moonshine'; choose one of training, science_or_batch"):
        register.review(ID, "confirm", "visited", "ann", at(2), cause="moonshine")
    register.review(ID, "confirm", "visited", "ann", at(2))
    finding = register.review(ID, "confirm", "logs seen", "ann", at(3), cause="training")

    assert [review.cause for review in finding.reviews] == [None, "training"]
    assert [review_document(review).get("cause") for review in finding.reviews] == [None, "training"]


def test_the_last_review_by_then_that_decides_counts(register: Register) -> None:
    record(register, 1, assessment())
    register.review(ID, "dismiss", "a hall", "ann", at(2), cause="new_load_or_tenant")
    register.review(ID, "confirm", "logs seen", "bob", at(4), cause="training")
    register.review(ID, "needs_information", "which hall?", "ann", at(5))

    assert register.reviewed(at(2)) == {}
    assert register.reviewed(at(3))[ID].review.cause == "new_load_or_tenant"
    seen = register.reviewed(at(9))[ID]
    assert (seen.review.cause, seen.review.reviewer) == ("training", "bob")
    assert seen.seen.site_id == "a"
