"""How a program goes about a schedule: in how many chunks, how far ahead, in what order."""

from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

import numpy as np

from runtime.metrics.phases import deal_out
from solvers.schedules.schedule import Schedule
from topologies.model.ragged import earlier
from topologies.model.topology import IntArray

Order = Literal["place", "piece"]
ORDERS: tuple[Order, ...] = get_args(Order)
MOST_LEAD = 1024  # program steps; as good as no limit, which suits matchings of many short steps
MOST_PACE = 64.0
WHOLE = 0.0  # a pace: no piece is cut
MOST_STRIDE = MOST_PHASES = 8


@dataclass(frozen=True, slots=True)
class Pacing:
    """What a program is free in; it travels in the provenance of a schedule.

    Attributes:
        pace: it goes in about so many times the chunks that the rule would choose; 0 for pieces
            that are not cut.
        lead: a rank starts messages of a program step when all its messages of program steps older
            than the last `lead` - 1 are complete; with 1 it waits for each step.
        order: of the messages of one program step: by their place among the transfers of their
            piece, so that ranks begin with different peers, or by piece.
        stride: program steps from one step of the schedule to the next. With 2 what comes late by
            one still holds nobody up who sends it on.
        phases: program steps from one chunk to the next.
        dealt: whether each step becomes so many program steps, to which its transfers are dealt
            out: few pairs of ranks share a link in each. Else steps stay one after the other, and a
            chunk is through the program in the time of fewer chunks.
    """

    pace: float = 1.0
    lead: int = 3
    order: Order = "place"
    stride: int = 1
    phases: int = 1
    dealt: bool = True

    @property
    def parts(self) -> int:
        """Count the program steps to which the transfers of a step are dealt out."""
        return self.phases if self.dealt else 1


USUAL = Pacing()
# What its fields are called in a provenance.
_KEYS = {
    **{"pace": "pace", "lead": "lead", "order": "starting"},
    **{"stride": "stride", "phases": "phases", "dealt": "dealt"},
}


def pacing_of(schedule: Schedule) -> Pacing:
    """Read the pacing of a schedule; what a file holds that means nothing counts as absent."""
    held = schedule.provenance
    phases = int(_within(held.get("phases"), 1, MOST_PHASES, USUAL.phases))
    stride = int(_within(held.get("stride"), 1, MOST_STRIDE, USUAL.stride))
    dealt = held.get("dealt") != 0 or phases == 1
    step = schedule.transfers.step
    shown = stride == 1 or not (step // (phases if dealt else 1) % stride).any()
    return Pacing(
        _within(held.get("pace"), WHOLE, MOST_PACE, USUAL.pace),
        int(_within(held.get("lead"), 1, MOST_LEAD, USUAL.lead)),
        next((known for known in ORDERS if known == held.get(_KEYS["order"])), USUAL.order),
        stride if shown else USUAL.stride,
        phases,
        dealt,
    )


def _within(held: object, least: float, most: float, usual: float) -> float:
    """Give a number that a file holds, brought between limits; the usual one if it is none."""
    if not isinstance(held, (int, float)) or isinstance(held, bool) or held != held:
        return usual
    return min(max(float(held), least), most)


def with_pacing(schedule: Schedule, pacing: Pacing) -> Schedule:
    """Let a schedule be played and run at a pacing; what is usual is not written down.

    Its steps are moved apart, or together again, by stride and phases.
    """
    usual, names = asdict(USUAL), _KEYS.values()
    kept = {key: value for key, value in schedule.provenance.items() if key not in names}
    chosen = {_KEYS[key]: value for key, value in asdict(pacing).items() if value != usual[key]}
    if not pacing.dealt:  # files hold words and numbers
        chosen[_KEYS["dealt"]] = 0
    return replace(_with_steps(schedule, pacing), provenance=kept | chosen)


def _with_steps(schedule: Schedule, pacing: Pacing) -> Schedule:
    """Move the steps; where there are other phases than before the transfers are dealt out anew."""
    rows, held = schedule.transfers, pacing_of(schedule)
    if (held.stride, held.parts) == (pacing.stride, pacing.parts):
        return schedule
    step, phase = np.divmod(rows.step, held.parts)
    step = step // held.stride * pacing.stride
    if pacing.parts == held.parts:
        return replace(schedule, transfers=replace(rows, step=step * held.parts + phase))
    plain = replace(schedule, transfers=replace(rows, step=step))
    return plain if pacing.parts == 1 else deal_out(plain, pacing.parts)


def with_lead(schedule: Schedule, lead: int | None) -> Schedule:
    """Let a schedule be played and run with another lead; None leaves it its own."""
    return (
        schedule if lead is None else with_pacing(schedule, replace(pacing_of(schedule), lead=lead))
    )


def turns(
    piece: IntArray, step: IntArray, order: Order = USUAL.order, place: IntArray | None = None
) -> IntArray:
    """Give the rows of transfers in the order in which a program starts their messages.

    Args:
        piece: of each transfer, those of one piece in the order of the schedule's rows.
        step: of each transfer.
        order: of those of one step.
        place: of each transfer among those of its piece, where not all of these are given.

    Returns:
        Indices of rows. Images of a transfer under a group come one after the other where the
        pieces of images have adjacent numbers, so it is the same order with and without symmetry.
    """
    place = earlier(piece) if place is None else place
    keys = (piece, place) if order == "place" else (place, piece)
    return np.lexsort((*keys, step))
