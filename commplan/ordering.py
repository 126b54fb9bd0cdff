"""The order of an all_to_all where no size is given: rounds that keep its throughput."""

from dataclasses import replace

from commplan.checking import Checked, checked
from runtime.simulate import simulate
from solvers.amounts import incast
from solvers.rounds import orders
from solvers.schedule import Schedule
from solvers.watch import Watch

LARGE = 2**30  # bytes at which orders are compared
KEPT = 0.97  # of the best order's throughput that rounds must have


def in_good_order(found: Checked, watch: Watch) -> Checked:
    """Put an all_to_all in the shortest rounds that keep its throughput, and verify it again.

    Where nothing can pile up in a switch the fastest order is as good as any. All are played at
    LARGE bytes.

    Raises:
        WrongSchedule: a bug.
    """
    best = _best(found.schedule, watch)
    return found if best is found.schedule else checked(best)


def _best(whole: Schedule, watch: Watch) -> Schedule:
    played = [(simulate(whole, LARGE).seconds, whole)]
    for name, each in orders(whole):
        if watch.over:
            break
        watch.tell(f"trying {name}")
        named = replace(each, provenance=each.provenance | {"order": name})
        played.append((simulate(named, LARGE).seconds, named))
    least = min(seconds for seconds, _ in played)
    close = [each for seconds, each in played[1:] if seconds * KEPT <= least]
    calm = [each for each in close if incast(each) < incast(whole)]
    return calm[0] if calm else min(played, key=lambda pair: pair[0])[1]
