"""A finding the inspection no longer reports is said to be withdrawn, never to last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pausewatch.findings.model import Verdict
from pausewatch.pipeline.viewing import change_of
from pausewatch.reports.page import render_html

from .conftest import daily_report, finding_view


@pytest.mark.parametrize(
    ("is_withdrawn", "said", "not_said"),
    [(True, "no longer reported", "still lasting"), (False, "still lasting", "no longer reported")],
)
def test_the_page_says_whether_it_still_lasts(is_withdrawn: bool, said: str, not_said: str) -> None:
    view = finding_view("F-1", "slough-1", Verdict.UNEXPLAINED)
    finding = replace(view.finding, is_open=not is_withdrawn, is_withdrawn=is_withdrawn)
    page = render_html(daily_report(findings=(replace(view, finding=finding),)))
    assert said in page
    assert not_said not in page


def test_it_is_withdrawn_on_its_day_and_unchanged_after() -> None:
    before = finding_view("F-1", "slough-1", Verdict.UNEXPLAINED).finding
    day = before.last_updated_on + timedelta(days=1)
    gone = replace(before, last_updated_on=day, is_open=False, is_withdrawn=True)
    assert change_of(gone, before, day) == "withdrawn"
    assert change_of(gone, gone, day + timedelta(days=1)) == "unchanged"
    page = render_html(
        daily_report(findings=(finding_view("F-1", "slough-1", Verdict.UNEXPLAINED, change="withdrawn"),))
    )
    assert "Withdrawn today: the inspection no longer reports it" in page


def test_a_verdict_taken_over_from_a_coordinated_load_is_an_update_though_nothing_was_recorded_of_the_finding() -> None:
    before = finding_view("F-1", "slough-1", Verdict.UNEXPLAINED).finding
    day = before.last_updated_on + timedelta(days=1)
    raised = replace(before, assessment=replace(before.assessment, verdict=Verdict.TRAINING_LIKE))
    assert change_of(raised, before, day) == "updated"
    assert change_of(before, raised, day) == "updated"
    assert change_of(raised, raised, day) == "unchanged"
