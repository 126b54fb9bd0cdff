"""What ranks outside a collective do in a schedule: pass messages on, or copy and add as well."""

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.topology import BoolArray, IntArray, frozen


def mark_relay_copies(schedule: Schedule) -> BoolArray:
    """Mark the transfers by which a rank outside the collective copies or adds: (transfers,).

    Such a rank may send each message on once, before the next one of the piece comes to it.
    Messages that come in one step are alike, and each may go on. Complexity: sorting the transfers.
    """
    rows, topology = schedule.transfers, schedule.topology
    outside = np.arange(topology.vertices) < topology.ranks
    outside[list(schedule.collective.ranks)] = False
    found = rows.reduce & outside[rows.dst]
    into, out = np.flatnonzero(outside[rows.dst]), np.flatnonzero(outside[rows.src])
    place = np.concatenate([rows.dst[into], rows.src[out]])
    row = np.concatenate([into, out])
    sends = np.arange(len(row)) >= len(into)
    found[row[sends & _too_many(rows.piece[row], place, rows.step[row], sends)]] = True
    return frozen(found)


def _too_many(piece: IntArray, place: IntArray, step: IntArray, sends: BoolArray) -> BoolArray:
    """Mark the messages out of a place between two arrivals there, if more leave than came.

    What leaves in a step goes before what comes in that step.
    """
    order = np.lexsort((~sends, step, place, piece))
    keys = np.stack([piece, place, np.where(sends, -1, step)])[:, order]
    own, moment = keys[:2], keys[2]
    comes = ~sends[order]
    # A new group begins with each place, and with each step in which something comes.
    before = np.roll(moment, 1)
    begins = (own != np.roll(own, 1, axis=1)).any(axis=0) | (comes & (moment != before))
    if len(begins):
        begins[0] = True
    group = np.cumsum(begins) - 1
    surplus = np.bincount(group, weights=np.where(comes, -1.0, 1.0)) > 0
    marks = np.zeros(len(order), dtype=np.bool_)
    marks[order] = surplus[group] if len(group) else False
    return marks
