"""Which of several messages a queue serves first, where all are ready at once.

Those over the busiest link: what the time depends on waits for nothing that could be late. Among
equals the order is that of the steps, then that of the rows; what travels in one message stays
together. No program enforces this: it starts all messages of a step at once, and those over the
busiest link are under way from the first moment.
"""

import numpy as np

from topologies.model.topology import FloatArray, IntArray

ALIKE = 1e-6  # of the busiest: what differs by less is as busy as each other


def turns(message: IntArray, busy: FloatArray, step: IntArray, joint: IntArray) -> IntArray:
    """Give each message its place.

    message, busy: of each visit of a message to a link or an end, and how long that works in all,
    in any unit. step, joint: of each message; those of one joint, parts of a larger message, are as
    busy as the busiest of them, and come one after the other in the order of the rows.
    Complexity: visits + messages × log.
    """
    part = np.rint(busy / (busy.max(initial=0.0) or 1.0) / ALIKE)
    most = np.zeros(len(step))
    np.maximum.at(most, joint[message], part)
    most = most[joint]
    place = np.empty(len(step), dtype=np.int64)
    place[np.lexsort((joint, step, -most))] = np.arange(len(step))
    return place
