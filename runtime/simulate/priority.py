"""Which of several messages a queue serves first, where they come at once.

Of those of one program step those over the busiest link: what the time depends on waits for nothing
that could be late. Among equals the order is that in which programs start them. No program enforces
this, but what comes at once may come in any order.
"""

import numpy as np

from topologies.model.topology import FloatArray, IntArray

ALIKE = 1e-6  # of the busiest: what differs by less is as busy as each other


def turns(message: IntArray, busy: FloatArray, place: IntArray) -> IntArray:
    """Give each message its turn.

    message, busy: of each visit of a message to a link or an end, and how long that works in all,
    in any unit. place: of each message, in the order in which programs start them.
    Complexity: visits + messages × log.
    """
    part = np.rint(busy / (busy.max(initial=0.0) or 1.0) / ALIKE)
    most = np.zeros(len(place))
    np.maximum.at(most, message, part)
    turn = np.empty(len(place), dtype=np.int64)
    turn[np.lexsort((place, -most))] = np.arange(len(place))
    return turn
