"""The figure of a finding: observed against expected load with its 90 % band, the episode shaded, on the site's clock.

matplotlib draws it; the SVG is then cut down to go inline: text stays text, and every colour is a CSS variable of the
page, so that light, dark and print each have their own.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from markupsafe import escape

from pausewatch.reports.daily import LoadCurve
from pausewatch.reports.panel import MUTED, Panel
from pausewatch.reports.words import LANES

MOST_POINTS = 1000
_POINTS_PER_IN = 72
_WIDTH, _PANEL_HEIGHT, _TITLE_HEIGHT, _FOOT_HEIGHT = 720, 155, 26, 30  # points, of the whole figure and one panel of it
_LEFT, _RIGHT = 1.0, 681.0
_HOUR = np.timedelta64(3600, "s")

# Stand-ins that matplotlib writes and the page's CSS variables replace; none is a colour anyone sees.
_INKS = {
    "#010101": "var(--observed)",
    "#020202": "var(--expected)",
    "#030303": "var(--band)",
    "#040404": "var(--episode)",
    "#050505": "var(--faint)",
    MUTED: "var(--muted)",
    "#070707": "var(--ink)",
}
_OBSERVED, _EXPECTED, _BAND, _EPISODE, _FAINT, _, _INK = _INKS


@dataclass(frozen=True)
class Figure:
    """What one finding's figure shows.

    Args:
        key: begins every id of the figure; letters, digits and hyphens.
        title: what is shown, in a few words.
        description: what is to be seen in it, in a sentence or two.
        timezone: the site's IANA zone.
        curves: the lanes, one panel each.
        start: when the episode began, UTC.
        end: when it ended, UTC, or None while it lasts.
        pause_start: when the pause began, UTC, or None.
    """

    key: str
    title: str
    description: str
    timezone: str
    curves: tuple[LoadCurve, ...]
    start: datetime
    end: datetime | None
    pause_start: datetime | None = None


def figure_svg(figure: Figure) -> str:
    """Return the figure as inline SVG, the same bytes for the same figure; empty where there is no hour to show."""
    curves = [curve for curve in map(thinned, figure.curves) if curve.hour_start.size]
    if not curves:
        return ""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    height = _PANEL_HEIGHT * len(curves) + _FOOT_HEIGHT
    settings: dict[Any, Any] = {
        "svg.hashsalt": "pausewatch",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10.5,
        "path.simplify": False,
        "text.parse_math": False,
    }
    with rc_context(settings):
        canvas = Canvas(figsize=(_WIDTH / _POINTS_PER_IN, height / _POINTS_PER_IN), dpi=_POINTS_PER_IN)
        FigureCanvasSVG(canvas)
        for row, curve in enumerate(curves):
            bottom = _FOOT_HEIGHT + _PANEL_HEIGHT * (len(curves) - 1 - row)
            panel = Panel(canvas, (_LEFT, _RIGHT), (bottom, bottom + _PANEL_HEIGHT - _TITLE_HEIGHT), curve)
            _draw(panel, figure, is_first=row == 0, is_last=row == len(curves) - 1)
        out = io.StringIO()
        canvas.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), figure)


def thinned(curve: LoadCurve) -> LoadCurve:
    """Return a curve of at most `MOST_POINTS` points: means over whole hours, each block NaN where nothing was seen."""
    size = curve.hour_start.size
    width = -(-size // MOST_POINTS)
    if width <= 1:
        return curve
    blocks = -(-size // width)
    return LoadCurve(
        lane=curve.lane,
        hour_start=curve.hour_start[::width],
        observed_kw=_block_mean(curve.observed_kw, width, blocks),
        expected_kw=_block_mean(curve.expected_kw, width, blocks),
        low_kw=_block_mean(curve.low_kw, width, blocks),
        high_kw=_block_mean(curve.high_kw, width, blocks),
    )


def _block_mean(values: npt.NDArray[np.float64], width: int, blocks: int) -> npt.NDArray[np.float64]:
    padded = np.full(blocks * width, np.nan)
    padded[: values.size] = values
    table = padded.reshape(blocks, width)
    seen = np.isfinite(table)
    count = seen.sum(axis=1)
    total = np.where(seen, table, 0.0).sum(axis=1)
    mean = np.full(blocks, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _draw(panel: Panel, figure: Figure, *, is_first: bool, is_last: bool) -> None:
    curve, right, (low, high) = panel.curve, panel.hours, panel.range_mw
    begin, end = panel.hour_of(figure.start), right if figure.end is None else panel.hour_of(figure.end)
    if begin < right and end > 0:
        left, stop = max(begin, 0.0), min(end, right)
        panel.area([left, stop, stop, left], [low, low, high, high], _EPISODE)
    levels, decimals = _levels(low, high)
    for level in levels:
        panel.line([0.0, right], [level, level], _FAINT, 0.7)
        panel.text(right, level, f"{level:.{decimals}f}".replace("-", "−"), dx=6, va="center")
    panel.line([0.0, right], [low, low], MUTED, 0.8)
    for hour, day in _local_midnights(panel.first, right, figure.timezone):
        panel.tick(hour)
        if is_last and hour > 0.025 * right:
            panel.text(hour, low, f"{day.day} {day:%b}", dy=-8, ha="center", va="top")
    if figure.pause_start is not None and 0 < (pause := panel.hour_of(figure.pause_start)) < right:
        panel.line([pause, pause], [low, high], MUTED, 1.0, dashes=(4, 3))
        if is_first:
            panel.text(min(max(pause, 0.06 * right), 0.82 * right), high, "pause begins", dy=5, ha="center")
    hours = (curve.hour_start - curve.hour_start[0]) / _HOUR
    for run in _runs(np.isfinite(curve.low_kw) & np.isfinite(curve.high_kw)):
        edge = np.concatenate([curve.low_kw[run], curve.high_kw[run][::-1]]) / 1000
        panel.area(np.concatenate([hours[run], hours[run][::-1]]), edge, _BAND)
    panel.line(hours, curve.expected_kw / 1000, _EXPECTED, 1.2)
    panel.line(hours, curve.observed_kw / 1000, _OBSERVED, 1.3)
    panel.text(right, high, f"{LANES.get(curve.lane, curve.lane)}, MW", dx=36, dy=5, ha="right", ink=_INK)


def _runs(is_there: npt.NDArray[np.bool_]) -> list[slice]:
    """Return the stretches in which something is there, as slices."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_there, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _levels(low: float, high: float) -> tuple[list[float], int]:
    """Return three to six round levels within [low, high], and the decimals they need."""
    rough = (high - low) / 4
    power = math.floor(math.log10(rough))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * 10.0**power >= rough) * 10.0**power
    count = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [index * step for index in count], max(0, -math.floor(math.log10(step)) + (f"{step:.1e}"[2] != "0"))


def _local_midnights(first: datetime, right: float, timezone: str) -> list[tuple[float, date]]:
    """Return up to nine local midnights and their dates, placed on the axis of hours since `first`."""
    zone = ZoneInfo(timezone)
    days = max(1, round(right / 24))
    step = next((s for s in (1, 2, 7, 14, 28) if days / s <= 9), 56)
    day = first.astimezone(zone).date() + timedelta(days=1)
    if step >= 7:
        day += timedelta(days=(7 - day.weekday()) % 7)  # weeks are marked at their Mondays
    ticks = []
    while (x := (_local_midnight(day, zone) - first) / timedelta(hours=1)) < right:
        ticks.append((x, day))
        day += timedelta(days=step)
    return ticks


def _local_midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


_DROPPED = re.compile(
    r'<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</defs>|\s(?:id|clip-path)="[^"]*"', re.DOTALL
)
_EMPTY = re.compile(r'<path d="[^"]*"\s*style="fill: none"/>|<defs>\s*</defs>|<g>\s*</g>')
_LONG = re.compile(r"-?\d+\.\d{2,}")


def _inline(svg: str, figure: Figure) -> str:
    """Return matplotlib's SVG without its prologue, style and ids, in the page's colours and with few decimals."""
    head, _, rest = svg[svg.index("<svg") :].partition(">")
    rest = "".join(line.strip() for line in _DROPPED.sub("", rest).splitlines())
    rest = _EMPTY.sub("", rest)
    rest = _LONG.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), rest)
    rest = re.sub(r" font-family: [^;\"]*;?| transform=\"rotate\(-0 [^\"]*\"", "", rest)
    for stand_in, variable in _INKS.items():
        rest = rest.replace(stand_in, variable)
    box = re.search(r'viewBox="[^"]*"', head)
    title, about = f"{figure.key}-title", f"{figure.key}-about"
    return (
        f'<svg class="figure" {box[0] if box else ""} role="img" aria-labelledby="{title} {about}">'
        f'<title id="{title}">{escape(figure.title)}</title>'
        f'<desc id="{about}">{escape(figure.description)}</desc>{rest}'
    )
