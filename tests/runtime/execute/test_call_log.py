"""Whoever may have to be told something has a connection before any cable is cut."""

from types import SimpleNamespace

import pytest

from runtime.execute.call_log import FEW, keep_spare


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
