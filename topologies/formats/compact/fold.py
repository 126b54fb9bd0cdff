"""From a list of rows to fewer that stand for all: loops are found as programs would write them.

A row has a shape, its names with the numbers taken out and all else that it says, and the numbers.
Rows of one shape whose numbers grow alike, or return to 0 at the end of what they count, become a
loop; equal loops one after the other become a loop of loops, and so on from the inside outwards.
Finding takes time in proportion to the rows and to the longest period that is tried.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PERIODS = 64  # of rows that may repeat together; fewer in long lists
LONG = 20_000
PART = 3  # repeats that make a loop which leaves out values of its index


class Slot(NamedTuple):
    """Where a number stands: in names of one shape, at one place; `size` if all below are there."""

    shape: str
    place: int
    size: int


class Shape(NamedTuple):
    """What rows have in common: where their numbers stand, their names, and all else.

    Attributes:
        slots: of the numbers, in the order of the names.
        names: fields, with the shapes of the names there.
        rest: all other fields.
        table: whether the row is one; else it is a name alone.
    """

    slots: tuple[Slot, ...]
    names: tuple[tuple[str, str], ...]
    rest: tuple[tuple[str, Hashable], ...]
    table: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its shape and its numbers."""

    shape: Shape
    numbers: tuple[int, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """List where the numbers stand."""
        return self.shape.slots

    @property
    def busy(self) -> tuple[bool, ...]:
        """Tell which numbers grow already: none."""
        return (False,) * len(self.numbers)

    @property
    def form(self) -> Hashable:
        """Say what another item must have in common with it."""
        return self.shape


@dataclass(frozen=True, slots=True)
class Loop:
    """Items that repeat: the first ones, how often, and by how much their numbers grow."""

    items: tuple["Item", ...]
    count: int
    steps: tuple[int, ...]
    slots: tuple[Slot, ...]
    numbers: tuple[int, ...]
    busy: tuple[bool, ...]
    form: Hashable


Item = Row | Loop


def fold(rows: Sequence[Item]) -> list[Item]:
    """Put what repeats into loops, from the inside outwards."""
    items = list(rows)
    known: dict[Hashable, int] = {}
    period = 1
    while period <= min(len(items) // 2, PERIODS if len(items) < LONG else PERIODS // 4):
        folded = _fold(items, period, known)
        period = 1 if len(folded) < len(items) else period + 1
        items = folded
    return items


def _fold(items: Sequence[Item], period: int, known: dict[Hashable, int]) -> list[Item]:
    """Put into loops what repeats with one period, from left to right."""
    forms = [known.setdefault(item.form, len(known)) for item in items]
    found: list[Item] = []
    at = 0
    while at < len(items):
        count, steps = _repeats(items, forms, at, period)
        if count > 1:
            found.append(_loop(tuple(items[at : at + period]), count, steps))
            at += count * period
        else:
            found.append(items[at])
            at += 1
    return found


def _repeats(
    items: Sequence[Item], forms: Sequence[int], at: int, period: int
) -> tuple[int, tuple[int, ...]]:
    """Count how often the items from one on repeat, and tell by how much their numbers grow.

    What returns to 0 must come around whole: a part of a circle is a chance neighbour.
    """
    steps: tuple[int, ...] = ()
    wraps: dict[int, int] = {}  # numbers that return to 0, and after how many repeats
    count, most = 1, len(items)
    slots = [slot for item in items[at : at + period] for slot in item.slots]
    while count < most and (end := at + (count + 1) * period) <= len(items):
        start = end - period
        if forms[at : at + period] != forms[start:end]:
            break
        grown, back = _growth(items[start - period : start], items[start:end])
        if not grown or (steps and grown != steps):
            break
        if not steps:
            steps = grown
            sizes = [slot.size for slot, up in zip(slots, steps, strict=True) if up and slot.size]
            most = min([*sizes, most])
        wraps = dict.fromkeys(back, count) | wraps
        count += 1
    if any(slots[i].size != count for i in wraps):
        count = min(wraps.values())
    full = any(up and count * up == s.size for s, up in zip(slots, steps, strict=False))
    return (count, steps) if full or count >= PART else (1, ())


def _growth(before: Sequence[Item], after: Sequence[Item]) -> tuple[tuple[int, ...], list[int]]:
    """Tell by how much each number grows, all by the same or not at all, and which are 0 again.

    Nothing is told where that is not so, or where nothing grows.
    """
    grown: list[int] = []
    back = []
    step = 0
    for one, other in zip(before, after, strict=True):
        for slot, a, b, busy in zip(one.slots, one.numbers, other.numbers, one.busy, strict=True):
            around = b == 0 and a == slot.size - 1 and slot.size > 1
            up = 1 if around else b - a
            if up and (busy or up < 0 or up != (step or up)):
                return (), []
            if around:
                back.append(len(grown))
            step = step or up
            grown.append(up)
    return (tuple(grown), back) if step else ((), [])


def _loop(items: tuple[Item, ...], count: int, steps: tuple[int, ...]) -> Loop:
    slots = tuple(slot for item in items for slot in item.slots)
    numbers = tuple(number for item in items for number in item.numbers)
    inside = tuple(flag for item in items for flag in item.busy)
    busy = tuple(flag or up > 0 for flag, up in zip(inside, steps, strict=True))
    form = (tuple(item.form for item in items), count, steps)
    return Loop(items, count, steps, slots, numbers, busy, form)
