"""Properties that are computed once for each value, by threads that never wait for each other."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801
    """Compute a property when it is first asked for, and keep it.

    That of `functools` has, until Python 3.12, one lock for all values of a class: a thread that
    wants to know it of a small machine would wait for one that computes it of a large machine, and
    a time limit could not end that. Here both compute it, and have what was there first.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Hear the name."""
        self._name = name

    @overload
    def __get__(self, value: None, owner: type) -> Self: ...

    @overload
    def __get__(self, value: object, owner: type) -> T: ...

    def __get__(self, value: object, owner: type) -> "Self | T":
        """Compute it: once it is known, Python looks no further than the value itself."""
        if value is None:
            return self
        known: T = value.__dict__.setdefault(self._name, self._compute(value))
        return known
