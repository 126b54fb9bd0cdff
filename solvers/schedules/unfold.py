"""The whole schedule from its representatives: every image under the group, written out."""

from dataclasses import replace

import numpy as np

from solvers.schedules.schedule import Schedule, Transfers
from topologies.model.ragged import stretches
from topologies.model.topology import IntArray, frozen
from topologies.model.units import Rank
from topologies.symmetry.group import link_images, trivial


def unfold(schedule: Schedule) -> Schedule:
    """Write out all pieces and transfers; the result has the trivial group.

    Image g of piece p becomes piece p * order + g. Complexity: order × transfers.

    Raises:
        CollectiveError: the group does not keep the collective.
        SymmetryError: the group does not keep the machine.
    """
    elements = schedule.group.elements
    order = len(elements)
    if order == 1:
        return schedule
    images = link_images(schedule.topology, elements)
    block = [schedule.collective.images(int(b), schedule.group) for b in schedule.block]
    return replace(
        schedule,
        block=frozen(np.concatenate(block)),
        share=tuple(share for share in schedule.share for _ in range(order)),
        transfers=_images(schedule.transfers, elements, images),
        group=trivial(schedule.topology),
    )


def _images(transfers: Transfers, elements: IntArray, links: IntArray) -> Transfers:
    """Translate every transfer by every element, sorted by image piece and step."""
    order = len(elements)
    piece = (transfers.piece * order + np.arange(order)[:, None]).reshape(-1)
    place = np.argsort(piece, kind="stable")
    element, row = np.divmod(place, max(len(transfers), 1))
    copies = transfers.rows(row)
    of_hop = np.repeat(element, np.diff(copies.route_start))
    return replace(
        copies,
        piece=frozen(piece[place]),
        src=frozen(elements[element, copies.src]),
        dst=frozen(elements[element, copies.dst]),
        route=frozen(links[of_hop, copies.route]),
    )


def rows_of(schedule: Schedule, rank: Rank) -> tuple[IntArray, IntArray]:
    """List what a rank sends or receives: the transfers, and the elements that bring them there."""
    rows, group = schedule.transfers, schedule.group
    start = group.origins(np.arange(group.order), np.array(rank))  # what each element brings there
    by_start = np.argsort(start, kind="stable")
    chosen = []
    for end in (rows.src, rows.dst):
        first, last = (np.searchsorted(start[by_start], end, side) for side in ("left", "right"))
        row = np.repeat(np.arange(len(rows)), last - first)
        chosen.append(np.stack([row, by_start[stretches(first, last - first)]]))
    row, element = np.concatenate(chosen, axis=1)
    return row, element
