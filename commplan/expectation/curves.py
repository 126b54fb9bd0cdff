"""Times over sizes of several machines and algorithms, to be set side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from commplan.expectation.patterns import Pattern, Patterns
from commplan.planning.planner import plan
from runtime.simulate.simulate import simulate
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.collective import Collective
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions, Switching
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, bytes_of

BOUND, BEST = "bound", "best"
RING, TREE = "ring", "tree"  # as libraries make them, as in what is expected
USUAL = (BOUND, BEST, RING, TREE)
SEVERAL = (BOUND, BEST)  # where there are several machines
Curve = list[tuple[Bytes, Seconds]]


@dataclass(frozen=True)
class Asked:
    """What curves are asked for.

    Attributes:
        sizes: in bytes.
        algorithms: `bound`, `best`, `ring` and `tree` as libraries make them, or patterns.
        options: what schedules may use.
    """

    sizes: Sequence[Bytes]
    algorithms: Sequence[str] = USUAL
    options: SolverOptions = DEFAULT_OPTIONS

    @property
    def switching(self) -> Switching:
        """Say how switches pass on what they get."""
        return self.options.switching


def known_algorithms() -> tuple[str, ...]:
    """List what a curve may be of."""
    return (BOUND, BEST, TREE, *(name for name, _ in TEMPLATES.items()))


def predict_curves(
    topology: Topology, what: Collective, asked: Asked, watch: Watch
) -> Mapping[str, Curve]:
    """Predict the curves of a machine; of a pattern only where it can be made.

    Args:
        topology: the machine.
        what: the collective, of equal blocks.
        asked: sizes and algorithms.
        watch: says when to stop; what is known by then is handed out.
    """
    made: dict[str, Curve] = {name: [] for name in asked.algorithms}
    if {BOUND, BEST} & set(made):
        for size, least, best in _planned(topology, what, asked, watch):
            for name, seconds in ((BOUND, least), (BEST, best)):
                if name in made:
                    made[name].append((size, seconds))
    patterns = Patterns(topology, what.ranks)
    for name in made.keys() - {BOUND, BEST}:
        watch.tell(f"playing {name} on {topology.name}")
        if pattern := _pattern(name, patterns, what):
            made[name] = [
                (size, pattern.timing(size, asked.switching).seconds) for size in asked.sizes
            ]
    return {name: curve for name, curve in made.items() if curve}


def _pattern(name: str, patterns: Patterns, what: Collective) -> Pattern | None:
    """Make a pattern; None where there is none of the collective on this machine."""
    if name in (RING, TREE):
        return patterns.ring(what) if name == RING else patterns.tree(what)
    make, known = TEMPLATES.get(name)
    try:
        return Pattern(name, make(patterns.topology, what)) if what.name in known else None
    except TemplateError:
        return None


def _planned(
    topology: Topology, what: Collective, asked: Asked, watch: Watch
) -> Iterator[tuple[Bytes, Seconds, Seconds]]:
    """Plan for each size: bytes, the seconds that nothing beats, and those of the best plan."""
    watch.tell(f"planning {what.name} on {topology.name}")
    known = plan(topology, what, options=asked.options, watch=watch).schedule
    for size in asked.sizes:
        if watch.over:
            raise NotFound(f"{topology.name}: the time was over before {bytes_of(size)}")
        watch.tell(f"{what.name} on {topology.name}, {bytes_of(size)}")
        found = plan(topology, what, size=size, options=asked.options, watch=watch, known=known)
        best, copying = found.schedule, asked.options.in_network
        least = time_lower_bound(topology, what, best.bound, size, in_network=copying)
        yield size, least, simulate(best, size, asked.switching).seconds
