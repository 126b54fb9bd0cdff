"""What was measured of cables, written into the machine: classes of links that are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Interval
from runtime.calibrate.saturation import ROOM, Saturation
from topologies.model.topology import FloatArray, IntArray, LinkClass, Topology, frozen, integers
from topologies.model.units import Seconds

ALIKE = 0.04  # two rates of a kind further apart than this are of different classes
MUCH = 1.15  # times as fast as the next slower one: sure, though few are,
GROWN = 1.2  # times the usual part of a stated rate, up to which it is taken for the usual one
PART = 0.3  # of a kind; so many are sure anyhow
USUAL = 0.5  # of the cables that reach most often the same part; so many are usual, too
MOSTLY = (
    3  # times as many cables of a kind as were not seen full must have been, to speak for those
)
NEAR, SURELY = 0.02, 0.01  # from a ratio, that a simple one may be; and beside its interval
NEARLY = 0.15  # from a ratio, that one of LANES may be, if the interval holds it
FILLED = 0.05  # and so far below it: while buffers fill, a link seems faster in all passes
LANES = (Fraction(1), Fraction(1, 2), Fraction(1, 4))
ENOUGH, UNSURE = 3, 0.05  # values of a cable; by which an interval of fewer is wider
MOST_TERMS = 32  # of a simple ratio, above and below
DIGITS = 4  # of a rate, or of a part of a stated one
LEAST = 1e-9
MEASURED, STATED, ASSUMED = "measured", "stated", "assumed"


@dataclass(frozen=True)
class Class:
    """Cables of one kind that were found to be as fast: bytes per second.

    Attributes:
        rate: found, with what it lies between; None where the stated figure was kept.
        stated: the median of what was stated.
        alpha: seconds; None where no ping passed.
        cables: their numbers.
        filled: how many of them were seen full.
        exact: the rate as a multiple of what is stated, or of other rates.
    """

    name: str
    rate: Interval | None
    stated: float
    alpha: Seconds | None
    cables: tuple[int, ...]
    filled: int
    exact: Fraction | None = None

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
    rate, and they carried nearly as much and no more; else they keep what is stated, raised to what
    they carried if that is clearly more. Where nothing is stated they join the slowest of their
    kind that are as fast as what they carried. Kinds that reach alike parts of what is stated share
    that part (`_share_parts`).

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
    return _name(net, _share_parts(made, [_stated(net, each, guessed) for each in made]))


def _stated(net: Wires, each: Class, guessed: bool) -> Fraction:
    """Add up what is stated of the links of a class's first cable; 1 where nothing is."""
    if guessed:
        return Fraction(1)
    links = np.flatnonzero(net.cable == each.cables[0])
    return net.topology.unit * int(net.topology.capacity[links].sum())


def _classes_of_kind(
    net: Wires, found: Saturation, own: IntArray, late: Seconds | None, guessed: bool
) -> list[Class]:
    known = found.known[own]
    parts = _split(own[known], found)
    rest = own[~known]
    if guessed or (len(parts) == 1 and known.sum() >= MOSTLY * len(rest)):
        rest = _join(parts, rest, found, 0.0 if guessed else ROOM)
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


def _join(parts: list[IntArray], rest: IntArray, found: Saturation, nearly: float) -> IntArray:
    """Let cables join the slowest part that is as fast as what they carried; give the others.

    They must have carried `nearly`, a part of its rate, too.
    """
    left = []
    for cable in rest.tolist():
        for place, part in enumerate(parts):
            rate = float(np.median(found.best[part]))
            if nearly * rate <= found.least[cable] <= rate * (1 + ALIKE):
                parts[place] = np.append(part, cable)
                break
        else:
            left.append(cable)
    return np.array(left, dtype=np.int64)


def _share_parts(found: Sequence[Class], stated: Sequence[Fraction]) -> list[Class]:
    """Let classes that reach alike parts of what is stated all reach the same part of it.

    What programs reach is less than a cable's rate by headers and waiting, everywhere by much the
    same; what is left between kinds is mostly noise, and a plan made on it would spare links that
    are as good as the others. Parts are alike as rates of a kind are: within 4 %, or not surely
    apart. The common part is the median over the cables; that of most cables is the unit, and the
    others are the simplest multiples of it that lie where they were measured, or the same if they
    seem to be a little above: no link has grown since its rate was stated. Where nothing is
    stated the same is done with the rates themselves, but for that.
    """
    parts = {
        i: _scaled(each.rate, 1 / float(stated[i]))
        for i, each in enumerate(found)
        if each.rate is not None
    }
    groups = _alike(parts)
    spans = [_span([(parts[i], found[i].filled) for i in group]) for group in groups]
    weight = [sum(found[i].filled for i in group) for group in groups]
    given = any(rate != 1 for rate in stated)
    unit = _rounded(spans[_usual(weight, given)].middle) if groups else Fraction(1)
    made = list(found)
    for group, span in zip(groups, spans, strict=True):
        part = _scaled(span, 1 / float(unit))
        grown = given and 1 < part.middle < GROWN
        common = unit * (1 if grown else _simplest(part))
        for i in group:
            exact = common * stated[i]
            made[i] = replace(found[i], rate=_moved(found[i], float(exact)), exact=exact)
    return made


def _usual(weight: Sequence[int], given: bool) -> int:
    """Choose the group of most cables; of what is stated the fastest of those with about as many.

    Links degrade, and many may have: what others reach is not grown.
    """
    enough = USUAL * max(weight) if given else max(weight)
    large = [place for place, count in enumerate(weight) if count >= enough]
    return large[-1] if given else large[0]


def _alike(parts: Mapping[int, Interval]) -> list[list[int]]:
    """Group what is not surely apart, in ascending order."""
    groups: list[list[int]] = []
    for i in sorted(parts, key=lambda i: parts[i].middle):
        if groups:
            first, high = parts[groups[-1][0]], max(parts[k].high for k in groups[-1])
            if parts[i].middle <= first.middle * (1 + ALIKE) and parts[i].low <= high:
                groups[-1].append(i)
                continue
        groups.append([i])
    return groups


def _span(parts: Sequence[tuple[Interval, int]]) -> Interval:
    """Take the median of parts with how many cables each speaks for, and what all lie between.

    Of few passes the interval is wider: that of one or two values means nothing.
    """
    each = np.repeat([part.middle for part, _ in parts], [count for _, count in parts])
    low, high = min(part.low for part, _ in parts), max(part.high for part, _ in parts)
    values, outliers = (sum(part[i] for part, _ in parts) for i in (3, 4))
    if values < ENOUGH * len(each):
        low, high = low * (1 - UNSURE), high * (1 + UNSURE)
    return Interval(float(np.median(each)), low, high, int(values), int(outliers))


def _simplest(span: Interval) -> Fraction:
    """Find the fraction of least terms near a measured ratio; the ratio itself if none is near.

    Rates of real links are simple multiples of one another, and plans for simple ones have fewer,
    larger pieces. Near means within 2 %, and not surely beside what was measured; within 15 % if
    it is what links have that lost a part of their lanes, or nothing.
    """
    for lanes in LANES:
        if abs(float(lanes) / span.middle - 1) <= NEARLY and _holds(span, float(lanes), FILLED):
            return lanes
    for below in range(1, MOST_TERMS + 1):
        above = round(span.middle * below)
        ratio = above / below
        near = abs(ratio / span.middle - 1) <= NEAR and _holds(span, ratio)
        if 0 < above <= MOST_TERMS and near:
            return Fraction(above, below)
    return _rounded(span.middle)


def _holds(span: Interval, ratio: float, below: float = SURELY) -> bool:
    return span.low * (1 - below) <= ratio <= span.high * (1 + SURELY)


def _moved(each: Class, rate: float) -> Interval:
    assert each.rate is not None
    low, high = min(each.rate.low, rate), max(each.rate.high, rate)
    return Interval(rate, low, high, each.rate.values, each.rate.outliers)


def _scaled(rate: Interval, factor: float) -> Interval:
    middle, low, high = (factor * each for each in rate[:3])
    return Interval(middle, low, high, rate.values, rate.outliers)


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

    That is where the intervals of the slower ones end before that of the next begins. A few that
    seem a little faster than the rest are not sure: links degrade, and none grows, but buffers on
    the way may have filled meanwhile.
    """
    ordered = cables[np.argsort(found.best[cables], kind="stable")]
    middle, low, high = np.array([_known(found, cable)[:3] for cable in ordered]).reshape(-1, 3).T
    clearly = middle[1:] > middle[:-1] * (1 + ALIKE)
    surely = low[1:] > np.maximum.accumulate(high)[:-1]
    above = np.arange(len(ordered), 0, -1)[1:]  # how many are not slower than the next one
    told = (above >= PART * len(ordered)) | (middle[1:] > middle[:-1] * MUCH)
    cuts = np.flatnonzero(clearly & surely & told) + 1
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


def apply(
    net: Wires, found: Sequence[Class], overhead: Seconds, source: str, guessed: bool = False
) -> Topology:
    """Write rates, latencies and evidence into a machine; complexity: links.

    What several links between two vertices carry together is shared out as it was stated. What was
    not measured is `stated` by the file, or where there is none, `guessed`, `assumed`.
    """
    old = net.topology
    of_cable = np.zeros(net.cables, dtype=np.int64)
    for place, each in enumerate(found):
        of_cable[list(each.cables)] = place
    number: IntArray = of_cable[net.cable]
    whole = np.bincount(net.cable, old.capacity, net.cables)[net.cable]
    used = [each.exact or _rounded(each.used) for each in found]
    rates = [
        used[place] * Fraction(int(part), int(of))
        for place, part, of in zip(number.tolist(), old.capacity, whole, strict=True)
    ]
    below = lcm(*(rate.denominator for rate in rates))
    unit = Fraction(gcd(*(int(rate * below) for rate in rates)), below)
    alpha = np.array([np.nan if each.alpha is None else each.alpha for each in found])[number]
    alpha = np.where(np.isfinite(alpha), np.round(alpha, 9), old.alpha)
    made = replace(
        old,
        unit=unit,
        capacity=integers(rate // unit for rate in rates),
        alpha=frozen(alpha),
        overhead=frozen(np.full(old.ranks, round(overhead, 9))),
        link_class=frozen(number),
        classes=tuple(_link_class(net, each, source, guessed) for each in found),
        symmetry=frozen(np.zeros((0, old.vertices), dtype=np.int64)),
    )
    return replace(made, mate=frozen(_mates(made)))


def _first_class(net: Wires, each: Class) -> LinkClass:
    """Look up the class of the links of a class's first cable."""
    link = int(np.flatnonzero(net.cable == each.cables[0])[0])
    return net.topology.classes[int(net.topology.link_class[link])]


def _link_class(net: Wires, each: Class, source: str, guessed: bool) -> LinkClass:
    old = _first_class(net, each)
    if each.rate is None:
        kept = ASSUMED if guessed else old.evidence or STATED
        return replace(old, name=each.name, evidence=kept)
    return replace(old, name=each.name, evidence=MEASURED, source=source, efficiency=Fraction(1))


def _mates(made: Topology) -> IntArray:
    """Keep together only opposite links that are alike: a file says a pair's figures once."""
    mate = made.mate.copy()
    paired = np.flatnonzero(mate >= 0)
    for column in (made.capacity, made.link_class, made.alpha):
        unlike = column[paired] != column[made.mate[paired]]
        mate[paired[unlike]] = -1
    return mate


def _rounded(number: float) -> Fraction:
    """Round a number above 0 to some digits."""
    return Fraction(f"{max(number, LEAST):.{DIGITS - 1}e}")
