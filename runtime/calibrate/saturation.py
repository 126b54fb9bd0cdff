"""From what flows carried together to what each cable can carry.

Let x be the rates of the flows of a round, and y_e = sum of x_f over the flows f that pass cable e.

- Nothing carries more than it can: c_e >= y_e in every round. The largest y_e of all rounds is a
  lower bound on the capacity c_e, whatever is thought about sharing. (What was measured once may
  be wrong, see `_carried`.)
- Every flow wants more than it gets, and is held back by some full cable on its way. If in a round
  all other cables that a flow f passes have room, that is, if they carried clearly more in another
  round, then it is e that is full: c_e = y_e. If that holds of a good part of the load of e, the
  round is a witness for e.

No figure that was stated is used, and no way in which flows share a full cable: that depends
on buffers and times, and is far from even, while the sum of what passes a full cable is its rate.
A cable without a witness is never full in these rounds, or always together with another one.
Of cables one behind the other, that the same flows pass, the one that is stated slowest is taken to
be the full one; if they carried clearly less than that, nobody can tell which it is, and all are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runtime.calibrate.model.fair import passes
from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Interval, Reading, interval
from topologies.model.topology import BoolArray, FloatArray, IntArray

FULL = 0.93  # of the most that a cable carried, from which it counts as full
ROOM = 0.85  # and up to which it surely has room
PART = 0.4  # of what passes a cable, that must have room elsewhere
SURE = 3  # passes of which the median is believed, and loads of which the least is
TRUST = 0.9  # the part of it that is believed
AGREE = 0.95  # of a load, that another one must be to agree with it
SPIKE = 0.75  # of a load that stands alone, that those that agree must be: less may be no noise
BELOW = 0.9  # of the most that a cable carried: few loads above it do not count beside others
RARE = 20  # loads of which one more may be wrong


@dataclass(frozen=True, eq=False)
class Saturation:
    """What is known of each cable.

    Attributes:
        least: bytes per second that it carried at most: it can carry as much.
        rate: of those with a witness, over all passes of all witnesses; else None.
        witness: (rounds, cables), which round is one for which cable.
        heaviest: of each cable, the round in which it carried most.
    """

    least: FloatArray
    rate: tuple[Interval | None, ...]
    witness: BoolArray
    heaviest: IntArray

    @property
    def known(self) -> BoolArray:
        """Tell which cables have a witness."""
        return np.array([each is not None for each in self.rate], dtype=bool)

    @property
    def best(self) -> FloatArray:
        """Give what is known of each: the rate, or the lower bound."""
        pairs = zip(self.rate, self.least.tolist(), strict=True)
        return np.array([least if rate is None else rate.middle for rate, least in pairs])


def saturate(net: Wires, readings: Sequence[Reading]) -> Saturation:
    """Find what the cables can carry; complexity: passes × flows × cables.

    Flows whose ways are not sure must not be in the readings.
    """
    passing = [passes([net.ways[pair] for pair in each.pairs], net.cables) for each in readings]
    loads = [each.rates @ mask for each, mask in zip(readings, passing, strict=True)]
    middle = np.array([np.median(load, axis=0) for load in loads]).reshape(-1, net.cables)
    carried = _carried(loads, net.cables)
    each_round = list(zip(passing, readings, middle, strict=True))
    held = [_held_back(mask, r.middle, load, carried, net.twins) for mask, r, load in each_round]
    least = _settle(middle, np.array(held).reshape(-1, net.cables), carried, net.twins)
    full = [find_full(mask, r.middle, load, least, net.twins) for mask, r, load in each_round]
    witness = np.array(full).reshape(-1, net.cables)
    witness &= (middle <= least / FULL) | (least == carried)  # what was above that was not for long
    rate = tuple(
        _measure(
            [
                (each.launch, load[:, cable])
                for each, load, seen in zip(readings, loads, witness[:, cable], strict=True)
                if seen
            ]
        )
        for cable in range(net.cables)
    )
    rate = _slowest_of_twins(net, rate)
    heaviest = middle.argmax(axis=0) if len(middle) else np.zeros(net.cables, dtype=np.int64)
    return Saturation(least, rate, witness, heaviest)


def _slowest_of_twins(net: Wires, rate: Sequence[Interval | None]) -> tuple[Interval | None, ...]:
    """Leave the rate of cables one behind the other to the one that is stated slowest."""
    kept = list(rate)
    for first in np.flatnonzero(np.bincount(net.twins, minlength=net.cables) > 1).tolist():
        together = np.flatnonzero(net.twins == first)
        found, least = rate[first], net.stated[together].min()
        if found is not None and found.middle >= ROOM * least:
            for cable in together[net.stated[together] > least / FULL].tolist():
                kept[cable] = None
    return tuple(kept)


def _carried(loads: Sequence[FloatArray], cables: int) -> FloatArray:
    """Find what each cable carried at most, but for what was seen too seldom to be believed.

    Where a process is held up, what waits for it is counted late, and a flow seems faster than it
    is. Of rounds with few passes the third largest load counts, or of many a later one, and not
    quite; of rounds with more, the median. Where buffers on the way fill for a good part of the
    window, a round seems faster in all its passes: one that stands alone above two others that
    agree does not count.
    """
    few = [load for load in loads if len(load) < SURE]
    often = [np.median(load, axis=0) for load in loads if len(load) >= SURE]
    singles = np.concatenate([*few, np.zeros((1, cables))])
    place = np.minimum(SURE + (singles > 0).sum(axis=0) // RARE, len(singles)) - 1
    seldom = np.take_along_axis(np.sort(singles, axis=0)[::-1], place[None], axis=0)[0]
    top = np.sort([*often, *np.zeros((3, cables))], axis=0)[::-1][:3]
    is_alone = (top[1] < FULL * top[0]) & (top[2] > AGREE * top[1]) & (top[1] > SPIKE * top[0])
    found: FloatArray = np.maximum(TRUST * seldom, np.where(is_alone, top[1], top[0]))
    return found


def _held_back(
    passing: BoolArray, rates: FloatArray, load: FloatArray, most: FloatArray, twins: IntArray
) -> BoolArray:
    """Tell which cables much of their load must wait for: its flows have room everywhere else."""
    tight = passing & (load > ROOM * most) & (twins == np.arange(len(twins)))
    elsewhere = tight.sum(axis=1)[:, None] - tight
    found: BoolArray = rates @ (passing & (elsewhere == 0)) >= PART * np.maximum(load, 1.0)
    return found


def _settle(load: FloatArray, held: BoolArray, most: FloatArray, twins: IntArray) -> FloatArray:
    """Lower what cables are thought to carry to where most rounds agree that were held back there.

    Where the buffers of one link fill in more than one round, loads above what it can do for long
    agree with one another, too; but in other rounds its flows had room elsewhere, and yet carried
    less. What most of all these rounds agree on, and several do, is what the cable can do.
    """
    found = most.copy()
    for cable in np.flatnonzero(held.any(axis=0)).tolist():
        seen = np.sort(load[held[:, cable], cable])[::-1]
        seen = seen[seen >= SPIKE * most[cable]]
        agree = ((seen >= AGREE * seen[:, None]) & (seen <= seen[:, None])).sum(axis=1)
        usual = int(agree.argmax()) if len(seen) else 0
        if len(seen) and agree[usual] >= SURE:
            part = seen[usual] / most[cable]
            clear = part <= FULL if agree[usual] > 2 * usual else part <= BELOW
            found[cable] = seen[usual] if clear else most[cable]
    return found[twins]


def find_full(
    passing: BoolArray,
    rates: FloatArray,
    load: FloatArray,
    most: FloatArray,
    twins: IntArray,
) -> BoolArray:
    """Tell which cables much of their load shows to be full: its flows pass no other without room.

    One flow does not do: where its process was held up all links on its way would have room.

    Args:
        passing: which flow passes which cable.
        rates: of each flow.
        load: of each cable.
        most: that each cable can carry, as far as is known.
        twins: of each cable the first that always carries the same; they count as one.
    """
    full = load >= FULL * most
    tight = passing & (load > ROOM * most)
    firsts = twins == np.arange(len(twins))
    alone = (tight[:, firsts].sum(axis=1) == 1) * rates
    found: BoolArray = full & (alone @ tight >= PART * load) & (load > 0)
    return found


def _measure(loads: Sequence[tuple[int, FloatArray]]) -> Interval | None:
    """Take the median over all passes; of several launches, over the medians of each.

    What differs from launch to launch does not differ from pass to pass, so that the passes of one
    would promise too much (Hunold and Carpen-Amarie, TPDS 2016).
    """
    by_launch: dict[int, list[FloatArray]] = defaultdict(list)
    for launch, load in loads:
        by_launch[launch].append(load)
    together = [np.concatenate(each) for each in by_launch.values()]
    if len(together) > 1:
        return interval([float(np.median(each)) for each in together])
    return interval(together[0]) if together else None
