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
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from markupsafe import escape

from pausewatch.reports.daily import LoadCurve
from pausewatch.reports.words import LANES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1000
_WIDTH_IN, _PANEL_IN, _MARGIN_IN = 10.0, 2.15, 0.42
_HOUR = np.timedelta64(3600, "s")

# Stand-ins that matplotlib writes and the page's CSS variables replace; none is a colour anyone sees.
_INKS = {
    "#010101": "var(--observed)",
    "#020202": "var(--expected)",
    "#030303": "var(--band)",
    "#040404": "var(--episode)",
    "#050505": "var(--faint)",
    "#060606": "var(--muted)",
    "#070707": "var(--ink)",
}
_OBSERVED, _EXPECTED, _BAND, _EPISODE, _FAINT, _MUTED, _INK = _INKS


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

    height = _PANEL_IN * len(curves) + _MARGIN_IN
    settings: dict[Any, Any] = {
        "svg.hashsalt": "pausewatch",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 10.5,
        "path.simplify": False,
        "text.parse_math": False,
    }
    with rc_context(settings):
        canvas = Canvas(figsize=(_WIDTH_IN, height))
        FigureCanvasSVG(canvas)
        for row, curve in enumerate(curves):
            bottom = (_MARGIN_IN + _PANEL_IN * (len(curves) - 1 - row)) / height
            axes = canvas.add_axes((0.002, bottom, 0.944, (_PANEL_IN - 0.36) / height))
            _draw(axes, curve, figure, is_first=row == 0, is_last=row == len(curves) - 1)
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


def _draw(axes: Axes, curve: LoadCurve, figure: Figure, *, is_first: bool, is_last: bool) -> None:
    origin = curve.hour_start[0]
    hours = (curve.hour_start - origin) / _HOUR
    step = float(hours[1] - hours[0]) if hours.size > 1 else 1.0
    right = float(hours[-1]) + step
    first = _as_utc(origin)
    low, high = _range_mw(curve)
    axes.set(xlim=(0.0, right), ylim=(low, high))
    axes.set_axis_off()

    def at(moment: datetime) -> float:
        return (moment - first) / timedelta(hours=1)

    begin, end = at(figure.start), right if figure.end is None else at(figure.end)
    if begin < right and end > 0:
        left, width = max(begin, 0.0), min(end, right) - max(begin, 0.0)
        axes.bar(left, high - low, width, low, align="edge", facecolor=_EPISODE, edgecolor="none", clip_on=False)
    _draw_scales(axes, first, (low, high), right, figure.timezone, is_last=is_last)
    if figure.pause_start is not None and 0 < (pause_at := at(figure.pause_start)) < right:
        axes.plot([pause_at, pause_at], [low, high], color=_MUTED, linewidth=1.0, dashes=(4, 3), clip_on=False)
        if is_first:
            where = min(max(pause_at, 0.06 * right), 0.82 * right)
            axes.text(where, 1.04, "pause begins", transform=axes.get_xaxis_transform(), color=_MUTED, ha="center")
    band = (curve.low_kw / 1000, curve.high_kw / 1000)
    axes.fill_between(hours, *band, facecolor=_BAND, edgecolor="none", zorder=2, clip_on=False)
    axes.plot(hours, curve.expected_kw / 1000, color=_EXPECTED, linewidth=1.2, zorder=3, clip_on=False)
    axes.plot(hours, curve.observed_kw / 1000, color=_OBSERVED, linewidth=1.3, zorder=4, clip_on=False)
    lane = f"{LANES.get(curve.lane, curve.lane)}, MW"
    axes.text(1.053, 1.04, lane, transform=axes.transAxes, color=_INK, ha="right")


def _draw_scales(
    axes: Axes, first: datetime, limits: tuple[float, float], right: float, timezone: str, *, is_last: bool
) -> None:
    """Draw grid and labels by hand: matplotlib's own axes cost more than all the rest.

    Levels stand at the right, beside the latest hours, where a narrow screen begins.
    """
    low, high = limits
    levels, decimals = _levels(low, high)
    axes.hlines(levels, 0.0, right, colors=_FAINT, linewidth=0.7, zorder=1, clip_on=False)
    for level in levels:
        label = f"{level:.{decimals}f}".replace("-", "−")
        axes.text(1.007 * right, level, label, color=_MUTED, ha="left", va="center")
    axes.plot([0.0, right], [low, low], color=_MUTED, linewidth=0.8, clip_on=False)
    tick = low - 0.03 * (high - low)
    for x, day in _local_midnights(first, right, timezone):
        axes.plot([x, x], [low, tick], color=_MUTED, linewidth=0.8, clip_on=False)
        if is_last and 0.025 * right < x:
            label = f"{day.day} {day:%b}"
            axes.text(x, tick - 0.03 * (high - low), label, color=_MUTED, ha="center", va="top")


def _levels(low: float, high: float) -> tuple[list[float], int]:
    """Return three to six round levels within [low, high], and the decimals they need."""
    rough = (high - low) / 4
    power = math.floor(math.log10(rough))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * 10.0**power >= rough) * 10.0**power
    count = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [index * step for index in count], max(0, -math.floor(math.log10(step)) + (f"{step:.1e}"[2] != "0"))


def _range_mw(curve: LoadCurve) -> tuple[float, float]:
    values = np.concatenate([curve.observed_kw, curve.low_kw, curve.high_kw, curve.expected_kw]) / 1000
    seen = values[np.isfinite(values)]
    if not seen.size:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    margin = max(0.06 * (high - low), 0.01 * abs(high), 0.01)
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin


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


def _as_utc(stamp: np.datetime64) -> datetime:
    seconds = int(stamp.astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, tz=UTC)


_DROPPED = re.compile(
    r'<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</defs>|\s(?:id|clip-path)="[^"]*"', re.DOTALL
)
_EMPTY = re.compile(r'<path d="[^"]*"\s*style="fill: none"/>|<defs>\s*</defs>|<g>\s*</g>')
_LONG = re.compile(r"-?\d+\.\d{2,}")


def _inline(svg: str, figure: Figure) -> str:
    """Return matplotlib's SVG without its prologue, style and ids, in the page's colours and with few decimals."""
    head, _, rest = svg[svg.index("<svg") :].partition(">")
    rest = _EMPTY.sub("", _DROPPED.sub("", rest))
    rest = _LONG.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), rest)
    rest = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", rest)
    rest = re.sub(r"\s*\n\s*", "", rest)
    for stand_in, variable in _INKS.items():
        rest = rest.replace(stand_in, variable)
    box = re.search(r'viewBox="[^"]*"', head)
    title, about = f"{figure.key}-title", f"{figure.key}-about"
    return (
        f'<svg class="figure" {box[0] if box else ""} role="img" aria-labelledby="{title} {about}">'
        f'<title id="{title}">{escape(figure.title)}</title>'
        f'<desc id="{about}">{escape(figure.description)}</desc>{rest}'
    )
