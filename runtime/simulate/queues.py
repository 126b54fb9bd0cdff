"""Many queues at once: servers that work on one thing at a time, first come, first served."""

import numpy as np

from topologies.model.topology import IntArray


def serve(
    server: IntArray, ready: IntArray, duration: IntArray, free: IntArray, turn: IntArray
) -> tuple[IntArray, IntArray]:
    """Serve things in the order in which they are ready, those that are so at once by turn.

    free: when each server has finished what came before; it is brought up to date. Result: when the
    server was free for each thing, and when it finished it. Complexity: n log n, no loop over rows.
    """
    order = np.lexsort((turn, ready, server))
    at, least, work = server[order], ready[order], duration[order]
    first = np.flatnonzero(np.diff(at, prepend=-1))
    length = np.diff(np.append(first, len(at)))
    least[first] = np.maximum(least[first], free[at[first]])
    # With all work of a queue up to and with i as done[i]:
    # finish[i] = max over j <= i of ready[j] + done[i] - done[j - 1].
    done = np.cumsum(work)
    done -= np.repeat((done - work)[first], length)
    finish = _running_max(least - done + work, at, int(length.max(initial=0))) + done
    before = np.empty_like(finish)
    before[1:] = finish[:-1]
    before[first] = free[at[first]]
    free[at[first]] = finish[first + length - 1]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return before[back], finish[back]


def _running_max(values: IntArray, group: IntArray, longest: int) -> IntArray:
    """Give the largest value so far in each run of equal groups, by doubling."""
    reach = 1
    while reach < longest:
        same = group[reach:] == group[:-reach]
        larger = np.maximum(values[reach:], values[:-reach])
        values[reach:] = np.where(same, larger, values[reach:])
        reach *= 2
    return values
