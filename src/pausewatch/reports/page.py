"""report.html: one page that opens offline. What an inspector acts on comes first, what it rests on last."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pausewatch import __version__
from pausewatch.reports import numbers, words
from pausewatch.reports.daily import DailyReport, SiteView
from pausewatch.reports.document import ingests_sha256, inputs_document
from pausewatch.reports.finding_card import anchor_of, finding_card
from pausewatch.reports.morning import ordered_sites, summarise
from pausewatch.reports.sparkline import sparkline

if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_INGESTS_SHOWN = 20


def render_html(report: DailyReport) -> str:
    """Return the report as one HTML page without scripts, links to elsewhere or anything to load."""
    morning = summarise(report)
    by_id = {site.site_day.site_id: site for site in report.sites}
    sites = ordered_sites(report.sites)
    ingests = inputs_document(report.inputs)["ingests"]
    blind = [site for site in sites if is_beyond_meters(site, report.significant_quantity_flop)]
    html = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            morning=morning,
            attention=[finding_card(view, report, by_id) for view in morning.attention],
            folded=[finding_card(view, report, by_id) for view in morning.folded],
            sites=sites,
            blind=blind,
            unseen=[site for site in sites if site.unseen],
            missable=[site for site in sites if site.missable],
            statuses=words.STATUSES,
            verdicts=words.VERDICTS,
            significant=report.significant_quantity_flop,
            chance_of_one=1 - math.exp(-max(report.expected_chance_findings, 0.0)),
            ingest_count=len(ingests),
            ingests=ingests if len(ingests) <= _MOST_INGESTS_SHOWN else [],
            ingests_sha256=ingests_sha256(ingests),
            version=__version__,
        )
    )
    return html if html.endswith("\n") else html + "\n"


def is_beyond_meters(site: SiteView, significant_flop: float) -> bool:
    """Return whether a run of one significant quantity could go unseen at a site, as far as its meters show."""
    return not site.site_day.detectable_flop_90d <= significant_flop


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": numbers.number,
        "fixed": numbers.fixed,
        "share": numbers.share,
        "flop": numbers.flop,
        "quantities": numbers.quantities,
        "is_known": numbers.is_known,
        "amount": numbers.amount,
        "interval": numbers.interval,
        "flop_interval": numbers.flop_interval,
        "long_date": numbers.long_date,
        "short_date": numbers.short_date,
        "evidence": numbers.evidence_value,
        "counted": numbers.counted,
        "plain": words.plain,
        "sentence": words.sentence,
    }
    environment.globals |= {
        "local_time": numbers.local_time,
        "sparkline": sparkline,
        "anchor_of": anchor_of,
        "lanes": words.LANES,
    }
    return environment
