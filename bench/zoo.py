"""Small schedules made by hand, known to be right, with bounds known to hold."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import networkx as nx

from solvers.schedules.certificate import Bound, Certificate, Cut, Prices
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer, schedule
from topologies.model.topology import Link, Topology, build, integers
from topologies.presets import shapes
from topologies.symmetry.group import Group, declared_group, trivial

Hop = tuple[int, int, int, int, bool]  # piece, step, src, dst, reduce
WHOLE = Fraction(1)
UNCLAIMED = Bound(None, "", None)
SPEED = 12 * 10**9


def zoo() -> Iterator[tuple[str, Schedule]]:
    """Give every schedule of the zoo with its name."""
    for group in (False, True):
        for n in (2, 3, 5):
            yield f"ring {n} gathers, {group=}", gathering_ring(n, group=group)
            yield f"ring {n} adds, {group=}", adding_ring(n, group=group)
        yield f"star exchanges, {group=}", exchanging_star(4, group=group)
        yield f"ring exchanges, {group=}", exchanging_ring(5, group=group)
        yield f"star sums, {group=}", summing_star(4, group=group)
    yield "cube doubles", doubling_cube(3)
    yield "tree broadcasts", down_a_tree("broadcast")
    yield "tree reduces", down_a_tree("reduce")
    yield "tree scatters", down_a_tree("scatter")
    yield "tree gathers", down_a_tree("gather")
    yield "outsider relays", relay()


def route(
    topology: Topology,
    what: Collective,
    pieces: Sequence[tuple[int, Fraction]],
    hops: Iterable[Hop],
    bound: Bound = UNCLAIMED,
    group: Group | None = None,
) -> Schedule:
    """Send each hop over a way with the fewest links that meets only switches."""
    graph = nx.DiGraph()
    for link, ends in enumerate(zip(topology.src.tolist(), topology.dst.tolist(), strict=True)):
        graph.add_edge(*ends, link=link)
    switches = set(range(topology.ranks, topology.vertices))
    rows = []
    for piece, step, src, dst, reduce in hops:
        ways = graph.subgraph(switches | {src, dst})
        way = nx.shortest_path(ways, src, dst)
        route = tuple(graph.edges[arc]["link"] for arc in pairwise(way))
        rows.append(Transfer(piece, step, src, dst, route, reduce))
    return schedule(topology, what, pieces, rows, bound, group or trivial(topology))


def around(topology: Topology, inward: bool = False) -> Certificate:
    """Cut rank 0 off."""
    return Cut(integers(range(1, topology.vertices)), reversed_links=inward)


def gathering_ring(n: int, group: bool) -> Schedule:
    """Gather both ways around a ring, half of each block each way: optimal."""
    topology = shapes.ring(n, bandwidth=SPEED)
    what = collective("all_gather", range(n))
    owners = [0] if group else list(range(n))
    ways = [1, -1] if n > 2 else [1]
    pieces = [(b, WHOLE / len(ways)) for b in owners for _ in ways]
    hops = [
        (p, s, (b + way * s) % n, (b + way * (s + 1)) % n, False)
        for p, (b, way) in enumerate((b, way) for b in owners for way in ways)
        for s in range(n - 1)
    ]
    rate = Fraction(SPEED * len(ways) * n, n - 1)
    bound = Bound(rate, "cut", around(topology))
    return route(topology, what, pieces, hops, bound, declared_group(topology) if group else None)


def adding_ring(n: int, group: bool) -> Schedule:
    """Scatter sums around a ring, one way only: right, and optimal only for two ranks."""
    topology = shapes.ring(n, bandwidth=SPEED)
    what = collective("reduce_scatter", range(n))
    owners = [0] if group else list(range(n))
    hops = [
        (p, s, (b + s + 1) % n, (b + s + 2) % n, True)
        for p, b in enumerate(owners)
        for s in range(n - 1)
    ]
    rate = Fraction(SPEED * min(n - 1, 2) * n, n - 1)
    bound = Bound(rate, "cut", around(topology, inward=True))
    pieces = [(b, WHOLE) for b in owners]
    return route(topology, what, pieces, hops, bound, declared_group(topology) if group else None)


def exchanging_star(n: int, group: bool) -> Schedule:
    """Send everything straight through one switch: optimal."""
    topology = shapes.star(n, bandwidth=SPEED)
    what = collective("all_to_all", range(n))
    blocks = range(n) if group else range(n * n)
    hops = [(p, 0, *divmod(p, n), False) for p in blocks if p // n != p % n]
    prices = Prices((WHOLE,), integers([0] * topology.links))
    bound = Bound(Fraction(SPEED * n, n - 1), "prices", prices)
    pieces = [(b, WHOLE) for b in blocks]
    return route(topology, what, pieces, hops, bound, declared_group(topology) if group else None)


def exchanging_ring(n: int, group: bool) -> Schedule:
    """Pass every block on along the shorter arc of an odd ring: optimal."""
    topology = shapes.ring(n, bandwidth=SPEED)
    what = collective("all_to_all", range(n))
    hops = []
    blocks = range(n) if group else range(n * n)
    for p in blocks:
        src, dst = divmod(p, n)
        way = 1 if (dst - src) % n <= n // 2 else -1
        far = min((dst - src) % n, (src - dst) % n)
        hops += [(p, s, (src + way * s) % n, (src + way * (s + 1)) % n, False) for s in range(far)]
    prices = Prices((Fraction(1, 7),), integers([0] * topology.links))
    half = n // 2
    bound = Bound(Fraction(SPEED * n * 2, half * (half + 1)), "prices", prices)
    pieces = [(b, WHOLE) for b in blocks]
    return route(topology, what, pieces, hops, bound, declared_group(topology) if group else None)


def summing_star(n: int, group: bool) -> Schedule:
    """Add up at each rank an equal part, and hand it out: optimal among trees."""
    topology = shapes.star(n, bandwidth=SPEED)
    what = collective("all_reduce", range(n))
    roots = [0] if group else list(range(n))
    hops: list[Hop] = []
    for p, root in enumerate(roots):
        others = [r for r in range(n) if r != root]
        hops += [(p, 0, r, root, True) for r in others] + [(p, 1, root, r, False) for r in others]
    prices = Prices((WHOLE,), integers([0] * topology.links))
    bound = Bound(Fraction(SPEED * n, 2 * (n - 1)), "reduce-broadcast trees", prices)
    pieces = [(0, Fraction(1, n)) for _ in roots]
    return route(topology, what, pieces, hops, bound, declared_group(topology) if group else None)


def doubling_cube(n: int) -> Schedule:
    """Exchange everything along one dimension after the other."""
    topology = shapes.hypercube(n, bandwidth=SPEED)
    number = {name: i for i, name in enumerate(topology.names)}
    places = [name[1:].split(".") for name in topology.names]
    hops = []
    for k in range(n):
        for r, place in enumerate(places):
            other = [*place[:k], str(1 - int(place[k])), *place[k + 1 :]]
            hops.append((0, k, r, number["r" + ".".join(other)], True))
    cut = Bound(Fraction(SPEED * n), "cut", around(topology))
    return route(topology, collective("all_reduce", range(2**n)), [(0, WHOLE)], hops, cut)


PARENT = {1: 0, 2: 1, 3: 1, 4: 0}


def down_a_tree(name: str) -> Schedule:
    """Send from the root 0 down a small tree of links, or up to it: optimal."""
    ranks = [f"r{i}" for i in range(5)]
    links = [Link(f"r{p}", f"r{c}", Fraction(SPEED), duplex=True) for c, p in PARENT.items()]
    topology = build("tree", ranks, [], links)
    what = collective(name, range(5), 0)
    one_each = what.blocks > 1
    hops: list[Hop] = []
    for block in range(what.blocks):
        for child in _up_from(block) if one_each else PARENT:
            parent, depth = PARENT[child], len(_up_from(child))
            if name in ("reduce", "gather"):
                hops.append((block, 2 - depth, child, parent, name == "reduce"))
            else:
                hops.append((block, depth, parent, child, False))
    inside = [1, 2, 3] if name in ("reduce", "gather") else [0, 4]
    rate = Fraction(SPEED * 5, 3) if one_each else Fraction(SPEED)
    bound = Bound(rate, "cut", Cut(integers(inside)))
    return route(topology, what, [(b, WHOLE) for b in range(what.blocks)], hops, bound)


def _up_from(rank: int) -> list[int]:
    """List a rank and those above it, without the root."""
    return [rank, *_up_from(PARENT[rank])] if rank else []


def relay() -> Schedule:
    """Let a rank that takes no part copy for the others."""
    topology = shapes.star(4, bandwidth=SPEED)
    what = collective("broadcast", [0, 1, 2], 0)
    hops = [(0, 0, 0, 3, False), (0, 1, 3, 1, False), (0, 2, 1, 2, False)]
    cut = Cut(integers([0]))
    return route(topology, what, [(0, WHOLE)], hops, Bound(Fraction(SPEED), "cut", cut))
