"""Earlier looks: a load as it looked days before is told from what had been seen by then, and decides on an alarm."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from tests.detection.watch_days import HOURS, PAUSE_HOUR, lane_day, watch_day, with_run

from pausewatch.detection.lanes import joined
from pausewatch.detection.site_view import SiteWatchDay
from pausewatch.findings.looks import looks, packed, unpacked
from pausewatch.findings.quantities import quantities
from pausewatch.findings.recurrence import Loads
from pausewatch.findings.verdicts import AlarmLines
from pausewatch.signatures.features import Features, measure
from pausewatch.telemetry.panel import Lane

FROM = PAUSE_HOUR + 100


def loads_of(day: SiteWatchDay) -> Loads:
    episodes = joined(*(day.lane(lane).episodes for lane in Lane), day.marginal_pue)
    return [(e, measure(day, e), quantities(day, e)) for e in episodes]


def seen(day: SiteWatchDay) -> list[Features]:
    return list(islice(looks(day, loads_of(day), 0), 9))


def a_run(end: int | None = None, size_kw: float = 6_000.0) -> SiteWatchDay:
    return watch_day(it_load=with_run(size_kw, FROM, end))


def test_a_look_of_two_days_ago_is_what_was_to_be_seen_two_days_ago() -> None:
    whole = a_run()
    lane = whole.lanes[Lane.IT_LOAD]
    earlier = watch_day(it_load=lane_day(Lane.IT_LOAD, lane.residual_kw[: HOURS - 48], lane.episodes)).until(HOURS - 48)
    (episode,) = joined((), earlier.lanes[Lane.IT_LOAD].episodes, (), whole.marginal_pue)
    then, now = measure(earlier, episode), seen(whole)[1]
    told = {k: v for k, v in now.document().items() if k != "strength"}
    assert told == pytest.approx({k: then.document()[k] for k in told}, rel=0.02, abs=0.02)


def test_nothing_after_a_look_changes_it() -> None:
    whole = a_run()
    lane = whole.lanes[Lane.IT_LOAD]
    other = lane.residual_kw.copy()
    other[HOURS - 24 :] += 40_000.0 * np.random.default_rng(1).random(24)
    changed = watch_day(it_load=lane_day(Lane.IT_LOAD, other, lane.episodes))
    assert seen(whole) == seen(changed)


def test_days_are_counted_of_the_load_not_of_reports() -> None:
    days = 5
    over = a_run(FROM + 24 * days)
    assert len(seen(over)) == days - 1
    assert len(seen(a_run())) == 9
    # Each look is of a load that was still there, a day shorter than the next.
    assert [round(one.duration_days) for one in seen(over)] == [4, 3, 2, 1]


def test_looks_come_back_as_they_were_kept() -> None:
    told = seen(a_run())
    assert [one.document() for one in unpacked(packed(told))] == [one.document() for one in told]
    assert list(unpacked(packed([]))) == []


@pytest.mark.parametrize(
    ("now", "before", "is_alarm"),
    [
        (0.96, [], True),
        (0.94, [0.95, 0.92], True),
        (0.94, [0.95], False),
        (0.94, [0.95, 0.5, 0.95, 0.95], False),
        (0.85, [0.85] * 4, True),
        (0.85, [0.85] * 3, False),
        (0.85, [0.85, 0.85, 0.85, 0.75], False),
        (0.85, [0.85, 0.85, 0.85, 0.75] + [0.71] * 5, True),
        (0.75, [0.99] * 9, True),
        (0.75, [0.99] * 8, False),
        (0.65, [0.99] * 30, False),
    ],
)
def test_an_alarm_takes_days_the_fewer_the_surer_it_is(now: float, before: list[float], is_alarm: bool) -> None:
    assert AlarmLines().is_alarm(now, before) is is_alarm


def test_no_look_is_asked_for_that_cannot_matter() -> None:
    def never() -> object:
        raise AssertionError("asked for an earlier look")
        yield

    assert not AlarmLines().is_alarm(0.3, never())
    assert AlarmLines(((0.75, 1),)).is_alarm(0.8, never())
