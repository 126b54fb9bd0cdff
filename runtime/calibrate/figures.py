"""What was measured of cables, written into the machine: classes of links that are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import gcd, log10

import numpy as np

from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Interval
from runtime.calibrate.saturation import Saturation
from topologies.model.topology import FloatArray, IntArray, LinkClass, Topology, frozen, integers
from topologies.model.units import Seconds

ALIKE = 0.04  # two rates of a kind further apart than this are of different classes
MOSTLY = (
    3  # times as many cables of a kind as were not seen full must have been, to speak for those
)
DIGITS = 4  # of a rate
MEASURED, STATED = "measured", "stated"
SLOWER = 0.95  # of the stated rate, below which a link is told to be slow


@dataclass(frozen=True)
class Class:
    """Cables of one kind that were found to be as fast: bytes per second.

    Attributes:
        rate: found, with what it lies between; None where the stated figure was kept.
        stated: the median of what was stated.
        alpha: seconds; None where no ping passed.
        cables: their numbers.
        filled: how many of them were seen full.
    """

    name: str
    rate: Interval | None
    stated: float
    alpha: Seconds | None
    cables: tuple[int, ...]
    filled: int

    @property
    def used(self) -> float:
        """Give the rate that is written down."""
        return self.stated if self.rate is None else self.rate.middle


def kinds(net: Wires) -> tuple[IntArray, int]:
    """Give cables of which the same is stated, class and rate, one number; count the numbers."""
    link_class = np.zeros(net.cables, dtype=np.int64)
    link_class[net.cable] = net.topology.link_class
    rate = np.round(net.stated / net.stated.max(initial=1.0), 9)
    both = np.stack([link_class, rate], axis=1).reshape(-1, 2)
    found, kind = np.unique(both, axis=0, return_inverse=True)
    return kind.reshape(-1).astype(np.int64), len(found)


def classes(
    net: Wires, found: Saturation, alpha: FloatArray, kind: IntArray, guessed: bool = False
) -> list[Class]:
    """Sort the cables of each kind by rate into classes.

    Those without a witness join the others of their kind where most of it was seen full, at one
    rate, and they carried no more; else they keep what is stated, raised to what they carried if
    that is clearly more. Where nothing is stated they join the slowest of their kind that are as
    fast as what they carried.

    Args:
        net: the cables.
        found: what is known of each.
        alpha: of each kind, seconds, or nan.
        kind: of each cable.
        guessed: whether nothing is stated.
    """
    made: list[Class] = []
    for number in range(int(kind.max(initial=-1)) + 1):
        own = np.flatnonzero(kind == number)
        late = float(alpha[number]) if np.isfinite(alpha[number]) else None
        made += _classes_of_kind(net, found, own, late, guessed)
    return _name(net, made)


def _classes_of_kind(
    net: Wires, found: Saturation, own: IntArray, late: Seconds | None, guessed: bool
) -> list[Class]:
    known = found.known[own]
    parts = _split(own[known], found)
    rest = own[~known]
    if guessed or (len(parts) == 1 and known.sum() >= MOSTLY * len(rest)):
        rest = _join(parts, rest, found)
    stated = 0.0 if guessed else float(net.stated[own[0]])
    result = [
        Class("", _middle(found, part), stated, late, _numbers(part), int(found.known[part].sum()))
        for part in parts
    ]
    for cable in rest.tolist():
        carried = float(found.least[cable])
        kept = max(carried if carried > stated * (1 + ALIKE) else stated, 1.0)
        result.append(Class("", None, kept, late, (cable,), 0))
    return _merge_kept(result)


def _join(parts: list[IntArray], rest: IntArray, found: Saturation) -> IntArray:
    """Let cables join the slowest part that is as fast as what they carried; give the others."""
    left = []
    for cable in rest.tolist():
        for place, part in enumerate(parts):
            if found.least[cable] <= np.median(found.best[part]) * (1 + ALIKE):
                parts[place] = np.append(part, cable)
                break
        else:
            left.append(cable)
    return np.array(left, dtype=np.int64)


def _merge_kept(found: Sequence[Class]) -> list[Class]:
    """Put together what keeps the same figure."""
    kept: dict[float, Class] = {}
    for each in found:
        if each.rate is None:
            same = kept.get(each.stated)
            cables = each.cables if same is None else same.cables + each.cables
            kept[each.stated] = replace(each, cables=cables)
    return [each for each in found if each.rate is not None] + list(kept.values())


def _numbers(cables: IntArray) -> tuple[int, ...]:
    return tuple(sorted(cables.tolist()))


def _split(cables: IntArray, found: Saturation) -> list[IntArray]:
    """Cut cables that were seen full, by rate, where the next one is clearly and surely faster.

    That is where the intervals of the slower ones end before that of the next begins.
    """
    ordered = cables[np.argsort(found.best[cables], kind="stable")]
    middle, low, high = np.array([_known(found, cable)[:3] for cable in ordered]).reshape(-1, 3).T
    clearly = middle[1:] > middle[:-1] * (1 + ALIKE)
    surely = low[1:] > np.maximum.accumulate(high)[:-1]
    cuts = np.flatnonzero(clearly & surely) + 1
    return [part for part in np.split(ordered, cuts) if len(part)]


def _known(found: Saturation, cable: int) -> Interval:
    rate = found.rate[cable]
    assert rate is not None
    return rate


def _middle(found: Saturation, part: IntArray) -> Interval:
    """Take the median over the cables that were seen full; it lies between theirs."""
    each = [_known(found, cable) for cable in part.tolist() if found.known[cable]]
    low, high = (float(np.median([rate[i] for rate in each])) for i in (1, 2))
    middle = float(np.median([rate.middle for rate in each]))
    values, outliers = (sum(rate[i] for rate in each) for i in (3, 4))
    return Interval(middle, min(low, middle), max(high, middle), int(values), int(outliers))


def _name(net: Wires, found: Sequence[Class]) -> list[Class]:
    """Name each class after that of its links, with a number where there are several."""
    words = [_first_class(net, each).name for each in found]
    return [
        replace(
            each, name=word if words.count(word) == 1 else f"{word}-{words[:i].count(word) + 1}"
        )
        for i, (each, word) in enumerate(zip(found, words, strict=True))
    ]


def apply(net: Wires, found: Sequence[Class], overhead: Seconds, source: str) -> Topology:
    """Write rates, latencies and evidence into a machine; complexity: links.

    What several links between two vertices carry together is shared out as it was stated.
    """
    old = net.topology
    of_cable = np.zeros(net.cables, dtype=np.int64)
    for place, each in enumerate(found):
        of_cable[list(each.cables)] = place
    number: IntArray = of_cable[net.cable]
    part = old.bandwidth / net.stated[net.cable]
    used = np.array([each.used for each in found])
    rates = [_rounded(rate) for rate in (used[number] * part).tolist()]
    unit = reduce(gcd, rates)
    alpha = np.array([np.nan if each.alpha is None else each.alpha for each in found])[number]
    alpha = np.where(np.isfinite(alpha), np.round(alpha, 9), old.alpha)
    made = replace(
        old,
        unit=Fraction(unit),
        capacity=integers(rate // unit for rate in rates),
        alpha=frozen(alpha),
        overhead=frozen(np.full(old.ranks, round(overhead, 9))),
        link_class=frozen(number),
        classes=tuple(_link_class(net, each, source) for each in found),
        symmetry=frozen(np.zeros((0, old.vertices), dtype=np.int64)),
    )
    return replace(made, mate=frozen(_mates(made)))


def _first_class(net: Wires, each: Class) -> LinkClass:
    """Look up the class of the links of a class's first cable."""
    link = int(np.flatnonzero(net.cable == each.cables[0])[0])
    return net.topology.classes[int(net.topology.link_class[link])]


def _link_class(net: Wires, each: Class, source: str) -> LinkClass:
    old = _first_class(net, each)
    if each.rate is None:
        return replace(old, name=each.name, evidence=old.evidence or STATED)
    return replace(old, name=each.name, evidence=MEASURED, source=source, efficiency=Fraction(1))


def _mates(made: Topology) -> IntArray:
    """Keep together only opposite links that are alike: a file says a pair's figures once."""
    mate = made.mate.copy()
    paired = np.flatnonzero(mate >= 0)
    for column in (made.capacity, made.link_class, made.alpha):
        unlike = column[paired] != column[made.mate[paired]]
        mate[paired[unlike]] = -1
    return mate


def _rounded(rate: float) -> int:
    """Round bytes per second to some digits; at least 1."""
    places = DIGITS - 1 - int(log10(max(rate, 1.0)))
    return max(int(round(rate, places)), 1)
