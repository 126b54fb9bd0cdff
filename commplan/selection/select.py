"""The rules of a library on a machine: each collective, number of processes and size."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from commplan.selection.algorithm import Rule
from commplan.selection.choose import LARGEST, MARGIN, Choice, Default, choose, ranges
from commplan.selection.play import Stage, stages
from commplan.selection.targets import Target
from solvers.settings.deadline import Watch
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import unknown
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Rank, count_of

STEP = 2  # times from one size to the next
MOST_PROCESSES = 512


class SelectionError(CommplanError, ValueError):
    """A selection that cannot be asked for."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Range:
    """What is taken from one size to another, both inclusive; most is None where there is no end.

    Attributes:
        choices: what was found at the sizes within.
    """

    least: Bytes
    most: Bytes | None
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Selection:
    """What was chosen for a machine, and what was left out for want of time."""

    choices: Mapping[str, Mapping[int, Sequence[Choice]]]
    not_tried: tuple[str, ...] = ()

    def write(self, target: Target) -> str:
        """Write the target's file, which must say at each size what was chosen, read as it does.

        Raises:
            SelectionError: it says something else, which is a bug.
        """
        rules = {
            name: {
                n: [Rule(most, last.chosen) for most, last in ranges(choices)]
                for n, choices in by_count.items()
            }
            for name, by_count in self.choices.items()
        }
        written = target.write(rules)
        found = (by_count.values() for by_count in self.choices.values())
        for choice in chain.from_iterable(chain.from_iterable(found)):
            says = target.read(written, choice.collective, choice.processes, choice.size)
            if says != (choice.chosen and choice.chosen.title):
                raise SelectionError(
                    f"{choice.collective}, {choice.processes} processes, {choice.size} bytes: "
                    f"the file says {says}, expected {choice.chosen}"
                )
        return written

    @property
    def rules(self) -> list[Range]:
        """List the ranges of sizes, collective by collective."""
        found = []
        for by_count in self.choices.values():
            for choices in by_count.values():
                least = 1
                for most, last in ranges(choices):
                    own = tuple(c for c in choices if least <= c.size <= most) or (last,)
                    found.append(Range(least, most if most < LARGEST else None, own))
                    least = most + 1
        return found


def select(
    topology: Topology,
    communicators: Sequence[Sequence[Rank]],
    target: Target,
    collectives: Sequence[str] = (),
    sizes: tuple[Bytes, Bytes] = (2**10, 2**26),
    margin: float = MARGIN,
    watch: Watch | None = None,
) -> Selection:
    """Find for each collective, number of processes and size which algorithm is worth a rule.

    Communicators of one size share a rule, which must then gain in all of them.

    Complexity: algorithms × sizes × communicators plays, each of the messages of an algorithm.

    Args:
        topology: the machine.
        communicators: the rank that each of its processes plays.
        target: the library.
        collectives: some that it selects for; all without any.
        sizes: the least and the largest, bytes of the largest buffer of a process.
        margin: of the time, that a prediction may be off.
        watch: can stop it early.

    Raises:
        SelectionError: an unknown collective, or a communicator of 1 or more than 512 processes.
        RouteError: the machine does not join all its vertices.
    """
    watch = watch or Watch(600.0)
    asked = list(collectives) or list(target.catalogue)
    for name in asked:
        if name not in target.catalogue:
            raise SelectionError(unknown("collective", name, list(target.catalogue)))
    scenes: dict[int, list[Stage]] = defaultdict(list)
    for played in communicators:
        if not 2 <= len(played) <= MOST_PROCESSES:
            number = count_of(len(played), "process")
            raise SelectionError(f"{number}, expected 2 to {MOST_PROCESSES}")
        scenes[len(played)] += stages(topology, played, target.eager)
    found: dict[str, dict[int, list[Choice]]] = {}
    for name in asked:
        for n, own in sorted(scenes.items()):
            if watch.leaves_out(f"{name} of {n} processes"):
                continue
            watch.tell(f"playing {name} of {n} processes")
            grid = _grid(sizes, target.changes(name, n))
            default = _default(target, name)
            found.setdefault(name, {})[n] = list(
                choose(own, name, grid, target.catalogue[name], default, margin)
            )
    return Selection(found, tuple(watch.not_tried))


def _default(target: Target, collective: str) -> Default:
    return lambda processes, size: target.default(collective, processes, size)


def _grid(sizes: tuple[Bytes, Bytes], changes: Sequence[Bytes]) -> list[Bytes]:
    """List sizes that double, and those at which the library changes its mind."""
    least, most = sizes
    found = {most} | {size for size in changes if least <= size <= most}
    size = least
    while size < most:
        found.add(size)
        size *= STEP
    return sorted(found)
