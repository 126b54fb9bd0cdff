"""dispatch and combine of a mixture of experts: tokens to the ranks of their experts, and back.

A token goes once to each rank that has an expert of it, however many experts those are; tokens of
one rank that go to the same ranks are one block. What the experts make of a token is added up: by
each rank over its own experts, by combine over ranks.
"""

from dataclasses import dataclass

import numpy as np

from solvers.schedules.collective import Collective, CollectiveError, check_ranks
from topologies.model.arguments import column, of, refuse, within
from topologies.model.topology import BoolArray, IntArray, frozen
from topologies.model.units import Bytes, Rank

NAMES = ("dispatch", "combine")


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens that go to the same ranks, as columns.

    Attributes:
        home: the place (in the list of ranks) of the rank that they belong to.
        visits: (rows, ranks), the ranks that they go to.
        sizes: what they amount to, in bytes or any other unit.
    """

    home: IntArray
    visits: BoolArray
    sizes: IntArray

    def __post_init__(self) -> None:
        """Refuse columns that do not fit each other."""
        rows = len(column("home", self.home, error=CollectiveError))
        column("sizes", self.sizes, rows, error=CollectiveError)
        visits = of("visits", self.visits, np.ndarray, "a numpy array", CollectiveError)
        if visits.ndim != 2 or len(visits) != rows or visits.dtype.kind != "b":
            expected = f"truth values, {rows} rows and a column for each rank"
            refuse("visits", visits, expected, CollectiveError)
        if rows:
            within("home", self.home, 0, visits.shape[1] - 1, CollectiveError)
            within("sizes", self.sizes, 0, 2**62, CollectiveError)


def group_tokens(places: IntArray, ranks: int, token_bytes: Bytes) -> Tokens:
    """Put the tokens of a routing together that go the same way.

    Tokens without an expert go nowhere.

    Args:
        places: (tokens, top), the place of the rank of each expert, -1 for none; the tokens of all
            ranks one after the other, equally many each.
        ranks: how many.
        token_bytes: of each token.
    """
    count = len(places)
    visits = np.zeros((count, ranks + 1), dtype=np.bool_)
    visits[np.arange(count)[:, None], places] = True
    visits = visits[:, :ranks]
    home = np.arange(count) * ranks // max(count, 1)
    some = visits.any(axis=1)
    keys = np.column_stack([home >> 8, home & 255, np.packbits(visits, axis=1)])[some]
    found = np.unique(keys.astype(np.uint8), axis=0, return_index=True, return_counts=True)
    first, times = found[1:]
    rows = np.flatnonzero(some)[first]
    return Tokens(frozen(home[rows]), visits[rows], frozen(times * token_bytes))


def dispatch(ranks: tuple[Rank, ...], tokens: Tokens) -> Collective:
    """Give every token to the ranks that it visits.

    Blocks come by home, then by the ranks visited; a rank's output has them in that order.

    Args:
        ranks: those that take part.
        tokens: and where they go.

    Raises:
        CollectiveError: the ranks are not ascending, no token visits a rank, or the rows are not
            different and in order.
    """
    return _make("dispatch", ranks, tokens)


def combine(ranks: tuple[Rank, ...], tokens: Tokens) -> Collective:
    """Give every token's home the sum of what the ranks made of it that it visited.

    Blocks are those of the dispatch, inputs its outputs and outputs its inputs.

    Args:
        ranks: those that take part.
        tokens: as in the dispatch before.

    Raises:
        CollectiveError: as `dispatch`.
    """
    return _make("combine", ranks, tokens)


def tokens_of(collective: Collective) -> Tokens:
    """Look up the tokens of a dispatch or a combine.

    Raises:
        CollectiveError: a block has not exactly one rank that it belongs to.
    """
    there, back = collective.inputs, collective.outputs
    if collective.name == "combine":
        there, back = back, there
    ours = np.concatenate(there)
    if not np.array_equal(np.sort(ours), np.arange(collective.blocks)):
        raise CollectiveError(f"{collective.name}: not every block belongs to one rank")
    home = np.empty(collective.blocks, dtype=np.int64)
    home[ours] = np.repeat(np.arange(len(there)), [len(own) for own in there])
    visits = np.zeros((collective.blocks, len(back)), dtype=np.bool_)
    for place, blocks in enumerate(back):
        visits[blocks, place] = True
    return Tokens(frozen(home), visits, collective.sizes)


def _make(name: str, ranks: tuple[Rank, ...], tokens: Tokens) -> Collective:
    of("tokens", tokens, Tokens, error=CollectiveError)
    ranks = check_ranks(name, ranks)
    if not ranks or list(ranks) != sorted(set(ranks)):
        raise CollectiveError(f"{name}: the ranks must be different, and ascending")
    if tokens.visits.shape[1] != len(ranks):
        found = f"{tokens.visits.shape[1]} columns of visits"
        raise CollectiveError(f"{name}: {found} for {len(ranks)} ranks")
    if not len(tokens.home) or not tokens.visits.any(axis=1).all():
        raise CollectiveError(f"{name}: expected tokens, each with a rank that it visits")
    keys = [bytes(row) for row in np.packbits(tokens.visits, axis=1)]
    order = list(zip(tokens.home.tolist(), keys, strict=True))
    if order != sorted(set(order)):
        raise CollectiveError(f"{name}: the blocks are not different, and in order")
    places = range(len(ranks))
    own = tuple(frozen(np.flatnonzero(tokens.home == place)) for place in places)
    away = tuple(frozen(np.flatnonzero(tokens.visits[:, place])) for place in places)
    ends = (own, away) if name == "dispatch" else (away, own)
    return Collective(name, ranks, frozen(tokens.sizes.astype(np.int64)), *ends)
