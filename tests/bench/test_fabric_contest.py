"""bench.fabric_contest goes on where it stopped."""

import time
from math import inf
from types import SimpleNamespace

import pytest

from bench.contest.kept import Kept, TimeOverError
from bench.fabric_contest import FORMAT, Match, cube


class Bed:
    """A machine on which everything takes a second, but the second algorithm, which fails."""

    def __init__(self):
        self.machine = SimpleNamespace(layout=SimpleNamespace(original=cube()))
        self.launches = 0

    def stock(self, what, size, variables, calls):
        self.launches += 1
        return inf if self.launches == 2 else 1.0

    def ours(self, schedule, size):
        self.launches += 1
        measured = SimpleNamespace(seconds=0.5, wrong=0)
        return SimpleNamespace(
            measured=measured, bound=0.4, predicted=0.45, faults=lambda: [], marks=()
        )


def _match(path, bed, until=inf):
    kept = Kept(FORMAT, "openmpi", path, until)
    return Match("torus 2x2x2", "all_gather", 2**16, "openmpi", kept, lambda: bed)


def test_what_was_launched_is_not_launched_again(tmp_path):
    path, bed = tmp_path / "rows", Bed()
    with pytest.raises(TimeOverError):
        _match(path, bed, time.monotonic() - 1).row(2)
    assert bed.launches == 0
    first = _match(path, bed).row(2)
    launched = bed.launches
    again = _match(path, bed).row(2)
    assert first == again
    assert bed.launches == launched
    assert (first.ours, first.best, first.bound) == (0.5, 1.0, 0.4)
    _match(path, bed).row(3)
    assert bed.launches == launched + 2  # ours, and the default, which is the fastest
