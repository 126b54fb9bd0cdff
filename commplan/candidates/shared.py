"""What candidates take where links share: of two that are as fast otherwise, one may fall behind.

Real networks lie between links that serve one message after the other and such that share fairly;
TCP comes near to the latter. A lead too long for it lets early messages take from late ones: an
all_reduce of 32 MiB that reaches 0.997 of its bound with leads of 2 and 3 reaches 0.998 with 2
where links share, and 0.70 with 3. Small schedules are tried with their steps dealt out to phases
as well, since sharing is milder where fewer send at a time.
"""

from dataclasses import replace

from commplan.candidates.keys import Generator
from commplan.candidates.measure import Candidate, measure, play_work
from commplan.candidates.tuning import ALIKE, SHARED_PHASES, SHARED_VISITS, SHARED_WORK
from runtime.metrics.pacing import pacing_of, with_pacing
from runtime.simulate.simulate import simulate
from runtime.verify.relaying import mark_relay_copies
from solvers.settings.options import Switching
from topologies.model.units import Bytes, Seconds, Share


def keeps_up(candidate: Candidate, size: Bytes, switching: Switching) -> bool:
    """Tell whether a candidate is about as fast where links share, or takes long to play there."""
    if play_work(candidate.schedule, size) > SHARED_WORK:
        return True
    return shared_seconds(candidate, size, switching) <= ALIKE * candidate.seconds


def prefer_shared(
    found: list[Candidate], size: Bytes, switching: Switching, max_scratch: Share | None = None
) -> list[Candidate]:
    """Put the one first that is fastest where links share, of those alike where they do not.

    These are pacings of the first candidate, and trees that leave room. It is clearly faster than
    the first where links share.
    """
    first = found[0]
    if keeps_up(first, size, switching):
        return found
    near = [
        each
        for each in [*found, *in_phases(first, size, switching, max_scratch)]
        if each.key.unpaced == first.key.unpaced or each.key.generator is Generator.EASED
        if each.seconds <= ALIKE * first.seconds
    ]
    times = [shared_seconds(each, size, switching) for each in near]
    if min(times) * ALIKE >= times[near.index(first)]:
        return found
    best = near[times.index(min(times))]
    return [best, *(each for each in found if each is not best)]


def in_phases(
    first: Candidate, size: Bytes, switching: Switching, max_scratch: Share | None
) -> list[Candidate]:
    """Measure a candidate with its steps dealt out to phases, where the scratch suffices.

    Args:
        first: the candidate.
        size: in bytes.
        switching: how a message crosses several links.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
    """
    if play_work(first.schedule, size) > SHARED_WORK:
        return []
    if len(first.schedule.transfers.route) * first.schedule.group.order > SHARED_VISITS:
        return []
    usual = pacing_of(first.schedule)
    scarce, outside = max_scratch is not None, first.schedule.relays == "forward"
    made = []
    for lead, phases in SHARED_PHASES:
        pacing = replace(usual, lead=lead, stride=1, phases=phases, dealt=True)
        paced = with_pacing(first.schedule, pacing)
        # Ranks outside that only pass on would have to wait for another phase.
        if not (outside and mark_relay_copies(paced).any()):
            key = first.key.at(pacing)
            made.append(measure(key, paced, size, switching, scarce=scarce))
    return [each for each in made if max_scratch is None or each.scratch <= max_scratch]


def shared_seconds(candidate: Candidate, size: Bytes, switching: Switching) -> Seconds:
    """Predict what a candidate takes where links share fairly."""
    return simulate(candidate.schedule, size, switching, sharing="fair").seconds
