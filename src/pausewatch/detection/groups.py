"""Groups: which sites are tested together, because one owner or one metropolitan network could run one job on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pausewatch.fleet import Site

# Sites this close are joined by fibre at about a millisecond there and back, as halls of one campus are: a job split
# over them is trained synchronously at no cost in time. An owner's own sites are tested together wherever they lie.
REACH_KM = 100.0
_EARTH_KM = 6371.0


class Bond(StrEnum):
    """Why sites are tested together."""

    OWNER = "owner"
    REACH = "reach"


@dataclass(frozen=True)
class Group:
    """Sites that are tested together.

    Args:
        bond: why.
        name: of the owner; of sites within reach, the first one's id.
        sites: their positions in the fleet, in order, at least two.
    """

    bond: Bond
    name: str
    sites: tuple[int, ...]


def groups_of(sites: Sequence[Site]) -> list[Group]:
    """Return the groups of some sites: each owner's, then those within reach of each other that have several owners."""
    by_owner: dict[str, list[int]] = defaultdict(list)
    for position, site in enumerate(sites):
        by_owner[site.owner].append(position)
    owned = [Group(Bond.OWNER, name, tuple(of)) for name, of in sorted(by_owner.items()) if len(of) > 1]
    near = [
        Group(Bond.REACH, sites[of[0]].id, tuple(of))
        for of in _within_reach(sites)
        if len({sites[i].owner for i in of}) > 1
    ]
    return owned + near


def _within_reach(sites: Sequence[Site]) -> list[list[int]]:
    """Return sets of sites no two of which are further apart than REACH_KM (complete linkage), in fleet order."""
    located = [i for i, site in enumerate(sites) if site.latitude is not None and site.longitude is not None]
    if len(located) < 2:
        return []
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    degrees = np.array([(sites[i].latitude, sites[i].longitude) for i in located], dtype=np.float64)
    places, place_of = np.unique(np.round(degrees, 4), axis=0, return_inverse=True)
    lat, lon = np.radians(places).T
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    chord = 2 * np.sin(REACH_KM / _EARTH_KM / 2)
    tree = cKDTree(points)
    _, component = connected_components(tree.sparse_distance_matrix(tree, chord), directed=False)
    cluster_of = np.zeros(len(places), dtype=np.int64)
    following = 0
    for each in range(int(component.max()) + 1):
        mine = np.flatnonzero(component == each)
        label = np.ones(1, dtype=np.int64)
        if len(mine) > 1:
            label = fcluster(linkage(points[mine], "complete"), chord, "distance")
        cluster_of[mine] = following + label
        following += int(label.max())
    found: dict[int, list[int]] = defaultdict(list)
    for i, place in zip(located, np.ravel(place_of), strict=True):
        found[int(cluster_of[place])].append(i)
    return sorted(of for of in found.values() if len(of) > 1)
