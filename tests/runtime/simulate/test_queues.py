import numpy as np
import pytest

from runtime.simulate.queues import serve


def one_by_one(server, ready, duration, free, turn):
    """Serve with plain loops: the meaning that the columns must have."""
    before, finish = [0] * len(server), [0] * len(server)
    for i in sorted(range(len(server)), key=lambda i: (ready[i], turn[i])):
        before[i] = free[server[i]]
        finish[i] = max(ready[i], before[i]) + duration[i]
        free[server[i]] = finish[i]
    return before, finish


@pytest.mark.parametrize("seed", range(20))
def test_queues_serve_as_one_by_one(seed):
    draw = np.random.default_rng(seed)
    rows, servers = int(draw.integers(1, 60)), int(draw.integers(1, 6))
    server, ready = draw.integers(0, servers, rows), draw.integers(0, 30, rows)
    duration, free = draw.integers(0, 9, rows), draw.integers(0, 20, servers)
    expected_free, turn = free.tolist(), draw.permutation(rows)
    expected = one_by_one(
        server.tolist(), ready.tolist(), duration.tolist(), expected_free, turn.tolist()
    )
    before, finish = serve(server, ready, duration, free, turn)
    assert (before.tolist(), finish.tolist()) == expected
    assert free.tolist() == expected_free


def test_nothing_to_serve_takes_no_time():
    none, free = np.zeros(0, dtype=np.int64), np.array([3])
    before, finish = serve(none, none, none, free, none)
    assert len(before) == len(finish) == 0
    assert free.tolist() == [3]
