"""Whoever may have to be told something has a connection before any cable is cut."""

import sys
from collections import deque
from types import SimpleNamespace

import pytest

from runtime.execute import call_log
from runtime.execute.call_log import FEW, CallLog, keep_spare, list_steps
from runtime.execute.faults import ExecutionError


class Spare:
    """A communicator that keeps to whom messages go and from whom they are awaited."""

    def __init__(self, size, rank):
        self.size, self.rank, self.to, self.of, self.open = size, rank, [], [], 0

    def Dup(self):  # noqa: N802
        return self

    def Isend(self, _, to, __):  # noqa: N802
        return self._begin(self.to, to)

    def Irecv(self, _, of, __):  # noqa: N802
        return self._begin(self.of, of)

    def _begin(self, kept, other):
        kept.append(other)
        self.open += 1
        return SimpleNamespace(Wait=self._end)

    def _end(self):
        self.open -= 1


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, FEW, 2 * FEW])
def test_all_that_are_told_are_connected(size):
    made = [keep_spare(Spare(size, rank)) for rank in range(size)]
    sent = {(each.rank, other) for each in made for other in each.to}
    assert sent == {(other, each.rank) for each in made for other in each.of}
    assert not any(each.open for each in made)
    if size <= FEW:
        assert len(sent) == size * (size - 1)
    else:
        assert sent >= {(rank, (rank + 1) % size) for rank in range(size)}


class Network:
    """Processes whose messages arrive at once, and to whom each sent any."""

    def __init__(self, size):
        self.arrived, self.sent = [deque() for _ in range(size)], set()


class Process:
    """One of them, as a communicator."""

    def __init__(self, network, rank):
        self.network, self.rank, self.size = network, rank, len(network.arrived)

    def bcast(self, _):
        return 7

    def Iprobe(self, tag):  # noqa: N802
        return bool(self.network.arrived[self.rank])

    def Isend(self, what, to, _):  # noqa: N802
        self.network.sent.add((self.rank, to))
        self.network.arrived[to].append((what[0].copy(), self.rank))
        return SimpleNamespace(Test=lambda: True)

    def Recv(self, what, tag, status):  # noqa: N802
        what[0][:], source = self.network.arrived[self.rank].popleft()
        status.Get_source = lambda: source


@pytest.mark.parametrize("size", [3, 2 * FEW])
def test_all_learn_of_an_unlike_call_from_whom_they_are_connected_with(size, monkeypatch):
    mpi = SimpleNamespace(BYTE=None, Status=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=mpi))
    monkeypatch.setattr(call_log, "PATIENCE", 0.0)
    network = Network(size)
    left = [CallLog(Process(network, rank)) for rank in range(size)]
    for rank, log in enumerate(left):
        log.note("another call" if rank == 1 else "a call")
    told = []
    for _ in range(size.bit_length() + 1):
        waiting = []
        for log in left:
            try:
                log.look()
            except ExecutionError as error:
                told.append(str(error))
            else:
                waiting.append(log)
        left = waiting
    assert len(told) == size
    assert all("another call" in line for line in told)
    steps = list_steps(size)
    assert all((to - rank) % size in steps for rank, to in network.sent)
