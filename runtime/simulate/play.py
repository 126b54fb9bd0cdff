"""The play of a traffic: by the core in C where it was built at install, else by its twin."""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from runtime.simulate.traffic import Flowing, Traffic
from topologies.model.topology import IntArray

LIBRARY = Path(__file__).parent / "libplay.so"
NO_MEMORY, TOO_LONG = 1, 3
FOREVER = 2**62  # ticks
_NUMBERS = (
    *("chunks", "phases", "lead", "whole", "fair", "ranks", "pairs", "messages", "parts"),
    *("gates", "stations", "steps", "queues", "limit"),
)
_COLUMNS = (
    *("pair_first", "pair_src", "pair_dst", "pair_sending", "pair_receiving"),
    *("step", "cuts", "turn", "pair", "need", "sending", "receiving", "part_first"),
    *("visit_first", "station", "work", "way"),
    *("gate_need", "gate_next", "gate_first", "gate_message", "opens_first", "opens"),
    *("images", "amount", "capacity", "queue"),
)
_RESULTS = ("end", "events", "done")


@dataclass(frozen=True)
class Played:
    """When the last message is complete, in ticks, and how many events there were.

    Attributes:
        late: it was given up, as the end would be after the limit.
    """

    end: int
    events: int
    late: bool = False


class _Play(ctypes.Structure):
    """As play.c has it."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in _COLUMNS),
        *((name, ctypes.c_int64) for name in _RESULTS),
    )


def play(traffic: Traffic, lead: int, limit: int = FOREVER) -> Played:
    """Play to the end, or until it is seen to come after `limit` ticks (not where links share).

    Complexity: visits of all chunks × log of those under way.
    """
    return (play_in_c if is_built() else play_in_python)(traffic, lead, limit)


@cache
def is_built() -> bool:
    """Tell whether the core is there, loads, and is of the same day as this file."""
    try:
        return bool(_library().commplan_play_size() == ctypes.sizeof(_Play))
    except (OSError, AttributeError):
        return False


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(LIBRARY))


def play_in_python(traffic: Traffic, lead: int, limit: int = FOREVER) -> Played:
    """Let the twin play."""
    from runtime.simulate.shared_twin import SharedTwin
    from runtime.simulate.twin import Twin

    flowing = traffic.flowing
    if flowing is None:
        twin = Twin(traffic, lead, limit)
    else:
        twin = SharedTwin(traffic, flowing, lead, FOREVER)
    twin.play()
    return _ended(traffic, twin.done, Played(twin.end, twin.events, twin.late))


def play_in_c(traffic: Traffic, lead: int, limit: int = FOREVER) -> Played:
    """Let the core play.

    Raises:
        MemoryError: there is not enough.
    """
    fair = traffic.flowing is not None
    numbers = (traffic.chunks, traffic.phases, lead, traffic.whole, fair, traffic.pairs.ranks)
    rows = (traffic.pairs.src, traffic.messages.step, traffic.parts.message, traffic.gates.need)
    counts = (*map(len, rows), traffic.stations, traffic.steps, len(traffic.parts.station), limit)
    held = [np.ascontiguousarray(column, dtype=np.int64) for column in _columns(traffic)]
    state = _Play(*map(int, (*numbers, *counts)), *(column.ctypes.data for column in held))
    answer = _library().commplan_play(ctypes.byref(state))
    if answer == NO_MEMORY:
        raise MemoryError("no memory for the simulation")
    return _ended(traffic, state.done, Played(state.end, state.events, answer == TOO_LONG))


def _columns(traffic: Traffic) -> tuple[IntArray, ...]:
    """Give the columns in the order of _COLUMNS."""
    own, parts, gates, pairs = traffic.messages, traffic.parts, traffic.gates, traffic.pairs
    none = parts.first[:0]
    flowing = traffic.flowing or Flowing(none, none, none)
    part_first = np.searchsorted(parts.message, np.arange(len(own.step) + 1))
    return (
        *(pairs.first, pairs.src, pairs.dst, pairs.sending, pairs.receiving),
        *(own.step, own.cuts, traffic.turn, own.pair, own.need, own.sending, own.receiving),
        *(part_first, parts.first, parts.station, parts.work, parts.way),
        *(gates.need, gates.next, gates.waiting.first, gates.waiting.value),
        *(own.opens.first, own.opens.value),
        *(traffic.images, flowing.amount, flowing.capacity, flowing.queue),
    )


def _ended(traffic: Traffic, done: int, played: Played) -> Played:
    """Make sure that every message came: data, lead and order only ever wait for earlier ones."""
    assert played.late or done == traffic.messages.cuts.sum(), f"{done} messages came"
    return played
