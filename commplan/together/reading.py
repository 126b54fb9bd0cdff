"""Sets of collectives as people write them: words, lists, and the plan of a job."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from commplan.jobs.folder import load as load_plan
from commplan.jobs.folder import load_job
from solvers.demands import matrix, moe_tokens
from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from solvers.jobs.job import Flow, Job
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles.ensemble import MOST_TASKS, Task
from solvers.schedules.kinds import BLOCKS, DEMAND, KINDS, TOKENS, collective
from topologies.formats import atomic
from topologies.model import selection, units
from topologies.model.messages import one_line, show_value, unknown
from topologies.model.topology import Topology, TopologyError
from topologies.model.units import Bytes, Rank

FILE_LIMIT = 16 * 10**6
FIELDS = ["ranks", "collective", "bytes"]
EVERYONE = "all"
_CUT = re.compile(r"(.*?)([/%])([0-9]{1,6})", re.DOTALL)
SENDS = "send"


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
    except ValueError as error:
        raise CollectiveError(one_line(f"{path}: {error}")) from None
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
            return [_send(*pair, amount) for group in groups for pair in pairwise(group)]
        return [_task(name, group, amount) for group in groups]
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


def _task(name: str, ranks: Sequence[Rank], size: Bytes) -> Task:
    """Make a task; one with a root has it at the first rank."""
    rooted = name in KINDS and KINDS[name].rooted
    return Task(collective(name, ranks, ranks[0] if rooted else None), size)


def _send(src: Rank, dst: Rank, size: Bytes) -> Task:
    """Make a send: a broadcast of two ranks."""
    return Task(collective("broadcast", [src, dst], src), size)


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


def read_plan(folder: str, kinds: Sequence[str]) -> tuple[Topology, list[Task]]:
    """Read which collectives of a job's plan run at the same time, and their bytes.

    All groups of a kind run their largest collective at once. Those of kinds that computation hides
    go on beside the others: to each call of the first kind falls such a part of their bytes as the
    calls of a step say.

    Args:
        folder: that `commplan job -o` wrote.
        kinds: of groups; empty for what takes most that is not hidden, and all that is hidden.

    Raises:
        JobError: the folder cannot be read, or has no such kind.
        TopologyError: its machine cannot.
    """
    table, topology = load_plan(folder)
    job = load_job(folder)
    flows = _largest(demand(job))
    chosen = list(kinds) or _overlapping(job, flows)
    tasks: list[Task] = []
    for kind in chosen:
        if kind not in flows or kind not in table.groups:
            raise JobError(unknown("group", kind, [k for k in flows if k in table.groups]))
        flow = flows[kind]
        size = max(round(int(flow.bytes) * flow.times / flows[chosen[0]].times), 1)
        rows = [[table.ranks[rank] for rank in row.ranks] for row in table.groups[kind]]
        if flow.collective == SENDS:
            tasks += _pipelines(rows, job.layout.virtual > 1, size)
        else:
            tasks += [_task(flow.collective, ranks, size) for ranks in rows]
    return topology, tasks


def _pipelines(rows: Iterable[Sequence[Rank]], round_: bool, size: Bytes) -> Iterator[Task]:
    """Make the sends of pipelines, to the next stage and back: half of the bytes each.

    Args:
        rows: the ranks of each pipeline.
        round_: whether the last stage sends to the first, as where stages are virtual.
        size: of what a rank sends to its neighbours, both ways.
    """
    sent: Counter[tuple[Rank, Rank]] = Counter()
    half = max(size // 2, 1)
    for row in rows:
        for src, dst in pairwise([*row, row[0]] if round_ else row):
            sent[src, dst] += half
            sent[dst, src] += half
    yield from (_send(*pair, amount) for pair, amount in sent.items())


def _largest(flows: Sequence[Flow]) -> dict[str, Flow]:
    """Find the collective of each kind that moves most in a step."""
    found: dict[str, Flow] = {}
    for flow in flows:
        most = found.get(flow.group)
        if most is None or _moved(flow) > _moved(most):
            found[flow.group] = flow
    return found


def _overlapping(job: Job, flows: dict[str, Flow]) -> list[str]:
    """Name the kind that moves most unhidden, and those that computation hides.

    Raises:
        JobError: nothing is hidden, so nothing runs beside anything else.
    """
    hidden = [kind for kind in flows if kind in job.hidden]
    others = [kind for kind in flows if kind not in job.hidden]
    first = max(others, key=lambda k: _moved(flows[k]), default=None)
    return ([first] if first else []) + hidden


def _moved(flow: Flow) -> float:
    return int(flow.bytes) * flow.times
