"""Fewer messages, where they cost ranks something and are worth little.

The model lets a rank start messages while its links work, so that messages cost nothing until
ranks do nothing else. A rank has other things to do, and what is stated of a message is known
within some tens per cent: an all_reduce that goes in 448 chunks where 37 take 1 % longer is slower
on a computer whose cores all ranks share (`bench.fabric_contest`).
"""

from collections.abc import Iterator
from dataclasses import replace

from commplan.candidates.measure import Candidate, race, vary
from commplan.candidates.shared import shared_seconds
from commplan.candidates.tuning import BUSY, CHEAP, FEWER_CHUNKS, ROOM
from runtime.metrics.chunking import message_cost
from runtime.metrics.pacing import Pacing
from solvers.settings.deadline import Watch
from solvers.settings.options import Switching
from topologies.model.units import Bytes, Share


def spare_messages(
    found: list[Candidate],
    size: Bytes,
    watch: Watch,
    switching: Switching,
    max_scratch: Share | None,
) -> list[Candidate]:
    """Put the first candidate in fewer chunks while its messages keep a rank busy.

    They take at most CHEAP times the time, on links that serve one message after the other and on
    such that share, and ROOM as scratch, of which larger chunks need more. Where the machine states
    no overhead nothing changes.

    Args:
        found: measured at the size, the one that is chosen first.
        size: in bytes.
        watch: says when to stop.
        switching: how a message crosses several links.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
    """
    first = found[0]
    kept, cost = first, message_cost(first.schedule)
    if kept.chunks * cost <= BUSY * kept.seconds:
        return found
    most, shared = CHEAP * first.seconds, CHEAP * shared_seconds(first, size, switching)
    room = max(first.scratch, ROOM) if max_scratch is None else max_scratch
    for made in vary([first], fewer_chunks, size):
        scarce = max_scratch is not None
        tried = race(iter([made]), size, watch, "fewer messages", switching, scarce=scarce)
        if not tried or tried[0].seconds > most:
            break
        if shared_seconds(tried[0], size, switching) > shared or tried[0].scratch > room:
            break
        kept = tried[0]
        if tried[0].chunks * cost <= BUSY * tried[0].seconds:
            break
    return found if kept is first else [kept, *found]


def fewer_chunks(pacing: Pacing) -> Iterator[Pacing]:
    """Vary a pacing by fewer chunks."""
    return (replace(pacing, pace=pacing.pace * part) for part in FEWER_CHUNKS)
