"""One panel of a figure: hours and megawatts placed on paper; matplotlib's own axes cost more than the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pausewatch.reports.daily import LoadCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

MUTED = "#060606"
_HOUR = np.timedelta64(3600, "s")
_Values = Sequence[float] | npt.NDArray[np.float64]


class Panel:
    """Draws in hours since the curve's first and in MW; keeps to tenths of a point, which is all a screen shows.

    Args:
        canvas: the matplotlib figure, of 72 dots an inch.
        across: left and right edge, points.
        upright: bottom and top edge, points.
        curve: what is shown, at least one hour.
    """

    def __init__(
        self, canvas: Canvas, across: tuple[float, float], upright: tuple[float, float], curve: LoadCurve
    ) -> None:
        self.curve = curve
        self.first = _as_utc(curve.hour_start[0])
        self.hours = _span_hours(curve)
        self.range_mw = _range_mw(curve)
        self._canvas, self._across, self._upright = canvas, across, upright

    def hour_of(self, moment: datetime) -> float:
        """Return a time as hours since the curve's first."""
        return (moment - self.first) / timedelta(hours=1)

    def line(
        self, hours: _Values, mw: _Values, ink: str, width: float, dashes: tuple[float, float] | None = None
    ) -> None:
        """Draw a line, broken where there is no value."""
        from matplotlib.lines import Line2D

        style: Any = "-" if dashes is None else (0, dashes)
        line = Line2D(self._x(hours), self._y(mw), color=ink, linewidth=width, linestyle=style)
        self._add(line)

    def area(self, hours: _Values, mw: _Values, ink: str) -> None:
        """Fill an area, given by its corners."""
        from matplotlib.patches import Polygon

        corners = np.column_stack([self._x(hours), self._y(mw)])
        self._add(Polygon(corners, facecolor=ink, edgecolor="none"))

    def tick(self, hour: float) -> None:
        """Draw a short stroke below the axis."""
        from matplotlib.lines import Line2D

        (x,), bottom = self._x([hour]), self._upright[0]
        self._add(Line2D([x, x], [bottom - 4, bottom], color=MUTED, linewidth=0.8))

    def text(
        self,
        hour: float,
        mw: float,
        words: str,
        *,
        dx: float = 0.0,
        dy: float = 0.0,
        ha: Literal["left", "center", "right"] = "left",
        va: Literal["baseline", "center", "top"] = "baseline",
        ink: str = MUTED,
    ) -> None:
        """Write words at a place, moved by some points."""
        from matplotlib.text import Text

        (x,), (y,) = self._x([hour]), self._y([mw])
        self._add(Text(x + dx, y + dy, words, color=ink, horizontalalignment=ha, verticalalignment=va))

    def _add(self, artist: Any) -> None:
        from matplotlib.transforms import IdentityTransform

        artist.set_transform(IdentityTransform())
        artist.set_zorder(1)  # what is drawn later lies above
        self._canvas.add_artist(artist)

    def _x(self, hours: _Values) -> npt.NDArray[np.float64]:
        left, right = self._across
        return np.round(left + np.asarray(hours, dtype=np.float64) / self.hours * (right - left), 1)

    def _y(self, mw: _Values) -> npt.NDArray[np.float64]:
        (bottom, top), (low, high) = self._upright, self.range_mw
        return np.round(bottom + (np.asarray(mw, dtype=np.float64) - low) / (high - low) * (top - bottom), 1)


def _span_hours(curve: LoadCurve) -> float:
    hours = (curve.hour_start - curve.hour_start[0]) / _HOUR
    return float(hours[-1] + (hours[1] - hours[0] if hours.size > 1 else 1.0))


def _range_mw(curve: LoadCurve) -> tuple[float, float]:
    values = np.concatenate([curve.observed_kw, curve.low_kw, curve.high_kw, curve.expected_kw]) / 1000
    seen = values[np.isfinite(values)]
    if not seen.size:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    margin = max(0.06 * (high - low), 0.01 * abs(high), 0.01)
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin


def _as_utc(stamp: np.datetime64) -> datetime:
    seconds = int(stamp.astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, tz=UTC)
