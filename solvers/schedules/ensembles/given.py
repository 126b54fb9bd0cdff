"""What callers give besides ranks, as a permutation of the vertices changes it.

Blocks of a number of bytes go with their ranks, a demand with its pairs, and tokens with their home
and with the ranks that they visit.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from solvers.schedules.collective import Collective
from solvers.schedules.kinds import BLOCKS, DEMAND, TOKENS, kind_of
from solvers.schedules.moe import Tokens
from topologies.model.topology import IntArray, frozen


class Image(NamedTuple):
    """A collective as a permutation makes another one of it, and the image of each block."""

    collective: Collective
    block: IntArray


def is_given(what: Collective) -> bool:
    """Tell whether there is more to a collective than its name, its ranks and its root."""
    kind = kind_of(what)
    return kind is not None and kind.given is not None


def tell(what: Collective, order: IntArray) -> bytes:
    """Give what tells collectives of one name and ranks apart, with the ranks in an order.

    Complexity: ranks², or tokens × ranks with their logarithm.
    """
    kind = kind_of(what)
    if kind is None or kind.given is None:
        return b""
    given = _read(what)
    if kind.given in BLOCKS:
        return np.asarray(given, dtype=np.int64)[order].tobytes()
    if kind.given is DEMAND:
        return np.asarray(given, dtype=np.int64)[np.ix_(order, order)].tobytes()
    moved, _ = _reorder(given, order)
    return moved.home.tobytes() + np.packbits(moved.visits).tobytes() + moved.sizes.tobytes()


def image_of(what: Collective, permutation: IntArray) -> Image:
    """Make the collective that a permutation of the vertices makes of one that `is_given`."""
    kind = kind_of(what)
    assert kind is not None
    assert kind.given is not None
    ranks = permutation[list(what.ranks)].astype(np.int64)
    order = np.argsort(ranks)
    root = 0 if what.root is None else int(permutation[what.root])
    given, chosen = _read(what), tuple(ranks[order].tolist())
    if kind.given is TOKENS:
        tokens, place = _reorder(given, order)
        return Image(kind.make(chosen, root, tokens), place)
    if kind.given is DEMAND:
        image = kind.make(chosen, root, frozen(given[np.ix_(order, order)]))
        back = np.argsort(order)
        src, dst = np.nonzero(given)
        number = np.zeros(given.shape, dtype=np.int64)
        number[np.nonzero(given[np.ix_(order, order)])] = np.arange(len(src))
        return Image(image, frozen(number[back[src], back[dst]]))
    image = kind.make(chosen, root, np.asarray(given)[order].tolist())
    return Image(image, _own_blocks(what, image, permutation))


@lru_cache(maxsize=64)
def _read(what: Collective) -> Any:  # noqa: ANN401 (of the kind's)
    """Give what a caller gave."""
    kind = kind_of(what)
    assert kind is not None
    assert kind.given is not None
    return kind.given.read(what)


def _reorder(tokens: Tokens, order: IntArray) -> tuple[Tokens, IntArray]:
    """Give ranks new numbers, and put the rows in order; tell the new place of each too."""
    home, visits = np.argsort(order)[tokens.home], tokens.visits[:, order]
    packed = np.packbits(visits, axis=1)
    rows = np.lexsort((*packed.T[::-1], home))
    place = np.empty(len(rows), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return Tokens(frozen(home[rows]), visits[rows], frozen(tokens.sizes[rows])), frozen(place)


def _own_blocks(what: Collective, image: Collective, permutation: IntArray) -> IntArray:
    """Give the image of each rank's own block."""
    side = "inputs" if what.name in ("all_gatherv", "gatherv") else "outputs"
    found = np.zeros(what.blocks, dtype=np.int64)
    for rank, own in zip(what.ranks, getattr(what, side), strict=True):
        found[own] = getattr(image, side)[image.place[int(permutation[rank])]]
    return frozen(found)
