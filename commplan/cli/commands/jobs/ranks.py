"""The ranks of the machine that a job may have, and must have, as the command is told."""

import re

import click

from commplan.cli.io.arguments import choose_ranks
from commplan.jobs import folder
from solvers.jobs.errors import JobError
from topologies.derive.part import without_some
from topologies.model import selection
from topologies.model.topology import Topology
from topologies.model.units import Rank

Chosen = tuple[str | None, str | None, tuple[str, ...]]  # --ranks, --without-rank, --beside


def usable_ranks(machine: Topology, told: Chosen) -> list[Rank]:
    """List the ranks that may be used: alive, and of no other planned job.

    Raises:
        JobError: a plan is of another machine.
    """
    ranks, _, beside = told
    chosen = list(choose_ranks(machine, ranks))
    gone = set(dead_ranks(machine, told))
    for plan in beside:
        table, other = folder.load(plan)
        if other.names[: other.ranks] != machine.names[: machine.ranks]:
            raise JobError(f"--beside: {plan} is on {other.name}, expected {machine.name}")
        gone |= set(table.ranks)
    return [rank for rank in chosen if rank not in gone]


def dead_ranks(machine: Topology, told: Chosen) -> list[Rank]:
    """List the ranks that are dead."""
    return [] if told[1] is None else sorted(selection.ranks(machine, told[1]))


def without_dead(machine: Topology, told: Chosen) -> Topology:
    """Take the links of dead ranks from a machine: nothing is passed on over them."""
    return without_some(machine, dead_ranks(machine, told))


def read_pins(machine: Topology, words: tuple[str, ...]) -> dict[Rank, Rank]:
    """Read which rank of the machine some ranks of the job must have.

    Raises:
        BadParameter: a word is no pin, or a rank is pinned twice.
    """
    found: dict[Rank, Rank] = {}
    for word in words:
        own, equals, name = word.partition("=")
        if not equals or not re.fullmatch("[0-9]{1,9}", own):
            raise click.BadParameter(f"{word[:60]!r}, expected RANK=NAME", param_hint="'--pin'")
        if int(own) in found:
            raise click.BadParameter(f"rank {own} is given twice", param_hint="'--pin'")
        found[int(own)] = selection.rank(machine, name)
    return found
