"""The languages that a schedule can be written in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.emit import c, mpi4py
from runtime.program.program import ProgramError
from runtime.verify.structure import sound
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import of
from topologies.model.messages import one_line
from topologies.model.parameters import Parser, read
from topologies.model.registry import Registry


@dataclass(frozen=True, slots=True)
class Target:
    """A language of programs.

    emit: the function (schedule, **options) -> the text of a program; what the language cannot
    express raises ProgramError. options: the parsers of what may be said behind the name.
    """

    emit: Callable[..., str]
    options: Mapping[str, Parser] = field(default_factory=dict)


TARGETS = Registry(
    "target",
    Target,
    "commplan.targets",
    {"mpi4py": Target(mpi4py.emit), "c": Target(c.emit)},
    unknown_error=ProgramError,
)


def emit(schedule: Schedule, target: str) -> str:
    """Write a schedule as the text of a program that needs nothing of commplan.

    Args:
        schedule: any that is right.
        target: the name of a language, with its options behind colons or commas: `name:key=value`.

    Raises:
        ProgramError: an unknown target or option, or a schedule that it cannot express.
    """
    sound(schedule)
    known, options = asked(target)
    return known.emit(schedule, **options)


def asked(target: str) -> tuple[Target, dict[str, Any]]:
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
