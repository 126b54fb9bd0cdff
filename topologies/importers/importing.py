"""From the names of files to a machine, and to what is worth telling of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from topologies.importers import sources
from topologies.importers.assembly import machine
from topologies.importers.completion import assumptions, complete, held_back
from topologies.importers.draft import Draft
from topologies.importers.hardware.profiles import combine
from topologies.importers.merging import expect_few, merge
from topologies.importers.oddities import odd
from topologies.importers.registry import AUTO
from topologies.importers.summary import Row, rows
from topologies.importers.trimming import trim
from topologies.importers.wiring import lay_wires
from topologies.model.arguments import refuse
from topologies.model.messages import list_names, prefix
from topologies.model.topology import Topology, TopologyError, single_fault


@dataclass(frozen=True, slots=True)
class Imported:
    """A machine read from files.

    Attributes:
        summary: a word and a text for each line: boxes, tiers, rails, oversubscription.
        notes: what was left out or taken for granted about what there is.
        assumed: which figures were taken for granted.
        odd: what looks wrong.
        formats: that the files are in.
    """

    topology: Topology
    summary: tuple[Row, ...]
    notes: tuple[str, ...]
    assumed: tuple[str, ...]
    odd: tuple[str, ...]
    formats: tuple[str, ...]


def import_files(
    files: Sequence[str],
    form: str = AUTO,
    profiles: Sequence[str] = (),
    hosts: int | None = None,
) -> Imported:
    """Read a machine from files of its hosts and of its network.

    Args:
        files: their names, in any order; at most one is of a network.
        form: the name of a format; AUTO looks at each file.
        profiles: names of hardware that the files leave out figures of.
        hosts: how many there are that are like the one whose file is given.

    Raises:
        TopologyError: a file or a name is wrong, a line each.
    """
    _expect_names(files, profiles)
    profile = combine(tuple(profiles))
    read = [sources.load(path, form) for path in files]
    merged = merge(lay_wires([draft for _, draft in read]), profile, hosts)
    expect_few(sum(1 + each.duplex for each in merged.cables))
    whole = complete(merged, profile)
    left = trim(whole)
    return Imported(
        topology=_machine(left, files),
        summary=tuple(rows(left)),
        notes=left.notes,
        assumed=tuple(assumptions(left)),
        odd=(*held_back(whole), *odd(whole)),
        formats=tuple(dict.fromkeys(name for name, _ in read)),
    )


def _expect_names(files: Sequence[str], profiles: Sequence[str]) -> None:
    """Take only lists of names.

    Raises:
        TopologyError: one is none, or no file is named.
    """
    for argument, words in (("files", files), ("profiles", profiles)):
        listed = isinstance(words, Sequence) and not isinstance(words, str)
        if not listed or not all(isinstance(word, str) for word in words):
            refuse(argument, words, "a list of names", single_fault)
    if not files:
        raise TopologyError(["files: none, expected at least one"])


def _machine(draft: Draft, files: Sequence[str]) -> Topology:
    """Make the machine, or say in one line why there is none.

    Raises:
        TopologyError: with the first reason, and how many more there are.
    """
    try:
        return machine(draft)
    except TopologyError as error:
        first, *others = error.faults
        more = f" (and {len(others)} more)" if others else ""
        raise TopologyError(prefix(list_names(files, 2), [f"{first}{more}"])) from None
