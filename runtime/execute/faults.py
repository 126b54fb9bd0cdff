"""What goes wrong while a collective runs, in a line: rank, step, peer and piece."""

from collections.abc import Iterable
from typing import Any

from runtime.execute.part import Lines, Part
from runtime.program.program import Action
from topologies.model.errors import NO, CommplanError

CALLS_TAG = 32766  # the tag of what processes say of their calls


class ExecutionError(CommplanError, RuntimeError):
    """A collective that did not come to its end; its messages may still be under way."""

    exit_code = NO


class BlockedError(ExecutionError):
    """A message did not come, or was not taken, within the limit."""


def describe_blocked(part: Part, comm: Any, late: Iterable[int]) -> BlockedError:  # noqa: ANN401
    """Name the messages, by their lines, that are waited for, and what came in their place."""
    lines = [part.lines[line] for line in late]
    step = int(lines[0]["step"]) if lines else 0
    waits = ", ".join(dict.fromkeys(_awaited(part, comm, line) for line in lines)) or "for nobody"
    return BlockedError(f"rank {part.ranks[part.process]} blocked in step {step} waiting {waits}")


def describe_unequal(part: Part, line: int, got: int) -> ExecutionError:
    """Tell of a message of another size than was expected."""
    row = part.lines[line]
    return ExecutionError(
        f"{_place(part, row)}: {got} bytes came, {int(row['size'])} were expected; "
        "the other rank runs another program"
    )


def describe_refused(part: Part, line: int, what: str) -> ExecutionError:
    """Tell of a message that MPI refuses."""
    return ExecutionError(f"{_place(part, part.lines[line])}: {' '.join(what.split())}")


def _place(part: Part, row: Lines) -> str:
    me, peer = part.ranks[part.process], part.ranks[int(row["peer"])]
    way = "to" if row["action"] == Action.SEND else "from"
    return f"rank {me} in step {int(row['step'])}, message {way} rank {peer}{_piece(row)}"


def _awaited(part: Part, comm: Any, row: Lines) -> str:  # noqa: ANN401
    """Say whom a message waits for; a message may hold several pieces, the first names it."""
    peer = part.ranks[int(row["peer"])]
    if row["action"] == Action.SEND:
        return f"to send to rank {peer}{_piece(row)}"
    other = ""
    if (tag := _next_tag(comm, int(row["peer"]))) is not None and tag != CALLS_TAG:
        other = ", which sent something else: another count, type or plan"
    return f"for rank {peer}{_piece(row)}{other}"


def _next_tag(comm: Any, peer: int) -> int | None:  # noqa: ANN401
    """Look up the tag of the first message of a process that nobody takes."""
    from mpi4py import MPI

    status = MPI.Status()
    return int(status.Get_tag()) if comm.Iprobe(peer, status=status) else None


def _piece(row: Lines) -> str:
    return f" (piece {int(row['piece'])})" if row["piece"] >= 0 else ""
