"""Whole arrays joined by this process: by the core in C where it was built, else by numpy."""

import ctypes
from functools import cache
from typing import Any

from runtime.execute import core
from runtime.program.elements import TYPES, is_float, join, width
from runtime.program.floats import Array, Join


@cache
def find_join(op: str, dtype: str) -> Join:
    """Give the function that changes its first array by its second, as `elements.join` does.

    Args:
        op: an operation; avg adds.
        dtype: that may be joined so.
    """
    if not core.status().built:
        return join(op, dtype)
    library: Any = ctypes.CDLL(str(core.LIBRARY)).commplan_join
    which = (TYPES.index(dtype), core.JOINS.index("sum" if op == "avg" else op))
    numbers = 2 if is_float(dtype) and dtype.startswith("c") else 1
    kinds = [ctypes.c_int64(each) for each in which]

    def joined(to: Array, source: Array) -> None:
        addresses = [ctypes.c_void_p(each.ctypes.data) for each in (to, source)]
        library(*kinds, *addresses, ctypes.c_int64(to.nbytes // width(dtype) * numbers))

    return joined
