"""The order of an all_to_all where no size is given: rounds that keep its throughput."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from runtime.metrics.chunking import flow_rate
from runtime.metrics.pacing import USUAL, with_pacing
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import pattern_of
from solvers.schedules.piece_loads import incast_bytes
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.timing.rounds import AT_ONCE, LENGTHS, in_rounds, round_orders, send_at_once

LARGE = 2**30  # bytes at which orders are played
KEPT = 0.97  # of the throughput that the links allow, where short rounds spare receivers a flood
FULL = 0.99  # of it, where nothing piles up in switches anyway and long rounds do
MANY = 30_000  # transfers, beyond which orders are not played: each takes seconds
UNPLAYED = (6,)  # the length of rounds that is then taken


def order_exchange(whole: Schedule, watch: Watch) -> Schedule:
    """Put an all_to_all in the first rounds that keep its throughput, else in the fastest order.

    Short rounds come first where data would pile up in front of a rank when all is sent at once:
    that costs the simulator nothing, but real switches much. Of very many transfers one order is
    taken as it is. The result is not verified yet.
    """
    if pattern_of(whole.collective) != "all_to_all" or not len(whole.transfers):
        return whole
    if len(whole.transfers) > MANY:
        name, each = next(round_orders(whole, UNPLAYED), ("", whole))
        return replace(each, provenance=each.provenance | ({"order": name} if name else {}))
    pile = incast_bytes(whole)
    played = []
    for seconds, each in _play_orders(whole, LENGTHS if pile else LENGTHS[::-1], watch):
        played.append((seconds, each))
        share = LARGE / flow_rate(whole) / seconds
        if share >= (KEPT if pile else FULL) and incast_bytes(each) <= pile / 2:
            return each
    return min(played, key=lambda pair: pair[0])[1]


def order_like(whole: Schedule, old: Schedule) -> Schedule:
    """Put an all_to_all in about as many rounds as one on nearly the same machine; play nothing.

    Where that one sends all at once, so does this.
    """
    step = with_pacing(old, USUAL).transfers.step
    name, found = AT_ONCE, send_at_once(whole)
    if not np.array_equal(step, send_at_once(old).transfers.step):
        name, found = in_rounds(whole, int(step.max()) + 1)
    return replace(found, provenance=found.provenance | {"order": name})


def _play_orders(
    whole: Schedule, lengths: tuple[int, ...], watch: Watch
) -> Iterator[tuple[float, Schedule]]:
    """Play the orders at LARGE bytes while there is time; the one that is there comes last."""
    for name, each in round_orders(whole, lengths):
        if watch.leaves_out("other orders"):
            break
        watch.tell(f"trying {name}")
        named = replace(each, provenance=each.provenance | {"order": name})
        yield simulate(named, LARGE).seconds, named
    yield simulate(whole, LARGE).seconds, whole
