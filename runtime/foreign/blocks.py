"""Whose chunk is which: from chunks of inputs and outputs to blocks of a collective, and back."""

from dataclasses import dataclass

from runtime.foreign.errors import ForeignError
from runtime.foreign.sends import Piece

NAMES = {
    "allreduce": "all_reduce",
    "allgather": "all_gather",
    "alltoall": "all_to_all",
    "alltoallv": "all_to_all",
    "reducescatter": "reduce_scatter",
    "reduce_scatter": "reduce_scatter",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "gather": "gather",
    "scatter": "scatter",
}


@dataclass(frozen=True)
class Layout:
    """The buffers of a collective of equal blocks, each block in some equal parts.

    Attributes:
        name: of the collective.
        ranks: how many.
        parts: of a block.
        root: a rank, where the collective has one.
    """

    name: str
    ranks: int
    parts: int
    root: int | None = None

    @property
    def inputs(self) -> int:
        """Count the chunks of the input of a rank that holds something."""
        many = self.name in ("reduce_scatter", "all_to_all", "scatter")
        return self.parts * (self.ranks if many else 1)

    @property
    def outputs(self) -> int:
        """Count the chunks of the output of a rank that wants something."""
        many = self.name in ("all_gather", "all_to_all", "gather")
        return self.parts * (self.ranks if many else 1)

    def held(self, rank: int, chunk: int) -> tuple[Piece, int] | None:
        """Give what a chunk of an input is: a piece, and the contributors as bits."""
        if not 0 <= chunk < self.inputs or (
            self.name in ("broadcast", "scatter") and rank != self.root
        ):
            return None
        block, part = divmod(chunk, self.parts)
        if self.name in ("all_gather", "gather"):
            return (rank, part), 1 << rank
        if self.name == "all_to_all":
            return (rank * self.ranks + block, part), 1 << rank
        return (block, part), 1 << rank

    def wanted(self, rank: int, chunk: int) -> tuple[Piece, int] | None:
        """Give what a chunk of an output must become."""
        if not 0 <= chunk < self.outputs or (
            self.name in ("reduce", "gather") and rank != self.root
        ):
            return None
        block, part = divmod(chunk, self.parts)
        everyone = (1 << self.ranks) - 1
        if self.name in ("all_reduce", "reduce"):
            return (0, part), everyone
        if self.name == "reduce_scatter":
            return (rank, part), everyone
        if self.name in ("all_gather", "gather"):
            return (block, part), 1 << block
        if self.name == "all_to_all":
            return (block * self.ranks + rank, part), 1 << block
        return (rank if self.name == "scatter" else 0, part), 1 << (self.root or 0)


def layout(name: str, ranks: int, largest: int, root: int | None) -> Layout:
    """Find the parts of a block from the chunks of the larger buffer.

    Raises:
        ForeignError: an unknown collective, or chunks that are not the same of each block.
    """
    known = NAMES.get(name)
    if known is None:
        raise ForeignError(f"collective {name[:40]!r} has no definition here")
    blocks = 1 if known in ("all_reduce", "broadcast", "reduce") else ranks
    if largest < 1 or largest % blocks:
        raise ForeignError(f"{largest} chunks of a buffer of {blocks} blocks, expected a multiple")
    return Layout(known, ranks, largest // blocks, root)
