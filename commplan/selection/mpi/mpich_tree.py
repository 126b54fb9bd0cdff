"""MPICH's selection tree: found in its library, looked up as it does, and changed.

A tree is nested objects. Keys are tried in order; the first that holds is entered, down to a key
that names an algorithm, whose own keys are its parameters.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from topologies.formats import atomic
from topologies.model.errors import NO, WRONG_INPUT, CommplanError
from topologies.model.messages import one_line
from topologies.model.units import Bytes

Tree = Mapping[str, Any]
BEGINNING = b'{"collective=bcast"'
LIBRARY_LIMIT = 2**29  # bytes
TREE_LIMIT = 2**22
LEAST = 30  # collectives of a whole tree
DEEPEST = 40
SIZES = ("avg_msg_size", "total_msg_size", "comm_size", "count", "comm_avg_ppn")
FLAGS = ("is_commutative", "is_sendbuf_inplace", "is_op_built_in", "is_block_regular")
WORDS = {
    "comm_type": ("intra", "inter"),
    "comm_hierarchy": ("parent", "node_roots", "node", "flat"),
    "is_node_consecutive": ("yes", "no"),
    **dict.fromkeys(FLAGS, ("yes", "no")),
}
KEY = re.compile(r"([a-z_]+)(<=|<|=)([A-Za-z0-9_]+)")


class TreeError(CommplanError, ValueError):
    """What is no selection tree of MPICH."""

    exit_code = WRONG_INPUT


class LibraryError(CommplanError, RuntimeError):
    """A library of MPICH that is not there, or has no tree inside."""

    exit_code = NO


class GivenLibraryError(LibraryError):
    """A file that was given for a library of MPICH, and is none."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Call:
    """A call of a collective: processes; bytes of a buffer or block, and of all; elements."""

    processes: int
    average: Bytes
    total: Bytes
    count: int


@dataclass(frozen=True)
class Named:
    """The algorithm at the end of a way through the tree."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Write name and parameters."""
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.parameters)])


def in_library(path: atomic.Name) -> dict[str, Any]:
    """Find the tree of a library's defaults, which lies in it as text.

    Raises:
        LibraryError: there is none that has all collectives, or the file cannot be read.
    """
    try:
        data = atomic.read(path, LIBRARY_LIMIT)
    except OSError as error:
        raise LibraryError(one_line(f"{path}: {(error.strerror or str(error)).lower()}")) from None
    except ValueError as error:
        raise LibraryError(one_line(f"{path}: {error}")) from None
    found: list[dict[str, Any]] = []
    for match in re.finditer(re.escape(BEGINNING), data):
        end = data.find(b"\0", match.start())
        if 0 < end - match.start() <= TREE_LIMIT:
            try:
                tree = json.loads(data[match.start() : end])
            except (ValueError, RecursionError):
                continue
            if isinstance(tree, dict) and "algorithm=MPIR_" in json.dumps(tree):
                found.append(tree)
    whole = max(found, key=len, default={})
    if len(whole) < LEAST:
        raise LibraryError(
            one_line(f"{path}: no selection tree of {LEAST} or more collectives inside")
        )
    check(whole, str(path))
    return whole


def load(path: atomic.Name) -> dict[str, Any]:
    """Read a tree from a file, and look at all its keys.

    Raises:
        TreeError: it is none, or the library would stop at it.
    """
    try:
        data = atomic.read(path, TREE_LIMIT)
        tree: dict[str, Any] = json.loads(data)
    except OSError as error:
        raise TreeError(one_line(f"{path}: {(error.strerror or str(error)).lower()}")) from None
    except (ValueError, RecursionError) as error:
        raise TreeError(one_line(f"{path}: no JSON: {error}")) from None
    check(tree, str(path))
    if len(tree) < LEAST:
        raise TreeError(
            one_line(f"{path}: {len(tree)} collectives, expected all: the library ends without")
        )
    if len(data) % 4096 == 0:
        raise TreeError(
            one_line(f"{path}: {len(data)} bytes are whole pages, after which the library reads on")
        )
    return tree


def check(tree: object, place: str) -> None:
    """Look at every key of a tree as the loader does.

    Raises:
        TreeError: the first key that it does not know, or branch that leads nowhere.
    """
    if not isinstance(tree, dict) or not tree:
        raise TreeError(one_line(f"{place}: no tree of collectives"))
    for key, below in tree.items():
        if not re.fullmatch("collective=[a-z_]+", key):
            raise TreeError(one_line(f"{place}: {key[:60]!r}, expected collective=NAME"))
        _check_below(below, f"{place}: {key}", 1)


def _check_below(node: object, place: str, deep: int) -> None:
    if not isinstance(node, dict) or not node or deep > DEEPEST:
        raise TreeError(one_line(f"{place}: leads to no algorithm"))
    for key, below in node.items():
        if key.startswith("algorithm="):
            if not isinstance(below, dict) or any(v != {} for v in below.values()):
                raise TreeError(one_line(f"{place}: {key[:60]!r}: parameters have nothing below"))
            continue
        if not _is_known(key):
            raise TreeError(one_line(f"{place}: the loader knows no {key[:60]!r}"))
        _check_below(below, f"{place}: {key}", deep + 1)


def _is_known(key: str) -> bool:
    match = KEY.fullmatch(key)
    if match is None:
        return False
    word, sign, value = match.groups()
    if sign == "=" and value == "any":
        return True
    if word in SIZES:
        named = (word == "comm_size" and sign == "=" and value in ("pow2", "node_comm_size")) or (
            word == "count" and sign == "<" and value == "pow2"
        )
        return named or (sign != "=" and value.isdigit() and int(value) < 2**31)
    return sign == "=" and value in WORDS.get(word, ())


def look_up(tree: Tree, word: str, call: Call) -> Named:
    """Go through a tree as the library does, among processes that have a host each.

    Operations are built in and commutative, buffers not in place, blocks equal.

    Raises:
        TreeError: the way ends without an algorithm.
    """
    node = tree.get(f"collective={word}", {})
    while True:
        for key, below in node.items():
            if key.startswith("algorithm="):
                figures = (part.partition("=")[::2] for part in below)
                return Named(key.removeprefix("algorithm="), tuple(figures))
            if holds(key, call):
                node = below
                break
        else:
            raise TreeError(f"collective={word}: leads to no algorithm")


def holds(key: str, call: Call) -> bool:
    """Tell whether a key holds for a call."""
    match = KEY.fullmatch(key)
    assert match is not None, key
    word, sign, value = match.groups()
    if value == "any":
        return True
    if word in SIZES:
        below = 2 ** (call.processes.bit_length() - 1) if value == "pow2" else 0
        if key == "comm_size=pow2":
            return call.processes == below
        found = {
            "avg_msg_size": call.average,
            "total_msg_size": call.total,
            "comm_size": call.processes,
            "count": call.count,
        }.get(word)
        if found is None or not (value.isdigit() or below):
            return False
        limit = below or int(value)
        return found <= limit if sign == "<=" else found < limit
    yes = ("is_commutative", "is_op_built_in", "is_block_regular", "is_node_consecutive")
    return value == {"comm_type": "intra", "comm_hierarchy": "flat"}.get(
        word, "yes" if word in yes else "no"
    )


def thresholds(node: Tree) -> Iterator[tuple[str, int]]:
    """List the sizes at which anything changes below a node, each with its word."""
    for key, below in node.items():
        match = KEY.fullmatch(key)
        if match and match[1] in ("avg_msg_size", "total_msg_size") and match[3].isdigit():
            yield match[1], int(match[3]) - (match[2] == "<")
        if isinstance(below, dict):
            yield from thresholds(below)
