"""Sets of collectives as people write them: words and lists."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from commplan.together.of_job import SENDS, make_send, make_task
from solvers.demands import matrix, moe_tokens
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles.ensemble import MOST_TASKS, Task
from solvers.schedules.kinds import BLOCKS, DEMAND, KINDS, TOKENS, collective
from topologies.formats import atomic
from topologies.model import selection, units
from topologies.model.messages import one_line, show_value
from topologies.model.topology import Topology, TopologyError
from topologies.model.units import Rank

FILE_LIMIT = 16 * 10**6
FIELDS = ["ranks", "collective", "bytes"]
EVERYONE = "all"
_CUT = re.compile(r"(.*?)([/%])([0-9]{1,6})", re.DOTALL)


def read_words(topology: Topology, words: Iterable[str]) -> list[Task]:
    """Read RANKS:COLLECTIVE:SIZE, where RANKS may end in /8 or %8 for groups of them.

    `0-31/8` are 4 groups of 8 ranks one after the other; `0-31%8` are 8 groups, each of every
    eighth rank. `all` are all ranks. A broadcast, reduce, scatter or gather has its root at the
    first rank. A send goes from each rank to the next. In place of a size stands of all_gatherv,
    reduce_scatterv, gatherv and scatterv a list of the bytes of each rank's block, of all_to_allv a
    file or a description of what goes from each rank to each, and of dispatch and combine one of
    the experts of their tokens.

    Raises:
        CollectiveError, TopologyError: with the word.
    """
    found: list[Task] = []
    for word in words:
        parts = _split(word)
        if len(parts) != 3:
            wanted = "expected RANKS:COLLECTIVE:SIZE, as 0-7:all_gather:1MiB"
            raise CollectiveError(one_line(f"{show_value(word)}: {wanted}"))
        found += _tasks(topology, *parts, place=show_value(word))
    return found


def _split(word: str) -> list[str]:
    """Cut a word into ranks, collective and size; a description may hold colons of its own."""
    for name, kind in KINDS.items():
        ranks, mark, given = word.partition(f":{name}:")
        if mark and kind.given in (DEMAND, TOKENS):
            return [ranks, name, given]
    return word.rsplit(":", 2)


def read_list(topology: Topology, path: str) -> list[Task]:
    """Read a CSV file with the fields ranks, collective, bytes; ranks with commas stand in quotes.

    Raises:
        CollectiveError, TopologyError: with the line.
    """
    try:
        text = atomic.read(path, FILE_LIMIT).decode("utf-8-sig")
    except OSError as error:
        raise CollectiveError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise CollectiveError(f"{path}: byte {error.start}: not UTF-8 text") from None
    rows = csv.reader(io.StringIO(text))
    found: list[Task] = []
    for row in rows:
        fields = [field.strip() for field in row]
        if not fields or fields[0].startswith("#") or fields == FIELDS:
            continue
        place = f"{path}: line {rows.line_num}"
        if len(fields) != len(FIELDS):
            raise CollectiveError(
                f"{place}: {len(fields)} fields, expected {', '.join(FIELDS)}; "
                "ranks with commas stand in quotes"
            )
        found += _tasks(topology, *fields, place=place)
        if len(found) > MOST_TASKS:
            raise CollectiveError(f"{path}: more than {MOST_TASKS:,} collectives")
    return found


def _tasks(topology: Topology, ranks: str, name: str, size: str, *, place: str) -> list[Task]:
    """Make the tasks of a word or a line."""
    try:
        groups = list(_groups(topology, ranks))
        if name in KINDS and KINDS[name].given in (DEMAND, TOKENS):
            return [_given(name, tuple(sorted(group)), size) for group in groups]
        if name in KINDS and KINDS[name].given in BLOCKS:
            blocks = [int(each) if each == "0" else units.size(each) for each in size.split(",")]
            rooted = KINDS[name].rooted
            made = [
                collective(name, group, group[0] if rooted else None, blocks=blocks)
                for group in groups
            ]
            return [Task(each, each.total) for each in made]
        amount = units.size(size)
        if name == SENDS:
            if any(len(group) < 2 for group in groups):
                raise CollectiveError("found 1 rank, expected that a send has two, or more")
            return [make_send(*pair, amount) for group in groups for pair in pairwise(group)]
        return [make_task(name, group, amount) for group in groups]
    except TopologyError as error:
        raise TopologyError([f"{place}: {fault}" for fault in error.faults]) from None
    except (CollectiveError, ValueError) as error:
        raise CollectiveError(one_line(f"{place}: {error}")) from None


def _given(name: str, ranks: tuple[Rank, ...], text: str) -> Task:
    """Make a task of a demand, or of the experts of tokens, in a file or by a description.

    Raises:
        DemandError: there is no such file or description, or it does not fit the ranks.
    """
    kind = KINDS[name]
    read = moe_tokens.tokens if kind.given is TOKENS else matrix.demand
    what = kind.make(ranks, ranks[0], read(text, len(ranks)))
    return Task(what, what.total)


def _groups(topology: Topology, text: str) -> Iterator[tuple[Rank, ...]]:
    """Read ranks, cut into groups where that is asked."""
    cut = _CUT.fullmatch(text)
    words, sign, number = (text, "", 1) if cut is None else (cut[1], cut[2], int(cut[3]))
    everyone = tuple(range(topology.ranks))
    chosen = everyone if words == EVERYONE else selection.ranks(topology, words)
    if not sign:
        yield chosen
        return
    if number < 1 or len(chosen) % number:
        raise CollectiveError(f"{len(chosen)} ranks are no multiple of {number}")
    if sign == "/":
        yield from (chosen[i : i + number] for i in range(0, len(chosen), number))
    else:
        yield from (chosen[i::number] for i in range(number))
