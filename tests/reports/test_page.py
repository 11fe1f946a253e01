"""The page: whole, offline, readable without colour, and safe from hostile names."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from pausewatch.findings.model import DayStatus, Verdict
from pausewatch.reports.daily import DailyReport
from pausewatch.reports.figures import MOST_POINTS, Figure, figure_svg, thinned
from pausewatch.reports.morning import summarise
from pausewatch.reports.page import render_html

from .conftest import NAN, START, curve, daily_report, finding_view, site_view

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, and fails where a tag is closed out of order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *names: str) -> list[tuple[str, dict[str, str | None]]]:
        return [entry for entry in self.tags if entry[0] in names]


@pytest.fixture(scope="module")
def html() -> str:
    return render_html(daily_report())


def test_the_page_is_well_formed_with_landmarks_and_headings_in_order(html: str) -> None:
    page = Page(html)
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [len(page.all(name)) for name in ("main", "nav", "footer")] == [1, 1, 1]
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(attrs.get("scope") in {"row", "col"} for _, attrs in page.all("th"))


def test_every_link_and_label_leads_to_something_on_the_page(html: str) -> None:
    page = Page(html)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        for target in (attrs.get("aria-labelledby") or "").split():
            assert target in ids
    for _, attrs in page.all("a"):
        assert (attrs["href"] or "").removeprefix("#") in ids


def test_no_request_leaves_the_page(html: str) -> None:
    page = Page(html)
    policy = next(attrs["content"] for _, attrs in page.all("meta") if "http-equiv" in attrs)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert not page.all("script", "link", "img", "iframe", "object", "image", "use", "base", "form")
    for _, attrs in page.tags:
        assert not {"src", "srcset", "xlink:href", "action"} & set(attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?://", html)


def test_hostile_names_are_text() -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>$x^2$'
    view = finding_view("F'; rm -rf ~ <b>", "slough-1", Verdict.TRAINING_LIKE, curves=(replace(curve(), lane=evil),))
    view = replace(view, finding=replace(view.finding, assessment=replace(view.finding.assessment, facts=(evil,))))
    site = replace(site_view("slough-1", name=evil), owner=evil, unseen=(evil,), missable=(evil,), jurisdiction=evil)
    text = render_html(daily_report(fleet=evil, findings=(view,), sites=(site,)))
    page = Page(text)
    assert not page.all("script", "img")
    assert all("style" in attrs for _, attrs in page.all("b"))  # bars, none of them the finding's own
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "&lt;script&gt;alert(1)" in text


def test_what_an_inspector_acts_on_comes_first() -> None:
    views = (
        finding_view("F-quiet", "a", Verdict.EXPLAINED),
        finding_view("F-gap", "b", Verdict.CANNOT_CONCLUDE, flop=NAN),
        finding_view("F-small", "c", Verdict.TRAINING_LIKE, flop=1e23),
        finding_view("F-ask", "d", Verdict.UNEXPLAINED, flop=9e24),
        finding_view("F-large", "e", Verdict.TRAINING_LIKE, flop=2e24),
        finding_view("F-closed", "f", Verdict.TRAINING_LIKE, is_open=False),
    )
    report = daily_report(findings=views, sites=tuple(site_view(site_id) for site_id in "abcdefg"))
    morning = summarise(report)
    assert [view.finding.id for view in morning.attention] == ["F-large", "F-small", "F-ask", "F-gap"]
    assert [view.finding.id for view in morning.folded] == ["F-quiet", "F-closed"]
    assert (morning.site_count, morning.act_on, morning.cannot_conclude, morning.quiet) == (7, 3, 1, 3)
    text = render_html(report)
    found = [text.index(f"finding {name}") for name in ("F-large", "F-small", "F-ask", "F-gap", "F-quiet")]
    assert found == sorted(found)


def test_a_part_of_a_coordinated_load_is_counted_with_it():
    whole, part, other = (
        finding_view(name, site, Verdict.TRAINING_LIKE) for name, site in (("F-1", "a"), ("F-2", "b"), ("F-3", "c"))
    )
    told = replace(part.finding.assessment, evidence={"part_of": {"finding": "F-1"}})
    part = replace(part, finding=replace(part.finding, assessment=told))
    for shown, said in (((whole, part, other), "(2 findings look like"), ((part,), "(1 finding looks like")):
        assert said in summarise(daily_report(findings=shown)).sentence.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("statuses", "sentence"),
    [
        ("", "No site is in this report."),
        ("c", "The 1 site gives no cause to act."),
        ("ccc", "All 3 sites give no cause to act."),
        ("cu", "Of 2 sites, none needs action, and 1 cannot be concluded on."),
    ],
)
def test_a_quiet_morning_is_said_in_one_sentence(statuses: str, sentence: str) -> None:
    status = {"c": DayStatus.CONSISTENT, "u": DayStatus.CANNOT_CONCLUDE}
    sites = tuple(site_view(f"s-{n}", status[letter]) for n, letter in enumerate(statuses))
    assert summarise(daily_report(findings=(), sites=sites)).sentence.replace("\xa0", " ") == sentence


def test_a_finding_tells_how_to_review_it_and_how_large_it_is(html: str) -> None:
    plain = html.replace("\xa0", " ").replace("\u202f", " ")
    assert "pausewatch findings review F-1 --decision confirm|dismiss|needs_information --reason &#34;...&#34;" in plain
    assert "1.2 × 10<sup>24</sup> FLOP" in plain
    assert "120 % of the significant quantity" in plain
    assert "since 10 Sep 2026 05:00 BST" in plain
    assert "A. Inspector" in plain


@pytest.mark.parametrize(
    ("change", "is_open", "drawn"), [("unchanged", False, 0), ("ended", False, 1), ("unchanged", True, 1)]
)
def test_a_closed_matter_is_drawn_on_the_day_it_closed_only(change: str, is_open: bool, drawn: int) -> None:
    view = finding_view("F-1", "slough-1", Verdict.TRAINING_LIKE, change=change, is_open=is_open, curves=(curve(),))
    assert render_html(daily_report(findings=(view,))).count("<figure>") == drawn


def test_a_site_that_meters_cannot_verify_is_flagged(html: str) -> None:
    missed = html[html.index('id="missed-heading"') : html.index('id="chance-heading"')]
    assert "1\xa0site can’t be verified by its meters alone" in missed
    assert missed.index("Dark-1") < missed.index("An IT meter would halve it.") < missed.index("Slough-1")
    unknown = daily_report(findings=(), sites=(site_view("a", detectable_flop_90d=NAN),))
    assert "1\xa0site can’t be verified" in render_html(unknown)


def test_status_is_never_colour_alone(html: str) -> None:
    for word, symbol in (("Anomalous", "▲"), ("Cannot conclude", "○"), ("Consistent", "✓")):
        assert f'<i aria-hidden="true">{symbol}</i>{word}</span>' in html


def test_what_is_not_a_number_is_never_written(html: str) -> None:
    assert not re.search(r"\b(nan|inf|None)\b", html)


def test_figures_are_text_in_the_pages_colours_and_the_same_each_time() -> None:
    figure = Figure(
        "f", "Load <1>", "About", "America/New_York", (curve(),), START, None, datetime(2026, 9, 5, tzinfo=UTC)
    )
    svg = figure_svg(figure)
    assert svg == figure_svg(figure)
    assert "<text" in svg
    assert "Utility meter, MW" in svg
    assert "Load &lt;1&gt;" in svg
    assert "var(--observed)" in svg
    assert not re.search(r"#[0-9a-f]{6}|<style|<metadata|nan", svg)


def test_a_gap_breaks_the_observed_line() -> None:
    svg = figure_svg(Figure("f", "", "", "UTC", (curve(),), START, None))
    observed = re.search(r'd="([^"]*)"[^>]*--observed', svg)
    assert observed is not None
    assert observed[1].count("M") == 2


@pytest.mark.parametrize("hours", [0, 1, 2, 5_000])
def test_any_length_of_curve_can_be_drawn(hours: int) -> None:
    short = replace(
        curve(hours or 1),
        **{
            name: getattr(curve(max(hours, 100)), name)[:hours] for name in ("hour_start", "observed_kw", "expected_kw")
        },
        low_kw=curve(max(hours, 100)).low_kw[:hours],
        high_kw=curve(max(hours, 100)).high_kw[:hours],
    )
    assert thinned(short).hour_start.size <= MOST_POINTS
    assert bool(figure_svg(Figure("f", "", "", "Asia/Tokyo", (short,), START, None))) == (hours > 0)


def test_a_curve_without_any_value_can_be_drawn() -> None:
    empty = np.full(480, np.nan)
    blank = replace(curve(), observed_kw=empty, expected_kw=empty, low_kw=empty, high_kw=empty)
    assert "<text" in figure_svg(Figure("f", "", "", "UTC", (blank,), START, None))


def test_thinning_keeps_the_mean_and_the_gaps() -> None:
    thin = thinned(curve(4_000))
    assert np.nanmean(thin.expected_kw) == pytest.approx(np.nanmean(curve(4_000).expected_kw))
    assert np.isnan(thin.observed_kw).sum() >= 1


def test_a_fleet_of_five_hundred_sites_stays_light() -> None:
    sites = tuple(site_view(f"site-{n}") for n in range(500))
    text = render_html(daily_report(findings=(), sites=sites, day=date(2026, 9, 20)))
    assert len(text) < 3_000_000


def test_a_report_of_nothing_is_still_a_page() -> None:
    report: DailyReport = replace(daily_report(findings=(), sites=()), pauses=(), method=())
    Page(render_html(report))
