"""The collectives that there are: a record of each, in one registry.

What a solver does depends on who holds and who wants what, which is the `shape` of a collective.
A kind adds what cannot be seen there: a name, what a caller gives, and whose patterns it can use.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from solvers.schedules import collective as made
from solvers.schedules import moe, unequal
from solvers.schedules.collective import Collective, CollectiveError, Movement, check_ranks
from solvers.schedules.computed.exchange import exchange
from solvers.schedules.unequal import demand_of
from topologies.model.arguments import of, whole
from topologies.model.registry import Registry
from topologies.model.topology import IntArray
from topologies.model.units import Rank

# (ranks ascending, root or the first rank, what is given besides) -> the collective
Maker = Callable[[tuple[int, ...], int, Any], Collective]


@dataclass(frozen=True)
class Given:
    """What a caller gives besides ranks and a root.

    Amounts are in bytes, so that the size is known.

    Attributes:
        needs: in words, for one who left it out.
        kept: in words, what has a block of its own.
        read: gets it back from a collective.
    """

    needs: str
    kept: str
    read: Callable[[Collective], Any]


DEMAND = Given("a demand matrix", "pair, row by row", demand_of)
TOKENS = Given("the experts of its tokens", "way of tokens, in order", moe.tokens_of)
# Of the bytes that each rank holds, or wants.
HELD = Given("the bytes of each rank's block", "rank with bytes", unequal.sizes_in("inputs"))
WANTED = Given("the bytes of each rank's block", "rank with bytes", unequal.sizes_in("outputs"))
BLOCKS = (HELD, WANTED)


@dataclass(frozen=True)
class Kind:
    """One collective.

    Attributes:
        rooted: it starts or ends at a rank that the caller may choose.
        given: what is given besides, None where all blocks are equal.
        pattern: the name under which the templates know it.
    """

    name: str
    make: Maker
    rooted: bool = False
    given: Given | None = None
    pattern: str = ""


KINDS = Registry("collective", Kind, "commplan.collectives", unknown_error=CollectiveError)


def register(kind: Kind) -> None:
    """Add a kind, so that every command and function knows it by its name.

    Raises:
        ArgumentError: it is no kind, or there is one of that name.
    """
    KINDS.register(of("kind", kind, Kind).name, kind)


def _make_equal(make: Callable[[tuple[int, ...]], Collective]) -> Maker:
    return lambda ranks, _, __: make(ranks)


def _make_rooted(make: Callable[[tuple[int, ...], int], Collective]) -> Maker:
    return lambda ranks, root, _: make(ranks, root)


def _make_given(make: Callable[[tuple[int, ...], Any], Collective]) -> Maker:
    return lambda ranks, _, given: make(ranks, given)


def _all_to_all(ranks: tuple[int, ...]) -> Collective:
    """Lay the blocks out, where they are not too many for that."""
    if len(ranks) ** 2 > made.BLOCK_LIMIT:
        return exchange(ranks)
    return made.all_to_all(ranks)


_OURS = (
    Kind("all_gather", _make_equal(made.all_gather), pattern="all_gather"),
    Kind("reduce_scatter", _make_equal(made.reduce_scatter), pattern="reduce_scatter"),
    Kind("all_reduce", _make_equal(made.all_reduce), pattern="all_reduce"),
    Kind("all_to_all", _make_equal(_all_to_all), pattern="all_to_all"),
    Kind("broadcast", _make_rooted(made.broadcast), rooted=True, pattern="broadcast"),
    Kind("reduce", _make_rooted(made.reduce), rooted=True, pattern="reduce"),
    Kind("scatter", _make_rooted(made.scatter), rooted=True, pattern="scatter"),
    Kind("gather", _make_rooted(made.gather), rooted=True, pattern="gather"),
    Kind("all_to_allv", _make_given(unequal.all_to_allv), given=DEMAND, pattern="all_to_allv"),
    Kind("combine", _make_given(moe.combine), given=TOKENS, pattern="combine"),
    Kind("dispatch", _make_given(moe.dispatch), given=TOKENS, pattern="dispatch"),
    Kind("all_gatherv", _make_given(unequal.all_gatherv), given=HELD, pattern="all_gather"),
    Kind(
        "reduce_scatterv",
        _make_given(unequal.reduce_scatterv),
        given=WANTED,
        pattern="reduce_scatter",
    ),
    Kind("gatherv", unequal.gatherv, rooted=True, given=HELD, pattern="gather"),
    Kind("scatterv", unequal.scatterv, rooted=True, given=WANTED, pattern="scatter"),
)
for _kind in _OURS:
    register(_kind)

# The names of those whose blocks are equal, and of these with a root.
COLLECTIVES = tuple(kind.name for kind in _OURS if kind.given is None)
ROOTED = frozenset(kind.name for kind in _OURS if kind.rooted and kind.given is None)


def find(name: str) -> Kind | None:
    """Look up a kind by its name, None where there is none."""
    if name not in KINDS:
        return None
    return KINDS[name]


def kind_of(what: Collective) -> Kind | None:
    """Look up the kind of a collective, None for one of the caller's own."""
    return find(what.name)


def is_sized(what: Collective) -> bool:
    """Tell whether the blocks are in bytes, so that the collective has a size of its own."""
    kind = kind_of(what)
    return kind is not None and kind.given is not None


def has_blocks(what: Collective) -> bool:
    """Tell whether the caller gave a number of bytes for each rank."""
    kind = kind_of(what)
    return kind is not None and kind.given in BLOCKS


def pattern_of(what: Collective) -> str:
    """Look up the name under which templates know a collective, empty where none does.

    Templates count on a block for each rank, which there is not where some rank has no bytes.
    """
    kind = kind_of(what)
    if kind is None or (has_blocks(what) and what.blocks < len(what.ranks)):
        return ""
    return kind.pattern


def is_alike(what: Collective) -> bool:
    """Tell whether ranks that hold and want as much may change places, in the blocks' eyes.

    That holds where each rank has one block, which all others want or which all of them add to, or
    which comes from or goes to a root; and where each sends as much to each.
    """
    kind = kind_of(what)
    if kind is None or kind.given in (DEMAND, TOKENS):
        return False
    shape = what.shape
    if kind.pattern == "all_to_all" or shape.movement is Movement.STAY or what.blocks == 1:
        return True
    one = what.outputs if shape.inward else what.inputs
    if shape.movement is Movement.PERSONALISED and shape.root is not None:
        one = what.inputs if shape.inward else what.outputs
    return (shape.everyone or shape.root is not None) and all(len(own) <= 1 for own in one)


def collective(
    name: str,
    ranks: Sequence[Rank],
    root: Rank | None = None,
    *,
    blocks: Sequence[int] | IntArray | None = None,
) -> Collective:
    """Make the collective called `name` over `ranks`; a rooted one starts or ends at `root`.

    Args:
        name: one of `KINDS`, but none that needs a matrix or tokens.
        ranks: those that take part, in any order.
        root: the first rank, where none is given.
        blocks: of all_gatherv, reduce_scatterv, gatherv and scatterv: the bytes of the block of
            each rank in `ranks`, in the same order.

    Raises:
        CollectiveError: an unknown name, no ranks, a rank given twice, a root that is not among
            the ranks, a root or blocks where the collective has none, or no number for each rank.

    Example:
        >>> what = collective("broadcast", range(4), root=2)
        >>> what.blocks, what.holders[0].tolist()
        (1, [2])
    """
    of("name", name, str, "the name of a collective", CollectiveError)
    kind = KINDS[name]
    if kind.given is not None and (kind.given not in BLOCKS or blocks is None):
        raise CollectiveError(f"{name} needs {kind.given.needs}")
    if kind.given is None and blocks is not None:
        raise CollectiveError(f"{name} has equal blocks")
    ranks = check_ranks(name, ranks)
    if not ranks or len(set(ranks)) < len(ranks):
        raise CollectiveError(f"{name}: the ranks must be different, and at least one")
    if root is not None and not kind.rooted:
        raise CollectiveError(f"{name} has no root")
    chosen = tuple(sorted(ranks))
    start = chosen[0] if root is None else whole(f"{name}: root", root, error=CollectiveError)
    if start not in chosen:
        raise CollectiveError(f"{name}: root {start} is not among the ranks")
    if kind.given is None:
        return kind.make(chosen, start, None)
    sizes = unequal.check_blocks(name, ranks, blocks)
    return kind.make(chosen, start, [sizes[ranks.index(rank)] for rank in chosen])


def remake(what: Collective) -> Collective:
    """Make a collective again from its name and what was given.

    Raises:
        CollectiveError: it cannot be made so, or no kind has its name.
    """
    kind = kind_of(what)
    if kind is None or kind.given is None:
        rooted = kind is not None and kind.rooted
        return collective(what.name, what.ranks, what.root if rooted else None)
    root = what.ranks[0] if what.root is None else what.root
    return kind.make(what.ranks, root, kind.given.read(what))
