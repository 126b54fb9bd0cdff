"""Checks of arguments: each says which one it was, what was found and what was expected."""

from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from numbers import Integral, Real
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from topologies.model.errors import ArgumentError
from topologies.model.messages import one_line, short

Kind = TypeVar("Kind")
Refusal = Callable[[str], Exception]


def refuse(name: str, value: object, expected: str, error: Refusal = ArgumentError) -> NoReturn:
    """Say that an argument is not what was expected.

    Raises:
        ArgumentError: that; or what `error` makes of the sentence.
    """
    raise error(one_line(f"{name}: found {describe(value)}, expected {expected}"))


def describe(value: object) -> str:
    """Show a value that is short, else say what it is."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} of {value.dtype}"
    if isinstance(value, str):
        return repr(short(value))
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and abs(value) > 10**30:
        return "a huge number"
    if isinstance(value, Real):
        return str(value)
    return f"a {type(value).__name__}"


def of(
    name: str,
    value: object,
    kind: type[Kind],
    expected: str = "",
    error: Refusal = ArgumentError,
) -> Kind:
    """Take only what is of a kind.

    Args:
        name: of the argument.
        value: what was given.
        kind: what it must be.
        expected: in words, where the name of the kind is not enough.
        error: makes the error from its line.
    """
    if not isinstance(value, kind):
        refuse(name, value, expected or f"a {kind.__name__}", error)
    return value


def whole(
    name: str,
    value: object,
    least: int = 0,
    most: int | None = None,
    error: Refusal = ArgumentError,
) -> int:
    """Take only a whole number between two, as numpy has them too."""
    if not isinstance(value, Integral) or isinstance(value, bool | np.bool_):
        refuse(name, value, f"a whole number from {least}", error)
    if int(value) < least or (most is not None and int(value) > most):
        to = "" if most is None else f" to {most}"
        refuse(name, int(value), f"a whole number from {least}{to}", error)
    return int(value)


def number(
    name: str,
    value: Any,  # noqa: ANN401 (whatever a caller gives)
    least: float = 0.0,
    *,
    above: bool = False,
    endless: bool = False,
    error: Refusal = ArgumentError,
) -> float | Fraction:
    """Take only a number from `least`, or above it.

    Args:
        name: of the argument.
        value: what was given.
        least: the least that is allowed.
        above: whether the least itself is refused.
        endless: infinity too.
        error: makes the error from its line.
    """
    expected = f"a number {'above' if above else 'from'} {least:g}"
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        refuse(name, value, expected, error)
    try:
        known = float(value)
    except OverflowError:
        refuse(name, value, expected, error)
    # A comparison with what is not a number is never true.
    fits = known > least if above else known >= least
    if not fits or not (endless or isfinite(known)):
        refuse(name, value, expected, error)
    return value if isinstance(value, Fraction) else known


def column(
    name: str,
    value: object,
    length: int | None = None,
    kinds: str = "iu",
    error: Refusal = ArgumentError,
) -> NDArray[Any]:
    """Take only a numpy array of one dimension.

    Args:
        name: of the argument.
        value: what was given.
        length: that it must have; any, if there is none.
        kinds: those of its numbers.
        error: makes the error from its line.
    """
    of_what = {"iu": "whole numbers", "b": "truth values", "f": "floats"}[kinds]
    size = "" if length is None else f"{length} "
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in kinds:
        refuse(name, value, f"a numpy array of {size}{of_what}", error)
    if length is not None and len(value) != length:
        refuse(name, value, f"a numpy array of {size}{of_what}", error)
    return value


def within(
    name: str,
    value: NDArray[Any],
    least: int,
    most: int,
    error: Refusal = ArgumentError,
) -> None:
    """Take only a column whose entries lie between two numbers."""
    wrong = (value < least) | (value > most)
    if wrong.any():
        at = int(np.argmax(wrong))
        refuse(f"{name}[{at}]", int(value[at]), f"{least} to {most}", error)
