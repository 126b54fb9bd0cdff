"""The languages that a schedule can be written in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from runtime.emit import c, graphs, mpi4py
from runtime.emit.mscclpp import emit as mscclpp
from runtime.emit.traces import emit as traces
from runtime.emit.written import Written
from runtime.program.program import ProgramError
from runtime.verify.structure import check_sound
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import of
from topologies.model.messages import one_line
from topologies.model.parameters import Parser, read
from topologies.model.registry import Registry

Runner = Literal["", "python", "c"]


@dataclass(frozen=True, slots=True)
class Target:
    """A language of programs.

    Attributes:
        emit: the function (schedule, **options) -> the text of a program, or what was written,
            where there are several files or something to tell; what the language cannot express
            raises ProgramError.
        options: the parsers of what may be said behind the name.
        runner: what runs its programs under mpirun, "python" (by mpi4py) or "c" (compiled by
            mpicc), where they take the arguments of ours; empty where nothing does.
        endings: those of the names of its files; any, if there is none.
    """

    emit: Callable[..., str | Written]
    options: Mapping[str, Parser] = field(default_factory=dict)
    runner: Runner = ""
    endings: tuple[str, ...] = ()


TARGETS = Registry(
    "target",
    Target,
    "commplan.targets",
    {
        "mpi4py": Target(mpi4py.emit, runner="python", endings=(".py",)),
        "c": Target(c.emit, runner="c", endings=(".c",)),
        "mscclpp": Target(mscclpp.emit, mscclpp.OPTIONS, endings=(".json",)),
        "chakra": Target(traces.emit_chakra, traces.OPTIONS),
        "dot": Target(graphs.emit_dot, graphs.OPTIONS, endings=(".dot", ".gv")),
        "graphml": Target(graphs.emit_graphml, endings=(".graphml",)),
        "goal": Target(traces.emit_goal, traces.OPTIONS, endings=(".goal", ".txt")),
    },
    unknown_error=ProgramError,
)


def emit(schedule: Schedule, target: str) -> str:
    """Write a schedule as one text that needs nothing of commplan.

    Args:
        schedule: any that is right.
        target: the name of a language, with its options behind colons or commas: `name:key=value`.

    Raises:
        ProgramError: an unknown target or option, a schedule that it cannot express, or a target
            of several files (`emit_files`).
    """
    made = write(schedule, target)
    if made.files:
        raise ProgramError(f"{target} is a folder of files: emit_files gives them")
    return made.text


def emit_files(schedule: Schedule, target: str) -> dict[str, bytes]:
    """Write a schedule as the files of a folder.

    Args:
        schedule: any that is right.
        target: as of `emit`.

    Raises:
        ProgramError: as of `emit`, or a target of one text.
    """
    made = write(schedule, target)
    if not made.files:
        raise ProgramError(f"{target} is one text: emit gives it")
    return dict(made.files)


def write(schedule: Schedule, target: str) -> Written:
    """Write a schedule in the language of a target, whether it is one file or several.

    Raises:
        ProgramError: as of `emit`.
    """
    check_sound(schedule)
    known, options = read_target(target)
    made = known.emit(schedule, **options)
    return made if isinstance(made, Written) else Written(made)


def read_target(target: str) -> tuple[Target, dict[str, Any]]:
    """Read the name of a target and its options.

    Raises:
        ProgramError: either is unknown, or an option is wrong.
    """
    of("target", target, str, "the name of a target", ProgramError)
    name, *words = re.split("[:,]", target)
    known = TARGETS.get(name)
    options, faults = read(words, known.options)
    if faults:
        raise ProgramError(one_line(f"{target[:100]}: {faults[0]}"))
    return known, options


def runnable() -> list[str]:
    """List the targets whose programs can be run under mpirun."""
    return [name for name, known in TARGETS.items() if known.runner]
