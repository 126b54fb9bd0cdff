"""The whole schedule from its representatives: every image under the group, written out."""

from dataclasses import replace

import numpy as np

from solvers.schedules.schedule import Schedule, Transfers
from topologies.model.topology import IntArray, frozen
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
    block = [schedule.collective.images(int(b), elements) for b in schedule.block]
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
    length = np.diff(transfers.route_start)[row]
    start = np.concatenate([[0], np.cumsum(length)])
    hop = np.arange(start[-1]) - np.repeat(start[:-1], length)
    hop += np.repeat(transfers.route_start[row], length)
    return Transfers(
        piece=frozen(piece[place]),
        step=frozen(transfers.step[row]),
        src=frozen(elements[element, transfers.src[row]]),
        dst=frozen(elements[element, transfers.dst[row]]),
        reduce=frozen(transfers.reduce[row]),
        route_start=frozen(start),
        route=frozen(links[np.repeat(element, length), transfers.route[hop]]),
    )
