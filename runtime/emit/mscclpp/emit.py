"""From a schedule to an MSCCL++ execution plan, executed in memory before it is given out."""

from collections.abc import Sequence

import numpy as np

from runtime.emit.mscclpp.blocks import blocks
from runtime.emit.mscclpp.in_switches import share_work
from runtime.emit.mscclpp.messages import turns
from runtime.emit.mscclpp.plan import gpus
from runtime.emit.mscclpp.rounding import Rounding, choose_chunks
from runtime.emit.mscclpp.streams import network
from runtime.emit.written import Written
from runtime.foreign.mscclpp import check
from runtime.foreign.mscclpp.plan import NO_LIMIT, ExecutionPlan, Gpu, encode
from runtime.metrics.pacing import MOST_LEAD
from runtime.program.lower import lower
from runtime.program.program import Buffer, Program, ProgramError
from solvers.routing.router import Router
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from topologies.model.parameters import Parser, size, whole, word
from topologies.model.reachability import connected_parts

NAMES = {
    "all_reduce": "allreduce",
    "all_gather": "allgather",
    "reduce_scatter": "reducescatter",
    "all_to_all": "alltoall",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "gather": "gather",
    "scatter": "scatter",
}
ROOTED = ("broadcast", "reduce", "gather", "scatter")
MOST_BLOCKS = 108  # multiprocessors of an A100
BETWEEN_BOXES = 2  # the least layer of links that memory channels do not reach
# The plans that the NCCL shim takes up from its cache folder: bytes, GPUs, GPUs of a node.
SHIM = {
    "allreduce_2nodes_1K_64K": (2**10, 2**16, 16, 8),
    "allreduce_2nodes_128K_2M": (2**17, 2**21, 16, 8),
    "allreduce_4nodes_1K_64K": (2**10, 2**16, 32, 8),
    "allreduce_4nodes_128K_2M": (2**17, 2**21, 64, 4),
}

OPTIONS: dict[str, Parser] = {
    "equal-chunks": whole(),
    "protocol": word("simple", "packet"),
    "pipeline": whole(),
    "in-place": word("yes", "no"),
    "node": whole(),
    "threadblocks": whole(),
    "min": size,
    "max": size,
    "shim": word(*SHIM),
}


def emit(schedule: Schedule, **options: str | int) -> Written:
    """Write a schedule as the text of an MSCCL++ plan; `make_plan` says what the options are."""
    plan, rounding = make_plan(schedule, **options)
    notes = [f"chunks    {rounding.chunks} of a block, all equal: {float(rounding.loss):.2%} lost"]
    if plan.name in SHIM:
        notes.append(f"load      as $MSCCLPP_CACHE_DIR/default/{plan.name}.json, for the NCCL shim")
    detours, transfers = _detours(schedule), len(schedule.transfers) * schedule.group.order
    if detours:
        notes.append(
            f"routes    {detours:,} of {transfers:,} transfers leave the shortest route, and a "
            "plan has no routes: `commplan read` says what it is worth without"
        )
    fields = {
        "equal_chunks": rounding.chunks,
        "loss": float(rounding.loss),
        "detours": detours,
    }
    return Written(encode(plan), notes=tuple(notes), fields=fields)


def make_plan(schedule: Schedule, **options: str | int) -> tuple[ExecutionPlan, Rounding]:
    """Make an MSCCL++ plan of a schedule, and run it in memory.

    Args:
        schedule: any that is right, of equal blocks.
        **options: `equal-chunks` of a block; the `protocol`, simple or packet; `pipeline`, the
            parts in which chunks follow each other; whether `in-place`; the GPUs of a `node`, where
            links do not tell; `threadblocks` of a GPU; `min` and `max` bytes of a message; `shim`,
            the name under which the NCCL shim takes it up.

    Returns:
        The plan, and how shares were rounded to equal chunks.

    Raises:
        ProgramError: what a plan cannot express, or limits of the device that it would exceed.
    """
    name = NAMES.get(pattern_of(schedule.collective) or "")
    if name is None:
        raise ProgramError(f"{schedule.collective.name} has no name among MSCCL++'s collectives")
    packets = options.get("protocol") == "packet"
    if packets and schedule.collective.name in ROOTED:
        raise ProgramError(
            f"{schedule.collective.name} by packets: a rank that hears of nobody could overrun "
            "the next run's packets; use protocol=simple"
        )
    options = _as_shim(schedule, name, options)
    if schedule.at_switches:
        found, rounding = share_work(schedule)
        packets, in_place, root = False, False, schedule.collective.root
    else:
        rounding = choose_chunks(
            schedule, _number(options, "equal-chunks"), _number(options, "pipeline") or 1
        )
        program = _lowered(schedule, rounding.chunks, options)
        found = _dealt(schedule, program, options, packets)
        in_place, root = program.in_place, _root(schedule, program)
    plan = ExecutionPlan(
        name=str(options.get("shim", f"{name}_{schedule.topology.name[:100]}")),
        collective=name,
        protocol="LL" if packets else "Simple",
        inplace=in_place,
        gpus=found,
        use_double_scratch_buffer=packets,
        min_message_size=_number(options, "min") or 0,
        max_message_size=_number(options, "max") or NO_LIMIT,
    )
    if faults := check.faults(plan, root):
        raise ProgramError(f"the plan is not given out: {faults[0]}")
    return plan, rounding


def _detours(schedule: Schedule) -> int:
    """Count the transfers whose route a network does not take of its own accord."""
    rows = schedule.transfers
    routes = np.split(rows.route, rows.route_start[1:-1])
    found = Router(schedule.topology).detours(rows.src, rows.dst, routes)
    return found * schedule.group.order


def _dealt(
    schedule: Schedule, program: Program, options: dict[str, str | int], packets: bool
) -> list[Gpu]:
    """Deal a program out to thread blocks of the GPUs."""
    made = turns(program)
    ports = _ports(schedule, program.ranks, _number(options, "node"))
    reach = network(made, ports, packets, program.counts[:, Buffer.SCRATCH].tolist())
    dealt = blocks(reach, made, _number(options, "threadblocks") or MOST_BLOCKS)
    ins, outs = (int(program.counts[:, side].max()) for side in (Buffer.INPUT, Buffer.OUTPUT))
    return gpus(reach, dealt, (ins, outs))


def _root(schedule: Schedule, program: Program) -> int | None:
    root = schedule.collective.root
    return None if root is None else program.ranks.index(root)


def _as_shim(schedule: Schedule, name: str, options: dict[str, str | int]) -> dict[str, str | int]:
    """Fill in what the NCCL shim expects of a plan of a name.

    Raises:
        ProgramError: the schedule is another collective, or of other ranks.
    """
    if "shim" not in options:
        return options
    least, most, ranks, node = SHIM[str(options["shim"])]
    if name != "allreduce" or len(schedule.collective.ranks) != ranks:
        raise ProgramError(f"{options['shim']} is an all_reduce of {ranks} ranks")
    filled: dict[str, str | int] = {"in-place": "yes", "node": node, "min": least, "max": most}
    return filled | options


def _number(options: dict[str, str | int], name: str) -> int | None:
    found = options.get(name)
    return None if found is None else int(found)


def _lowered(schedule: Schedule, chunks: int, options: dict[str, str | int]) -> Program:
    """Make the program whose elements are the plan's chunks."""
    buffer = schedule.collective.total // int(schedule.collective.sizes[0])
    return lower(
        schedule,
        chunks * buffer,
        chunks=_number(options, "pipeline") or 1,
        in_place=options.get("in-place") == "yes",
        joined=0,
        lead=MOST_LEAD,
    )


def _ports(
    schedule: Schedule, ranks: Sequence[int], node: int | None
) -> frozenset[tuple[int, int]]:
    """List the pairs that are not in one box: of `node` GPUs, or of what near links join."""
    topology = schedule.topology
    if node is not None:
        box = np.arange(len(ranks)) // node
    else:
        layer = np.array([each.layer for each in topology.classes])[topology.link_class]
        box = connected_parts(topology, layer < BETWEEN_BOXES, strong=True)[np.array(ranks)]
    src, dst = np.nonzero(box[:, None] != box[None, :])
    return frozenset(zip(src.tolist(), dst.tolist(), strict=True))
