"""From what flows carried together to what each cable can carry.

Let x be the rates of the flows of a round, and y_e = sum of x_f over the flows f that pass cable e.

- Nothing carries more than it can: c_e >= y_e in every round. The largest y_e of all rounds is a
  lower bound on the capacity c_e, whatever is thought about sharing.
- Every flow wants more than it gets, and is held back by some full cable on its way. If in a round
  all other cables that a flow f passes have room, that is, if they carried clearly more in another
  round, then it is e that is full: c_e = y_e. The round is a witness for e.

No figure that was stated is used, and no way in which flows share a full cable: that depends
on buffers and times, and is far from even, while the sum of what passes a full cable is its rate.
A cable without a witness is never full in these rounds, or always together with another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runtime.calibrate.fair import passes
from runtime.calibrate.readings import Interval, Reading, interval
from runtime.calibrate.wires import Wires
from topologies.model.topology import BoolArray, FloatArray, IntArray

FULL = 0.93  # of the most that a cable carried, from which it counts as full
ROOM = 0.85  # and up to which it surely has room


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
    least = middle.max(axis=0, initial=0.0)
    witness = np.array(
        [find_full(mask, load, least) for mask, load in zip(passing, middle, strict=True)]
    ).reshape(-1, net.cables)
    rate = tuple(
        _measure([loads[round][:, cable] for round in np.flatnonzero(witness[:, cable])])
        for cable in range(net.cables)
    )
    heaviest = middle.argmax(axis=0) if len(middle) else np.zeros(net.cables, dtype=np.int64)
    return Saturation(least, rate, witness, heaviest)


def find_full(passing: BoolArray, load: FloatArray, most: FloatArray) -> BoolArray:
    """Tell which cables some flow shows to be full: it passes no other that has no room.

    Args:
        passing: which flow passes which cable.
        load: of each cable.
        most: that each cable can carry, as far as is known.
    """
    full = load >= FULL * most
    tight = passing & (load > ROOM * most)
    alone = tight.sum(axis=1) == 1
    found: BoolArray = (tight[alone] & full).any(axis=0)
    return found


def _measure(loads: Sequence[FloatArray]) -> Interval | None:
    return interval(np.concatenate(loads)) if loads else None
