"""A collective of one's own, from a TOML file: for each block who holds it and who wants it.

Where several ranks hold a block, what is wanted is the sum of what they hold (docs/collectives.md).
"""

import re
import tomllib
from typing import Any

import numpy as np

from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.kinds import KINDS
from solvers.schedules.unequal import BYTES_LIMIT
from topologies.formats import atomic, contents
from topologies.model.messages import one_line, show_value
from topologies.model.topology import frozen, integers
from topologies.model.units import Rank

FILE_LIMIT = 2**24  # bytes of a file
BLOCKS_LIMIT = 2**16  # blocks
ENTRIES_LIMIT = 2**22  # holders and wanters of all blocks
MAYBE = (contents.COLLECTIVE, contents.TOML, contents.TEXT)
NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,63}")
KEYS = {"size", "holders", "wanters"}


def load(path: str, ranks: range | tuple[Rank, ...]) -> Collective:
    """Read a collective; those ranks take part that hold or want something.

    Args:
        path: of a TOML file.
        ranks: those that may take part.

    Raises:
        CollectiveError: the file cannot be read, or is no collective of these ranks; one line with
            the number of the block, from 1.
    """
    try:
        data = atomic.read(path, FILE_LIMIT)
        contents.expect(data, MAYBE, "a collective: TOML with tables [[block]]")
        return _make(tomllib.loads(data.decode("utf-8")), set(ranks))
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except RecursionError:
        fault = "no TOML: nested too deeply"
    except tomllib.TOMLDecodeError as error:
        fault = f"no TOML: {error}"
    except ValueError as error:
        fault = str(error)
    raise CollectiveError(one_line(f"{path}: {fault}"))


def _make(told: dict[str, Any], ranks: set[int]) -> Collective:
    """Make a collective of a document; ValueError says what is wrong in it."""
    if unknown := sorted(set(told) - {"name", "block"}):
        raise ValueError(f"found {show_value(unknown[0])}, expected name and block")
    name, blocks = told.get("name", "own"), told.get("block")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"name: found {show_value(name)}, expected letters, digits and _")
    if name in KINDS:
        raise ValueError(f"name: there is a collective {name} already")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= BLOCKS_LIMIT:
        raise ValueError(f"expected 1 to {BLOCKS_LIMIT:,} tables [[block]]")
    sizes = []
    ends: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for b, block in enumerate(blocks):
        if not isinstance(block, dict) or (set(block) - KEYS):
            raise ValueError(f"block {b + 1}: expected a table of size, holders and wanters")
        sizes.append(_number(f"block {b + 1}: size", block.get("size", 1), 1, BYTES_LIMIT))
        for side, key in enumerate(("holders", "wanters")):
            place = f"block {b + 1}: {key}"
            ends[side].extend((rank, b) for rank in _ranks(place, block.get(key), ranks))
    if sum(map(len, ends)) > ENTRIES_LIMIT:
        raise ValueError(f"more than {ENTRIES_LIMIT:,} holders and wanters")
    members = sorted({rank for rank, _ in (*ends[0], *ends[1])})
    place_of = {rank: place for place, rank in enumerate(members)}
    buffers: list[list[list[int]]] = [[[] for _ in members] for _ in ends]
    for side, pairs in enumerate(ends):
        for rank, b in pairs:
            buffers[side][place_of[rank]].append(b)
    inputs, outputs = (tuple(frozen(integers(own)) for own in side) for side in buffers)
    return Collective(name, tuple(members), integers(np.array(sizes)), inputs, outputs)


def _ranks(place: str, listed: object, ranks: set[int]) -> list[int]:
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{place}: expected a list of ranks, and at least one")
    found = [_number(place, rank, 0, 2**31) for rank in listed]
    if len(set(found)) < len(found):
        raise ValueError(f"{place}: a rank is listed twice")
    if beyond := [rank for rank in found if rank not in ranks]:
        raise ValueError(f"{place}: {beyond[0]} is not among the {len(ranks)} ranks")
    return found


def _number(place: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        found = show_value(str(value)[:40])
        raise ValueError(f"{place}: found {found}, expected a whole number from {least} to {most}")
    return value
