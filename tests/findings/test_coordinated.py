"""Findings on coordinated load: what is told of a group, where it is filed, and what isn't held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tests.builders import a_site, declaration_data, pause_data
from tests.detection.quiet_scores import noise

from pausewatch.detection.coordination import Quiet, calibrated
from pausewatch.detection.groups import groups_of
from pausewatch.detection.onsets import BLOCK_H
from pausewatch.detection.shared_view import SharedView, block_of, block_start
from pausewatch.findings.coordinated import coordinated_findings, members_of
from pausewatch.findings.model import Assessment, Finding, Verdict
from pausewatch.fleet import Pause, Site
from pausewatch.telemetry.panel import Lane

START = datetime(2026, 9, 1, tzinfo=UTC)
PAUSE = Pause.model_validate(pause_data(start=START.isoformat()))
FIRST = block_of(START) - 32
BLOCKS = 32 + 40 * 4
ONSET = 32 + 12 * 4
SPLIT = range(8)


def sites_of(count: int, owner: str = "Owner", at: int = 0, **more: Any) -> list[Site]:
    """Return sites of 40 MW IT capacity, far from each other unless a place is given."""
    places = [{"latitude": -60 + 6.0 * i, "longitude": 10.0 * i} for i in range(at, at + count)]
    return [
        a_site(id=f"s{at + i:02d}", name=f"Site {at + i}", owner=owner, **{**places[i], **more}) for i in range(count)
    ]


def raised(z: np.ndarray, rows: Sequence[int], block: int = ONSET, by: float = 2.2) -> np.ndarray:
    z[list(rows), block] = np.abs(z[list(rows), block]) + by
    return z


def views_of(
    sites: Sequence[Site], z: np.ndarray, *, lane: Lane = Lane.IT_LOAD, step_mw: float = 0.5, warmer_c: float = 0.0
) -> dict[str, SharedView]:
    temperature = np.where(np.arange(z.shape[1]) >= ONSET, 15.0 + warmer_c, 15.0)
    return {
        site.id: SharedView(lane, FIRST, row, step_mw * np.sign(row), np.zeros(len(row)), temperature, np.empty(0, int))
        for site, row in zip(sites, z, strict=True)
    }


def findings(
    sites: Sequence[Site], views: Mapping[str, SharedView], known: Sequence[Finding] = (), quiet_seed: int = 99
) -> list[Assessment]:
    held = noise(len(sites), 28 * 12, seed=quiet_seed)
    quiet = [Quiet(FIRST - 28 * 12, row) for row in held]
    tested = calibrated(groups_of(sites), [views.get(s.id) for s in sites], quiet, 0.0025)
    return coordinated_findings(sites, PAUSE, tested, views, known)


def the_one(found: Sequence[Assessment]) -> Assessment:
    assert len(found) == 1
    return found[0]


def test_a_small_rise_everywhere_is_told_with_its_sum():
    sites = sites_of(12)
    one = the_one(findings(sites, views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))))
    assert one.verdict is Verdict.TRAINING_LIKE
    members = members_of(one)
    assert len(set(members) & {s.id for s in sites[:8]}) >= 7
    assert abs(one.start - block_start(FIRST + ONSET)) <= timedelta(hours=BLOCK_H)
    assert one.end is None
    assert one.excess_mw.estimate == pytest.approx(0.5 * len(members))
    assert one.excess_mw.low < one.excess_mw.estimate < one.excess_mw.high
    hours = (block_start(FIRST + BLOCKS) - one.start) / timedelta(hours=1)
    assert one.energy_mwh.estimate == pytest.approx(one.excess_mw.estimate * hours, rel=0.05)
    assert 0 < one.flop.low < one.flop.estimate < one.flop.high
    assert sum(h.probability for h in one.hypotheses) == pytest.approx(1.0)
    assert sum(m["share"] for m in one.evidence["members"]) == pytest.approx(1.0, abs=1e-3)
    assert one.evidence["statistic_over_threshold"] >= 1
    assert one.evidence["chance_per_year"] <= 0.0025 * 12
    assert "None of them stands out alone" in " ".join(one.facts)


def test_quiet_sites_are_not_accused():
    sites = sites_of(12)
    assert findings(sites, views_of(sites, noise(12, BLOCKS, seed=5))) == []


def test_a_rise_that_others_in_the_region_share_is_not_held_against_an_owner():
    """A heat wave lifts every site of a region at the utility's meter, whoever owns it."""
    near = {"latitude": 50.0, "longitude": 8.0}
    sites = [*sites_of(8, **near), *[s for i in range(8) for s in sites_of(1, f"Other {i}", 8 + i, **near)]]
    z = raised(noise(16, BLOCKS, seed=2), range(16))
    found = findings(sites, views_of(sites, z, lane=Lane.UTILITY, warmer_c=9.0))
    assert found
    for one in found:
        assert one.verdict is not Verdict.TRAINING_LIKE
    owner = next(a for a in found if a.evidence["group"] == {"by": "owner", "name": "Owner", "sites": 8})
    assert owner.verdict is Verdict.EXPLAINED
    assert owner.hypotheses[0].name == "shared_cause"
    assert any("same rise" in fact for fact in owner.facts)
    assert any("9 °C warmer" in fact for fact in owner.facts)
    alone = the_one(findings(sites, views_of(sites, raised(noise(16, BLOCKS, seed=2), range(8)))))
    assert alone.verdict is Verdict.TRAINING_LIKE


def test_a_load_that_moved_between_two_sites_is_told_as_such():
    sites = sites_of(4)
    z = noise(4, BLOCKS, seed=6)
    z[1, ONSET], z[3, ONSET + 1] = 11.0, -12.0
    one = the_one(findings(sites, views_of(sites, z, step_mw=6.0)))
    assert one.verdict is Verdict.EXPLAINED
    assert one.hypotheses[0].name == "load_moved"
    assert one.site_id == "s01"
    assert members_of(one) == ["s01"]
    assert [p["site_id"] for p in one.evidence["fell"]] == ["s03"]
    assert any("6 MW fell at Site 3" in fact and "the load moved" in fact for fact in one.facts)
    assert any("training that had to stop" in fact for fact in one.facts)
    assert one.excess_mw.estimate == pytest.approx(0.0)
    assert one.evidence["chance_per_year"] is None


def test_declared_work_of_other_kinds_accounts_for_it_where_it_was_filed_in_time():
    began = block_start(FIRST + ONSET)
    notice = {"activity": "maintenance", "start": began.isoformat(), "end": None, "expected_mw": 0.5}
    notice["filed_at"] = (began - timedelta(days=7)).isoformat()
    sites = [
        *[a for i in range(8) for a in sites_of(1, at=i, declarations=[declaration_data(id=f"d{i}", **notice)])],
        *sites_of(4, at=8),
    ]
    z = raised(noise(12, BLOCKS, seed=2), SPLIT)
    one = the_one(findings(sites, views_of(sites, z)))
    assert one.hypotheses[0].name == "declared_work"
    assert one.verdict is Verdict.EXPLAINED
    assert set(one.declaration_ids) <= {f"d{i}" for i in range(8)}
    notice["filed_at"] = (began + timedelta(days=1)).isoformat()
    late = [
        *[a for i in range(8) for a in sites_of(1, at=i, declarations=[declaration_data(id=f"d{i}", **notice)])],
        *sites_of(4, at=8),
    ]
    assert the_one(findings(late, views_of(late, z))).verdict is Verdict.TRAINING_LIKE


def test_it_stays_filed_where_it_was_though_another_part_has_grown():
    sites = sites_of(12)
    views = views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))
    first = the_one(findings(sites, views))
    day = START.date()
    other = next(m for m in members_of(first) if m != first.site_id)
    grown = {**views, other: SharedView(**{**vars(views[other]), "step_mw": 3 * views[other].step_mw})}
    again = the_one(findings(sites, grown, [Finding("x", first, day, day)]))
    assert again.site_id == first.site_id
    assert again.evidence["members"][0]["site_id"] == other
    assert the_one(findings(sites, grown)).site_id == other


def test_what_was_told_stands_until_its_score_is_well_below_the_threshold():
    sites = sites_of(12)
    strong = the_one(findings(sites, views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))))
    day = START.date()
    weaker = None
    for by in np.arange(2.2, 0.5, -0.1):
        views = views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT, by=float(by)))
        if not findings(sites, views):
            weaker = views
            break
    assert weaker is not None
    assert len(findings(sites, weaker, [Finding("x", strong, day, day)])) == 1
    assert findings(sites, views_of(sites, noise(12, BLOCKS, seed=2)), [Finding("x", strong, day, day)]) == []


def test_dips_that_the_members_share_are_told():
    sites = sites_of(12)
    views = views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))
    rng = np.random.default_rng(1)
    first = (FIRST + ONSET + 2) * BLOCK_H
    shared = first + rng.choice(600, 12, replace=False)

    def with_dips(hours: np.ndarray) -> dict[str, SharedView]:
        return {
            i: SharedView(**{**vars(v), "dips": np.sort(hours) if k < 8 else v.dips})
            for k, (i, v) in enumerate(views.items())
        }

    told = the_one(findings(sites, with_dips(shared)))
    assert told.evidence["shared_dips"] > 100 > told.evidence["shared_dips_expected"]
    assert any("one job that restarts dips everywhere" in fact for fact in told.facts)
    own = {
        i: SharedView(**{**vars(v), "dips": np.sort(first + rng.choice(600, 12, replace=False))})
        for i, v in views.items()
    }
    assert the_one(findings(sites, own)).evidence["shared_dips_chance"] > 0.01


def test_neighbours_of_other_owners_are_tested_together_and_told_once():
    near = {"latitude": 50.0, "longitude": 8.0}
    sites = [s for i in range(12) for s in sites_of(1, f"Shell {i}", i, **near)]
    one = the_one(findings(sites, views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))))
    assert one.evidence["group"]["by"] == "reach"
    owned = sites_of(12, **near)
    mixed = [*owned[:11], *sites_of(1, "Other", 11, **near)]
    told = findings(mixed, views_of(mixed, raised(noise(12, BLOCKS, seed=2), SPLIT)))
    assert the_one(told).evidence["group"]["by"] == "owner"


def as_it_was_told(
    sites: Sequence[Site], views: Mapping[str, SharedView], days: int, known: Sequence[Finding] = ()
) -> Assessment:
    """Return the load as it is told so many days after its onset, by views that end there."""
    until = FIRST + ONSET + 4 * days
    return the_one(findings(sites, {i: view.until(until) for i, view in views.items()}, known))


def with_dips(views: Mapping[str, SharedView], hours: np.ndarray) -> dict[str, SharedView]:
    """Return views in which the load of the members dips together, hours after its onset."""
    first = (FIRST + ONSET) * BLOCK_H
    return {
        i: SharedView(**{**vars(v), "dips": first + hours if k in SPLIT else v.dips})
        for k, (i, v) in enumerate(views.items())
    }


@pytest.mark.parametrize("known_before", [False, True])
def test_an_alarm_takes_days_of_the_load_whether_or_not_it_was_told_before(known_before: bool):
    sites = sites_of(12)
    views = views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT))
    earlier = Finding("x", as_it_was_told(sites, views, 2), START.date(), START.date())
    known = [earlier] if known_before else []
    told = {days: as_it_was_told(sites, views, days, known) for days in (2, 3, 4, 5, 6)}
    assert all(0.8 <= one.training_probability < 0.9 for one in told.values())
    verdicts = {days: one.verdict.value for days, one in told.items()}
    assert verdicts == dict.fromkeys((2, 3, 4), "unexplained") | dict.fromkeys((5, 6), "training_like")
    assert {days: any("enough days of load" in fact for fact in one.facts) for days, one in told.items()} == {
        days: days < 5 for days in told
    }


def test_a_look_of_today_is_not_taken_to_have_been_there_on_the_days_before():
    sites = sites_of(12)
    views = views_of(sites, raised(noise(12, BLOCKS, seed=2), SPLIT, by=1.8))
    plain = as_it_was_told(sites, views, 7)
    assert plain.training_probability < 0.8
    all_along = as_it_was_told(sites, with_dips(views, np.arange(10, 7 * 24, 8)), 7)
    since_today = as_it_was_told(sites, with_dips(views, np.arange(6 * 24 + 2, 7 * 24, 3)), 7)
    assert all_along.training_probability == pytest.approx(since_today.training_probability, abs=1e-6)
    assert 0.8 <= since_today.training_probability < 0.9
    assert all_along.verdict is Verdict.TRAINING_LIKE
    assert since_today.verdict is Verdict.UNEXPLAINED


def test_coming_down_together_is_no_day_of_looking_like_training():
    sites = sites_of(12)
    z = raised(noise(12, BLOCKS, seed=2), SPLIT, by=1.6)
    up = as_it_was_told(sites, views_of(sites, z.copy()), 9)
    z[list(SPLIT), ONSET + 4 * 7] = -5.0
    over = as_it_was_told(sites, views_of(sites, z), 9)
    assert (up.end, up.verdict) == (None, Verdict.UNEXPLAINED)
    assert over.end == block_start(FIRST + ONSET + 4 * 7)
    assert over.training_probability > 0.8 > up.training_probability
    assert over.verdict is Verdict.UNEXPLAINED
