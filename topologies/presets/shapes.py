"""Machines by formula, each with a group of symmetries that fixes no rank."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import numpy as np

from topologies.model.topology import (
    IntArray,
    Link,
    LinkClass,
    Switch,
    Topology,
    TopologyError,
    build,
)
from topologies.model.units import Rate, Seconds
from topologies.symmetry.rotations import Grid, drop_identities, turn

BANDWIDTH = 25 * 10**9
ALPHA = 1e-6

Bandwidth = Rate | int


class Factor(NamedTuple):
    """One dimension of a product of graphs: its size, duplex edges, and a permutation to declare.

    The turn fixes no vertex, nor does any of its powers but the identity; where none such
    is known it is the identity.
    """

    size: int
    edges: Sequence[tuple[int, int]]
    turn: Sequence[int]


def ring(n: int, *, bandwidth: Bandwidth = BANDWIDTH, alpha: Seconds = ALPHA) -> Topology:
    """Join n ranks in a circle; two ranks get one link, not two."""
    return _product(f"ring:{n}", [_cycle(n)], [bandwidth], alpha)


def line(n: int, *, bandwidth: Bandwidth = BANDWIDTH, alpha: Seconds = ALPHA) -> Topology:
    """Join n ranks in a row."""
    return _product(f"line:{n}", [_path(n)], [bandwidth], alpha)


def full_mesh(n: int, *, bandwidth: Bandwidth = BANDWIDTH, alpha: Seconds = ALPHA) -> Topology:
    """Join each of n ranks with each other one."""
    return _product(f"full-mesh:{n}", [_clique(n)], [bandwidth], alpha)


def torus(
    dims: Sequence[int],
    wrap: Sequence[bool] | None = None,
    *,
    bandwidth: Bandwidth = BANDWIDTH,
    alpha: Seconds = ALPHA,
) -> Topology:
    """Join ranks on a grid; the dimensions with wrap (all by default) close to circles.

    Raises:
        TopologyError: wrap has another length than dims.
    """
    closed = [True] * len(dims) if wrap is None else list(wrap)
    if len(closed) != len(dims):
        raise TopologyError([f"wrap: {len(closed)} flags for {len(dims)} dimensions"])
    factors = [_cycle(n) if flag else _path(n) for n, flag in zip(dims, closed, strict=True)]
    name = f"{'torus' if any(closed) else 'mesh'}:{_times(dims)}"
    if len(set(closed)) > 1:
        name += f":wrap={'x'.join(str(int(flag)) for flag in closed)}"
    return _product(name, factors, [bandwidth] * len(dims), alpha)


def mesh(
    dims: Sequence[int], *, bandwidth: Bandwidth = BANDWIDTH, alpha: Seconds = ALPHA
) -> Topology:
    """Join ranks on a grid whose borders stay open."""
    return torus(dims, [False] * len(dims), bandwidth=bandwidth, alpha=alpha)


def hypercube(n: int, *, bandwidth: Bandwidth = BANDWIDTH, alpha: Seconds = ALPHA) -> Topology:
    """Join 2**n ranks, each with the n ranks whose number differs in one bit."""
    if n < 0:
        raise TopologyError([f"n: {n}, expected 0 or more"])
    return _product(f"hypercube:{n}", [_path(2)] * n or [_path(1)], [bandwidth] * (n or 1), alpha)


def nd_full_mesh(
    dims: Sequence[int],
    *,
    bandwidth: Bandwidth | Sequence[Bandwidth] = BANDWIDTH,
    alpha: Seconds = ALPHA,
) -> Topology:
    """Join ranks on a grid, each with all ranks that differ in one coordinate (HyperX, UB-Mesh).

    bandwidth is one for all dimensions, or one for each.

    Raises:
        TopologyError: bandwidth has another length than dims.
    """
    rates = [bandwidth] * len(dims) if isinstance(bandwidth, Fraction | int) else list(bandwidth)
    if len(rates) != len(dims):
        raise TopologyError([f"bandwidth: {len(rates)} figures for {len(dims)} dimensions"])
    return _product(f"nd-full-mesh:{_times(dims)}", [_clique(n) for n in dims], rates, alpha)


def star(
    n: int,
    *,
    bandwidth: Bandwidth = BANDWIDTH,
    alpha: Seconds = ALPHA,
    multicast: bool = False,
    reduce: bool = False,
) -> Topology:
    """Join n ranks to one switch; alpha is that of a link, so a message meets it twice."""
    _expect(n=n)
    ranks = [f"r{i}" for i in range(n)]
    return build(
        f"star:{n}",
        ranks,
        [Switch("s0", multicast, reduce)],
        [Link(rank, "s0", Fraction(bandwidth), alpha, duplex=True) for rank in ranks],
        symmetry=drop_identities(turn(Grid((n,), (0,)), Grid((1,)))),
    )


def leaf_spine(
    leaves: int,
    spines: int,
    hosts: int,
    oversubscription: Fraction | int = 1,
    *,
    bandwidth: Bandwidth = BANDWIDTH,
    alpha: Seconds = ALPHA,
) -> Topology:
    """Join `hosts` ranks to each leaf switch, and each leaf with each spine.

    oversubscription is the bandwidth of a leaf's hosts over that of its uplinks.
    """
    _expect(leaves=leaves, spines=spines, hosts=hosts)
    if oversubscription <= 0:
        raise TopologyError([f"oversubscription: {oversubscription}, expected more than 0"])
    uplink = Fraction(hosts * bandwidth) / (spines * Fraction(oversubscription))
    down = [
        Link(f"r{i}.{j}", f"leaf{i}", Fraction(bandwidth), alpha, duplex=True)
        for i in range(leaves)
        for j in range(hosts)
    ]
    up = [
        Link(f"leaf{i}", f"spine{k}", uplink, alpha, duplex=True, link_class=1)
        for i in range(leaves)
        for k in range(spines)
    ]
    names = [f"leaf{i}" for i in range(leaves)] + [f"spine{k}" for k in range(spines)]
    # Spines turn with the hosts where that keeps the group free: images then spread over them.
    with_hosts = (0,) if hosts % spines == 0 else ()
    turns = [
        turn(Grid((leaves, hosts), (0,)), Grid((leaves,), (0,)), Grid((spines,))),
        turn(Grid((leaves, hosts), (1,)), Grid((leaves,)), Grid((spines,), with_hosts)),
    ]
    return build(
        f"leaf-spine:{leaves}x{spines}x{hosts}"
        + (f":oversubscription={oversubscription}" if oversubscription != 1 else ""),
        [link.src for link in down],
        [Switch(name) for name in names],
        down + up,
        classes=(LinkClass("host", layer=1), LinkClass("uplink", layer=2)),
        symmetry=drop_identities(*turns),
    )


def rename(made: Topology, name: str, kind: str, classes: Sequence[LinkClass]) -> Topology:
    """Give a shape the name of a product, a kind for its ranks, and classes for its links."""
    kinds = (kind,) * made.ranks + made.kinds[made.ranks :]
    return replace(made, name=name, kinds=kinds, classes=tuple(classes))


def _path(n: int) -> Factor:
    """Make a row; turning it around fixes the middle vertex of an odd one."""
    _expect(n=n)
    turn = range(n)[::-1] if n % 2 == 0 else range(n)
    return Factor(n, [(i, i + 1) for i in range(n - 1)], turn)


def _cycle(n: int) -> Factor:
    _expect(n=n)
    if n < 3:
        return _path(n)
    turn = [*range(1, n), 0]
    return Factor(n, list(enumerate(turn)), turn)


def _clique(n: int) -> Factor:
    return Factor(n, list(combinations(range(n), 2)), _cycle(n).turn)


def _product(
    name: str, factors: Sequence[Factor], rates: Sequence[Bandwidth], alpha: Seconds
) -> Topology:
    """Make the Cartesian product: two ranks are joined when one coordinate moves along an edge."""
    if not factors:
        raise TopologyError(["dims: none, expected 1 or more"])
    dims = [factor.size for factor in factors]
    number = np.arange(int(np.prod(dims))).reshape(dims)
    ranks = ["r" + ".".join(map(str, place)) for place in np.ndindex(*dims)]
    links = [
        Link(ranks[i], ranks[j], Fraction(rate), alpha, duplex=True, link_class=k)
        for k, (factor, rate) in enumerate(zip(factors, rates, strict=True))
        for a, b in factor.edges
        for i, j in zip(_slice(number, a, k), _slice(number, b, k), strict=True)
    ]
    turns = [np.take(number, factor.turn, axis=k).reshape(-1) for k, factor in enumerate(factors)]
    classes = [LinkClass(f"dimension {k}") for k in range(len(dims))]
    return build(name, ranks, [], links, classes=classes, symmetry=drop_identities(*turns))


def _slice(number: IntArray, place: int, axis: int) -> list[int]:
    return [int(i) for i in np.take(number, place, axis=axis).reshape(-1)]


def _expect(**sizes: int) -> None:
    """Refuse sizes below 1."""
    faults = [f"{name}: {size}, expected 1 or more" for name, size in sizes.items() if size < 1]
    if faults:
        raise TopologyError(faults)


def _times(dims: Sequence[int]) -> str:
    return "x".join(map(str, dims))
