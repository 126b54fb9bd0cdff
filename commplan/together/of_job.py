"""What of a job runs at the same time: which kinds of groups, with which collectives and bytes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from commplan.jobs.folder import load as load_plan
from commplan.jobs.folder import load_job
from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from solvers.jobs.job import Flow, Job
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.kinds import KINDS, collective
from topologies.model.messages import unknown
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Rank

SENDS = "send"
Rows = Sequence[Sequence[Rank]]


class PlannedGroups(NamedTuple):
    """What was read of a job's plan: the machine, the tasks, and what other ranks have to do."""

    topology: Topology
    tasks: list[Task]
    relays: Relays


def read_plan(folder: str, kinds: Sequence[str]) -> PlannedGroups:
    """Read which collectives of a job's plan run at the same time, and their bytes.

    Args:
        folder: that `commplan job -o` wrote.
        kinds: of groups; empty for what takes most that is not hidden, and all that is hidden.

    Raises:
        JobError: the folder cannot be read, or has no such kind.
        TopologyError: its machine cannot.
    """
    table, topology = load_plan(folder)
    job = load_job(folder)
    flows = find_largest(demand(job))
    chosen = list(kinds) or find_overlapping(job, flows)
    for kind in chosen:
        if kind not in flows or kind not in table.groups:
            raise JobError(unknown("group", kind, [k for k in flows if k in table.groups]))
    rows = {
        kind: [[table.ranks[rank] for rank in row.ranks] for row in table.groups[kind]]
        for kind in chosen
    }
    tasks = [task for own in list_tasks(job, rows, flows).values() for task in own]
    return PlannedGroups(topology, tasks, "forward" if table.others_forward else "none")


def list_tasks(
    job: Job, rows: Mapping[str, Rows], flows: Mapping[str, Flow]
) -> dict[str, list[Task]]:
    """List what some kinds of groups do at the same time, kind by kind.

    All groups of a kind run their collective at once. Those of kinds that computation hides go on
    beside the others: to each call of the first kind falls such a part of their bytes as the calls
    of a step say.

    Args:
        job: whose groups they are.
        rows: of each kind the machine's ranks of each group, the first kind first.
        flows: what each kind calls.
    """
    calls = flows[next(iter(rows))].times
    found: dict[str, list[Task]] = {}
    for kind, groups in rows.items():
        flow = flows[kind]
        size = max(round(int(flow.bytes) * flow.times / calls), 1)
        if flow.collective == SENDS:
            found[kind] = list(_pipelines(groups, job.layout.virtual > 1, size))
        else:
            found[kind] = [make_task(flow.collective, ranks, size) for ranks in groups]
    return found


def make_task(name: str, ranks: Sequence[Rank], size: Bytes) -> Task:
    """Make a task; one with a root has it at the first rank."""
    rooted = name in KINDS and KINDS[name].rooted
    return Task(collective(name, ranks, ranks[0] if rooted else None), size)


def make_send(src: Rank, dst: Rank, size: Bytes) -> Task:
    """Make a send: a broadcast of two ranks."""
    return Task(collective("broadcast", [src, dst], src), size)


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
    yield from (make_send(*pair, amount) for pair, amount in sent.items())


def find_largest(flows: Sequence[Flow]) -> dict[str, Flow]:
    """Find the collective of each kind that moves most in a step."""
    found: dict[str, Flow] = {}
    for flow in flows:
        most = found.get(flow.group)
        if most is None or _moved(flow) > _moved(most):
            found[flow.group] = flow
    return found


def find_overlapping(job: Job, flows: Mapping[str, Flow]) -> list[str]:
    """Name the kind that moves most unhidden, and those that computation hides."""
    hidden = [kind for kind in flows if kind in job.hidden]
    others = [kind for kind in flows if kind not in job.hidden]
    first = max(others, key=lambda k: _moved(flows[k]), default=None)
    return ([first] if first else []) + hidden


def _moved(flow: Flow) -> float:
    return int(flow.bytes) * flow.times
