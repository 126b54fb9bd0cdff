"""Small schedules made by hand, for every collective."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product

import pytest

from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer
from solvers.schedules.schedule import schedule as make
from topologies.model.topology import Link, Topology, build

NO_BOUND = Bound(None, "cut", None)
Send = tuple[int, int, int, int, bool]  # piece, step, src, dst, reduce


def mesh(ranks: int) -> Topology:
    """Join every pair of ranks by a link of 1 GB/s each way."""
    links = [
        Link(f"g{a}", f"g{b}", Fraction(10**9), 1e-6)
        for a, b in product(range(ranks), repeat=2)
        if a != b
    ]
    return build("mesh", [f"g{i}" for i in range(ranks)], [], links)


def over_mesh(
    what: Collective, pieces: list[tuple[int, Fraction]], sends: list[Send], ranks: int = 0
) -> Schedule:
    """Send over the direct links of a mesh."""
    topology = mesh(ranks or max(what.ranks) + 1)
    link = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(topology.src, topology.dst))}  # noqa: B905
    transfers = [Transfer(p, s, a, b, (link[a, b],), red) for p, s, a, b, red in sends]
    return make(topology, what, pieces, transfers, NO_BOUND)


def whole(what: Collective) -> list[tuple[int, Fraction]]:
    return [(block, Fraction(1)) for block in range(what.blocks)]


def direct(name: str, n: int) -> Schedule:
    """Send every contribution straight from each holder to each rank that wants it."""
    what = collective(name, range(n))
    sends = [
        (block, 0, src, dst, len(what.holders[block]) > 1)
        for block in range(what.blocks)
        for src in what.holders[block].tolist()
        for dst in what.wanters[block].tolist()
        if src != dst
    ]
    return over_mesh(what, whole(what), sends)


def ring(name: str, n: int) -> Schedule:
    """Pass every piece around the ring: first to add it up, then to hand it out."""
    what = collective(name, range(n))
    pieces = [(b, Fraction(1)) for b in range(n)]
    if name == "all_reduce":
        pieces = [(0, Fraction(1, n))] * n
    sends, start = [], 0
    if name != "all_gather":
        sends += [
            (p, s, (p + 1 + s) % n, (p + 2 + s) % n, True) for p in range(n) for s in range(n - 1)
        ]
        start = n - 1
    if name != "reduce_scatter":
        sends += [
            (p, start + s, (p + s) % n, (p + 1 + s) % n, False)
            for p in range(n)
            for s in range(n - 1)
        ]
    return over_mesh(what, pieces, sends)


def tree(name: str, n: int) -> Schedule:
    """Add up and hand out over a binomial tree, in pieces of awkward shares."""
    what = collective(name, range(n))
    rounds = max(n - 1, 1).bit_length()
    edges = [
        (r, child, child + 2**r)
        for r in range(rounds)
        for child in range(0, n, 2 ** (r + 1))
        if child + 2**r < n
    ]
    pieces = [(0, Fraction(1, 3)), (0, Fraction(2, 7)), (0, Fraction(8, 21))]
    sends: list[Send] = []
    for p in range(3):
        if name != "broadcast":
            sends += [(p, r, child, parent, True) for r, parent, child in edges]
        if name != "reduce":
            sends += [(p, 2 * rounds - r, a, b, False) for r, a, b in edges]
    return over_mesh(what, pieces, sends)


def doubling(name: str, n: int) -> Schedule:
    """Exchange everything with a partner at a doubling distance, both ways at once."""
    what = collective(name, range(n))
    sends = [(0, r, a, a ^ 2**r, True) for r in range((n - 1).bit_length()) for a in range(n)]
    return over_mesh(what, whole(what), sends)


def relayed(name: str, n: int) -> Schedule:
    """Let rank n, which takes no part, add and forward everything."""
    what = collective(name, range(n))
    sends: list[Send] = []
    for block in range(what.blocks):
        holders, wanters = what.holders[block].tolist(), what.wanters[block].tolist()
        if holders == wanters and len(holders) == 1:
            continue
        sends += [(block, 0, src, n, len(holders) > 1) for src in holders]
        sends += [(block, 1, n, dst, False) for dst in wanters]
    return over_mesh(what, whole(what), sends, n + 1)


NAMES = ("all_gather", "reduce_scatter", "all_reduce", "all_to_all")
NAMES += ("broadcast", "reduce", "gather", "scatter")
MAKERS: tuple[tuple[Callable[[str, int], Schedule], tuple[str, ...]], ...] = (
    (direct, NAMES),
    (relayed, NAMES),
    (ring, ("all_gather", "reduce_scatter", "all_reduce")),
    (tree, ("all_reduce", "broadcast", "reduce")),
    (doubling, ("all_reduce",)),
)


def zoo() -> Iterator[tuple[Callable[[str, int], Schedule], str, int]]:
    for maker, names in MAKERS:
        for name, n in product(names, (1, 2, 8) if maker is doubling else (1, 2, 3, 5)):
            yield maker, name, n


@pytest.fixture(params=list(zoo()), ids=lambda case: f"{case[0].__name__}-{case[1]}-{case[2]}")
def schedule(request: pytest.FixtureRequest) -> Schedule:
    """Give each schedule of the zoo in turn."""
    maker, name, n = request.param
    return maker(name, n)


@pytest.fixture(scope="session")
def ring_of() -> Callable[[str, int], Schedule]:
    return ring


@pytest.fixture
def tree_of() -> Callable[[str, int], Schedule]:
    return tree


@pytest.fixture
def direct_of() -> Callable[[str, int], Schedule]:
    return direct


@pytest.fixture
def relayed_of() -> Callable[[str, int], Schedule]:
    return relayed


@pytest.fixture
def by_hand() -> Callable[..., Schedule]:
    return over_mesh
