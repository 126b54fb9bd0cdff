"""What was last written out to be played: other leads of a program are the same messages."""

from weakref import WeakKeyDictionary

from runtime.simulate.classes import Classes
from runtime.simulate.messages import Cutting, make_traffic
from runtime.simulate.traffic import Traffic
from solvers.schedules.schedule import Schedule, Transfers
from solvers.schedules.unfold import unfold

WHOLE = 6000  # links on the ways of all images, up to which those that meet are played one by one
KEPT = 2  # ways to cut and order one schedule, as searches of leads try two orders in turn

Work = tuple[Traffic, Classes]


def prepare(schedule: Schedule, cutting: Cutting, whole: bool, fair: bool) -> Work:
    """Write out what a play needs, or look it up where it is that of the last schedule.

    Args:
        schedule: what is played.
        cutting: how its pieces become messages.
        whole: whether links store and forward.
        fair: whether links share.
    """
    own = (
        *(schedule.topology, schedule.collective, schedule.share, schedule.block, schedule.group),
        schedule.in_network,
    )
    how = (cutting, whole, fair)
    known = _LAST.get(schedule.transfers)
    if known is None or any(a is not b for a, b in zip(own, known[0], strict=True)):
        _LAST.clear()
        known = _LAST[schedule.transfers] = own, {}
    found = known[1].get(how)
    if found is None:
        while len(known[1]) >= KEPT:
            known[1].pop(next(iter(known[1])), None)
        found = known[1][how] = _write_out(schedule, cutting, whole, fair)
    return found


_LAST: WeakKeyDictionary[
    Transfers, tuple[tuple[object, ...], dict[tuple[Cutting, bool, bool], Work]]
] = WeakKeyDictionary()


def _write_out(schedule: Schedule, cutting: Cutting, whole: bool, fair: bool) -> Work:
    classes = Classes(schedule, cutting.programs)
    visits = len(schedule.transfers.route) * schedule.group.order
    if classes.meet_on(schedule.transfers.route) and visits <= WHOLE:
        programs = cutting.programs and cutting.programs.unfolded(schedule)
        schedule = unfold(schedule)
        classes = Classes(schedule, programs)
    return make_traffic(schedule, classes, cutting, whole, fair), classes
