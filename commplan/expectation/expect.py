"""What collectives should take on a machine, size by size: the bound, the best known, patterns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from commplan.expectation.best import Parts, best_by_size, play_part
from commplan.expectation.patterns import Patterns, Timing
from commplan.fitting.fitted import Library, known_library
from commplan.planning.planner import plan, schedule_time_bound
from runtime.metrics.busbw import factor
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.derive.bundle import bundle
from topologies.model.arguments import of, whole
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds

SIZES = tuple(4**power for power in range(5, 16))
LATER = "expectations of {}"


@dataclass(frozen=True)
class Expected:
    """What a collective takes at a size, in bytes of the largest buffer of a rank.

    Attributes:
        factor: busbw / algbw of the collective.
        bound: seconds that nothing beats.
        proof: the bound of throughput that it rests on, with its certificate.
        best: the fastest schedule known.
        ring, tree: what libraries run; None where there is none, or it takes long to play.
        library: what one was measured to take on such a machine; None where that is not known.
    """

    collective: str
    ranks: int
    size: Bytes
    factor: Fraction
    bound: Seconds
    proof: Bound
    best: Timing
    ring: Timing | None
    tree: Timing | None
    library: Timing | None = None

    @property
    def scope(self) -> str:
        """Look up for which schedules the bound holds."""
        return self.proof.scope

    def algbw(self, seconds: Seconds) -> float | None:
        """Compute bytes per second; None where nothing moves."""
        return self.size / seconds if seconds else None

    def busbw(self, seconds: Seconds) -> float | None:
        """Compute what links carry, in bytes per second, to compare over collectives."""
        return self.size * float(self.factor) / seconds if seconds else None


@dataclass(frozen=True)
class Expectation:
    """What is expected of a machine, collective after collective, and what was left out."""

    machine: str
    rows: tuple[Expected, ...]
    not_tried: tuple[str, ...] = ()


def expect(
    topology: Topology,
    collectives: Sequence[Collective] = (),
    sizes: Sequence[Bytes] = SIZES,
    *,
    seconds: Seconds = 600.0,
    in_network: bool | None = None,
    compiled: Sequence[Parts] = (),
    library: Library | None = None,
    watch: Watch | None = None,
) -> Expectation:
    """Predict for each collective and size what nothing beats, what is best, what libraries take.

    Complexity: a plan for each collective, and the plays of its candidates at each size.

    Args:
        topology: the machine.
        collectives: over ranks of the machine; without any, the eight over all ranks.
        sizes: in bytes, of the largest buffer of a rank.
        seconds: of time, at most; collectives that do not fit in are left out.
        in_network: whether switches copy and add; None where they can.
        compiled: schedules to take as the best known of their collective, from files; each must
            have been checked.
        library: what was fitted of one; without it that which is shipped for a machine of the
            name, if there is one.
        watch: reports progress and can be stopped early; takes the place of `seconds`.

    Raises:
        ArgumentError: a size below 1.
        as `plan`.
    """
    asked = [whole("size", size, 1, 2**60) for size in sizes]
    watch = watch or Watch(seconds)
    adds = switches_help(topology) if in_network is None else in_network
    options = SolverOptions(in_network=adds)
    chosen = collectives or [collective(name, range(topology.ranks)) for name in COLLECTIVES]
    library = library or known_library(topology)
    patterns: dict[tuple[int, ...], Patterns] = {}
    rows: list[Expected] = []
    for what in chosen:
        of("collectives", what, Collective)
        if rows and watch.leaves_out(LATER.format(what.name)):
            continue
        own = patterns.setdefault(what.ranks, Patterns(bundle(topology), what.ranks, library))
        rows += _of_one(topology, what, asked, own, options, _pick(compiled, what), watch)
    return Expectation(topology.name, tuple(rows), tuple(watch.not_tried))


def switches_help(topology: Topology) -> bool:
    """Tell whether any switch copies or adds."""
    return bool(topology.multicast.any() or topology.reduce.any())


def _pick(compiled: Sequence[Parts], what: Collective) -> Parts | None:
    """Find the compiled schedules of a collective."""
    for parts in compiled:
        have = parts[0][1].collective
        if (have.name, have.ranks, have.root) == (what.name, what.ranks, what.root):
            return parts
    return None


def _of_one(
    topology: Topology,
    what: Collective,
    sizes: Sequence[Bytes],
    patterns: Patterns,
    options: SolverOptions,
    compiled: Parts | None,
    watch: Watch,
) -> Iterator[Expected]:
    """Predict one collective at all sizes."""
    if compiled is None:
        best = plan(topology, what, options=options, watch=watch).schedule
        found = best_by_size(best, sizes, options, watch)
    else:
        best = compiled[0][1]
        found = {size: play_part(compiled, size) for size in sizes}
    ring, tree = patterns.ring(what), patterns.tree(what)
    whole = [each for each in (ring, tree) if each and each.is_whole and compiled is None]
    for size in sizes:
        watch.tell(f"playing {what.name} at {size} bytes as libraries run it")
        timed = {each.name: each.timing(size) for each in (ring, tree) if each}
        # Other candidates are made in an order of ranks that is the machine's, not the file's.
        known = [found[size], *(timed[each.name] for each in whole)]
        yield Expected(
            collective=what.name,
            ranks=len(what.ranks),
            size=size,
            factor=factor(what),
            bound=schedule_time_bound(best, size),
            proof=best.bound,
            best=min(known, key=lambda each: each.seconds),
            ring=timed.get(ring.name) if ring else None,
            tree=timed.get(tree.name) if tree else None,
            library=patterns.measured(what, size),
        )
