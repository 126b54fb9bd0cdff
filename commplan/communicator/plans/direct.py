"""Schedules whose ranks outside pass messages on, for processes that are not there to do so.

What a rank without a process passes on goes from the rank before it to the one behind it as one
message, over the same links: on the machine as the processes see it such a rank is a switch.
"""

from dataclasses import replace

import numpy as np

from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer, columns
from solvers.schedules.unfold import unfold
from topologies.derive.restrict import restrict
from topologies.symmetry.group import trivial


def send_directly(schedule: Schedule) -> Schedule:
    """Join messages that other ranks pass on, on the machine where these are switches.

    The first message of a piece that comes to such a rank is the first that leaves it. A joined one
    has the step of its last part. No bound is claimed. Complexity: transfers, with their logarithm.

    Args:
        schedule: of a collective that its name tells; ranks outside only pass on.
    """
    whole = unfold(schedule)
    what, machine = whole.collective, restrict(whole.topology, whole.collective.ranks)
    place = {rank: number for number, rank in enumerate(what.ranks)}
    joined = [
        each._replace(src=place[each.src], dst=place[each.dst]) for each in _join(whole, set(place))
    ]
    root = None if what.root is None else place[what.root]
    return replace(
        whole,
        topology=machine,
        collective=collective(what.name, range(len(place)), root),
        transfers=columns(joined),
        group=trivial(machine),
        bound=UNPROVED,
        relays="all",
    )


def _join(schedule: Schedule, members: set[int]) -> list[Transfer]:
    """Follow each message from a member to the next member that it comes to."""
    rows = schedule.transfers
    leaving: dict[tuple[int, int], list[int]] = {}
    for number in np.argsort(rows.step, kind="stable")[::-1].tolist():
        src = int(rows.src[number])
        if src not in members:
            leaving.setdefault((int(rows.piece[number]), src), []).append(number)
    found: list[Transfer] = []
    on_the_way: dict[int, Transfer] = {}  # by the number of the next message
    for number in np.argsort(rows.step, kind="stable").tolist():
        own = rows[number]
        if own.src not in members:
            before = on_the_way.pop(number, None)
            if before is None:
                continue  # it has nothing to pass on
            own = own._replace(src=before.src, route=(*before.route, *own.route))
        if own.dst in members:
            found.append(own)
        elif waiting := leaving.get((own.piece, own.dst)):
            on_the_way[waiting.pop()] = own
    return found
