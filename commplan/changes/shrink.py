"""A collective on what is left of its machine: renumbered, and without the ranks that are gone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from solvers.schedules.collective import Collective
from solvers.schedules.kinds import BLOCKS, DEMAND, kind_of
from topologies.derive.part import Submachine
from topologies.model.errors import NO, CommplanError
from topologies.model.messages import list_names
from topologies.model.units import Rank


class GoneError(CommplanError, ValueError):
    """A collective that cannot be done without what is gone."""

    exit_code = NO


def on_what_is_left(what: Collective, left: Submachine, *, shrink: bool = False) -> Collective:
    """Carry a collective over to what is left of its machine.

    Args:
        what: over ranks of the whole machine.
        left: of it.
        shrink: leave out the ranks that are gone, with the blocks that are theirs.

    Returns:
        the same collective over the numbers that the ranks have now.

    Raises:
        GoneError: ranks that take part are gone and it is not to shrink, none or the root is left,
            or what they hold is needed.
    """
    kept = np.isin(what.ranks, left.vertices)
    names = [left.whole.names[rank] for rank in what.ranks]
    gone = [name for name, stays in zip(names, kept.tolist(), strict=True) if not stays]
    if gone and not shrink:
        raise GoneError(
            f"{list_names(gone)} take{'s' * (len(gone) == 1)} part in the {what.name}, and would "
            "have to be left out; --shrink does so"
        )
    if what.root is not None and what.root not in left.vertices:
        raise GoneError(f"the root of the {what.name}, {left.whole.names[what.root]}, is gone")
    if gone:
        what = _leave_out(what, np.flatnonzero(kept).tolist(), gone)
    ranks = left.place(np.array(what.ranks)).tolist()
    root = None if what.root is None else ranks[what.ranks.index(what.root)]
    return replace(what, ranks=tuple(ranks), root=root)


def _leave_out(what: Collective, places: Sequence[int], gone: Sequence[str]) -> Collective:
    """Make the collective of the ranks at some places, in the numbers of the whole machine."""
    ranks = tuple(what.ranks[place] for place in places)
    if not ranks:
        raise GoneError(f"no rank of the {what.name} is left")
    kind = kind_of(what)
    given = None if kind is None else kind.given
    if kind is None or (given is not None and given not in (*BLOCKS, DEMAND)):
        raise GoneError(
            f"what {list_names(gone)} held is needed: how a {what.name} goes on without it is not "
            "said by what is left; compile the new one"
        )
    amounts = None if given is None else _amounts(given.read(what), places, given is DEMAND)
    return kind.make(ranks, ranks[0] if what.root is None else what.root, amounts)


def _amounts(whole: object, places: Sequence[Rank], square: bool) -> object:
    """Take the rows of the ranks at some places, and of a matrix the columns too."""
    chosen = np.asarray(whole)[list(places)]
    if square:
        return chosen[:, list(places)]
    return chosen.tolist()
