"""Plays of many chunks from plays of fewer: once all are under way, chunk follows chunk."""

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from runtime.simulate.play import FOREVER, play
from runtime.simulate.traffic import Traffic

EVENTS = 2_000_000  # that are played for one answer; a fifth of a second
SHARED = 8  # times the work of an event where links share, about
OPENED = 8  # gates that are entered in the time of an event
LEAST = 32  # chunks of the longer play


def play_steadily(
    traffic: Traffic, lead: int, events: int = EVENTS, limit: int = FOREVER
) -> int | None:
    """Give the tick at which the last message is complete; None where it is after `limit`.

    Where more than `events` would happen two plays of fewer chunks, of the same bytes, tell what a
    chunk more takes; all that are missing take as long. On irregular machines that is within 1 %
    of a play of all chunks, where the plays have more chunks than a message has steps.
    """
    if int(traffic.busy.max(initial=0)) > limit:
        return None
    events //= 1 if traffic.flowing is None else SHARED
    own, opened = traffic.messages, len(traffic.messages.opens.value)
    each = len(traffic.parts.station) + len(own.step) + opened // OPENED
    more = max(LEAST, events * 2 // 3 // max(each, 1))
    if traffic.chunks <= more or traffic.chunks * each <= events:
        return _end(traffic, lead, limit)
    fewer = more // 2
    late, early = (play(_shortened(traffic, chunks), lead).end for chunks in (more, fewer))
    missing = traffic.chunks - more
    return max(late - (-missing * (late - early) // (more - fewer)), int(traffic.busy.max()))


def _end(traffic: Traffic, lead: int, limit: int) -> int | None:
    """Play, or look up; a lead that is longer than the program is like any other such lead."""
    lead = min(lead, max(traffic.steps, 1))
    known = _ENDS.setdefault(traffic, {})
    if lead not in known:
        played = play(traffic, lead, limit)
        if played.late:
            return None
        known[lead] = played.end
    return known[lead]


_ENDS: WeakKeyDictionary[Traffic, dict[int, int]] = WeakKeyDictionary()


def _shortened(traffic: Traffic, chunks: int) -> Traffic:
    """Play the first chunks alone."""
    cuts = np.maximum(1, traffic.messages.cuts * chunks // traffic.chunks)
    return replace(traffic, chunks=chunks, messages=replace(traffic.messages, cuts=cuts))
