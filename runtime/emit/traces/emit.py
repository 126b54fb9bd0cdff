"""Chakra traces and GOAL: written, read back and played before they are given out."""

import json

from runtime.emit.traces.build import make_trace
from runtime.emit.traces.ordering import order_by_requirements
from runtime.emit.written import Written
from runtime.foreign.errors import ForeignError
from runtime.foreign.traces import chakra, goal
from runtime.foreign.traces.play import between_endpoints, play
from runtime.foreign.traces.trace import Kind, Trace
from runtime.program.program import ProgramError
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from topologies.model.parameters import Parser, size, whole
from topologies.model.units import bytes_of

OPTIONS: dict[str, Parser] = {"size": size, "chunks": whole(), "lead": whole()}
# What ASTRA-sim calls a collective, and the number that Chakra has for it.
CALLS = {
    "all_reduce": ("all-reduce", 0),
    "all_gather": ("all-gather", 2),
    "all_to_all": ("all-to-all", 6),
    "reduce_scatter": ("reduce-scatter", 7),
}


def emit_goal(
    schedule: Schedule, size: int | None = None, chunks: int | None = None, lead: int | None = None
) -> Written:
    """Write the program of a size as GOAL for LogGOPSim.

    Args:
        schedule: any that is right.
        size: in bytes.
        chunks: of each piece.
        lead: of the program.

    Raises:
        ProgramError: no program can be made of it.
    """
    trace = make_trace(schedule, size, chunks, lead).trace
    text = goal.encode(trace)
    _expect_same(trace, goal.decode(text))
    return Written(text, notes=_notes(trace), fields=_fields(trace))


def emit_chakra(
    schedule: Schedule, size: int | None = None, chunks: int | None = None, lead: int | None = None
) -> Written:
    """Write the program of a size as a folder of Chakra traces for ASTRA-sim.

    `algorithm.R.et` is what rank R does; `workload.R.et` and `system.json` call it as the custom
    implementation of its collective.

    Args:
        schedule: any that is right.
        size: in bytes.
        chunks: of each piece.
        lead: of the program.

    Raises:
        ProgramError: no program can be made of it, or ASTRA-sim has no such collective.
    """
    call = CALLS.get(pattern_of(schedule.collective))
    if call is None:
        known = ", ".join(CALLS)
        raise ProgramError(f"ASTRA-sim takes {known} of one's own, not {schedule.collective.name}")
    trace = order_by_requirements(make_trace(schedule, size, chunks, lead).trace)
    files = {f"algorithm.{rank}.et": chakra.encode(rank, own) for rank, own in enumerate(trace)}
    read = tuple(chakra.decode(rank, files[f"algorithm.{rank}.et"]) for rank in range(len(trace)))
    _expect_same(trace, read)
    for rank in range(len(trace)):
        files[f"workload.{rank}.et"] = chakra.collective_node(call[1], size or 2**20)
    files["system.json"] = _system(call[0]).encode()
    return Written(files=files, notes=_notes(trace), fields=_fields(trace))


def _system(call: str) -> str:
    """Write the system file by which ASTRA-sim takes the traces."""
    return json.dumps(
        {
            "scheduling-policy": "FIFO",
            "endpoint-delay": 0,
            "active-chunks-per-dimension": 1,
            "preferred-dataset-splits": 1,
            f"{call}-implementation-custom": ["algorithm"],
            "local-mem-bw": 3350,
        },
        indent=1,
    )


def _expect_same(trace: Trace, read: Trace) -> None:
    """Read back, and play to the end.

    Raises:
        ProgramError: something is lost, or the trace stands still: a fault of ours.
    """
    if read != trace:
        raise ProgramError("the trace is not given out: it reads back as another")
    try:
        play(read, between_endpoints(len(read), 0.0, 1e-9), stored=False)
    except ForeignError as error:
        raise ProgramError(f"the trace is not given out: {error}") from None


def _notes(trace: Trace) -> tuple[str, ...]:
    found = _fields(trace)
    return (f"messages  {found['messages']:,}, {bytes_of(int(str(found['bytes'])))} in all",)


def _fields(trace: Trace) -> dict[str, object]:
    sent = [node.size for own in trace for node in own if node.kind == Kind.SEND]
    return {"messages": len(sent), "bytes": sum(sent)}
