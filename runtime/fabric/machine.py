"""An emulated machine from its making to its end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from runtime.fabric import commands, keeper, rates, record, routes
from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import FabricError, Layout, layout
from runtime.fabric.rates import CableRate
from topologies.model.topology import IntArray, Topology

LOOSE = 0.1  # a link may be this much slower than it should be
TRIES = 4  # times that links are measured when some are slow: a busy computer may have a quiet time


@dataclass(frozen=True, eq=False)
class Machine:
    """An emulated machine that is up."""

    keeper: Keeper
    layout: Layout
    rates: Sequence[CableRate]

    @property
    def hops(self) -> IntArray:
        """Look up the paths that packets take without a schedule."""
        return routes.next_hops(self.layout.topology)

    @contextmanager
    def reroute(self, wanted: Mapping[tuple[int, int], routes.Path]) -> Iterator[None]:
        """Let some pairs of ranks talk over paths of their own for a while.

        Raises:
            FabricError: the rules cannot be set.
        """
        changed = routes.keep_differing(wanted, self.hops)
        self.keeper.run(commands.route_commands(self.layout, changed))
        try:
            yield
        finally:
            self.keeper.run(commands.route_commands(self.layout, changed, add=False))


def up(
    topology: Topology,
    scale: Fraction | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Machine:
    """Make an emulated machine, check every link, and write down that it is up.

    Raises:
        FabricError: one is up already, it cannot be made here, or a link is too slow.
    """
    if record.keeper() is not None:
        raise FabricError("an emulated machine is up already: commplan fabric down ends it")
    hops = routes.next_hops(layout(topology, scale).topology)
    place = record.make()
    kept = keeper.start()
    try:
        made = layout(topology, scale, **_abilities(kept))
        record.write(place, kept, made)
        tell("making networks")
        kept.run(commands.setup_commands(made, hops))
        tell("measuring every link")
        measured = _measure(kept, made)
        record.write(place, kept, made, measured)
    except BaseException:
        kept.end()
        record.remove()
        raise
    return Machine(kept, made, measured)


@contextmanager
def while_up(topology: Topology, scale: Fraction | None = None) -> Iterator[Machine]:
    """Make an emulated machine, and end it in the end; one that was up already stays.

    Raises:
        FabricError: as `up`.
    """
    made = up(topology, scale)
    try:
        yield made
    finally:
        down()


def current_machine() -> Machine:
    """Look up the emulated machine that is up.

    Raises:
        FabricError: none is.
    """
    kept = record.keeper()
    if kept is None:
        raise FabricError("no emulated machine is up: commplan fabric up TOPOLOGY makes one")
    return Machine(kept, *record.read())


def down() -> bool:
    """End the emulated machine with all that runs on it; tell whether there was one."""
    kept = record.keeper()
    if kept is not None:
        kept.end()
    record.remove()
    return kept is not None


def _abilities(kept: Keeper) -> dict[str, bool]:
    """Tell what the kernel can do with what cables carry."""
    shaped = "tc qdisc add dev lo root handle 2: tbf rate 1gbit burst 20000b limit 20000b"
    return {
        "delayed": _can(kept, [commands.delay("lo", 1e-3)]),
        "answering": _can(kept, [shaped, *commands.answers_first("lo")]),
    }


def _can(kept: Keeper, lines: Sequence[str]) -> bool:
    """Tell whether commands that shape an interface do so; it is left as it was."""
    try:
        kept.output(("sh", "-e"), "\n".join(lines))
    except FabricError:
        return False
    finally:
        kept.output(("sh",), "tc qdisc del dev lo root 2>/dev/null || true")
    return True


def _measure(kept: Keeper, made: Layout) -> list[CableRate]:
    """Measure every link, and keep the best that each one showed.

    Raises:
        FabricError: a link was too slow each time.
    """
    best: list[CableRate] = []
    for _ in range(TRIES):
        now = rates.measure(kept, made)
        pairs = zip(best or now, now, strict=True)
        best = [max(pair, key=lambda rate: rate.ratio) for pair in pairs]
        worst = min(best, key=lambda rate: rate.ratio, default=None)
        if worst is None or worst.ratio >= 1 - LOOSE:
            return best
    assert worst is not None
    names = made.topology.names
    raise FabricError(
        f"{names[worst.src]} -> {names[worst.dst]}: measured {worst.measured / 1e6:.1f} MB/s, "
        f"set to {worst.wanted / 1e6:.1f}: the computer is too busy, or --scale too large"
    )
