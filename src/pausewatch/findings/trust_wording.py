"""What is wrong with telemetry, in a sentence that an inspector can check against the plot."""

from __future__ import annotations

from collections.abc import Callable

from pausewatch.detection.integrity.contradiction import Contradiction, Flaw
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.wording import LANE_NAMES, spell
from pausewatch.telemetry.panel import Lane


def in_words(day: SiteWatchDay, one: Contradiction, end_hour: int) -> str:
    """Return a contradiction as a sentence.

    Args:
        day: the site as seen on the report day.
        one: what can't be right.
        end_hour: first hour after it, the day's end while it lasts.
    """
    return _SENTENCES[one.flaw](day, one, spell(end_hour - one.start_hour))


def _names(one: Contradiction) -> str:
    return " and the ".join(LANE_NAMES[lane] for lane in one.lanes)


def _stuck(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    return f"The {_names(one)} repeated one value for {time}."


def _it_above_site(_day: SiteWatchDay, one: Contradiction, _time: str) -> str:
    return (
        f"The IT meter shows {one.detail:.2f} times what the whole site draws: the meters are swapped, a unit or a "
        "ratio is wrong, or one of them was edited."
    )


def _copied(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    return (
        f"The {_names(one)} repeats, to the last watt, its own values of {one.detail:.0f} days before, for "
        f"{time}: load never does, a recording does."
    )


def _repeated(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    return (
        f"For {time} the {_names(one)} repeats its own fine ups and downs of {spell(one.detail)} before, hour by hour "
        f"(correlation {one.facts['correlation']:.2f}) and like no other time: load never does, a recording does, be "
        "it scaled, moved in level or blurred."
    )


def _noise_changed(day: SiteWatchDay, one: Contradiction, time: str) -> str:
    other = "Its load did not fall with it."
    if all(day.lanes[lane].has_meter for lane in (Lane.UTILITY, Lane.IT_LOAD)):
        across = LANE_NAMES[Lane.IT_LOAD if one.lanes == (Lane.UTILITY,) else Lane.UTILITY]
        other = f"The {across}, which would have to show that too, does not."
    size = f"{100 * one.detail:.0f} % of" if one.detail < 1 else f"{one.detail:.1f} times"
    return f"For {time} the {_names(one)} moved from hour to hour by {size} what it did in the reference. {other}"


def _rescaled(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    return (
        f"For {time} the {_names(one)} showed {one.detail:.3g} times what it showed before, in its level and in every "
        "rise and fall, and the other meter didn't: a transformer ratio or a unit, not load."
    )


def _uncoupled(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    who = "the IT meter's curve is not the racks'" if len(one.lanes) == 1 else "one of the two is wrong"
    return (
        f"For {time} the utility meter moved with the IT meter's ups and downs by {one.detail:.2g} times what it did "
        f"in the reference, and no one factor explains both levels: {who}."
    )


def _clock_shifted(_day: SiteWatchDay, one: Contradiction, time: str) -> str:
    way = "late" if one.detail > 0 else "early"
    return (
        f"For {time} what the IT meter shows from hour to hour the utility meter shows {abs(one.detail):.0f} minutes "
        f"off: the IT meter's clock is about that much {way}, or the utility meter's the other way."
    )


_SENTENCES: dict[Flaw, Callable[[SiteWatchDay, Contradiction, str], str]] = {
    Flaw.STUCK: _stuck,
    Flaw.IT_ABOVE_SITE: _it_above_site,
    Flaw.COPIED: _copied,
    Flaw.REPEATED: _repeated,
    Flaw.NOISE_CHANGED: _noise_changed,
    Flaw.RESCALED: _rescaled,
    Flaw.UNCOUPLED: _uncoupled,
    Flaw.CLOCK_SHIFTED: _clock_shifted,
}
