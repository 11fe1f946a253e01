"""Groups: an owner's sites wherever they lie, and sites of several owners within a hundred kilometres."""

from __future__ import annotations

from tests.builders import a_site

from pausewatch.detection.groups import Bond, groups_of


def site(name: str, owner: str, latitude: float | None = 51.5, longitude: float | None = 0.0):
    return a_site(id=name, owner=owner, latitude=latitude, longitude=longitude)


def told(sites) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(g.bond.value, g.name, g.sites) for g in groups_of(sites)]


def test_an_owners_sites_are_a_group_wherever_they_lie():
    assert told([site("a", "X", 51.5), site("b", "Y", 10.0), site("c", "X", -33.0)]) == [("owner", "X", (0, 2))]


def test_neighbours_of_several_owners_are_a_group():
    sites = [site("a", "X"), site("b", "Y", 51.9), site("c", "Z", 53.0)]
    assert told(sites) == [("reach", "a", (0, 1))]


def test_neighbours_of_one_owner_are_only_the_owners_group():
    assert told([site("a", "X"), site("b", "X", 51.6)]) == [("owner", "X", (0, 1))]


def test_no_two_members_lie_further_apart_than_the_reach():
    """A chain of sites, each near the next, isn't one group."""
    chain = [site(f"s{i}", f"O{i}", 45.0 + 0.6 * i) for i in range(9)]
    for group in groups_of(chain):
        assert group.bond is Bond.REACH
        assert 111.2 * 0.6 * (max(group.sites) - min(group.sites)) <= 100.0
    assert sum(len(g.sites) for g in groups_of(chain)) >= 8


def test_a_site_without_a_place_is_within_reach_of_none():
    assert told([site("a", "X"), site("b", "Y", None, None), site("c", "Z", None, None)]) == []


def test_the_date_line_and_the_poles_are_no_border():
    assert told([site("a", "X", 0.0, 179.9), site("b", "Y", 0.0, -179.9)]) == [("reach", "a", (0, 1))]
