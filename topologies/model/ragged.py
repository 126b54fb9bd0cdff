"""Rows of unequal lengths, one after the other in one column."""

import numpy as np

from topologies.model.topology import IntArray


def starts(length: IntArray) -> IntArray:
    """Compute where each row begins, and at last where all end: (rows + 1,).

    Example:
        >>> starts(np.array([2, 0, 3])).tolist()
        [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(length)])


def within(length: IntArray) -> IntArray:
    """Compute the place of each entry in its own row, from 0: (entries,).

    Example:
        >>> within(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    return stretches(np.zeros_like(length), length)


def stretches(start: IntArray, length: IntArray) -> IntArray:
    """Write out start, start + 1, ... of each row, as many as it is long: (entries,).

    Example:
        >>> stretches(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    begin = np.cumsum(length) - length
    return np.asarray(np.arange(length.sum()) + np.repeat(start - begin, length))


def earlier(key: IntArray) -> IntArray:
    """Count how many rows with the same key come before each: (rows,).

    Example:
        >>> earlier(np.array([7, 3, 7, 7])).tolist()
        [0, 0, 1, 2]
    """
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    count = np.empty(len(key), dtype=np.int64)
    count[order] = within(np.diff(np.append(first, len(key))))
    return count


def numbered(first: IntArray, value: IntArray) -> IntArray:
    """Give rows numbers, equal rows the same: (rows,).

    Args:
        first: where each row begins in `value`, and at last where all end: (rows + 1,).
        value: 0 or more: (entries,).

    Complexity: for each place of the longest row, rows × log.

    Example:
        >>> numbered(np.array([0, 2, 3, 5]), np.array([1, 2, 1, 1, 2])).tolist()
        [1, 0, 1]
    """
    length = np.diff(first)
    number = np.zeros(len(length), dtype=np.int64)
    width = int(value.max(initial=0)) + 2
    for place in range(int(length.max(initial=0))):
        on = length > place
        own = np.where(on, value[np.where(on, first[:-1] + place, 0)], -1)
        number = np.unique(number * width + own + 1, return_inverse=True)[1].reshape(-1)
    return number
