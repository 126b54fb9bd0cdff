from itertools import pairwise

import numpy as np

from topologies.model.ragged import earlier, numbered, starts, stretches, within


def test_columns_of_rows_are_what_loops_would_give():
    draw = np.random.default_rng(0)
    for rows in (0, 1, 20):
        length, start = draw.integers(0, 4, rows), draw.integers(0, 9, rows)
        pairs = list(zip(start.tolist(), length.tolist(), strict=True))
        assert starts(length).tolist() == [sum(length[:i]) for i in range(rows + 1)]
        assert within(length).tolist() == [i for _, n in pairs for i in range(n)]
        assert stretches(start, length).tolist() == [i for s, n in pairs for i in range(s, s + n)]


def test_rows_of_one_key_are_counted():
    key = np.array([3, 1, 3, 3, 0, 1])
    assert earlier(key).tolist() == [0, 0, 1, 2, 0, 1]
    assert earlier(key[:0]).tolist() == []


def test_equal_rows_have_one_number():
    draw = np.random.default_rng(0)
    for rows in (0, 1, 40):
        first = starts(draw.integers(0, 4, rows))
        value = draw.integers(0, 3, first[-1])
        own = [tuple(value[a:b].tolist()) for a, b in pairwise(first)]
        number = numbered(first, value).tolist()
        assert len(set(number)) == len(set(own)) == len(set(zip(number, own, strict=True)))
