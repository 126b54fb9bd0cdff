"""What would take just as long as was measured: patterns of libraries, on parts of a machine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from commplan.expectation.expect import Expected
from commplan.expectation.patterns import Patterns
from commplan.measurements.rows import Measured
from solvers.schedules.collective import Collective
from topologies.derive.bundle import bundle
from topologies.derive.derate import derate
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds

ALIKE = 0.06  # of the measured time, by which an explanation may differ


@dataclass(frozen=True)
class Explanation:
    """What would take so long, in words."""

    words: str
    seconds: Seconds


def explain(
    topology: Topology, what: Collective, expected: Expected, measured: Measured
) -> Explanation | None:
    """Find what takes about as long as was measured; None where nothing known does.

    Of several the first that differs least, rounded to whole percents, so that plain ones win.
    """
    took = measured.seconds
    near = [
        each
        for each in _known(topology, what, expected)
        if abs(each.seconds - took) <= ALIKE * took
    ]
    return min(near, key=lambda each: round(50 * abs(each.seconds / took - 1)), default=None)


def _known(topology: Topology, what: Collective, expected: Expected) -> Iterator[Explanation]:
    """List what libraries may do, on the whole machine and on parts of it."""
    yield Explanation("the best schedule known", expected.best.seconds)
    size = expected.size
    whole = Patterns(bundle(topology), what.ranks)
    plain = Patterns(topology, what.ranks)
    if expected.ring:
        ring = expected.ring.seconds
        yield Explanation("a ring" if whole.rings == 1 else f"rings across all {whole.ways}", ring)
        for used in range(whole.rings - 1, 0, -1):
            words = f"ring{'s' * (used > 1)} across {used} of {whole.rings} {whole.ways}"
            yield Explanation(words, ring * whole.rings / used)
        if whole.topology is not topology and (narrow := plain.ring(what)):
            words = "a ring over one of the switches that join the same"
            yield Explanation(words, narrow.timing(size).seconds)
        yield from _with_a_slow_link(topology, what, size)
    if expected.tree:
        yield Explanation(f"a tree ({expected.tree.name})", expected.tree.seconds)
    if expected.library:
        words = f"{expected.library.name} as it was measured on such a machine"
        yield Explanation(words, expected.library.seconds)
    yield from _derated(topology, what, expected)


def _with_a_slow_link(topology: Topology, what: Collective, size: Bytes) -> Iterator[Explanation]:
    """List rings that wait for a link at a part of its rate: all then go at its pace."""
    for part, words in ((2, "half"), (4, "a quarter")):
        slow = replace(topology, unit=topology.unit / part)
        if ring := Patterns(bundle(slow), what.ranks).ring(what):
            words = f"a ring with a link at {words} of its rate"
            yield Explanation(words, ring.timing(size).seconds)


def _derated(topology: Topology, what: Collective, expected: Expected) -> Iterator[Explanation]:
    """List the same with links at the part of their rate that their class states as measured."""
    if all(each.efficiency == 1 for each in topology.classes):
        return
    slower = Patterns(bundle(derate(topology)), what.ranks)
    words = "with links at the efficiency that was measured for their class"
    for name, pattern in (("a ring", slower.ring(what)), ("a tree", slower.tree(what))):
        if pattern:
            yield Explanation(f"{name} {words}", pattern.timing(expected.size).seconds)
    least = min(float(each.efficiency) for each in topology.classes)
    yield Explanation(f"the best schedule known {words}", expected.best.seconds / least)
